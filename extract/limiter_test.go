package extract_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/quota"
	"github.com/tracklake/tracklake/simulate"
)

// A limiter lets a function decide, and remembers what is blocked.
type limiter struct {
	reserve func(bucket string) error

	mu      sync.Mutex
	blocked map[string]time.Time
}

func (l *limiter) Reserve(_ context.Context, bucket string) error {
	if l.reserve == nil {
		return nil
	}
	return l.reserve(bucket)
}

func (l *limiter) Block(_ context.Context, bucket string, until time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.blocked == nil {
		l.blocked = map[string]time.Time{}
	}
	l.blocked[bucket] = until
	return nil
}

// TestALimiterHoldsUpNoOtherBucket lets a request wait for its limiter while only
// one may be under way.
func TestALimiterHoldsUpNoOtherBucket(t *testing.T) {
	t.Parallel()
	b := setup(t, small(10), func(c *extract.Config) { c.Pacer = extract.NewPacer(1) })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	asked := make(chan struct{})
	held, let := context.WithCancel(ctx)
	waiting := b.client.For(&limiter{reserve: func(string) error {
		close(asked)
		<-held.Done()
		return nil
	}})
	done := make(chan error)
	go func() {
		_, err := extract.Total(ctx, waiting, savedTracks().Endpoint)
		done <- err
	}()
	<-asked
	type user struct{ ID string }
	if _, err := extract.Get[user](ctx, b.client, extract.Endpoint{Path: "/me", Bucket: "me"}); err != nil {
		t.Errorf("another bucket: %v", err)
	}
	let()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestALimiterKeepsRequestsBack lets a budget be spent.
func TestALimiterKeepsRequestsBack(t *testing.T) {
	t.Parallel()
	b := setup(t, small(10))
	until := time.Now().Add(time.Hour)
	for budget, want := range map[int]bool{0: false, 80: true} {
		client := b.client.For(&limiter{reserve: func(bucket string) error {
			return &quota.BlockedError{Bucket: bucket, Until: until, Budget: budget}
		}})
		_, err := extract.Total(t.Context(), client, savedTracks().Endpoint)
		if e := kindOf(t, err); e.Kind != extract.Blocked || e.Budget != want || !e.Until.Equal(until) || b.sim.Count("/v1/") != 0 {
			t.Errorf("budget %d: error = %+v after %d requests", budget, e, b.sim.Count("/v1/"))
		}
	}
	lost := errors.New("the store is lost")
	client := b.client.For(&limiter{reserve: func(string) error { return lost }})
	if _, err := extract.Total(t.Context(), client, savedTracks().Endpoint); !errors.Is(err, lost) {
		t.Errorf("error = %v", err)
	}
}

// TestARequestIsNotMadeIfItsBucketIsBlockedBeforeItsTurn lets another run be told to
// wait an hour between the reservation and the turn.
func TestARequestIsNotMadeIfItsBucketIsBlockedBeforeItsTurn(t *testing.T) {
	t.Parallel()
	b := setup(t, small(10))
	var made int
	client := b.client.For(&limiter{reserve: func(string) error {
		remove := b.sim.Inject(simulate.Fault{Kind: "rate", Arg: 3600})
		defer remove()
		if _, err := extract.Total(t.Context(), b.client, savedTracks().Endpoint); kindOf(t, err).Kind != extract.Blocked {
			t.Errorf("the other run: %v", err)
		}
		made = b.sim.Count("/v1/")
		return nil
	}})
	_, err := extract.Total(t.Context(), client, savedTracks().Endpoint)
	if e := kindOf(t, err); e.Kind != extract.Blocked || b.sim.Count("/v1/") != made {
		t.Errorf("error = %v after %d further requests", err, b.sim.Count("/v1/")-made)
	}
}

// TestRunsCountForThemselves gives two runs of one client stats of their own.
func TestRunsCountForThemselves(t *testing.T) {
	t.Parallel()
	b := setup(t, small(120))
	one, other := b.client.For(nil), b.client.For(nil)
	if _, _, err := read(t.Context(), extract.Read(one, savedTracks(), extract.Plan{})); err != nil {
		t.Fatal(err)
	}
	if _, err := extract.Total(t.Context(), other, savedTracks().Endpoint); err != nil {
		t.Fatal(err)
	}
	if a, b, all := one.Stats().Requests, other.Stats().Requests, b.client.Stats().Requests; a != 3 || b != 1 || all != 4 {
		t.Errorf("requests: %d and %d, of %d", a, b, all)
	}
}
