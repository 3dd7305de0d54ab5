package accounts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tracklake/tracklake/extract"
)

// Tokens is the token store of one account.
type Tokens struct {
	store *Store
	name  string
}

// Tokens returns the token store of an account.
func (s *Store) Tokens(name string) *Tokens { return &Tokens{store: s, name: name} }

// Renew returns the account's access token, refreshed by ask if need be: once,
// however many goroutines, processes and machines need it. A refresh token that
// Spotify has refused is not presented before [Account.NextTry].
func (t *Tokens) Renew(ctx context.Context, stale string, ask func(context.Context, extract.Token) (extract.Token, error)) (extract.Token, error) {
	r := &renewal{Store: t.store, name: t.name, stale: stale, ask: ask}
	err := t.store.change(ctx, t.name, r.change)
	if err != nil && r.answered {
		err = r.storeAgain(ctx, err)
	}
	if err == nil {
		err = r.refusal
	}
	if err != nil {
		return extract.Token{}, fmt.Errorf("refresh account %s: %w", t.name, err)
	}
	return r.token, nil
}

// A renewal is one call of Renew.
type renewal struct {
	*Store
	name  string
	stale string
	ask   func(context.Context, extract.Token) (extract.Token, error)

	kept     secrets // before
	token    extract.Token
	answered bool  // token is new
	refusal  error // by Spotify, which is stored
}

// change is called while the row is locked.
func (r *renewal) change(ctx context.Context, row *Row) (_ *Row, err error) {
	if row == nil {
		return nil, errRemoved()
	}
	if r.kept, err = r.keys.open(row); err != nil {
		return row, err
	}
	r.token = extract.Token{
		RefreshToken: r.kept.RefreshToken, Scopes: row.Scopes, SignedInAt: row.SignedInAt,
		AccessToken: r.kept.AccessToken, RenewAt: r.kept.RenewAt,
	}
	switch now := r.now(); {
	case row.RefusedAt.IsZero() && r.token.Usable(r.stale, now):
		return row, nil
	case !row.mayTry(now):
		return row, signInError(row.Refusal(now))
	}
	if err := r.backend.Check(ctx, !r.keys.Empty()); err != nil {
		return row, fmt.Errorf("no request to Spotify, because its answer could not be stored: %w", err)
	}
	end := r.Slow("Spotify's token endpoint")
	fresh, err := r.ask(ctx, r.token)
	end()
	var api *extract.Error
	switch {
	case errors.As(err, &api) && api.Kind == extract.SignIn:
		out := *row
		out.refused(r.now().UTC())
		r.refusal = signInError(out.Refusal(r.now()))
		return &out, nil
	case err != nil:
		return row, err
	}
	r.token, r.answered = fresh, true
	return r.renewed(row)
}

// renewed returns the row of an account whose token was accepted.
func (r *renewal) renewed(row *Row) (*Row, error) {
	out := row.Account
	out.Scopes, out.UsedAt, out.RefusedAt, out.LastRefusedAt = r.token.Scopes, r.now().UTC(), time.Time{}, time.Time{}
	return r.keys.seal(out, secrets{
		RefreshToken: r.token.RefreshToken, AccessToken: r.token.AccessToken, RenewAt: r.token.RenewAt.UTC(), ClientSecret: r.kept.ClientSecret,
	})
}

// How often storing a token is repeated, and after what time.
const (
	storeTries = 3
	storePause = 250 * time.Millisecond
)

// storeAgain tries again to store a token that could not be stored because of cause:
// Spotify may accept no other. It does not overwrite a newer sign-in.
func (r *renewal) storeAgain(ctx context.Context, cause error) error {
	for range storeTries {
		select {
		case <-time.After(storePause):
		case <-ctx.Done():
		}
		cause = r.Store.change(ctx, r.name, func(_ context.Context, row *Row) (*Row, error) {
			if row == nil {
				return nil, errRemoved()
			}
			kept, err := r.keys.open(row)
			if err != nil || kept.RefreshToken != r.kept.RefreshToken {
				return row, err
			}
			return r.renewed(row)
		})
		if cause == nil {
			return nil
		}
	}
	return &Error{
		Message: fmt.Sprintf("Spotify sent a new token for account %s, but it could not be stored: %v", r.name, cause),
		Advice:  "correct what the message names; if Spotify then refuses the old token, sign in again: " + loginCommand + r.name,
		Err:     cause,
	}
}

func signInError(message string) *extract.Error {
	return &extract.Error{Kind: extract.SignIn, Path: "/api/token", Message: message, Advice: "sign in again"}
}

func errRemoved() error { return signInError("the account is no longer connected") }
