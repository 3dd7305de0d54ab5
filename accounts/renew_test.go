package accounts_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
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
	sim      *simulate.Server
	running  *simulate.Running
	services accounts.Services
	backend  accounts.Backend
	clock    *clock
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
	p.services = accounts.Services{API: p.running.APIURL, Accounts: p.running.AccountsURL}
	for user := range users {
		connectTo(t, p, user)
	}
	return p
}

// store is what another process would open.
func (p *place) store(now func() time.Time) *accounts.Store {
	return accounts.New(p.backend, accounts.Options{Services: p.services, Now: now})
}

// client is what another process would use for an account.
func (p *place) client(t *testing.T, user int, now func() time.Time) *extract.Client {
	t.Helper()
	c, err := extract.New(extract.Config{
		ClientID: simulate.ClientID, ClientSecret: simulate.ClientSecret, APIURL: p.running.APIURL, AccountsURL: p.running.AccountsURL,
		Tokens: p.store(now).Tokens(simulate.UserIDOf(user)), RetryDelay: time.Millisecond, Now: now,
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
	_, err := extract.Get[me](t.Context(), c, extract.Endpoint{Path: "/me", Bucket: "me"})
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

func refuse(context.Context, extract.Token) (extract.Token, error) {
	return extract.Token{}, &extract.Error{Kind: extract.SignIn, Path: "/api/token", Message: "the sign-in has ended"}
}

// TestARefusedTokenIsTriedOnceADayForAWeek looks every hour, from three processes, at
// accounts of which one was revoked.
func TestARefusedTokenIsTriedOnceADayForAWeek(t *testing.T) {
	t.Parallel()
	p := newPlace(t, 2)
	p.sim.RevokeUser(1)
	began := p.clock.Now()
	var presented []time.Duration
	for range 24 * 10 {
		for range 3 {
			before := p.sim.Count("/api/token")
			if err := ask(t, p.client(t, 1, p.clock.Now)); kind(err) != extract.SignIn {
				t.Fatal(err)
			}
			if p.sim.Count("/api/token") > before {
				presented = append(presented, p.clock.Now().Sub(began))
			}
			if err := ask(t, p.client(t, 0, p.clock.Now)); err != nil { // that account blocks no other
				t.Fatal(err)
			}
		}
		p.clock.pass(time.Hour)
	}
	want := []time.Duration{0, 24 * time.Hour, 48 * time.Hour, 72 * time.Hour, 96 * time.Hour, 120 * time.Hour, 144 * time.Hour, 168 * time.Hour}
	if !slices.Equal(presented, want) {
		t.Errorf("presented after %v, want %v", presented, want)
	}
}

// TestARefusalSaysWhenItIsTriedAgain follows one account from the first refusal to
// a new sign-in.
func TestARefusalSaysWhenItIsTriedAgain(t *testing.T) {
	t.Parallel()
	p := newPlace(t, 1)
	began := p.clock.Now()
	if err := ask(t, p.client(t, 0, p.clock.Now)); err != nil { // its access token stays, and is revoked as well
		t.Fatal(err)
	}
	p.sim.RevokeUser(0)
	told := func(at time.Time) string { return at.UTC().Format("2006-01-02 15:04 UTC") }
	since := "Spotify has refused the sign-in since " + told(began)
	account := func() accounts.Account {
		t.Helper()
		a, err := p.store(p.clock.Now).Find(t.Context(), simulate.UserIDOf(0))
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	if a := account(); a.Refusal(began) != "" || !a.NextTry(began).IsZero() {
		t.Errorf("before: %+v", a)
	}
	_ = ask(t, p.client(t, 0, p.clock.Now))
	if p.sim.ForgetRequests(); kind(ask(t, p.client(t, 0, p.clock.Now))) != extract.SignIn || p.sim.Count("/") != 0 {
		t.Errorf("%d requests while it is known that they are in vain", p.sim.Count("/"))
	}
	for _, step := range []struct {
		pass time.Duration
		want string
		then string
	}{
		{0, since + "; it is tried again after " + told(began.Add(24*time.Hour)), ""},
		{24*time.Hour - time.Second, since + "; it is tried again after " + told(began.Add(24*time.Hour)), ""},
		{time.Second, since + "; it is tried again after " + told(began.Add(48*time.Hour)), "; the next run tries it again"},
		{6*24*time.Hour - time.Second, since + "; it is tried again after " + told(began.Add(8*24*time.Hour-time.Second)), "; the next run tries it again"},
		{2 * time.Second, since, ""},
		{1000 * time.Hour, since, ""},
	} {
		p.clock.pass(step.pass)
		now := p.clock.Now()
		if got := account().Refusal(now); step.then != "" && got != since+step.then {
			t.Errorf("after %s it says %q", now.Sub(began), got)
		}
		err := ask(t, p.client(t, 0, p.clock.Now))
		want := step.want
		if now.Sub(began) >= 7*24*time.Hour-24*time.Hour { // the next day would be too late
			want = since
		}
		if a := account(); kind(err) != extract.SignIn || !strings.HasSuffix(err.Error(), ": "+want) || a.Refusal(now) != want || !a.RefusedAt.Equal(began) || a.Urgency(now) != accounts.Ended {
			t.Errorf("after %s: %v\nwant %s\n%+v", now.Sub(began), err, want, a)
		}
	}
	connectTo(t, p, 0)
	if a := account(); a.Refusal(p.clock.Now()) != "" || !a.LastRefusedAt.IsZero() || a.Urgency(p.clock.Now()) != accounts.Calm {
		t.Errorf("signed in again: %+v", a)
	}
}

// connectTo signs a user in to the simulation.
func connectTo(t *testing.T, p *place, user int) {
	t.Helper()
	_, err := p.store(p.clock.Now).Connect(t.Context(), accounts.Connection{
		Name: simulate.UserIDOf(user), AccountID: simulate.AccountIDOf(user), ClientID: simulate.ClientID,
		Token: extract.Token{RefreshToken: p.sim.CredentialsOf(user).RefreshToken, SignedInAt: p.clock.Now()},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestAnIncidentHealsByItself lets the token endpoint refuse every account for an hour.
// Twenty goroutines of four processes ask for each account on each of two days.
func TestAnIncidentHealsByItself(t *testing.T) {
	t.Parallel()
	const users = 10
	p := newPlace(t, users)
	p.clock.pass(time.Hour) // the access tokens have ended
	all := func() (signIn int) {
		var mu sync.Mutex
		var calls sync.WaitGroup
		for user := range users {
			var clients []*extract.Client
			for range 4 {
				clients = append(clients, p.client(t, user, p.clock.Now))
			}
			for i := range 20 {
				calls.Go(func() {
					err := ask(t, clients[i%len(clients)])
					mu.Lock()
					defer mu.Unlock()
					switch {
					case kind(err) == extract.SignIn:
						signIn++
					case err != nil:
						t.Error(err)
					}
				})
			}
		}
		calls.Wait()
		return signIn
	}
	for _, night := range []struct {
		pass                time.Duration
		incident            bool
		refusals, presented int
	}{
		{0, true, 20 * users, users},
		{time.Hour, false, 20 * users, 0}, // it is over, and no process asks
		{23*time.Hour - time.Second, false, 20 * users, 0},
		{time.Second, false, 0, users},
		{time.Hour, false, 0, users}, // as ever
	} {
		p.clock.pass(night.pass)
		p.sim.ClearFaults()
		if night.incident {
			p.sim.Inject(simulate.Fault{Kind: "revoked", Path: "/api/token"})
		}
		p.sim.ForgetRequests()
		refusals := all()
		if n := p.sim.Count("/api/token"); refusals != night.refusals || n != night.presented {
			t.Errorf("%+v: %d refusals with %d token requests", night, refusals, n)
		}
	}
	list, err := p.store(p.clock.Now).List(t.Context())
	if err != nil || len(list) != users {
		t.Fatalf("%d accounts, %v", len(list), err)
	}
	for _, a := range list {
		if !a.RefusedAt.IsZero() || !a.LastRefusedAt.IsZero() {
			t.Errorf("%+v", a)
		}
	}
}

// TestAnEndedSignInIsNotTriedAgain refuses sign-ins near the end of their six months.
func TestAnEndedSignInIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for age, want := range map[time.Duration]int{
		178 * day:             4, // after 178, 179, 180 and 181 days
		180*day + time.Second: 1, // the next day is past the end
		183 * day:             1,
	} {
		p := newPlace(t, 1)
		p.clock.pass(age)
		p.sim.RevokeUser(0)
		p.sim.ForgetRequests()
		for range 10 {
			if err := ask(t, p.client(t, 0, p.clock.Now)); kind(err) != extract.SignIn {
				t.Fatal(err)
			}
			p.clock.pass(day)
		}
		if n := p.sim.Count("/api/token"); n != want {
			t.Errorf("refused after %s: presented %d times, want %d", age, n, want)
		}
	}
}

// TestARefusalIsFinalAfterAWeek lets the machine be off for the week in which the
// token would have been tried again.
func TestARefusalIsFinalAfterAWeek(t *testing.T) {
	t.Parallel()
	for _, late := range []bool{false, true} {
		p := newPlace(t, 1)
		p.sim.RevokeUser(0)
		_ = ask(t, p.client(t, 0, p.clock.Now))
		p.clock.pass(7 * 24 * time.Hour)
		if late {
			p.clock.pass(time.Second)
		}
		p.sim.ForgetRequests()
		if err := ask(t, p.client(t, 0, p.clock.Now)); kind(err) != extract.SignIn || (p.sim.Count("/api/token") == 0) != late {
			t.Errorf("late %t: %d token requests, %v", late, p.sim.Count("/api/token"), err)
		}
	}
}

// TestARefusalElsewhereIsNotStored has another server refuse everything: the account
// is of another service, and stays as it is.
func TestARefusalElsewhereIsNotStored(t *testing.T) {
	t.Parallel()
	p, other := newPlace(t, 1), newPlace(t, 1)
	other.sim.Inject(simulate.Fault{Kind: "revoked", Path: "/api/token"})
	other.backend = p.backend
	if err := ask(t, other.client(t, 0, p.clock.Now)); err == nil || !strings.Contains(err.Error(), p.services.Accounts) {
		t.Errorf("error = %v", err)
	}
	if n := other.sim.Count("/"); n != 0 {
		t.Errorf("%d requests to the other server", n)
	}
	if err := ask(t, p.client(t, 0, p.clock.Now)); err != nil {
		t.Error(err)
	}
}

// lines are log lines as they are written.
type lines chan string

func (l lines) Write(line []byte) (int, error) {
	l <- string(line)
	return len(line), nil
}

// TestWaitingIsLogged refreshes an account while another process asks Spotify, which
// takes its time.
func TestWaitingIsLogged(t *testing.T) {
	t.Parallel()
	b := folder(t)
	connect(t, store(t, b, ""), "sam", "a1")
	first, second := make(lines, 100), make(lines, 100)
	impatient := func(to lines) *accounts.Store {
		return accounts.New(b, accounts.Options{Services: services(), Log: slog.New(slog.NewTextHandler(to, nil))}).Impatient(20 * time.Millisecond)
	}
	told := func(from lines, what string) {
		for line := range from {
			if strings.Contains(line, `"still waiting" for="`+what+`"`) {
				return
			}
		}
	}
	asked, answer := make(chan bool), make(chan bool)
	var work sync.WaitGroup
	work.Go(func() {
		_, err := impatient(first).Tokens("sam").Renew(t.Context(), "", func(_ context.Context, kept extract.Token) (extract.Token, error) {
			close(asked)
			<-answer
			return kept, nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-asked
	work.Go(func() {
		if _, err := impatient(second).Tokens("sam").Renew(t.Context(), "", refuse); kind(err) != extract.SignIn {
			t.Error(err)
		}
	})
	told(first, "Spotify's token endpoint")
	told(second, "the lock of account sam")
	close(answer)
	work.Wait()
}
