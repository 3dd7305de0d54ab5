package accounts_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/tracklake/tracklake/accounts"
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/internal/simtest"
	"github.com/tracklake/tracklake/simulate"
)

// clock is a clock that a test sets.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// place is a simulated Spotify with accounts that are connected to it.
type place struct {
	sim     *simulate.Server
	running *simulate.Running
	backend accounts.Backend
	clock   *clock
}

func newPlace(t *testing.T, users int, change ...func(*simulate.Options)) *place {
	t.Helper()
	p := &place{backend: accounts.NewFolder(filepath.Join(t.TempDir(), "accounts")), clock: &clock{now: time.Now()}}
	o := simulate.DefaultOptions()
	o.Users, o.SavedTracks, o.TopTracks, o.Artists, o.Clock = users, 5, 5, 5, p.clock.Now
	for _, f := range change {
		f(&o)
	}
	p.sim, p.running = simtest.Start(t, o)
	s := accounts.New(p.backend, nil, p.clock.Now)
	for user := range users {
		_, err := s.Connect(t.Context(), accounts.Connection{
			Name: simulate.UserIDOf(user), AccountID: simulate.AccountIDOf(user), ClientID: simulate.ClientID,
			Token: extract.Token{RefreshToken: p.sim.CredentialsOf(user).RefreshToken, SignedInAt: p.clock.Now()},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// client is what another process would use for an account.
func (p *place) client(t *testing.T, user int, now func() time.Time) *extract.Client {
	t.Helper()
	c, err := extract.New(extract.Config{
		ClientID: simulate.ClientID, ClientSecret: simulate.ClientSecret, APIURL: p.running.APIURL, AccountsURL: p.running.AccountsURL,
		Tokens: accounts.New(p.backend, nil, now).Tokens(simulate.UserIDOf(user)), RetryDelay: time.Millisecond, Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdle)
	return c
}

type me struct {
	AccountID string `json:"account_id"`
}

func ask(t *testing.T, c *extract.Client) error {
	t.Helper()
	_, err := extract.Get[me](t.Context(), c, extract.Endpoint{Path: "/me", Family: "me"})
	return err
}

func kind(err error) extract.Kind {
	var e *extract.Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return -1
}

// TestOneRefreshForAll lets clients whose clocks differ use one account, as
// several machines do.
func TestOneRefreshForAll(t *testing.T) {
	t.Parallel()
	for name, rotate := range map[string]bool{"steady": false, "rotating": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, 1, func(o *simulate.Options) { o.Rotate = rotate })
			var clients []*extract.Client
			for _, off := range []time.Duration{0, 10 * time.Minute, -10 * time.Minute, 0} {
				clients = append(clients, p.client(t, 0, func() time.Time { return p.clock.Now().Add(off) }))
			}
			for round := range 10 {
				p.sim.ForgetRequests()
				p.sim.ExpireAccess()
				var calls sync.WaitGroup
				for i := range 20 {
					calls.Go(func() {
						if err := ask(t, clients[i%len(clients)]); err != nil {
							t.Error(err)
						}
					})
				}
				calls.Wait()
				if n := p.sim.Count("/api/token"); n != 1 {
					t.Errorf("round %d: %d token requests, want 1", round, n)
				}
			}
		})
	}
}

// TestExpiryByClocksThatDiffer lets access tokens end by themselves: a clock
// that is wrong costs a request now and then, and never an answer.
func TestExpiryByClocksThatDiffer(t *testing.T) {
	t.Parallel()
	p := newPlace(t, 1)
	var clients []*extract.Client
	for _, off := range []time.Duration{10 * time.Minute, -10 * time.Minute} {
		clients = append(clients, p.client(t, 0, func() time.Time { return p.clock.Now().Add(off) }))
	}
	for range 24 * 6 { // a day, every ten minutes
		for _, c := range clients {
			if err := ask(t, c); err != nil {
				t.Fatal(err)
			}
		}
		p.clock.pass(10 * time.Minute)
	}
	if n := p.sim.Count("/api/token"); n > 24*3/2+1 {
		t.Errorf("%d token requests in 24 hours", n)
	}
}

func TestARevokedAccountIsNotAskedForAgain(t *testing.T) {
	t.Parallel()
	p := newPlace(t, 20)
	p.sim.RevokeUser(7)
	for range 3 { // three processes
		for user := range 20 {
			c := p.client(t, user, p.clock.Now)
			for range 2 {
				if err := ask(t, c); (err != nil) != (user == 7) || err != nil && kind(err) != extract.SignIn {
					t.Errorf("user %d: %v", user, err)
				}
			}
		}
		p.clock.pass(2 * time.Hour)
	}
	if n, want := p.sim.Count("/api/token"), 1+3*19; n != want {
		t.Errorf("%d token requests, want %d", n, want)
	}
	a, err := accounts.New(p.backend, nil, nil).Find(t.Context(), simulate.UserIDOf(7))
	if err != nil || a.RefusedAt.IsZero() {
		t.Errorf("%+v, %v", a, err)
	}
}

// TestAnIncidentRevokesNobody lets the token endpoint refuse everybody for an
// hour.
func TestAnIncidentRevokesNobody(t *testing.T) {
	t.Parallel()
	const users = 100
	p := newPlace(t, users)
	p.clock.pass(time.Hour) // none of them has asked lately
	p.sim.Inject(simulate.Fault{Kind: "revoked", Path: "/api/token"})
	tell := map[extract.Kind]int{}
	for minute := range 60 {
		for user := range users {
			tell[kind(ask(t, p.client(t, user, p.clock.Now)))]++
		}
		if minute == 0 && (tell[extract.SignIn] != 4 || tell[extract.Closed] != users-4) {
			t.Errorf("at first: %v", tell)
		}
		p.clock.pass(time.Minute)
	}
	if n := p.sim.Count("/api/token"); n != users+3 { // each once, then a probe every quarter of an hour
		t.Errorf("%d token requests while everybody was refused", n)
	}
	if tell[-1] != 0 || len(tell) != 2 {
		t.Errorf("answers %v", tell)
	}
	p.sim.ClearFaults()
	p.sim.ForgetRequests()
	p.clock.pass(15 * time.Minute)
	for range 2 { // those before the probe had to wait
		for user := range users {
			if err := ask(t, p.client(t, user, p.clock.Now)); err != nil && kind(err) != extract.Closed {
				t.Errorf("user %d: %v", user, err)
			}
		}
	}
	all, err := accounts.New(p.backend, nil, nil).List(t.Context())
	if err != nil || len(all) != users {
		t.Fatalf("%d accounts are left, %v", len(all), err)
	}
	for _, a := range all {
		if !a.RefusedAt.IsZero() || a.UsedAt.Before(p.clock.Now().Add(-time.Minute)) {
			t.Errorf("%s does not work again: %+v", a.Name, a)
		}
	}
	if n := p.sim.Count("/api/token"); n != users {
		t.Errorf("%d token requests, want one for each", n)
	}
}

// stopping stands for a process that ends while it lets accounts ask again: it
// comes no further than the first of the others.
type stopping struct {
	accounts.Backend
	itself string
}

var errStopped = errors.New("the process has ended")

func (s stopping) Change(ctx context.Context, name string, f func(context.Context, *accounts.Row) (*accounts.Row, error)) error {
	if name != s.itself {
		return errStopped
	}
	return s.Backend.Change(ctx, name, f)
}

// TestACrashWhileAPauseEnds lets everybody be refused, then the process of the
// first that is let in again end before it has told the others.
func TestACrashWhileAPauseEnds(t *testing.T) {
	t.Parallel()
	const users = 10
	p := newPlace(t, users)
	p.clock.pass(time.Hour)
	p.sim.Inject(simulate.Fault{Kind: "revoked", Path: "/api/token"})
	for user := range users {
		if err := ask(t, p.client(t, user, p.clock.Now)); err == nil {
			t.Fatalf("user %d was let in", user)
		}
	}
	p.sim.ClearFaults()
	p.clock.pass(15 * time.Minute)
	whole := p.backend
	p.backend = stopping{whole, simulate.UserIDOf(0)}
	if err := ask(t, p.client(t, 0, p.clock.Now)); !errors.Is(err, errStopped) {
		t.Fatalf("error = %v", err)
	}
	p.backend = whole
	p.sim.ExpireAccess()
	p.clock.pass(2 * time.Hour)
	for round := range 2 { // in the first, those before the probe have to wait
		for user := range users {
			if err := ask(t, p.client(t, user, p.clock.Now)); err != nil && (round > 0 || kind(err) != extract.Closed) {
				t.Errorf("round %d, user %d: %v", round, user, err)
			}
		}
	}
}

// TestSignInsThatEndAreNoIncident lets many sign-ins of one day end.
func TestSignInsThatEndAreNoIncident(t *testing.T) {
	t.Parallel()
	p := newPlace(t, 10)
	p.clock.pass(183 * 24 * time.Hour)
	for user := range 10 {
		if err := ask(t, p.client(t, user, p.clock.Now)); kind(err) != extract.SignIn {
			t.Errorf("user %d: %v", user, err)
		}
	}
}
