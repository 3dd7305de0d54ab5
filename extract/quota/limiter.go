package quota

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	// longestWait is how long a request waits for its bucket.
	longestWait = time.Minute
	// recordEvery is how often a limiter records the requests to a bucket without
	// a budget, and learns whether another process has found it blocked.
	recordEvery = 2 * time.Second
	// noticeAfter is how long a wait lasts before Options.Waiting hears of it.
	noticeAfter = 5 * time.Second
)

// Options configure a [Limiter].
type Options struct {
	Store  Store
	Owner  string
	Budget func(bucket string) int                          // for 24 hours, 0: none; nil: no bucket has one
	Now    func() time.Time                                 // nil: time.Now
	Sleep  func(ctx context.Context, d time.Duration) error // nil: a real sleep
	// Waiting hears what a request waits for when that takes longer than five
	// seconds: "me/tracks: blocked by Spotify until 2026-01-15T03:15:00Z". It may be
	// nil.
	Waiting func(what string)
}

// A Limiter reserves the requests of one owner before they are made. It is safe
// for concurrent use; a bucket that waits does not hold up the others.
//
// Requests to a bucket with a budget are recorded before they are made. Those
// to other buckets are recorded together every few seconds, because recording
// writes to disk; a process that is killed loses the last of them.
type Limiter struct {
	options Options
	waited  atomic.Int64 // nanoseconds
	mu      sync.Mutex
	buckets map[string]*bucket
}

type bucket struct {
	name   string
	budget int
	turn   *semaphore.Weighted // one request asks the store, or waits, at a time
	asked  time.Time           // when the store granted the last one it was asked for; guarded by turn
	stale  atomic.Bool         // the bucket was blocked since
	made   atomic.Int64        // requests that are not recorded yet
}

// NewLimiter returns a limiter. The caller closes it when all requests are made.
func NewLimiter(o Options) *Limiter {
	if o.Budget == nil {
		o.Budget = func(string) int { return 0 }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	if o.Waiting == nil {
		o.Waiting = func(string) {}
	}
	return &Limiter{options: o, buckets: map[string]*bucket{}}
}

// Reserve reserves one request. It waits up to a minute for a bucket that is
// blocked or whose budget is spent. For a longer time it returns a
// [*BlockedError]. The request must not be made after any error.
func (l *Limiter) Reserve(ctx context.Context, name string) error {
	b := l.bucket(name)
	if err := b.turn.Acquire(ctx, 1); err != nil {
		return fmt.Errorf("reserve request: %w", err)
	}
	defer b.turn.Release(1)
	if b.budget <= 0 && !b.due(l.options.Now()) {
		b.made.Add(1)
		return nil
	}
	for left := longestWait; ; {
		blocked, wait, err := l.ask(ctx, b)
		if err != nil || blocked == nil {
			return err
		}
		if left -= wait; left < 0 {
			return blocked
		}
		if wait > noticeAfter {
			l.options.Waiting(blocked.Error())
		}
		if err := l.options.Sleep(ctx, wait); err != nil {
			return err
		}
		l.waited.Add(int64(wait))
	}
}

// ask asks the store for one request. When it is not granted, ask returns why,
// and how long to wait before asking again.
func (l *Limiter) ask(ctx context.Context, b *bucket) (*BlockedError, time.Duration, error) {
	b.asked = time.Time{}
	b.stale.Store(false) // first, so that a block that is recorded meanwhile counts
	now := l.options.Now()
	granted, found, err := l.record(ctx, b, now, 1)
	if err != nil {
		return nil, 0, err
	}
	if granted > 0 {
		b.asked = now
		return nil, 0, nil
	}
	blocked := &BlockedError{Bucket: b.name, Until: found.BlockedUntil}
	if blocked.Until.IsZero() {
		blocked.Until, blocked.Budget = found.FreesAt, b.budget
	}
	return blocked, max(blocked.Until.Sub(now), time.Millisecond), nil
}

// record records the requests that were made, and asks for more.
func (l *Limiter) record(ctx context.Context, b *bucket, now time.Time, requests int) (int, Usage, error) {
	made := b.made.Swap(0)
	defer time.AfterFunc(noticeAfter, func() { l.options.Waiting("the store of accounts to count a request to " + b.name) }).Stop()
	granted, found, err := l.options.Store.Reserve(ctx, Reservation{
		Owner: l.options.Owner, Bucket: b.name, At: now, Requests: requests, Made: int(made), Budget: b.budget,
	})
	if err != nil {
		b.made.Add(made)
	}
	return granted, found, err
}

// due reports whether to ask the store, also by a clock that went back.
func (b *bucket) due(now time.Time) bool {
	since := now.Sub(b.asked)
	return b.stale.Load() || since < 0 || since >= recordEvery
}

func (l *Limiter) bucket(name string) *bucket {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[name]
	if b == nil {
		b = &bucket{name: name, budget: l.options.Budget(name), turn: semaphore.NewWeighted(1)}
		l.buckets[name] = b
	}
	return b
}

// Block records that Spotify has blocked a bucket, for this limiter and all
// others that share the store.
func (l *Limiter) Block(ctx context.Context, name string, until time.Time) error {
	defer l.bucket(name).stale.Store(true)
	return l.options.Store.Block(ctx, Block{Owner: l.options.Owner, Bucket: name, At: l.options.Now(), Until: until})
}

// Usage returns the owner's buckets that are in use or blocked.
func (l *Limiter) Usage(ctx context.Context) (map[string]Usage, error) {
	if err := l.Close(ctx); err != nil {
		return nil, err
	}
	return l.options.Store.Usage(ctx, l.options.Owner, l.options.Now())
}

// Waited returns how long requests have waited for their buckets.
func (l *Limiter) Waited() time.Duration { return time.Duration(l.waited.Load()) }

// Close records the requests that are not recorded yet. It needs a context that
// is not cancelled, also at the end of a run that was.
func (l *Limiter) Close(ctx context.Context) error {
	l.mu.Lock()
	buckets := maps.Clone(l.buckets)
	l.mu.Unlock()
	var errs []error
	for _, b := range buckets {
		if b.made.Load() > 0 {
			_, _, err := l.record(ctx, b, l.options.Now(), 0)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
