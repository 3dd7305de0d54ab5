package extract

import (
	"context"
	"sync"
	"time"
)

// A FixedToken is a token store for an account that ends with the process: it starts
// with a refresh token or an access token, and keeps newer ones in memory.
type FixedToken struct {
	mu    sync.Mutex
	token Token
}

// NewFixedToken returns a store that starts with t.
func NewFixedToken(t Token) *FixedToken { return &FixedToken{token: t} }

// Renew asks when the token has ended.
func (f *FixedToken) Renew(ctx context.Context, stale string, ask func(context.Context, Token) (Token, error)) (Token, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.token.Usable(stale, time.Now()) {
		return f.token, nil
	}
	fresh, err := ask(ctx, f.token)
	if err != nil {
		return Token{}, err
	}
	f.token = fresh
	return fresh, nil
}
