package accounts

import (
	"context"
	"errors"
	"fmt"

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
// however many goroutines, processes and machines need it. A sign-in that
// Spotify has refused is not asked for again.
func (t *Tokens) Renew(ctx context.Context, stale string, ask func(context.Context, extract.Token) (extract.Token, error)) (extract.Token, error) {
	var out extract.Token
	err := t.store.save(ctx, t.name)
	if err == nil {
		err = t.store.afterLapse(ctx, func(ctx context.Context) error {
			r := &renewal{Store: t.store, stale: stale, ask: ask}
			err := r.run(ctx, t.name)
			out = r.token
			return err
		})
	}
	if err != nil {
		return extract.Token{}, fmt.Errorf("refresh account %s: %w", t.name, err)
	}
	return out, nil
}

// A renewal is one call of Renew.
type renewal struct {
	*Store
	stale string
	ask   func(context.Context, extract.Token) (extract.Token, error)

	token extract.Token
	got   *renewed                    // what Spotify sent, which must not be lost
	err   error                       // of the answer; what it taught is kept all the same
	after func(context.Context) error // to be done when the row is free again
}

func (r *renewal) run(ctx context.Context, name string) error {
	err := r.Store.change(ctx, name, r.change)
	switch {
	case err != nil && r.got != nil:
		err = r.saveSoon(ctx, name, err)
	case r.got != nil:
		r.unsaved.drop(name, r.got)
	}
	if err == nil && r.after != nil {
		err = r.after(ctx)
	}
	if err != nil {
		return err
	}
	return r.err
}

// change is called while nobody else has the row.
func (r *renewal) change(ctx context.Context, row *Row) (*Row, error) {
	if row == nil {
		return nil, errGone()
	}
	kept, err := r.keys.open(row)
	if err != nil {
		return row, err
	}
	r.token = extract.Token{
		RefreshToken: kept.RefreshToken, Scopes: row.Scopes, SignedInAt: row.SignedInAt,
		AccessToken: kept.AccessToken, RenewAt: kept.RenewAt,
	}
	if r.token.Usable(r.stale, r.now()) && row.RefusedAt.IsZero() {
		return row, nil
	}
	if late := r.unsaved.of(row.Name); late != nil && late.replaces(kept) { // another goroutine could not keep it yet
		r.token, r.got = late.fresh, late
		return r.sealRenewed(row, kept, late.fresh)
	}
	probe, err := r.admit(ctx, row.Account)
	if err != nil {
		return row, err
	}
	if row.Reserve != nil {
		if err := row.Reserve(ctx); err != nil {
			return row, &KeepError{Name: row.Name, Err: err}
		}
	}
	fresh, err := r.ask(ctx, r.token)
	var api *extract.Error
	switch {
	case errors.As(err, &api) && api.Kind == extract.SignIn:
		return r.refused(row, api), nil
	case err != nil:
		return row, err
	}
	if probe {
		r.after = r.resume
	}
	r.token, r.got = fresh, &renewed{before: kept, fresh: fresh}
	r.unsaved.add(row.Name, r.got)
	return r.sealRenewed(row, kept, fresh)
}

// refused notes that Spotify refused the sign-in. Nothing is discarded: the
// refusal may turn out to be Spotify's mistake.
func (r *renewal) refused(row *Row, api *extract.Error) *Row {
	out := *row
	out.RefusedAt = r.now().UTC()
	r.err = signInError(api.Message)
	if out.doubtful() {
		r.after = r.suspect
	}
	return &out
}

func signInError(message string) *extract.Error {
	return &extract.Error{Kind: extract.SignIn, Path: "/api/token", Message: message, Hint: "sign in again"}
}

func errGone() error { return signInError("the account is no longer connected") }
