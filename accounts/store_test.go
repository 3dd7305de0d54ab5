package accounts_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tracklake/tracklake/accounts"
	"github.com/tracklake/tracklake/extract"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	keyOne = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	keyTwo = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
)

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
	s := accounts.New(accounts.NewFolder(filepath.Join(t.TempDir(), "a")), nil, nil)
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
	var other *accounts.OtherUserError
	if !errors.As(err, &other) || other.Advice().Step != accounts.SignIn {
		t.Errorf("somebody else as anna: %v", err)
	}
	if _, err := s.Connect(t.Context(), accounts.Connection{Name: "bob", AccountID: "a2"}); err == nil || !strings.Contains(err.Error(), "connected already, as anna") {
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
	var missing *accounts.NotFoundError
	if err := s.Remove(t.Context(), "anna"); !errors.As(err, &missing) {
		t.Errorf("error = %v", err)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	s := accounts.New(accounts.NewFolder(filepath.Join(t.TempDir(), "a")), nil, nil)
	connect(t, s, "anna", "sam") // an account_id that is another's name
	connect(t, s, "sam", "a2")
	if err := s.Seed(t.Context(), "client", "", "token"); err != nil { // nobody knows yet whose it is
		t.Fatal(err)
	}
	for name, want := range map[string]string{"anna": "anna", "sam": "sam", "a2": "sam", "default": "default", "": "", "aSam": ""} {
		a, err := s.Find(t.Context(), name)
		var missing *accounts.NotFoundError
		if a.Name != want || (want == "") != errors.As(err, &missing) {
			t.Errorf("%q: found %q, %v", name, a.Name, err)
		}
	}
}

func TestSeedAndIdentify(t *testing.T) {
	t.Parallel()
	s := accounts.New(accounts.NewFolder(filepath.Join(t.TempDir(), "a")), nil, nil)
	seed := func(token string) {
		t.Helper()
		if err := s.Seed(t.Context(), "client", "", token); err != nil {
			t.Fatal(err)
		}
	}
	seed("one")
	if _, err := s.Identify(t.Context(), accounts.SeedName, "a1", "One"); err != nil {
		t.Fatal(err)
	}
	seed("one")
	if a, err := s.Find(t.Context(), "a1"); err != nil || a.Name != accounts.SeedName || !a.Guessed || a.User != "One" {
		t.Errorf("%+v, %v", a, err)
	}
	seed("two") // the user has signed in again
	if got, _ := refresh(t, s, accounts.SeedName); got != "two" {
		t.Errorf("the store kept %q", got)
	}
	// The same account signs in by itself: the seed goes, and stays away.
	connect(t, s, "sam", "a1")
	if a, err := s.Identify(t.Context(), accounts.SeedName, "a1", "One"); err != nil || a.Name != "sam" {
		t.Errorf("%+v, %v", a, err)
	}
	seed("two")
	all, err := s.List(t.Context())
	if err != nil || len(all) != 1 || all[0].Name != "sam" {
		t.Errorf("%+v, %v", all, err)
	}
	if got, _ := refresh(t, s, "sam"); got != "refresh-a1" {
		t.Errorf("the store kept %q", got)
	}
}

func TestASeedReplacesNoSignIn(t *testing.T) {
	t.Parallel()
	s := accounts.New(accounts.NewFolder(filepath.Join(t.TempDir(), "a")), nil, nil)
	connect(t, s, accounts.SeedName, "a1")
	var ignored *accounts.SeedIgnoredError
	if err := s.Seed(t.Context(), "client", "", "one"); !errors.As(err, &ignored) || ignored.Advice().Step != accounts.Remove {
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
	if err := s.Seed(t.Context(), "client", "", "two"); !errors.As(err, &ignored) {
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
	b := accounts.NewFolder(filepath.Join(t.TempDir(), "a"))
	ctx := t.Context()
	first := accounts.New(b, keys(t, keyOne), nil)
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
	if got, err := refresh(t, first, "sam"); got != "refresh-a1" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for name, s := range map[string]*accounts.Store{"no key": accounts.New(b, nil, nil), "another key": accounts.New(b, keys(t, keyTwo), nil)} {
		_, err := refresh(t, s, "sam")
		var told *accounts.Error
		if !errors.As(err, &told) || !strings.Contains(told.Next.Text, "EXPORTER_TOKEN_KEY") {
			t.Errorf("%s: %v", name, err)
		}
		if all, err := s.List(ctx); err != nil || len(all) != 2 {
			t.Errorf("%s: listing needs no key: %v", name, err)
		}
	}

	// Rotation: the new key first, the old one behind it.
	both := accounts.New(b, keys(t, keyTwo+","+keyOne), nil)
	if n, err := both.Rekey(ctx); n != 2 || err != nil {
		t.Errorf("%d were encrypted anew, %v", n, err)
	}
	if n, err := both.Rekey(ctx); n != 0 || err != nil {
		t.Errorf("%d were encrypted once more, %v", n, err)
	}
	if got, err := refresh(t, accounts.New(b, keys(t, keyTwo), nil), "anna"); got != "refresh-a2" || err != nil {
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
	b := accounts.NewFolder(filepath.Join(t.TempDir(), "a"))
	connect(t, accounts.New(b, keys(t, keyOne), nil), "sam", "a1")
	before, err := b.Rows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, k := range map[string]*accounts.Keys{"no key": nil, "another key": keys(t, keyTwo)} {
		s := accounts.New(b, k, nil)
		step := accounts.Rekey
		if k.Empty() {
			step = accounts.Remove
		}
		_, further := s.Connect(t.Context(), accounts.Connection{Name: "anna", AccountID: "a2"})
		_, again := s.Connect(t.Context(), accounts.Connection{Name: "sam", AccountID: "a1"})
		for what, err := range map[string]error{
			"checking": s.Check(t.Context()), "connecting another": further, "signing in again": again, "seeding": s.Seed(t.Context(), "client", "", "token"),
		} {
			var told *accounts.Error
			if !errors.As(err, &told) || !strings.Contains(told.Next.Text, "EXPORTER_TOKEN_KEY") || told.Next.Step != step || told.Next.Account != "sam" {
				t.Errorf("%s with %s: %v", what, name, err)
			}
		}
	}
	if after, err := b.Rows(t.Context()); err != nil || !reflect.DeepEqual(before, after) {
		t.Errorf("%v became %v, %v", before, after, err)
	}
	// With the old key behind the new one, and with nothing left of the old one.
	connect(t, accounts.New(b, keys(t, keyTwo+","+keyOne), nil), "anna", "a2")
	s := accounts.New(b, keys(t, keyTwo), nil)
	if err := s.Remove(t.Context(), "sam"); err != nil {
		t.Fatal(err)
	}
	connect(t, s, "sam", "a1")
}

func TestSealedAccountsCannotBeSwapped(t *testing.T) {
	t.Parallel()
	b := accounts.NewFolder(filepath.Join(t.TempDir(), "a"))
	s := accounts.New(b, keys(t, keyOne), nil)
	connect(t, s, "sam", "a1")
	connect(t, s, "anna", "a2")
	rows, err := b.Rows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	anna := rows[0]
	for name, swap := range map[string]func(*accounts.Row){
		"another's tokens": func(r *accounts.Row) { r.Sealed = anna.Sealed },
		"another account":  func(r *accounts.Row) { r.AccountID = "a2" },
		"another app":      func(r *accounts.Row) { r.ClientID = "theirs" },
		"a changed byte":   func(r *accounts.Row) { r.Sealed = append([]byte{r.Sealed[0] ^ 1}, r.Sealed[1:]...) },
		"nothing":          func(r *accounts.Row) { r.Sealed = nil },
	} {
		var before accounts.Row
		change := func(f func(accounts.Row) accounts.Row) {
			t.Helper()
			err := b.Change(t.Context(), "sam", func(_ context.Context, r *accounts.Row) (*accounts.Row, error) {
				out := f(*r)
				return &out, nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		change(func(r accounts.Row) accounts.Row { before = r; swap(&r); return r })
		if got, err := refresh(t, s, "sam"); err == nil || got != "" {
			t.Errorf("%s: opened", name)
		}
		change(func(accounts.Row) accounts.Row { return before })
	}
	if _, err := refresh(t, s, "sam"); err != nil {
		t.Error(err)
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
