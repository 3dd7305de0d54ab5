package extract

import (
	"bytes"
	"context"
	"sync"
)

// Shared keeps the answers to requests for those that ask the same a moment
// later, up to a size. It is safe for concurrent use.
type Shared struct {
	mu     sync.Mutex
	bodies map[string][]byte
	room   int
}

// NewShared returns an empty one that keeps so many bytes.
func NewShared(bytes int) *Shared { return &Shared{bodies: map[string][]byte{}, room: bytes} }

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

// get returns an answer that was kept, or nil.
func (s *Shared) get(key string) []byte {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bodies[key]
}

// put keeps a copy of an answer, if there is room.
func (s *Shared) put(key string, body []byte) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bodies[key] == nil && len(body) <= s.room {
		s.room -= len(body)
		s.bodies[key] = bytes.Clone(body)
	}
}

func (r request) key() string { return r.endpoint.Path + "?" + r.query.Encode() }
