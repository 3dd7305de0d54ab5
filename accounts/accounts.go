// Package accounts stores connected accounts: who they are, and the tokens with
// which they are read.
//
// Where they are stored is the business of a [Backend]: a folder of files here, a
// table of PostgreSQL in pgstore. The secrets of an account leave the package only
// as an [extract.Token] or encrypted. The package knows nothing of HTTP, of jobs,
// or of tables.
package accounts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// An Account is a connected account. Nothing in it is secret.
type Account struct {
	Name       string    `json:"name"`       // chosen by its owner
	AccountID  string    `json:"account_id"` // empty until Spotify was asked
	User       string    `json:"user"`       // display name
	ClientID   string    `json:"client_id"`  // of the app that it signed in to
	Services             // that it signed in with; its tokens go nowhere else
	Scopes     []string  `json:"scopes"` // that were granted; nil when unknown
	SignedInAt time.Time `json:"signed_in_at"`
	// Guessed says that SignedInAt is when the token was first used, because
	// it came from outside: the user signed in then or before.
	Guessed bool      `json:"signed_in_guessed,omitempty"`
	UsedAt  time.Time `json:"used_at,omitzero"` // last refresh of the access token
	// RefusedAt and LastRefusedAt are when Spotify first and last refused the
	// refresh token. Both are zero while it is accepted.
	RefusedAt     time.Time `json:"refused_at,omitzero"`
	LastRefusedAt time.Time `json:"last_refused_at,omitzero"`
	SeedHash      string    `json:"seed_sha256,omitempty"`
	// Problem says why the account cannot be used. Then only its name is sure to
	// be known.
	Problem error `json:"-"`
}

// Services are the addresses that an account's tokens are sent to.
type Services struct {
	API      string `json:"api_url"`
	Accounts string `json:"accounts_url"`
}

// A Row is an account as a backend stores it.
type Row struct {
	Account
	KeyID  string `json:"key_id,omitempty"` // of the key that encrypted; empty: not encrypted
	Sealed []byte `json:"secrets"`
}

// A Backend stores rows durably. Several processes may use one store. Each of its
// methods ends, with an error, when something that it waits for takes too long.
type Backend interface {
	// Rows returns all rows, by name. A row that cannot be used has its name and
	// the Problem.
	Rows(ctx context.Context) ([]Row, error)
	// Change locks the row of a name, hands it to f, or nil, and stores what f
	// returns before it returns itself. The same pointer means that nothing
	// changed, nil that the row is deleted. An error of f is returned and changes
	// nothing. A row keeps its name.
	Change(ctx context.Context, name string, f func(context.Context, *Row) (*Row, error)) error
	// Check tries whether a row, encrypted or not, could be stored. It leaves
	// everything as it was.
	Check(ctx context.Context, encrypted bool) error
}

// Options describe a Store.
type Options struct {
	Services Services         // in use now
	Keys     *Keys            // nil: secrets are not encrypted, and the backend keeps them from others
	Now      func() time.Time // nil: time.Now
	Log      *slog.Logger     // for waits that take long; may be nil
}

// A Store holds accounts. It is safe for concurrent use.
type Store struct {
	backend  Backend
	services Services
	keys     *Keys
	now      func() time.Time
	log      *slog.Logger
	patience time.Duration // how long a wait takes before it is logged
}

