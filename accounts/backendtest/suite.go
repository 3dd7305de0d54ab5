// Package backendtest is what every backend of accounts must do. It knows
// nothing of any one backend.
package backendtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/accounts"
)

// An Opener makes a place for accounts and returns a function that opens it, as
// another process would each time.
type Opener func(t *testing.T) (open func() accounts.Backend)

// Run runs the suite.
func Run(t *testing.T, place Opener) {
	t.Helper()
	tests := map[string]func(*testing.T, func() accounts.Backend){
		"keeps what it is given":        keeps,
		"changes nothing on an error":   keepsOnError,
		"deletes":                       deletes,
		"refuses awkward names":         refusesNames,
		"keeps a row under its name":    refusesOthers,
		"lets one change at a time":     oneAtATime,
		"is checked without a trace":    checks,
		"waits no longer than its time": givesUp,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, place(t))
		})
	}
}

// sample is a row with something in every field.
func sample(name string) accounts.Row {
	at := time.Date(2026, 11, 20, 3, 15, 30, 123456000, time.UTC)
	return accounts.Row{
		Account: accounts.Account{
			Name: name, AccountID: "id of " + name, User: "Ümlaut <b>", ClientID: "client", Scopes: []string{"a", "b"},
			Services:   accounts.Services{API: "https://api.test/v1", Accounts: "https://accounts.test"},
			SignedInAt: at, Guessed: true, UsedAt: at.Add(time.Hour), RefusedAt: at.Add(2 * time.Hour), LastRefusedAt: at.Add(26 * time.Hour), SeedHash: "5eed",
		},
		KeyID: "k1", Sealed: []byte{0, 1, 2, 255},
	}
}

func put(t *testing.T, b accounts.Backend, r accounts.Row) {
	t.Helper()
	err := b.Change(t.Context(), r.Name, func(context.Context, *accounts.Row) (*accounts.Row, error) { return &r, nil })
	if err != nil {
		t.Fatal(err)
	}
}

func rows(t *testing.T, b accounts.Backend) []accounts.Row {
	t.Helper()
	out, err := b.Rows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func keeps(t *testing.T, open func() accounts.Backend) {
	if got := rows(t, open()); len(got) != 0 {
		t.Errorf("there are %d rows in a new place", len(got))
	}
	bare := accounts.Row{Account: accounts.Account{Name: "a-bare.one_1", SignedInAt: time.Unix(1, 0).UTC()}, KeyID: "k", Sealed: []byte("x")}
	want := []accounts.Row{bare, sample("b")}
	put(t, open(), want[1])
	put(t, open(), want[0])
	if diff := cmp.Diff(want, rows(t, open())); diff != "" {
		t.Error(diff)
	}
	want[1].UsedAt, want[1].RefusedAt, want[1].Sealed = time.Unix(5, 0).UTC(), time.Time{}, []byte("new")
	put(t, open(), want[1])
	if diff := cmp.Diff(want, rows(t, open())); diff != "" {
		t.Error(diff)
	}
}

func keepsOnError(t *testing.T, open func() accounts.Backend) {
	put(t, open(), sample("a"))
	no := errors.New("no")
	err := open().Change(t.Context(), "a", func(_ context.Context, r *accounts.Row) (*accounts.Row, error) {
		r.User = "changed"
		return &accounts.Row{}, no
	})
	if !errors.Is(err, no) {
		t.Errorf("error = %v", err)
	}
	err = open().Change(t.Context(), "a", func(_ context.Context, r *accounts.Row) (*accounts.Row, error) {
		r.User = "the same pointer changes nothing"
		return r, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]accounts.Row{sample("a")}, rows(t, open())); diff != "" {
		t.Error(diff)
	}
}

func deletes(t *testing.T, open func() accounts.Backend) {
	put(t, open(), sample("a"))
	put(t, open(), sample("b"))
	for range 2 { // a deleted row can be deleted again
		err := open().Change(t.Context(), "a", func(context.Context, *accounts.Row) (*accounts.Row, error) { return nil, nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]accounts.Row{sample("b")}, rows(t, open())); diff != "" {
		t.Error(diff)
	}
}

func refusesNames(t *testing.T, open func() accounts.Backend) {
	for _, name := range []string{"", "_pause", "../a", "a/b", "a b", ".a", "a\x00"} {
		err := open().Change(t.Context(), name, func(context.Context, *accounts.Row) (*accounts.Row, error) {
			t.Errorf("%q was let through", name)
			return nil, nil
		})
		if err == nil {
			t.Errorf("%q is no error", name)
		}
	}
}

// refusesOthers puts an account's row in another's place.
func refusesOthers(t *testing.T, open func() accounts.Backend) {
	put(t, open(), sample("a"))
	put(t, open(), sample("b"))
	for _, name := range []string{"a", "c"} {
		err := open().Change(t.Context(), name, func(context.Context, *accounts.Row) (*accounts.Row, error) {
			other := sample("b")
			return &other, nil
		})
		if err == nil {
			t.Errorf("the row of b was kept as %s", name)
		}
	}
	if diff := cmp.Diff([]accounts.Row{sample("a"), sample("b")}, rows(t, open())); diff != "" {
		t.Error(diff)
	}
}

// oneAtATime counts up from many goroutines, each with a backend of its own.
func oneAtATime(t *testing.T, open func() accounts.Backend) {
	const workers, rounds = 8, 10
	put(t, open(), accounts.Row{Account: accounts.Account{Name: "a"}, KeyID: "k", Sealed: []byte{0}})
	var work sync.WaitGroup
	for range workers {
		b := open()
		work.Go(func() {
			for range rounds {
				err := b.Change(t.Context(), "a", func(_ context.Context, r *accounts.Row) (*accounts.Row, error) {
					out := *r
					out.Sealed = []byte{r.Sealed[0] + 1}
					return &out, nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	work.Wait()
	if got := rows(t, open())[0].Sealed[0]; got != workers*rounds {
		t.Errorf("%d changes are left of %d", got, workers*rounds)
	}
}

func checks(t *testing.T, open func() accounts.Backend) {
	for _, want := range [][]accounts.Row{nil, {sample("a")}} {
		if err := open().Check(t.Context(), true); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, append([]accounts.Row(nil), rows(t, open())...)); diff != "" {
			t.Error(diff)
		}
		put(t, open(), sample("a"))
	}
}

// givesUp waits for an account that somebody else holds.
func givesUp(t *testing.T, open func() accounts.Backend) {
	held, done := make(chan struct{}), make(chan struct{})
	var holding sync.WaitGroup
	holder := open()
	holding.Go(func() {
		err := holder.Change(t.Context(), "a", func(context.Context, *accounts.Row) (*accounts.Row, error) {
			close(held)
			<-done
			return nil, nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-held
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := open().Change(ctx, "a", func(context.Context, *accounts.Row) (*accounts.Row, error) {
		return nil, fmt.Errorf("two changed it at once")
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error = %v", err)
	}
	close(done)
	holding.Wait()
}
