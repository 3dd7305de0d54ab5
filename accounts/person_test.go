package accounts_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tracklake/tracklake/accounts"
	"github.com/tracklake/tracklake/extract"
)

// TestOnePersonHasOneName signs one person in under many names at once.
func TestOnePersonHasOneName(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "accounts")
	var work sync.WaitGroup
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		work.Go(func() { // each as a process of its own
			_, err := accounts.New(accounts.NewFolder(path), nil, nil).Connect(t.Context(), accounts.Connection{Name: name, AccountID: "aSam"})
			if err != nil && !strings.Contains(err.Error(), "connected already, as") {
				t.Error(err)
			}
		})
	}
	work.Wait()
	all, err := accounts.New(accounts.NewFolder(path), nil, nil).List(t.Context())
	if err != nil || len(all) != 1 {
		t.Errorf("%d accounts, %v", len(all), err)
	}
}

// TestSigningInWhileAFileIsOpenToOthers signs in who has a file that is not
// used.
func TestSigningInWhileAFileIsOpenToOthers(t *testing.T) {
	t.Parallel()
	f, path := one(t)
	s := accounts.New(f, nil, nil)
	connect(t, s, "anna", "aAnna")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Connect(t.Context(), accounts.Connection{Name: "other", AccountID: "aSam"}); err == nil || !strings.Contains(err.Error(), "connected already, as sam") {
		t.Errorf("a second name: %v", err)
	}
	if a := connect(t, s, "", "aSam"); a.Name != "sam" {
		t.Errorf("signed in again as %q", a.Name)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	// What others can write may name anybody.
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"aSam", "aAnna"} {
		_, err := s.Connect(t.Context(), accounts.Connection{Name: "sam", AccountID: id})
		var advised interface{ Advice() accounts.Advice }
		if !errors.As(err, &advised) || !strings.Contains(advised.Advice().Text, "chmod 600") {
			t.Errorf("%s: %v", id, err)
		}
	}
}

func refuse(context.Context, extract.Token) (extract.Token, error) {
	return extract.Token{}, &extract.Error{Kind: extract.SignIn, Path: "/api/token", Message: "the sign-in has ended"}
}

// TestASeedMendsASignInThatWasRefused brings a token that works to an account
// whose own was refused, and then a newer one.
func TestASeedMendsASignInThatWasRefused(t *testing.T) {
	t.Parallel()
	s := accounts.New(accounts.NewFolder(filepath.Join(t.TempDir(), "a")), keys(t, keyOne), nil)
	connect(t, s, "sam", "aSam")
	_, err := s.Tokens("sam").Renew(t.Context(), "", refuse)
	if kind(err) != extract.SignIn {
		t.Fatal(err)
	}
	for _, seed := range []string{"one", "two"} {
		if err := s.Seed(t.Context(), "client 2", "", seed); err != nil {
			t.Fatal(err)
		}
		a, err := s.Identify(t.Context(), accounts.SeedName, "aSam", "Sam")
		if err != nil || a.Name != "sam" || a.ClientID != "client 2" || !a.Guessed || a.Urgency(time.Now()) != accounts.Calm {
			t.Errorf("%+v, %v", a, err)
		}
		if got, err := refresh(t, s, "sam"); got != seed || err != nil {
			t.Errorf("the store kept %q, %v", got, err)
		}
		if err := s.Seed(t.Context(), "client 2", "", seed); err != nil {
			t.Fatal(err)
		}
		if all, err := s.List(t.Context()); err != nil || len(all) != 1 {
			t.Errorf("%+v, %v", all, err)
		}
	}
}

// TestIdentifyBesideAnUnreadableAccount joins nothing with what cannot be read.
func TestIdentifyBesideAnUnreadableAccount(t *testing.T) {
	t.Parallel()
	f, path := one(t)
	s := accounts.New(f, nil, nil)
	if err := errors.Join(os.Chmod(path, 0o644), s.Seed(t.Context(), "client", "", "one")); err != nil {
		t.Fatal(err)
	}
	if a, err := s.Identify(t.Context(), accounts.SeedName, "aSam", "Sam"); err != nil || a.Name != accounts.SeedName || a.AccountID != "" {
		t.Errorf("%+v, %v", a, err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if a, err := s.Identify(t.Context(), accounts.SeedName, "aSam", "Sam"); err != nil || a.Name != "sam" {
		t.Errorf("%+v, %v", a, err)
	}
}
