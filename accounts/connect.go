package accounts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

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

// Connect stores a sign-in. An account that is connected already gets the new
// tokens, under the name that it has.
func (s *Store) Connect(ctx context.Context, c Connection) (Account, error) {
	rows, err := s.rows(ctx)
	if err != nil {
		return Account{}, err
	}
	if err := s.writable(rows); err != nil {
		return Account{}, err
	}
	name, err := chooseName(accountsOf(rows), c)
	if err != nil {
		return Account{}, err
	}
	out := Account{
		Name: name, AccountID: c.AccountID, User: c.User, ClientID: c.ClientID, Services: s.services, Scopes: c.Token.Scopes,
		SignedInAt: c.Token.SignedInAt.UTC(), UsedAt: s.now().UTC(),
	}
	err = s.change(ctx, name, func(_ context.Context, r *Row) (*Row, error) {
		if r != nil && r.AccountID != "" && r.AccountID != c.AccountID {
			return r, &Error{
				Message: fmt.Sprintf("you signed in as %s, but account %s belongs to %s; nothing was changed", c.AccountID, name, r.AccountID),
				Advice:  "log out of Spotify in the browser (https://www.spotify.com/logout), or choose another name, and sign in again: " + loginCommand + name,
			}
		}
		if r != nil {
			out.SeedHash = r.SeedHash
		}
		return s.keys.seal(out, secrets{
			RefreshToken: c.Token.RefreshToken, AccessToken: c.Token.AccessToken, RenewAt: c.Token.RenewAt, ClientSecret: c.ClientSecret,
		})
	})
	if err != nil {
		return Account{}, fmt.Errorf("store account %s: %w", name, err)
	}
	return out, nil
}

// chooseName returns the name of a connected account, or for a new one the name
// asked for, or one that is free.
func chooseName(all []Account, c Connection) (string, error) {
	known, ok := withID(all, c.AccountID)
	switch {
	case ok && (c.Name == "" || c.Name == known.Name || c.Name == c.AccountID):
		return known.Name, nil
	case ok:
		return "", &Error{
			Message: fmt.Sprintf("you signed in as %s, who is already connected as account %s; nothing was changed", c.AccountID, known.Name),
			Advice:  "sign in again under that name: " + loginCommand + known.Name,
		}
	case c.Name != "":
		return c.Name, CheckName(c.Name)
	}
	base := strings.TrimLeft(regexp.MustCompile(`[^A-Za-z0-9._-]+`).ReplaceAllString(c.UserID, "-"), "-._")
	if base == "" {
		base = "account"
	}
	base = base[:min(len(base), 60)]
	name := base
	for n := 2; slices.ContainsFunc(all, func(a Account) bool { return a.Name == name }); n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	return name, nil
}

// Identify stores whose account it is. It is an error if that Spotify user is connected
// under another name, which takes precedence.
func (s *Store) Identify(ctx context.Context, name, accountID, user string) error {
	err := s.change(ctx, name, func(_ context.Context, r *Row) (*Row, error) {
		if r == nil {
			return nil, errRemoved()
		}
		if r.AccountID == accountID && r.User == user {
			return r, nil
		}
		kept, err := s.keys.open(r)
		if err != nil {
			return r, err
		}
		out := r.Account
		out.AccountID, out.User = accountID, user
		return s.keys.seal(out, kept)
	})
	if err != nil {
		return fmt.Errorf("store whose account %s is: %w", name, err)
	}
	a, err := s.Find(ctx, name)
	if err != nil {
		return err
	}
	return a.Problem
}

// SeedName is the name of the account whose refresh token came from the
// environment.
const SeedName = "default"

// Seed stores a refresh token that came from the environment, unless it was stored
// before: then the store may know a newer one. It replaces the token that was
// seeded last, but never a sign-in. Its error is [ErrSeedIgnored] when the token is
// not stored because of that, or because it would be encrypted otherwise than
// those of other accounts; then other accounts may still be used.
func (s *Store) Seed(ctx context.Context, clientID, clientSecret, refreshToken string) error {
	sum := sha256.Sum256([]byte("tracklake seed\x00" + refreshToken))
	hash := hex.EncodeToString(sum[:])
	rows, err := s.rows(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(rows, func(r Row) bool { return r.SeedHash == hash }) {
		return nil
	}
	var missing *Error
	if errors.As(s.writable(rows), &missing) {
		return &Error{Message: "SPOTIFY_REFRESH_TOKEN is not used: " + missing.Message, Advice: missing.Advice, Err: ErrSeedIgnored}
	}
	err = s.locked(ctx, SeedName, func(_ context.Context, r *Row) (*Row, error) {
		switch {
		case s.usable(SeedName, r) != nil: // reported when it is used
			return r, nil
		case r != nil && r.SeedHash == hash: // another process was faster
			return r, nil
		case r != nil && !r.Guessed:
			return r, &Error{
				Message: "SPOTIFY_REFRESH_TOKEN is not used: you signed in as account " + SeedName + " yourself",
				Advice:  "take the variable out of the environment or .env; to use it instead of the sign-in, remove that: " + removeCommand + SeedName,
				Err:     ErrSeedIgnored,
			}
		}
		return s.keys.seal(
			Account{Name: SeedName, ClientID: clientID, Services: s.services, SignedInAt: s.now().UTC(), Guessed: true, SeedHash: hash},
			secrets{RefreshToken: refreshToken, ClientSecret: clientSecret})
	})
	if err != nil {
		return fmt.Errorf("store the refresh token: %w", err)
	}
	return nil
}

// ClientSecret returns the secret of the app that an account signed in to;
// empty for apps without one.
func (s *Store) ClientSecret(ctx context.Context, name string) (string, error) {
	rows, err := s.rows(ctx)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(rows, func(r Row) bool { return r.Name == name })
	if i < 0 {
		return "", notFound(name, "")
	}
	if rows[i].Problem != nil {
		return "", rows[i].Problem
	}
	kept, err := s.keys.open(&rows[i])
	return kept.ClientSecret, err
}
