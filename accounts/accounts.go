// Package accounts keeps connected accounts: who they are, and the tokens with
// which they are read.
//
// Where they are kept is a [Backend]'s business: a folder of files here, a
// table of PostgreSQL in pgstore. What is secret about an account leaves the
// package only as an [extract.Token] or to be sealed. The package knows nothing
// of HTTP, of jobs, or of tables.
package accounts

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// An Account is a connected account. Nothing in it is secret.
type Account struct {
	Name       string    `json:"name"`       // what its owner calls it
	AccountID  string    `json:"account_id"` // empty until Spotify was asked
	User       string    `json:"user"`       // display name
	ClientID   string    `json:"client_id"`  // of the app that it signed in to
	Scopes     []string  `json:"scopes"`     // that were granted; nil when unknown
	SignedInAt time.Time `json:"signed_in_at"`
	// Guessed says that SignedInAt is when the token was first used, because
	// it came from outside: the user signed in then or before.
	Guessed   bool      `json:"signed_in_guessed,omitempty"`
	UsedAt    time.Time `json:"used_at,omitzero"`    // last refresh of the access token
	RefusedAt time.Time `json:"refused_at,omitzero"` // when Spotify said that the sign-in has ended
	// Excused says that the account was refused in an incident that is over: the
	// next refusal is no mistake.
	Excused  bool   `json:"excused,omitempty"`
	SeedHash string `json:"seed_sha256,omitempty"`
	// Problem says why the account cannot be used; then only its name is known,
	// and perhaps its AccountID.
	Problem error `json:"-"`
}

// A Row is an account as a backend keeps it.
type Row struct {
	Account
	KeyID  string `json:"key_id,omitempty"` // of the key that sealed; empty: not encrypted
	Sealed []byte `json:"secrets"`
	// Reserve makes sure that a row can be kept in place of this one, as far as
	// that can be known. Only rows that a Change hands out have it, and it may
	// be nil there.
	Reserve func(context.Context) error `json:"-"`
}

// A Backend keeps rows durably, also among several processes.
type Backend interface {
	// Rows returns all rows, by name. One that cannot be used has its name and
	// the Problem, and is in nobody's way; its AccountID is there if it can be
	// relied on.
	Rows(ctx context.Context) ([]Row, error)
	// Change hands f the row of a name, or nil, while nobody else changes that
	// row, and keeps what f returns durably before it returns. The same
	// pointer means that nothing changed, nil that the row is deleted. An
	// error of f is returned and changes nothing. A row keeps its name.
	Change(ctx context.Context, name string, f func(context.Context, *Row) (*Row, error)) error
	// ChangePause does the same with the pause of all refreshing.
	ChangePause(ctx context.Context, f func(context.Context, Pause) (Pause, error)) error
	// Alone runs f, which may use the backend, while nobody else is in an Alone.
	Alone(ctx context.Context, f func(context.Context) error) error
	// Check tries whether a row, encrypted or not, could be kept. It leaves
	// everything as it was.
	Check(ctx context.Context, encrypted bool) error
}

// A Store keeps accounts. It is safe for concurrent use.
type Store struct {
	backend Backend
	keys    *Keys
	now     func() time.Time
	unsaved unsaved
}

// New returns a store. Keys may be nil: then secrets are kept as they are, and
// the backend must see to it that nobody else reads them. now may be nil.
func New(b Backend, keys *Keys, now func() time.Time) *Store {
	if keys == nil {
		keys = &Keys{}
	}
	if now == nil {
		now = time.Now
	}
	return &Store{backend: b, keys: keys, now: now}
}

// CheckRow tells why a row cannot be that of a name, or nil. There may be none.
func CheckRow(name string, r *Row) error {
	switch {
	case r == nil:
		return nil
	case r.Problem != nil:
		return r.Problem
	case r.Name != name:
		return &Error{
			Message: fmt.Sprintf("what is kept as account %s belongs to account %q: it was copied or renamed, so it is not used", name, r.Name),
			Next:    Advice{"find out who did that, then remove it and sign in again", Remove, name},
		}
	}
	return nil
}

