package accounts_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/crypto/chacha20poly1305"

	"github.com/tracklake/tracklake/accounts"
	"github.com/tracklake/tracklake/extract"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	keyOne = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	keyTwo = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
)

func folder(t *testing.T) *accounts.Folder {
	t.Helper()
	return accounts.NewFolder(filepath.Join(t.TempDir(), "accounts"))
}

// services are those of accounts that are used with none.
func services() accounts.Services {
	return accounts.Services{API: "https://api.test/v1", Accounts: "https://accounts.test"}
}

// store returns a store with keys, or with none.
func store(t *testing.T, b accounts.Backend, text string) *accounts.Store {
	t.Helper()
	o := accounts.Options{Services: services()}
	if text != "" {
		o.Keys = keys(t, text)
	}
	return accounts.New(b, o)
}

// hint is what an error tells the user to do.
func hint(err error) string {
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		return hinted.Hint()
	}
	return ""
}

func keys(t *testing.T, text string) *accounts.Keys {
	t.Helper()
	k, err := accounts.ParseKeys(text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func connect(t *testing.T, s *accounts.Store, name, id string) accounts.Account {
	t.Helper()
	a, err := s.Connect(t.Context(), accounts.Connection{
		Name: name, AccountID: id, UserID: "user " + id, User: "The " + id, ClientID: "client", ClientSecret: "secret-" + id,
		Token: extract.Token{RefreshToken: "refresh-" + id, SignedInAt: time.Now(), Scopes: []string{"a"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// refresh returns the refresh token that is kept of an account.
func refresh(t *testing.T, s *accounts.Store, name string) (string, error) {
	t.Helper()
	out := ""
	_, err := s.Tokens(name).Renew(t.Context(), "", func(_ context.Context, kept extract.Token) (extract.Token, error) {
		out = kept.RefreshToken
		kept.AccessToken, kept.RenewAt = "", time.Time{}
		return kept, nil
	})
	return out, err
}

func TestConnect(t *testing.T) {
	t.Parallel()
	s := store(t, folder(t), "")
	if a := connect(t, s, "", "a1"); a.Name != "user-a1" {
		t.Errorf("name %q", a.Name)
	}
	connect(t, s, "anna", "a2")
	if a := connect(t, s, "", "a2"); a.Name != "anna" {
		t.Errorf("a known account became %q", a.Name)
	}
	if a := connect(t, s, "a2", "a2"); a.Name != "anna" {
		t.Errorf("an account named by its id became %q", a.Name)
	}
	_, err := s.Connect(t.Context(), accounts.Connection{Name: "anna", AccountID: "a3"})
	if err == nil || !strings.Contains(err.Error(), "account anna belongs to a2") || !strings.HasSuffix(hint(err), "sign in again: exporter login --account anna") {
		t.Errorf("somebody else as anna: %v", err)
	}
	if _, err := s.Connect(t.Context(), accounts.Connection{Name: "bob", AccountID: "a2"}); err == nil || !strings.Contains(err.Error(), "already connected as account anna") || hint(err) != "sign in again under that name: exporter login --account anna" {
		t.Errorf("anna as bob: %v", err)
	}
	if _, err := s.Connect(t.Context(), accounts.Connection{Name: "../x", AccountID: "a4"}); err == nil {
		t.Error("a name that leads elsewhere was taken")
	}
	if got, err := refresh(t, s, "anna"); got != "refresh-a2" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if err := s.Remove(t.Context(), "anna"); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(t.Context(), "anna"); !errors.Is(err, accounts.ErrNotFound) {
		t.Errorf("error = %v", err)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	s := store(t, folder(t), "")
	connect(t, s, "anna", "sam") // an account_id that is another's name
	connect(t, s, "sam", "a2")
	if err := s.Seed(t.Context(), "client", "", "token"); err != nil { // nobody knows yet whose it is
		t.Fatal(err)
	}
	for name, want := range map[string]string{"anna": "anna", "sam": "sam", "a2": "sam", "default": "default", "": "", "aSam": ""} {
		a, err := s.Find(t.Context(), name)
		if a.Name != want || (want == "") != errors.Is(err, accounts.ErrNotFound) {
			t.Errorf("%q: found %q, %v", name, a.Name, err)
		}
	}
}

func TestSeedAndIdentify(t *testing.T) {
	t.Parallel()
	s := store(t, folder(t), "")
	seed := func(token string) {
		t.Helper()
		if err := s.Seed(t.Context(), "client", "", token); err != nil {
			t.Fatal(err)
		}
	}
	seed("one")
	if err := s.Identify(t.Context(), accounts.SeedName, "a1", "One"); err != nil {
		t.Fatal(err)
	}
	seed("one")
	if a, err := s.Find(t.Context(), "a1"); err != nil || a.Name != accounts.SeedName || !a.Guessed || a.User != "One" {
		t.Errorf("%+v, %v", a, err)
	}
	seed("two") // the user has signed in again, or somebody else has
	if got, _ := refresh(t, s, accounts.SeedName); got != "two" {
		t.Errorf("the store has %q", got)
	}
	if _, err := s.Find(t.Context(), "a1"); !errors.Is(err, accounts.ErrNotFound) {
		t.Errorf("it is known whose the new token is: %v", err)
	}
}

// TestASeedOfSomebodyConnected finds out at the first run that a token of the
// environment is of a user who signed in.
func TestASeedOfSomebodyConnected(t *testing.T) {
	t.Parallel()
	s := store(t, folder(t), "")
	connect(t, s, "sam", "a1")
	if err := s.Seed(t.Context(), "client", "", "one"); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{s.Identify(t.Context(), accounts.SeedName, "a1", "One"), s.Check(t.Context(), accounts.SeedName)} {
		if err == nil || !strings.Contains(err.Error(), "account default is the same Spotify user as account sam") || !strings.HasSuffix(hint(err), ": exporter accounts remove default") {
			t.Errorf("error = %v", err)
		}
	}
	if err := s.Identify(t.Context(), "sam", "a1", "One"); err != nil { // the sign-in precedes, though its name does not
		t.Error(err)
	}
	all, err := s.List(t.Context())
	if err != nil || len(all) != 2 || all[0].Problem == nil || all[1].Problem != nil {
		t.Errorf("%+v, %v", all, err)
	}
	if a, err := s.Find(t.Context(), "a1"); err != nil || a.Name != "sam" {
		t.Errorf("%+v, %v", a, err)
	}
	if a := connect(t, s, "", "a1"); a.Name != "sam" {
		t.Errorf("signed in again as %s", a.Name)
	}
	if err := s.Remove(t.Context(), accounts.SeedName); err != nil {
		t.Fatal(err)
	}
	if all, err := s.List(t.Context()); err != nil || len(all) != 1 || all[0].Problem != nil {
		t.Errorf("%+v, %v", all, err)
	}
}

// TestOneUserIsUsedOnce signs one user in under many names at once.
func TestOneUserIsUsedOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "accounts")
	var work sync.WaitGroup
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		work.Go(func() { // each as a process of its own
			_, err := store(t, accounts.NewFolder(path), "").Connect(t.Context(), accounts.Connection{Name: name, AccountID: "aSam"})
			if err != nil && !strings.Contains(err.Error(), "already connected as") {
				t.Error(err)
			}
		})
	}
	work.Wait()
	all, err := store(t, accounts.NewFolder(path), "").List(t.Context())
	usable := slices.DeleteFunc(slices.Clone(all), func(a accounts.Account) bool { return a.Problem != nil })
	if err != nil || len(usable) != 1 {
		t.Errorf("%d of %d accounts are used, %v", len(usable), len(all), err)
	}
}

func TestASeedReplacesNoSignIn(t *testing.T) {
	t.Parallel()
	s := store(t, folder(t), "")
	connect(t, s, accounts.SeedName, "a1")
	if err := s.Seed(t.Context(), "client", "", "one"); !errors.Is(err, accounts.ErrSeedIgnored) || !strings.HasSuffix(hint(err), ": exporter accounts remove default") {
		t.Errorf("error = %v", err)
	}
	if got, err := refresh(t, s, accounts.SeedName); got != "refresh-a1" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	// A seeded account that was signed in since is a sign-in, too.
	if err := s.Remove(t.Context(), accounts.SeedName); err != nil {
		t.Fatal(err)
	}
	if err := s.Seed(t.Context(), "client", "", "one"); err != nil {
		t.Fatal(err)
	}
	connect(t, s, accounts.SeedName, "a1")
	if err := s.Seed(t.Context(), "client", "", "one"); err != nil {
		t.Errorf("the seed that it came from: %v", err)
	}
	if err := s.Seed(t.Context(), "client", "", "two"); !errors.Is(err, accounts.ErrSeedIgnored) {
		t.Errorf("another seed: %v", err)
	}
	if got, err := refresh(t, s, accounts.SeedName); got != "refresh-a1" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestKeysAreRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "hunter2", "hunter2-hunter2-hunter2-hunter2-hunter2-hunter2", keyOne + ",short", strings.Repeat("0", 63)} {
		if _, err := accounts.ParseKeys(text); err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "openssl rand -base64 32") {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{keyOne, " " + keyTwo + "\n", keyOne + "," + keyTwo, keyTwo + "\n" + keyOne} {
		if k := keys(t, text); k.Empty() || strings.Contains(fmt.Sprintf("%v %+v %#v %s", k, k, k, slog.AnyValue(k).Resolve()), keyOne) {
			t.Errorf("%q", text)
		}
	}
}

func TestSealedAccounts(t *testing.T) {
	t.Parallel()
	b := folder(t)
	ctx := t.Context()
	first := store(t, b, keyOne)
	connect(t, first, "sam", "a1")
	connect(t, first, "anna", "a2")
	rows, err := b.Rows(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if strings.Contains(string(r.Sealed), "refresh") || r.KeyID == "" {
			t.Errorf("%s is not encrypted", r.Name)
		}
	}
	if bytes.Equal(rows[0].Sealed[:chacha20poly1305.NonceSizeX], rows[1].Sealed[:chacha20poly1305.NonceSizeX]) {
		t.Error("two accounts were encrypted with one nonce")
	}
	if got, err := refresh(t, first, "sam"); got != "refresh-a1" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for name, s := range map[string]*accounts.Store{"no key": store(t, b, ""), "another key": store(t, b, keyTwo)} {
		_, err := refresh(t, s, "sam")
		if !strings.Contains(hint(err), "EXPORTER_TOKEN_KEY") {
			t.Errorf("%s: %v", name, err)
		}
		if all, err := s.List(ctx); err != nil || len(all) != 2 {
			t.Errorf("%s: listing needs no key: %v", name, err)
		}
	}

	// Rotation: the new key first, the old one behind it.
	both := store(t, b, keyTwo+","+keyOne)
	if n, err := both.Rekey(ctx); n != 2 || err != nil {
		t.Errorf("%d were encrypted again, %v", n, err)
	}
	if n, err := both.Rekey(ctx); n != 0 || err != nil {
		t.Errorf("%d were encrypted once more, %v", n, err)
	}
	if got, err := refresh(t, store(t, b, keyTwo), "anna"); got != "refresh-a2" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if secret, err := both.ClientSecret(ctx, "anna"); secret != "secret-a2" || err != nil {
		t.Errorf("%q, %v", secret, err)
	}
}

// TestEncryptionIsNotChangedUnnoticed signs in with no key and with another one
// where accounts are encrypted.
func TestEncryptionIsNotChangedUnnoticed(t *testing.T) {
	t.Parallel()
	b := folder(t)
	connect(t, store(t, b, keyOne), "sam", "a1")
	before, err := b.Rows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]string{"no key": "", "another key": keyTwo} {
		s := store(t, b, key)
		command := ": exporter accounts rekey"
		if key == "" {
			command = ": exporter accounts remove sam"
		}
		_, further := s.Connect(t.Context(), accounts.Connection{Name: "anna", AccountID: "a2"})
		_, again := s.Connect(t.Context(), accounts.Connection{Name: "sam", AccountID: "a1"})
		for what, err := range map[string]error{
			"checking": s.Check(t.Context(), ""), "connecting another": further, "signing in again": again, "seeding": s.Seed(t.Context(), "client", "", "token"),
		} {
			if !strings.Contains(hint(err), "EXPORTER_TOKEN_KEY") || !strings.HasSuffix(hint(err), command) {
				t.Errorf("%s with %s: %v", what, name, err)
			}
		}
	}
	if after, err := b.Rows(t.Context()); err != nil || !reflect.DeepEqual(before, after) {
		t.Errorf("%v became %v, %v", before, after, err)
	}
	// With the old key behind the new one, and with nothing left of the old one.
	connect(t, store(t, b, keyTwo+","+keyOne), "anna", "a2")
	s := store(t, b, keyTwo)
	if err := s.Remove(t.Context(), "sam"); err != nil {
		t.Fatal(err)
	}
	connect(t, s, "sam", "a1")
}

// alter changes the stored row of an account.
func alter(t *testing.T, b accounts.Backend, name string, f func(*accounts.Row)) {
	t.Helper()
	err := b.Change(t.Context(), name, func(_ context.Context, r *accounts.Row) (*accounts.Row, error) {
		out := *r
		f(&out)
		return &out, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSealedAccountsCannotBeSwapped(t *testing.T) {
	t.Parallel()
	for name, swap := range map[string]func(sam, anna *accounts.Row){
		"another's tokens": func(sam, anna *accounts.Row) { sam.Sealed = anna.Sealed },
		"another account":  func(sam, anna *accounts.Row) { sam.AccountID = anna.AccountID },
		"another app":      func(sam, _ *accounts.Row) { sam.ClientID = "theirs" },
		"another name": func(sam, anna *accounts.Row) {
			sam.Sealed, sam.AccountID = anna.Sealed, anna.AccountID
		},
		"a changed byte": func(sam, _ *accounts.Row) { sam.Sealed[0] ^= 1 },
		"nothing":        func(sam, _ *accounts.Row) { sam.Sealed = nil },
		"no encryption":  func(sam, _ *accounts.Row) { sam.KeyID, sam.Sealed = "", []byte(`{"refresh_token":"theirs"}`) },
	} {
		b := folder(t)
		s := store(t, b, keyOne)
		connect(t, s, "sam", "a1")
		connect(t, s, "anna", "a2")
		rows, err := b.Rows(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		alter(t, b, "sam", func(r *accounts.Row) { swap(r, &rows[0]) })
		if err := s.Remove(t.Context(), "anna"); err != nil { // nobody else is that user
			t.Fatal(err)
		}
		if got, err := refresh(t, s, "sam"); err == nil || got != "" {
			t.Errorf("%s: %q was used", name, got)
		}
	}
}

// TestEncryptionOfWhatWasThere encrypts, when a key is set, what was stored before:
// because the user says so, not because it is read.
func TestEncryptionOfWhatWasThere(t *testing.T) {
	t.Parallel()
	b := folder(t)
	connect(t, store(t, b, ""), "sam", "a1")
	s := store(t, b, keyOne)
	if _, err := refresh(t, s, "sam"); err == nil || !strings.HasSuffix(hint(err), ": exporter accounts rekey") {
		t.Errorf("error = %v", err)
	}
	if _, err := s.ClientSecret(t.Context(), "sam"); err == nil {
		t.Error("the secret was taken")
	}
	if n, err := s.Rekey(t.Context()); n != 1 || err != nil {
		t.Errorf("%d were encrypted, %v", n, err)
	}
	if got, err := refresh(t, s, "sam"); got != "refresh-a1" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// TestASignInBelongsToItsServices uses accounts with other addresses, and with
// records that say so.
func TestASignInBelongsToItsServices(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]string{"plain": "", "encrypted": keyOne} {
		for what, elsewhere := range map[string]accounts.Services{
			"another API":              {API: "https://evil.test/v1", Accounts: services().Accounts},
			"another Accounts service": {API: services().API, Accounts: "https://evil.test"},
		} {
			b := folder(t)
			connect(t, store(t, b, key), "sam", "a1")
			o := accounts.Options{Services: elsewhere}
			if key != "" {
				o.Keys = keys(t, key)
			}
			s := accounts.New(b, o)
			asked := false
			_, renewed := s.Tokens("sam").Renew(t.Context(), "", func(context.Context, extract.Token) (extract.Token, error) {
				asked = true
				return refuse(t.Context(), extract.Token{})
			})
			_, secret := s.ClientSecret(t.Context(), "sam")
			_, connected := s.Connect(t.Context(), accounts.Connection{AccountID: "a1"})
			all, listed := s.List(t.Context())
			if listed != nil || len(all) != 1 {
				t.Fatalf("%+v, %v", all, listed)
			}
			for doing, err := range map[string]error{
				"refresh": renewed, "secret": secret, "sign in": connected, "list": all[0].Problem,
				"identify": s.Identify(t.Context(), "sam", "a1", "Else"), "check": s.Check(t.Context(), "sam"),
			} {
				if err == nil || !strings.Contains(err.Error(), services().Accounts) || strings.Contains(err.Error(), "evil") || !strings.HasSuffix(hint(err), ": exporter accounts remove sam") {
					t.Errorf("%s, %s, %s: %v", name, what, doing, err)
				}
			}
			if asked {
				t.Errorf("%s, %s: the token was presented", name, what)
			}
			a, err := store(t, b, key).Find(t.Context(), "sam")
			if err != nil || a.Problem != nil || !a.RefusedAt.IsZero() || a.User != "The a1" {
				t.Errorf("%s, %s: it became %+v, %v", name, what, a, err)
			}
			// A record that was changed to look like one of these services.
			alter(t, b, "sam", func(r *accounts.Row) { r.Services = elsewhere })
			if got, err := refresh(t, s, "sam"); key != "" && (err == nil || got != "") {
				t.Errorf("%s: the changed record was used", what)
			}
		}
	}
}

func TestUrgency(t *testing.T) {
	t.Parallel()
	signedIn := time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC)
	told := map[accounts.Urgency]int{}
	for day := range 200 {
		told[accounts.Account{SignedInAt: signedIn}.Urgency(signedIn.Add(time.Duration(day)*24*time.Hour))]++
	}
	// Six months have 181 days at least: 151 calm ones, then 23 that warn and 7
	// that are urgent. They have 184 at most, so that 3 more are urgent.
	want := map[accounts.Urgency]int{accounts.Calm: 151, accounts.Soon: 23, accounts.Urgent: 10, accounts.Ended: 16}
	for urgency, days := range want {
		if told[urgency] != days {
			t.Errorf("%q on %d days, want %d", urgency, told[urgency], days)
		}
	}
	if got := (accounts.Account{SignedInAt: signedIn, RefusedAt: signedIn}).Urgency(signedIn); got != accounts.Ended {
		t.Errorf("a refused one is %q", got)
	}
}

func TestDaysLeft(t *testing.T) {
	t.Parallel()
	signedIn := time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC) // ends on 2027-05-20 at three
	for now, want := range map[string]int{
		"2026-11-20T03:00:00Z":      181,
		"2027-05-18T23:59:59Z":      2,
		"2027-05-19T00:00:00Z":      1, // tomorrow, in 27 hours
		"2027-05-19T23:59:59Z":      1, // tomorrow, in three
		"2027-05-19T22:00:00-07:00": 0,
		"2027-05-20T02:00:00Z":      0,
		"2027-05-22T02:00:00Z":      0,
		"2027-07-01T00:00:00Z":      0,
	} {
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		if got := (accounts.Account{SignedInAt: signedIn}).DaysLeft(at); got != want {
			t.Errorf("%s: %d days left, want %d", now, got, want)
		}
	}
	if got := (accounts.Account{SignedInAt: signedIn, RefusedAt: signedIn}).DaysLeft(signedIn); got != 0 {
		t.Errorf("a refused one has %d days left", got)
	}
}
