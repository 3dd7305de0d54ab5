package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/tracklake/tracklake/accounts"
	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/internal/simtest"
	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/simulate"
)

// serving is a pool of clients as serve has one, and the accounts as another process sees
// them.
type serving struct {
	*clientPool
	sim     *simulate.Server
	backend accounts.Backend
	other   *accounts.Store
}

func newServing(t *testing.T, secret string) *serving {
	t.Helper()
	o := simulate.DefaultOptions()
	o.SavedTracks, o.TopTracks, o.Artists = 5, 5, 5
	sim, running := simtest.Start(t, o)
	s := &serving{sim: sim, backend: accounts.NewFolder(filepath.Join(t.TempDir(), "accounts"))}
	options := accounts.Options{Services: accounts.Services{API: running.APIURL, Accounts: running.AccountsURL}}
	s.other = accounts.New(s.backend, options)
	a := &app{ctx: t.Context(), invocation: invocation{config: "jobs.yaml"}, environment: environment{dotenv: map[string]string{
		"SPOTIFY_API_URL": running.APIURL, "SPOTIFY_ACCOUNTS_URL": running.AccountsURL,
		"SPOTIFY_CLIENT_ID": simulate.ClientID, "SPOTIFY_CLIENT_SECRET": secret,
	}}}
	s.clientPool = newPool(a, &store{Store: accounts.New(s.backend, options), close: func() {}}, slog.New(slog.DiscardHandler))
	t.Cleanup(s.close)
	s.signIn(t)
	return s
}

// signIn is what another process does.
func (s *serving) signIn(t *testing.T) {
	t.Helper()
	_, err := s.other.Connect(t.Context(), accounts.Connection{
		Name: "sam", AccountID: simulate.AccountID, ClientID: simulate.ClientID, ClientSecret: simulate.ClientSecret,
		Token: extract.Token{RefreshToken: s.sim.Credentials().RefreshToken, SignedInAt: time.Now()},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// look looks up who is connected, as serve does now and then.
func (s *serving) look(t *testing.T) (sam, theApp *pipeline.User) {
	t.Helper()
	users, theApp, err := s.users(t.Context())
	if err != nil || len(users) != 1 {
		t.Fatalf("%d users, %v", len(users), err)
	}
	return users[0], theApp
}

func read(t *testing.T, u *pipeline.User) error {
	t.Helper()
	_, err := catalog.ProfileOf(t.Context(), u.Client)
	return err
}

func (s *serving) fault(t *testing.T, kind string) (remove func()) {
	t.Helper()
	s.sim.ExpireAccess()
	return s.sim.Inject(simulate.Fault{Kind: kind, Path: "/api/token"})
}

func TestServeKeepsClientsThatWork(t *testing.T) {
	t.Parallel()
	s := newServing(t, simulate.ClientSecret)
	sam, theApp := s.look(t)
	if err := read(t, sam); err != nil {
		t.Fatal(err)
	}
	if again, app := s.look(t); again != sam || app != theApp || app == nil {
		t.Error("there are new clients for no reason")
	}
}

// TestServePicksUpANewSignIn lets the account be refused, and mended by another
// process before serve looks again.
func TestServePicksUpANewSignIn(t *testing.T) {
	t.Parallel()
	for name, mend := range map[string]func(*serving) error{
		"signed in again": func(s *serving) error { s.signIn(t); return nil },
		"a day has passed": func(s *serving) error {
			return s.backend.Change(t.Context(), "sam", func(_ context.Context, r *accounts.Row) (*accounts.Row, error) {
				out := *r
				out.RefusedAt, out.LastRefusedAt = r.RefusedAt.Add(-24*time.Hour), r.LastRefusedAt.Add(-24*time.Hour)
				return &out, nil
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServing(t, simulate.ClientSecret)
			sam, _ := s.look(t)
			if err := read(t, sam); err != nil {
				t.Fatal(err)
			}
			remove := s.fault(t, "revoked")
			if err := read(t, sam); codeOf(err) != int(codeNeedsSignIn) {
				t.Fatalf("error = %v", err)
			}
			remove()
			if err := mend(s); err != nil {
				t.Fatal(err)
			}
			sam, _ = s.look(t)
			if err := read(t, sam); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestServeLearnsTheSecret begins with a client secret that was changed since:
// the one that the sign-in brought is right.
func TestServeLearnsTheSecret(t *testing.T) {
	t.Parallel()
	s := newServing(t, "outdated")
	sam, theApp := s.look(t)
	if err := read(t, sam); err == nil {
		t.Fatal("an outdated secret was taken")
	}
	if again, app := s.look(t); again == sam || app != theApp {
		t.Error("the refused client was kept, or the other one was not")
	} else if err := read(t, again); err != nil {
		t.Error(err)
	}
}

func TestServeTriesTheAppAgain(t *testing.T) {
	t.Parallel()
	s := newServing(t, simulate.ClientSecret)
	_, theApp := s.look(t)
	remove := s.fault(t, "client")
	artist := func(u *pipeline.User) error {
		type found struct{ ID string }
		_, err := extract.Get[found](t.Context(), u.Client, extract.Endpoint{Path: "/artists/" + s.sim.Artists()[0], Bucket: "artists"})
		return err
	}
	if err := artist(theApp); err == nil {
		t.Fatal("the app was let in")
	}
	remove()
	_, theApp = s.look(t)
	if err := artist(theApp); err != nil {
		t.Error(err)
	}
}
