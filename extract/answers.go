package extract

import (
	"bytes"
	"sync"
	"time"
)

// answersFor is how long a kept answer is used. A job that runs later needs the list
// as it is then.
const answersFor = 15 * time.Minute

// Answers keeps the answers to requests, up to a size, for runs that make the same
// requests a moment later. Only runs of one account may share it. It is safe for
// concurrent use.
type Answers struct {
	now func() time.Time

	mu      sync.Mutex
	answers map[string]keptAnswer
	room    int
}

// A keptAnswer is a body and when it arrived.
type keptAnswer struct {
	body []byte
	at   time.Time
}

// NewAnswers returns empty Answers that keep at most a number of bytes, by the clock
// now.
func NewAnswers(bytes int, now func() time.Time) *Answers {
	return &Answers{now: now, answers: map[string]keptAnswer{}, room: bytes}
}

// get returns an answer that was kept and may be taken, or nil.
func (s *Answers) get(r request, since time.Time) []byte {
	if s == nil || r.refetch {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.answers[r.key()]
	if s.old(kept) || kept.at.Before(since) {
		return nil
	}
	return kept.body
}

// put keeps a copy of an answer in place of an earlier one, if there is room.
func (s *Answers) put(key string, body []byte) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(key)
	if len(body) > s.room {
		s.dropOld()
	}
	if len(body) <= s.room {
		s.room -= len(body)
		s.answers[key] = keptAnswer{body: bytes.Clone(body), at: s.now()}
	}
}

func (s *Answers) drop(key string) {
	s.room += len(s.answers[key].body)
	delete(s.answers, key)
}

func (s *Answers) dropOld() {
	for key, kept := range s.answers {
		if s.old(kept) {
			s.drop(key)
		}
	}
}

// old reports whether an answer is too old, or from a clock that was set back since.
func (s *Answers) old(kept keptAnswer) bool {
	age := s.now().Sub(kept.at)
	return age < 0 || age > answersFor
}

func (r request) key() string { return r.endpoint.Path + "?" + r.query.Encode() }
