package extract

import (
	"context"
	"sync"
	"time"
)

// Stats count what was done with a client.
type Stats struct {
	Requests  int // to the Web API; refreshes are counted apart
	Shared    int // answers that another run had got before
	Retries   int
	Throttled int // answers with status 429
	Refreshes int // of the access token, by all runs of the client
	Bytes     int64
	// Waited is the time in which the pacer held back at least one request.
	Waited time.Duration
}

// A counter collects stats. It is safe for concurrent use.
type counter struct {
	mu      sync.Mutex
	stats   Stats
	waiting int       // requests that the pacer holds back now
	since   time.Time // when the first of them began to wait
}

func (t *counter) read() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.stats
	if t.waiting > 0 {
		s.Waited += time.Since(t.since)
	}
	return s
}

func (t *counter) count(f func(*Stats)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f(&t.stats)
}

// wait sleeps for the pacer, and counts it.
func (t *counter) wait(ctx context.Context, d time.Duration) error {
	t.mu.Lock()
	if t.waiting == 0 {
		t.since = time.Now()
	}
	t.waiting++
	t.mu.Unlock()
	defer func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.waiting--; t.waiting == 0 {
			t.stats.Waited += time.Since(t.since)
		}
	}()
	return sleep(ctx, d)
}
