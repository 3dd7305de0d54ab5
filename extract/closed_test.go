package extract_test

import (
	"sync"
	"testing"
	"time"

	"github.com/tracklake/tracklake/extract"
)

// TestClientForgetsAClosureOfAWrongClock lets the clock be a year ahead while a
// family is closed.
func TestClientForgetsAClosureOfAWrongClock(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	at := time.Now()
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
	now := at
	year := now.Add(365 * 24 * time.Hour)
	set(year)
	b.client.CloseFamily("me/tracks", year.Add(time.Hour))
	if e := kindOf(t, b.client.CheckFamily("me/tracks")); e.Kind != extract.Closed {
		t.Errorf("error = %v", e)
	}
	set(now)
	if err := b.client.CheckFamily("me/tracks"); err != nil {
		t.Errorf("by the right clock: %v", err)
	}
	b.client.CloseFamily("me/tracks", now.Add(time.Hour))
	if e := kindOf(t, b.client.CheckFamily("me/tracks")); !e.Until.Equal(now.Add(time.Hour)) {
		t.Errorf("closed until %s, want an hour", e.Until)
	}
}
