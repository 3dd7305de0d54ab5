package extract

import (
	"fmt"
	"sync"
	"time"
)

const (
	// noticeAfter is how long a request waits before Config.Waiting hears of it.
	noticeAfter = 5 * time.Second
	// silenceLimit is how long requests are repeated while none is answered.
	silenceLimit = 40 * time.Second
)

// notice tells Waiting of something that takes longer than noticeAfter. The caller
// ends it.
func (c *core) notice(what string) (end func()) {
	told := make(chan func(), 1)
	timer := time.AfterFunc(noticeAfter, func() { told <- c.tell(fmt.Sprintf("%s (%s so far)", what, noticeAfter)) })
	return func() {
		if !timer.Stop() {
			(<-told)()
		}
	}
}

// tell tells Waiting of a wait, unless it knows of another one that has not ended:
// requests wait side by side. The caller ends it.
func (c *core) tell(what string) (end func()) {
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

// failed notes a request that was not answered, and tells whether repeating it is of
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
