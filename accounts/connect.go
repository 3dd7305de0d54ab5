package accounts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/tracklake/tracklake/extract"
)

// A Connection is what a sign-in brought.
type Connection struct {
	Name         string // empty: that of the account if it is known, else made of UserID
	AccountID    string
	UserID       string
	User         string // display name
	ClientID     string
	ClientSecret string // may be empty
	Token        extract.Token
}

// Connect keeps a sign-in. An account that is known already keeps its name and
// gets the new tokens.
func (s *Store) Connect(ctx context.Context, c Connection) (Account, error) {
	all, err := s.writable(ctx)
	if err != nil {
		return Account{}, err
	}
	name, err := chooseName(all, c)
	if err != nil {
		return Account{}, err
	}
	var kept Account
	err = s.backend.Change(ctx, name, func(_ context.Context, r *Row) (*Row, error) {
		seed := ""
		if CheckRow(name, r) == nil && r != nil { // one that cannot be used is mended so
			if r.AccountID != "" && r.AccountID != c.AccountID {
				return r, &OtherUserError{Name: name, Is: r.AccountID, Got: c.AccountID}
			}
			seed = r.SeedHash
		}
		kept = Account{
			Name: name, AccountID: c.AccountID, User: c.User, ClientID: c.ClientID, Scopes: c.Token.Scopes,
			SignedInAt: c.Token.SignedInAt.UTC(), UsedAt: s.now().UTC(), SeedHash: seed,
		}
		return s.keys.seal(kept, secrets{
			RefreshToken: c.Token.RefreshToken, AccessToken: c.Token.AccessToken, RenewAt: c.Token.RenewAt, ClientSecret: c.ClientSecret,
		})
	})
	if err != nil {
		return Account{}, fmt.Errorf("keep account %s: %w", name, err)
	}
	return kept, nil
}

// chooseName gives a known account its name, a new one the name asked for, or
// one that is free.
func chooseName(all []Account, c Connection) (string, error) {
	taken := map[string]bool{}
	for _, a := range all {
		taken[a.Name] = a.Problem == nil
		if a.AccountID == c.AccountID && (c.Name == "" || c.Name == a.Name || c.Name == a.AccountID) {
			return a.Name, nil
		}
		if a.AccountID == c.AccountID {
			return "", twice(all, c.Name, a.Name)
		}
	}
	if c.Name != "" {
		return c.Name, CheckName(c.Name)
	}
	name := nameFrom(c.UserID)
	for n := 2; taken[name]; n++ {
		name = fmt.Sprintf("%s-%d", nameFrom(c.UserID), n)
	}
	return name, nil
}

// twice says that an account has a name already. Where somebody meant to mend
// another one that way, of which nobody knows whose it is, that one is to go.
func twice(all []Account, asked, known string) error {
	e := &Error{
		Message: fmt.Sprintf("this account is connected already, as %s", known),
		Next:    Advice{"sign in again under that name", SignIn, known},
	}
	if slices.ContainsFunc(all, func(a Account) bool { return a.Name == asked && a.AccountID == "" }) {
		e.Next = Advice{fmt.Sprintf("if %s was meant to be the same account, remove it", asked), Remove, asked}
	}
	return e
}

// SeedName is the name of the account whose refresh token came from the
// environment.
const SeedName = "default"

// Seed keeps a refresh token that came from the environment, unless it was kept
// before: then the store may know a newer one. A token that the store does not
// know replaces the one that was seeded last, but never a sign-in: then a
// *SeedIgnoredError is returned.
func (s *Store) Seed(ctx context.Context, clientID, clientSecret, refreshToken string) error {
	sum := sha256.Sum256([]byte("tracklake seed\x00" + refreshToken))
	hash := hex.EncodeToString(sum[:])
	all, err := s.List(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(all, func(a Account) bool { return a.SeedHash == hash }) {
		return nil
	}
	if _, err := s.writable(ctx); err != nil {
		return err
	}
	err = s.backend.Change(ctx, SeedName, func(_ context.Context, r *Row) (*Row, error) {
		switch {
		case CheckRow(SeedName, r) != nil: // it tells so by itself when it is used
			return r, nil
		case r != nil && r.SeedHash == hash: // another process was faster
			return r, nil
		case r != nil && !r.Guessed:
			return r, &SeedIgnoredError{}
		}
		return s.keys.seal(
			Account{Name: SeedName, ClientID: clientID, SignedInAt: s.now().UTC(), Guessed: true, SeedHash: hash},
			secrets{RefreshToken: refreshToken, ClientSecret: clientSecret})
	})
	if err != nil {
		return fmt.Errorf("keep the refresh token: %w", err)
	}
	return nil
}

// Identify notes whose account it is, once Spotify has told. If the same
// account is connected under another name as well, that sign-in wins and the
// seeded one goes; the account to use is returned.
func (s *Store) Identify(ctx context.Context, name, accountID, user string) (Account, error) {
	all, err := s.List(ctx)
	if err != nil {
		return Account{}, err
	}
	for _, a := range all {
		if a.AccountID == accountID && a.Name != name {
			return a, s.absorb(ctx, a.Name, name)
		}
	}
	var out Account
	err = s.change(ctx, name, func(_ context.Context, r *Row) (*Row, error) {
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

// absorb drops a seeded account in favour of the same one signed in, which
// remembers the seed so that it does not come back.
func (s *Store) absorb(ctx context.Context, into, seeded string) error {
	hash := ""
	err := s.change(ctx, seeded, func(_ context.Context, r *Row) (*Row, error) {
		if r == nil {
			return nil, nil
		}
		hash = r.SeedHash
		return r, nil
	})
	if err == nil {
		err = s.change(ctx, into, func(_ context.Context, r *Row) (*Row, error) {
			if r == nil || hash == "" {
				return r, nil
			}
			out := *r
			out.SeedHash = hash
			return &out, nil
		})
	}
	if err == nil {
		err = s.Remove(ctx, seeded)
	}
	if err != nil {
		return fmt.Errorf("join account %s with %s: %w", seeded, into, err)
	}
	return nil
}

// ClientSecret returns the secret of the app that an account signed in to;
// empty for apps without one.
func (s *Store) ClientSecret(ctx context.Context, name string) (string, error) {
	var secret string
	err := s.change(ctx, name, func(_ context.Context, r *Row) (*Row, error) {
		if r == nil {
			return nil, &NotFoundError{Name: name}
		}
		kept, err := s.keys.open(r)
		secret = kept.ClientSecret
		return r, err
	})
	if err != nil {
		return "", fmt.Errorf("read account %s: %w", name, err)
	}
	return secret, nil
}
