package accounts

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Identify notes whose account it is, once Spotify has told, and returns the
// account to use. If the same account is connected under another name as well,
// that is the other one: it keeps its sign-in, or gets this one's if its own was
// refused or came from the environment, too; and this one goes.
func (s *Store) Identify(ctx context.Context, name, accountID, user string) (Account, error) {
	var out Account
	err := s.backend.Alone(ctx, func(ctx context.Context) error {
		all, err := s.List(ctx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(a Account) bool { return a.AccountID == accountID && a.Name != name })
		switch {
		case i >= 0 && all[i].Problem != nil: // nothing can be joined with it; it is asked again when it can be read
			out, err = s.Find(ctx, name)
		case i >= 0:
			out, err = s.join(ctx, all[i].Name, name)
		default:
			out, err = s.identify(ctx, name, accountID, user)
		}
		return err
	})
	return out, err //nolint:wrapcheck // it says all
}

// identify notes whose account it is.
func (s *Store) identify(ctx context.Context, name, accountID, user string) (Account, error) {
	var out Account
	err := s.change(ctx, name, func(_ context.Context, r *Row) (*Row, error) {
		if r == nil {
			return nil, &NotFoundError{Name: name}
		}
		out = r.Account
		if r.AccountID == accountID && r.User == user {
			return r, nil
		}
		kept, err := s.keys.open(r)
		if err != nil {
			return r, err
		}
		out.AccountID, out.User = accountID, user
		return s.keys.seal(out, kept)
	})
	if err != nil {
		return Account{}, fmt.Errorf("note whose account %s is: %w", name, err)
	}
	return out, nil
}

// join drops an account in favour of the same one under another name, which
// remembers the seed so that it does not come back.
func (s *Store) join(ctx context.Context, into, name string) (Account, error) {
	var from *Row
	var tokens secrets
	err := s.change(ctx, name, func(_ context.Context, r *Row) (_ *Row, err error) {
		if from = r; r != nil {
			tokens, err = s.keys.open(r)
		}
		return r, err
	})
	var out Account
	if err == nil {
		err = s.change(ctx, into, func(_ context.Context, r *Row) (*Row, error) {
			if r == nil { // then the sign-in that is left must not go
				return nil, &NotFoundError{Name: into}
			}
			joined, err := s.joined(r, from, tokens)
			if err != nil {
				return r, err
			}
			out = joined.Account
			return joined, nil
		})
	}
	if err == nil && from != nil {
		err = s.Remove(ctx, name)
	}
	if err != nil {
		return Account{}, fmt.Errorf("join account %s with %s: %w", name, into, err)
	}
	return out, nil
}

// joined is an account's row after another of the same user was joined with it.
func (s *Store) joined(r, from *Row, tokens secrets) (*Row, error) {
	switch {
	case from == nil, from.SeedHash != "" && from.SeedHash == r.SeedHash: // it was joined before
		return r, nil
	case from.RefusedAt.IsZero() && (r.Guessed || !r.RefusedAt.IsZero()):
		out := from.Account
		out.Name, out.AccountID, out.User = r.Name, r.AccountID, r.User
		out.RefusedAt, out.Excused = time.Time{}, false
		return s.keys.seal(out, tokens)
	case from.SeedHash == "":
		return r, nil
	}
	out := *r
	out.SeedHash = from.SeedHash
	return &out, nil
}
