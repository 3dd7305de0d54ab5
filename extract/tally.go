package extract

import (
	"context"
	"sync"
	"time"
)

// A Tally counts what is done with the contexts that carry it, whichever else
// the client does at the same time. The zero Tally is ready. It is safe for
// concurrent use.
type Tally struct {
	mu      sync.Mutex
	stats   Stats
	waiting int       // requests that the pacer holds back now
	since   time.Time // when the first of them began to wait
}

type tallyKey struct{}

// WithTally lets t count what is done with the returned context.
func WithTally(ctx context.Context, t *Tally) context.Context {
	return context.WithValue(ctx, tallyKey{}, t)
}

func tallyOf(ctx context.Context) *Tally {
	t, _ := ctx.Value(tallyKey{}).(*Tally)
	return t
}

// Stats returns what was counted so far. Refreshes are those of the client, and
// not counted here. Waited is the time in which the pacer held back at least one
// of the requests.
func (t *Tally) Stats() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.stats
	if t.waiting > 0 {
		s.Waited += time.Since(t.since)
	}
	return s
}

func (t *Tally) count(f func(*Stats)) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	f(&t.stats)
}

// wait sleeps for the pacer, and counts it.
func (t *Tally) wait(ctx context.Context, d time.Duration) error {
	t.begin()
	defer t.end()
	return sleep(ctx, d)
}

func (t *Tally) begin() {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiting == 0 {
		t.since = time.Now()
	}
	t.waiting++
}

func (t *Tally) end() {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiting--; t.waiting == 0 {
		t.stats.Waited += time.Since(t.since)
	}
}
