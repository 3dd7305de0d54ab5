package extract_test

import (
	"sync"
	"testing"
	"time"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/simulate"
)

// TestClientForgetsABlockOfAWrongClock lets the clock be a year ahead while a bucket
// is blocked.
func TestClientForgetsABlockOfAWrongClock(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now := time.Now()
	at := now
	set := func(now time.Time) {
		mu.Lock()
		defer mu.Unlock()
		at = now
	}
	b := setup(t, small(10), func(c *extract.Config) {
		c.Now = func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return at
		}
	})
	ask := func() error {
		_, err := extract.Total(t.Context(), b.client, savedTracks().Endpoint)
		return err
	}
	if err := ask(); err != nil { // the token is of the right time
		t.Fatal(err)
	}
	set(now.Add(365 * 24 * time.Hour))
	remove := b.sim.Inject(simulate.Fault{Kind: "rate", Arg: 3600})
	if e := kindOf(t, ask()); e.Kind != extract.Blocked {
		t.Errorf("error = %v", e)
	}
	remove()
	if e := kindOf(t, ask()); e.Kind != extract.Blocked {
		t.Errorf("a moment later: %v", e)
	}
	set(now)
	if err := ask(); err != nil {
		t.Errorf("by the right clock: %v", err)
	}
}
