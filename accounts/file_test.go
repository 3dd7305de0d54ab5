package accounts_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tracklake/tracklake/accounts"
	"github.com/tracklake/tracklake/accounts/backendtest"
)

func TestFolder(t *testing.T) {
	t.Parallel()
	backendtest.Run(t, func(t *testing.T) func() accounts.Backend {
		path := filepath.Join(t.TempDir(), "config", "tracklake", "accounts")
		return func() accounts.Backend { return accounts.NewFolder(path) }
	})
}

// one makes a folder with one account and returns the account's file.
func one(t *testing.T) (*accounts.Folder, string) {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "tracklake", "accounts")
	f := accounts.NewFolder(folder)
	connect(t, accounts.New(f, nil, nil), "sam", "aSam")
	return f, filepath.Join(folder, "sam.json")
}

func TestFolderIsClosedToOthers(t *testing.T) {
	t.Parallel()
	f, path := one(t)
	for name, mode := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700, filepath.Dir(filepath.Dir(path)): 0o700} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: mode %v, %v", name, info.Mode(), err)
		}
	}
	for _, mode := range []os.FileMode{0o604, 0o640, 0o622} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := f.Rows(t.Context())
		var open *accounts.OpenFileError
		if !errors.As(err, &open) || open.Advice() != (accounts.Advice{"close it with `chmod 600 '" + path + "'`; if somebody may have read it, sign in again", accounts.SignIn, "sam"}) {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	if err := errors.Join(os.Chmod(path, 0o600), os.Chmod(filepath.Dir(path), 0o777)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Rows(t.Context()); err == nil || !strings.Contains(err.Error(), "others can read or replace") {
		t.Errorf("a folder that all can write: %v", err)
	}
}

func TestFolderFollowsNoLinks(t *testing.T) {
	t.Parallel()
	f, path := one(t)
	aside := filepath.Join(t.TempDir(), "elsewhere.json")
	if err := errors.Join(os.Rename(path, aside), os.Symlink(aside, path)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Rows(t.Context()); err == nil || !strings.Contains(err.Error(), "no plain file") {
		t.Errorf("error = %v", err)
	}
}

func TestFolderIsNeverHalf(t *testing.T) {
	t.Parallel()
	f, path := one(t)
	// What a process left that ended while it wrote aside is no account.
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), ".aside-1"), []byte(`{"name":"ha`), 0o600); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("long", 50_000)
	done := make(chan error)
	go func() {
		var err error
		for i := range 50 {
			err = errors.Join(err, f.Change(context.Background(), "sam", func(_ context.Context, r *accounts.Row) (*accounts.Row, error) {
				out := *r
				out.User = long[:i%2*len(long)]
				return &out, nil
			}))
		}
		done <- err
	}()
	for {
		rows, err := f.Rows(t.Context())
		if err != nil || len(rows) != 1 || rows[0].AccountID != "aSam" {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
			return
		default:
		}
	}
}

func TestFolderThatIsDamaged(t *testing.T) {
	t.Parallel()
	f, path := one(t)
	if err := os.WriteFile(path, []byte(`{"name":`), 0o600); err != nil {
		t.Fatal(err)
	}
	var told *accounts.Error
	if _, err := f.Rows(t.Context()); !errors.As(err, &told) || told.Next.Step != accounts.SignIn {
		t.Errorf("error = %v", err)
	}
}
