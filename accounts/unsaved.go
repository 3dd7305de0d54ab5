package accounts

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tracklake/tracklake/extract"
)

// unsaved are the tokens that Spotify has sent and that could not be kept yet,
// by account. Spotify may accept no others any more.
type unsaved struct {
	mu     sync.Mutex
	tokens map[string]*renewed
}

// renewed is what a refresh brought, and what it replaces.
type renewed struct {
	before secrets
	fresh  extract.Token
}

// replaces tells whether what is kept is still what was refreshed.
func (r *renewed) replaces(kept secrets) bool {
	return kept.RefreshToken == r.before.RefreshToken && kept.AccessToken == r.before.AccessToken
}

func (u *unsaved) of(name string) *renewed {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.tokens[name]
}

func (u *unsaved) add(name string, r *renewed) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.tokens == nil {
		u.tokens = map[string]*renewed{}
	}
	u.tokens[name] = r
}

func (u *unsaved) drop(name string, r *renewed) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.tokens[name] == r {
		delete(u.tokens, name)
	}
}

// How often and how long keeping is tried before the caller is told.
const (
	saveTries = 3
	savePause = 250 * time.Millisecond
	saveTime  = 20 * time.Second
)

// saveSoon tries a few times to keep tokens that could not be kept because of
// cause.
func (s *Store) saveSoon(ctx context.Context, name string, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTime)
	defer cancel()
	for try := range saveTries {
		select {
		case <-time.After(time.Duration(try) * savePause):
		case <-ctx.Done():
			return &KeepError{Name: name, Asked: true, Err: cause}
		}
		err := s.save(ctx, name)
		var keep *KeepError
		if !errors.As(err, &keep) {
			return err
		}
	}
	return &KeepError{Name: name, Asked: true, Err: cause}
}

// save keeps the tokens of an account that could not be kept before, unless
// others are there by now.
func (s *Store) save(ctx context.Context, name string) error {
	r := s.unsaved.of(name)
	if r == nil {
		return nil
	}
	gone := false
	err := s.change(ctx, name, func(_ context.Context, row *Row) (*Row, error) {
		if gone = row == nil; gone {
			return nil, nil
		}
		kept, err := s.keys.open(row)
		if err != nil || !r.replaces(kept) {
			return row, err
		}
		return s.sealRenewed(row, kept, r.fresh)
	})
	if err != nil {
		return &KeepError{Name: name, Asked: true, Err: err}
	}
	s.unsaved.drop(name, r)
	if gone {
		return errGone()
	}
	return nil
}

// sealRenewed makes the row of an account that was let in.
func (s *Store) sealRenewed(row *Row, kept secrets, fresh extract.Token) (*Row, error) {
	out := row.Account
	out.Scopes, out.UsedAt, out.RefusedAt, out.Excused = fresh.Scopes, s.now().UTC(), time.Time{}, false
	return s.keys.seal(out, secrets{
		RefreshToken: fresh.RefreshToken, AccessToken: fresh.AccessToken, RenewAt: fresh.RenewAt.UTC(), ClientSecret: kept.ClientSecret,
	})
}

// A KeepError says that new tokens of an account cannot be kept.
type KeepError struct {
	Name  string
	Asked bool // Spotify has sent them already
	Err   error
}

func (e *KeepError) Error() string {
	return fmt.Sprintf("the new tokens of account %s cannot be kept: %v", e.Name, e.Err)
}

// Unwrap returns the cause.
func (e *KeepError) Unwrap() error { return e.Err }

// Advice is the next step for the user.
func (e *KeepError) Advice() Advice {
	if e.Asked {
		return Advice{"mend what the message names: while this program runs, it tries again; if it was ended before, sign in again", SignIn, e.Name}
	}
	return Advice{Text: "mend what the message names, then run it again; Spotify was not asked, so the sign-in holds"}
}