// change changes a row that can be used.
func (s *Store) change(ctx context.Context, name string, f func(context.Context, *Row) (*Row, error)) error {
	return s.backend.Change(ctx, name, func(ctx context.Context, r *Row) (*Row, error) { //nolint:wrapcheck // the caller says what was done
		if err := CheckRow(name, r); err != nil {
			return r, err
		}
		return f(ctx, r)
	})
}

// Check tells why a sign-in could not be kept, or nil, and leaves everything as
// it was.
func (s *Store) Check(ctx context.Context) error {
	if _, err := s.writable(ctx); err != nil {
		return err
	}
	if err := s.backend.Check(ctx, !s.keys.Empty()); err != nil {
		return fmt.Errorf("try whether a sign-in can be kept: %w", err)
	}
	return nil
}

// writable lists all accounts. It is an error when one is sealed with a key that
// is not held: the next one would be sealed otherwise, or not at all, and nobody
// would notice.
func (s *Store) writable(ctx context.Context) ([]Account, error) {
	rows, err := s.backend.Rows(ctx)
	if err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	out := make([]Account, len(rows))
	for i, r := range rows {
		if r.Problem == nil && !s.keys.hold(r.KeyID) {
			return nil, s.keys.missing(&r)
		}
		out[i] = r.Account
	}
	return out, nil
}

// List returns all accounts, by name. It needs no key.
func (s *Store) List(ctx context.Context) ([]Account, error) {
	rows, err := s.backend.Rows(ctx)
	if err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	out := make([]Account, len(rows))
	for i, r := range rows {
		out[i] = r.Account
	}
	return out, nil
}

// Find returns the account of that name, else of that account_id, or a
// *NotFoundError.
func (s *Store) Find(ctx context.Context, name string) (Account, error) {
	all, err := s.List(ctx)
	if err != nil {
		return Account{}, err
	}
	i := slices.IndexFunc(all, func(a Account) bool { return a.Name == name })
	if i < 0 && name != "" {
		i = slices.IndexFunc(all, func(a Account) bool { return a.AccountID == name })
	}
	if i >= 0 {
		return all[i], nil
	}
	missing := &NotFoundError{Name: name}
	for _, a := range all {
		missing.Known = append(missing.Known, a.Name)
	}
	return Account{}, missing
}

// Remove forgets an account with its tokens. Spotify is not told; the user can
// remove the app at https://www.spotify.com/account/apps/.
func (s *Store) Remove(ctx context.Context, name string) error {
	found := false
	err := s.backend.Change(ctx, name, func(_ context.Context, r *Row) (*Row, error) {
		found = r != nil
		return nil, nil
	})
	if err != nil {
		return fmt.Errorf("remove account %s: %w", name, err)
	}
	if !found {
		return &NotFoundError{Name: name}
	}
	return nil
}

// Rekey seals every account's secrets with the newest key, and returns how many
// were sealed otherwise before. It goes on after one that cannot be opened.
func (s *Store) Rekey(ctx context.Context) (int, error) {
	all, err := s.List(ctx)
	if err != nil {
		return 0, err
	}
	changed := 0
	var failed []error
	for _, a := range all {
		err := s.change(ctx, a.Name, func(_ context.Context, r *Row) (*Row, error) {
			if r == nil || r.KeyID == s.keys.newest() {
				return r, nil
			}
			secrets, err := s.keys.open(r)
			if err != nil {
				return r, err
			}
			changed++
			return s.keys.seal(r.Account, secrets)
		})
		if err != nil {
			failed = append(failed, fmt.Errorf("rekey account %s: %w", a.Name, err))
		}
	}
	return changed, errors.Join(failed...)
}

// CheckName refuses names that would be awkward in commands and file names.
func CheckName(name string) error {
	if !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`).MatchString(name) {
		return fmt.Errorf("account name %q: use up to 64 letters, digits, dots, - and _", name)
	}
	return nil
}

// nameFrom makes a name of an id of Spotify's.
func nameFrom(id string) string {
	name := regexp.MustCompile(`[^A-Za-z0-9._-]+`).ReplaceAllString(id, "-")
	name = strings.TrimLeft(name, "-._")
	if name == "" {
		return "account"
	}
	return name[:min(len(name), 64)]
}
