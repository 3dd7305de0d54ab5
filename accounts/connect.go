package accounts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
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
	var kept Account
	err := s.backend.Alone(ctx, func(ctx context.Context) error {
		all, err := s.writable(ctx)
		if err != nil {
			return err
		}
		name, err := chooseName(all, c)
		if err != nil {
			return err
		}
		if kept, err = s.connect(ctx, name, c); err != nil {
			return fmt.Errorf("keep account %s: %w", name, err)
		}
		return nil
	})
	return kept, err //nolint:wrapcheck // it says all
}

// connect keeps a sign-in under a name, while nobody else connects an account.
func (s *Store) connect(ctx context.Context, name string, c Connection) (Account, error) {
	var kept Account
	err := s.backend.Change(ctx, name, func(_ context.Context, r *Row) (*Row, error) {
		if err := mendable(name, r); err != nil {
			return r, err
		}
		seed := ""
		if r != nil {
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
	return kept, err //nolint:wrapcheck // the caller says what was done
}

// Mendable tells why nobody can be signed in under a name, whoever that is, or
// nil. It leaves everything as it was.
func (s *Store) Mendable(ctx context.Context, name string) error {
	rows, err := s.backend.Rows(ctx)
	if err != nil {
		return fmt.Errorf("list accounts: %w", err)
	}
	for _, r := range rows {
		if r.Name == name {
			return mendable(name, &r)
		}
	}
	return nil
}

// mendable tells why nobody can be signed in over a row. Where it cannot be
// told whose that was, somebody else's exports could be mixed with it.
func mendable(name string, r *Row) error {
	problem := CheckRow(name, r)
	if problem == nil || r.Problem != nil && r.AccountID != "" {
		return nil
	}
	e := &Error{
		Message: fmt.Sprintf("it cannot be told whose account %s is, so nobody can be signed in over it: %v", name, problem),
		Next:    removeFirst(name),
	}
	var open *OpenFileError
	if errors.As(problem, &open) && open.Want != 0 {
		e.Next = open.Advice()
	}
	return e
}

// chooseName gives a known account its name, a new one the name asked for, or
// one that is free.
func chooseName(all []Account, c Connection) (string, error) {
	taken := map[string]bool{}
	for _, a := range all {
		taken[a.Name] = a.Problem == nil || a.AccountID != "" // another one is told of when it is met
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
// another one that way, of which nobody knows whose it is, that one is to be
// closed to others, or to go.
func twice(all []Account, asked, known string) error {
	e := &Error{
		Message: fmt.Sprintf("this account is connected already, as %s", known),
		Next:    Advice{"sign in again under that name", SignIn, known},
	}
	i := slices.IndexFunc(all, func(a Account) bool { return a.Name == asked && a.AccountID == "" })
	if i < 0 {
		return e
	}
	e.Next = Advice{fmt.Sprintf("if %s was meant to be the same account, remove it", asked), Remove, asked}
	var open *OpenFileError
	if errors.As(all[i].Problem, &open) && open.Want != 0 {
		e.Next = open.Advice()
	}
	return e
}

// SeedName is the name of the account whose refresh token came from the
// environment.
const SeedName = "default"

// Seed keeps a refresh token that came from the environment, unless it was kept
// before: then the store may know a newer one. A token that the store does not
// know replaces the one that was seeded last, but never a sign-in: then a
// *SeedIgnoredError is returned, as it is where the token would be sealed
// otherwise than those of another account.
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
	_, err = s.writable(ctx)
	var sealed *Error
	if errors.As(err, &sealed) { // the other accounts may go on
		return &SeedIgnoredError{Err: sealed}
	}
	if err != nil {
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