// New returns a store.
func New(b Backend, o Options) *Store {
	s := &Store{backend: b, services: o.Services, keys: o.Keys, now: o.Now, log: o.Log, patience: 5 * time.Second}
	if s.keys == nil {
		s.keys = &Keys{}
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return s
}

// Slow logs what the caller waits for, if that takes longer than five seconds. The
// caller ends it.
func (s *Store) Slow(what string) (end func()) {
	told := make(chan struct{})
	timer := time.AfterFunc(s.patience, func() {
		defer close(told)
		s.log.Info("still waiting", "for", what)
	})
	return sync.OnceFunc(func() {
		if !timer.Stop() {
			<-told
		}
	})
}

// rows returns all rows, by name. Where a row cannot be used, its Problem says why.
func (s *Store) rows(ctx context.Context) ([]Row, error) {
	defer s.Slow("the list of accounts")()
	rows, err := s.backend.Rows(ctx)
	if err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	for i := range rows {
		rows[i].Problem = s.usable(rows[i].Name, &rows[i])
	}
	markDuplicates(rows)
	return rows, nil
}

// markDuplicates leaves one account of each Spotify user usable, so that nothing
// is exported twice. A sign-in takes precedence over a token of the environment.
func markDuplicates(rows []Row) {
	first := map[string]*Row{}
	usable := func(r *Row) bool { return r.Problem == nil && r.AccountID != "" }
	for i := range rows {
		r := &rows[i]
		if f := first[r.AccountID]; usable(r) && (f == nil || f.Guessed && !r.Guessed) {
			first[r.AccountID] = r
		}
	}
	for i := range rows {
		r := &rows[i]
		f := first[r.AccountID]
		if !usable(r) || f == r {
			continue
		}
		advice := "remove it: "
		if r.SeedHash != "" {
			advice = "take SPOTIFY_REFRESH_TOKEN out of the environment or .env, then remove the account: "
		}
		r.Problem = &Error{
			Message: fmt.Sprintf("account %s is the same Spotify user as account %s, so it is not used", r.Name, f.Name),
			Advice:  advice + removeCommand + r.Name,
		}
	}
}

// locked changes the row of a name, be it usable or not.
func (s *Store) locked(ctx context.Context, name string, f func(context.Context, *Row) (*Row, error)) error {
	end := s.Slow("the lock of account " + name)
	defer func() { end() }()
	return s.backend.Change(ctx, name, func(ctx context.Context, r *Row) (*Row, error) {
		end()
		out, err := f(ctx, r)
		end = s.Slow("account " + name + " to be stored")
		return out, err
	})
}

// change changes a row that can be used.
func (s *Store) change(ctx context.Context, name string, f func(context.Context, *Row) (*Row, error)) error {
	return s.locked(ctx, name, func(ctx context.Context, r *Row) (*Row, error) {
		if err := s.usable(name, r); err != nil {
			return r, err
		}
		return f(ctx, r)
	})
}

// usable returns why a row cannot be used as that of a name, or nil. There may be
// none.
func (s *Store) usable(name string, r *Row) error {
	if err := CheckRow(name, r); err != nil {
		return err
	}
	if r == nil || r.Services == s.services {
		return nil
	}
	return &Error{
		Message: fmt.Sprintf("account %s signed in with %q and %q; SPOTIFY_ACCOUNTS_URL or SPOTIFY_API_URL now says otherwise, so its sign-in is not used",
			name, r.Services.Accounts, r.Services.API),
		Advice: "set both to these addresses (unset, they are Spotify's), or remove the account and sign in again: " + removeCommand + name,
	}
}

// CheckRow returns why a row cannot be that of a name, or nil. There may be none.
func CheckRow(name string, r *Row) error {
	switch {
	case r == nil:
		return nil
	case r.Problem != nil:
		return r.Problem
	case r.Name != name:
		return &Error{
			Message: fmt.Sprintf("the record of account %s belongs to account %q: it was copied or renamed, so it is not used", name, r.Name),
			Advice:  "find out who did that, then remove the account and sign in again: " + removeCommand + name,
		}
	}
	return nil
}

// Check returns why a sign-in could not be stored under a name, or nil. The name
// may be empty. Check leaves everything as it was.
func (s *Store) Check(ctx context.Context, name string) error {
	rows, err := s.rows(ctx)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(rows, func(r Row) bool { return r.Name == name }); i >= 0 && rows[i].Problem != nil {
		return rows[i].Problem
	}
	if err := s.writable(rows); err != nil {
		return err
	}
	defer s.Slow("the store of accounts")()
	if err := s.backend.Check(ctx, !s.keys.Empty()); err != nil {
		return fmt.Errorf("check that a sign-in can be stored: %w", err)
	}
	return nil
}

// writable returns an error if a row was encrypted with a key that is not available:
// the next row would be encrypted differently or not at all, unnoticed.
func (s *Store) writable(rows []Row) error {
	for i := range rows {
		if !s.keys.hold(rows[i].KeyID) {
			return s.keys.missing(&rows[i])
		}
	}
	return nil
}

// List returns all accounts, by name. It needs no key.
func (s *Store) List(ctx context.Context) ([]Account, error) {
	rows, err := s.rows(ctx)
	return accountsOf(rows), err
}

func accountsOf(rows []Row) []Account {
	out := make([]Account, len(rows))
	for i, r := range rows {
		out[i] = r.Account
	}
	return out
}

// Find returns the account of a name, else of an account_id. Its error is
// [ErrNotFound] when there is none.
func (s *Store) Find(ctx context.Context, name string) (Account, error) {
	all, err := s.List(ctx)
	if err != nil {
		return Account{}, err
	}
	if i := slices.IndexFunc(all, func(a Account) bool { return a.Name == name }); i >= 0 {
		return all[i], nil
	}
	if a, ok := withID(all, name); ok {
		return a, nil
	}
	advice := "connect one: exporter login"
	if len(all) > 0 {
		var names []string
		for _, a := range all {
			names = append(names, a.Name)
		}
		advice = "these are connected: " + strings.Join(names, ", ")
	}
	return Account{}, notFound(name, advice)
}

// withID returns the account of an account_id, if there is one: of several the one
// that can be used.
func withID(all []Account, id string) (Account, bool) {
	found := slices.DeleteFunc(slices.Clone(all), func(a Account) bool { return a.AccountID != id || id == "" })
	if len(found) == 0 {
		return Account{}, false
	}
	return found[max(0, slices.IndexFunc(found, func(a Account) bool { return a.Problem == nil }))], true
}

func notFound(name, advice string) error {
	return &Error{Message: fmt.Sprintf("there is no account %q", name), Advice: advice, Err: ErrNotFound}
}

// Remove deletes an account with its tokens. Spotify does not know; the user can
// remove the app at https://www.spotify.com/account/apps/.
func (s *Store) Remove(ctx context.Context, name string) error {
	found := false
	err := s.locked(ctx, name, func(_ context.Context, r *Row) (*Row, error) {
		found = r != nil
		return nil, nil
	})
	if err != nil {
		return fmt.Errorf("remove account %s: %w", name, err)
	}
	if !found {
		return notFound(name, "")
	}
	return nil
}

// Rekey encrypts the secrets of every account with the newest key, and returns how
// many were not before. It continues after an account that cannot be decrypted.
func (s *Store) Rekey(ctx context.Context) (int, error) {
	rows, err := s.rows(ctx)
	if err != nil {
		return 0, err
	}
	changed := 0
	var failed []error
	for _, row := range rows {
		err := s.locked(ctx, row.Name, func(_ context.Context, r *Row) (*Row, error) {
			if err := CheckRow(row.Name, r); err != nil || r == nil || r.KeyID == s.keys.newest() {
				return r, err
			}
			secrets, err := s.keys.read(r)
			if err != nil {
				return r, err
			}
			changed++
			return s.keys.seal(r.Account, secrets)
		})
		if err != nil {
			failed = append(failed, fmt.Errorf("rekey account %s: %w", row.Name, err))
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
