package extract

import (
	"bytes"
	"context"
	"sync"
	"time"
)

// sharedFor is how long a kept answer is used. A job that runs later than that
// wants to know how the list is now.
const sharedFor = 15 * time.Minute

// Shared keeps the answers to requests for those that ask the same a moment
// later, up to a size. It is safe for concurrent use.
type Shared struct {
	now func() time.Time

	mu      sync.Mutex
	answers map[string]keptAnswer
	room    int
}

// A keptAnswer is a body and when it came.
type keptAnswer struct {
	body []byte
	at   time.Time
}

// NewShared returns an empty one that keeps so many bytes, by the clock now.
func NewShared(bytes int, now func() time.Time) *Shared {
	return &Shared{now: now, answers: map[string]keptAnswer{}, room: bytes}
}

type sharedKey struct{}

// WithShared lets all readings with the returned context share their answers.
// Only readings of one account may share.
func WithShared(ctx context.Context, s *Shared) context.Context {
	return context.WithValue(ctx, sharedKey{}, s)
}

func sharedOf(ctx context.Context) *Shared {
	s, _ := ctx.Value(sharedKey{}).(*Shared)
	return s
}

type freshKey struct{}

// fresh returns a context with which no kept answer is taken. What comes
// replaces what was kept. It is for asking anew after a list has moved: the
// kept answers are those that did not fit together.
func fresh(ctx context.Context) context.Context {
	return context.WithValue(ctx, freshKey{}, true)
}

func isFresh(ctx context.Context) bool { return ctx.Value(freshKey{}) != nil }

type sinceKey struct{}

// SharedSince returns a context with which only answers are taken that came
// after a time: for a reading that is compared with what was known then.
func SharedSince(ctx context.Context, at time.Time) context.Context {
	return context.WithValue(ctx, sinceKey{}, at)
}

// get returns an answer that was kept and may be taken, or nil.
func (s *Shared) get(ctx context.Context, key string) []byte {
	if s == nil || isFresh(ctx) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.answers[key]
	since, _ := ctx.Value(sinceKey{}).(time.Time)
	if s.old(kept) || kept.at.Before(since) {
		return nil
	}
	return kept.body
}

// put keeps a copy of an answer in place of an earlier one, if there is room.
func (s *Shared) put(key string, body []byte) {
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

func (s *Shared) drop(key string) {
	s.room += len(s.answers[key].body)
	delete(s.answers, key)
}

func (s *Shared) dropOld() {
	for key, kept := range s.answers {
		if s.old(kept) {
			s.drop(key)
		}
	}
}

// old tells whether an answer is too old, or from a clock that went back since.
func (s *Shared) old(kept keptAnswer) bool {
	age := s.now().Sub(kept.at)
	return age < 0 || age > sharedFor
}

func (r request) key() string { return r.endpoint.Path + "?" + r.query.Encode() }
