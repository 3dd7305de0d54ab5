package extract

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// DefaultConcurrency is how many requests are under way at once.
const DefaultConcurrency = 8

const (
	longestPause = 15 * time.Minute // after repeated 429s without a Retry-After
	raiseEvery   = 5 * time.Second  // without a 429 the rate rises by a quarter
	slowestRate  = 0.5              // requests a second
	fullRate     = 500              // from here on the rate is not limited
)

// A Pacer decides when requests may go out. The clients of one client ID share
// it, because Spotify counts by client ID. A 429 stops all of them for
// as long as the answer asks; then the rate rises again slowly.
type Pacer struct {
	slots   chan struct{}
	limiter *rate.Limiter

	mu      sync.Mutex
	until   time.Time // nothing goes out before
	epoch   int       // number of pauses so far
	strikes int       // 429s in a row
	raised  time.Time
	sent    int // since window began
	window  time.Time
}

// NewPacer returns a pacer that allows a number of requests at once.
func NewPacer(concurrency int) *Pacer {
	return &Pacer{slots: make(chan struct{}, concurrency), limiter: rate.NewLimiter(rate.Inf, 1)}
}

func (p *Pacer) concurrency() int { return cap(p.slots) }

// acquire waits, by means of hold, until a request may go out. The caller calls
// release with the ticket when it is answered.
func (p *Pacer) acquire(ctx context.Context, hold func(context.Context, time.Duration) error) (ticket int, err error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	for {
		wait, epoch := p.next()
		if wait <= 0 {
			return epoch, nil
		}
		if err := hold(ctx, wait); err != nil {
			<-p.slots
			return 0, err
		}
	}
}

// next returns how long to wait, or 0 if the request may go out now.
func (p *Pacer) next() (time.Duration, int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if wait := p.until.Sub(now); wait > 0 {
		return wait, 0
	}
	p.raise(now)
	if r := p.limiter.ReserveN(now, 1); r.DelayFrom(now) > 0 {
		wait := r.DelayFrom(now)
		r.CancelAt(now)
		return wait, 0
	}
	if now.Sub(p.window) > 10*time.Second {
		p.window, p.sent = now, 0
	}
	p.sent++
	return 0, p.epoch
}

func (p *Pacer) raise(now time.Time) {
	limit := p.limiter.Limit()
	if limit == rate.Inf || now.Sub(p.raised) < raiseEvery {
		return
	}
	p.raised = now
	if limit *= 1.25; limit > fullRate {
		limit = rate.Inf
	}
	p.limiter.SetLimitAt(now, limit)
}

// A Pace is how fast requests may go out.
type Pace struct {
	Interval time.Duration // between two requests; 0: not limited
	Pause    time.Duration // until the next one
}

// Pace returns how fast requests may go out now.
func (p *Pacer) Pace() Pace {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := Pace{Pause: max(0, time.Until(p.until))}
	if limit := p.limiter.Limit(); limit != rate.Inf {
		out.Interval = time.Duration(float64(time.Second) / float64(limit))
	}
	return out
}

// release gives the slot back.
func (p *Pacer) release() { <-p.slots }

// accepted notes that a request was not throttled.
func (p *Pacer) accepted() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.strikes = 0
}

// delay is how long a 429 stops all requests: what the answer asks, but no less
// than a second, doubled with each further 429.
func (p *Pacer) delay(ticket int, asked time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if ticket != p.epoch { // sent before the last pause began: no news
		return max(asked, time.Until(p.until))
	}
	grown := min(time.Second<<min(p.strikes, 10), longestPause)
	return max(asked, grown)
}

// pause stops everybody and halves the rate, once for the requests that were
// under way together.
func (p *Pacer) pause(ticket int, d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	until := now.Add(d)
	if until.After(p.until) {
		p.until = until
	}
	if ticket != p.epoch {
		return
	}
	p.epoch++
	p.strikes++
	p.slowDown(now)
}

func (p *Pacer) slowDown(now time.Time) {
	limit := p.limiter.Limit()
	if limit == rate.Inf {
		elapsed := max(now.Sub(p.window).Seconds(), 0.1)
		limit = rate.Limit(float64(p.sent) / elapsed)
	}
	p.limiter.SetLimitAt(now, max(limit/2, slowestRate))
	p.raised = p.until
}

// sleep waits, or returns early with the context's error.
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
