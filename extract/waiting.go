package extract

import (
	"fmt"
	"sync"
	"time"
)

const (
	// noticeAfter is how long a request waits before it is reported to
	// Config.Waiting.
	noticeAfter = 5 * time.Second
	// silenceLimit is how long requests are repeated while none is answered.
	silenceLimit = 40 * time.Second
)

// notice reports a wait that takes longer than noticeAfter to Waiting. The caller ends
// it.
func (c *core) notice(what string) (end func()) {
	reported := make(chan func(), 1)
	timer := time.AfterFunc(noticeAfter, func() { reported <- c.report(fmt.Sprintf("%s (%s so far)", what, noticeAfter)) })
	return func() {
		if !timer.Stop() {
			(<-reported)()
		}
	}
}

// report reports a wait to Waiting, unless another one that was reported has not ended:
// requests wait concurrently. The caller ends it.
func (c *core) report(what string) (end func()) {
	if c.config.Waiting == nil || !c.waiting.CompareAndSwap(false, true) {
		return func() {}
	}
	c.config.Waiting(what)
	return func() { c.waiting.Store(false) }
}

// A silence is a time in which requests were made and none was answered in full.
// It is safe for concurrent use.
type silence struct {
	mu          sync.Mutex
	since, last time.Time // when its first request was made, and when its newest one failed
}

// failed notes a request that was not answered, and reports whether repeating it is of
// no use: nothing has been answered for silenceLimit.
func (s *silence) failed(asked time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.since.IsZero() || asked.Sub(s.last) > silenceLimit || asked.Before(s.since) {
		s.since = asked
	}
	s.last = time.Now()
	return s.last.Sub(s.since) >= silenceLimit
}

// end notes an answer.
func (s *silence) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since = time.Time{}
}
