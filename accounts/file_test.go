package accounts_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

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
	connect(t, store(t, f, ""), "sam", "aSam")
	return f, filepath.Join(folder, "sam.json")
}

// problem returns what is wrong with the folder's only account.
func problem(t *testing.T, f *accounts.Folder) error {
	t.Helper()
	rows, err := f.Rows(t.Context())
	if err != nil || len(rows) != 1 || rows[0].Name != "sam" {
		t.Fatalf("rows %v, %v", rows, err)
	}
	return rows[0].Problem
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
		err := problem(t, f)
		if err == nil || hint(err) != "restrict it with `chmod 600 '"+path+"'`; if somebody may have read it, sign in again: exporter login --account sam" {
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
	if err := problem(t, f); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("error = %v", err)
	}
}

func TestFolderIsNeverHalf(t *testing.T) {
	t.Parallel()
	f, path := one(t)
	// What a process left that was killed while it wrote is no account.
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), ".sam.tmp"), []byte(`{"name":"ha`), 0o600); err != nil {
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
	if err := problem(t, f); !strings.HasSuffix(hint(err), ": exporter accounts remove sam") {
		t.Errorf("error = %v", err)
	}
}

// TestFolderWithABadAccount spoils one of three accounts in each way that there
// is: the others can be used, and the one can be removed and signed in again.
func TestFolderWithABadAccount(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(sam, anna string) error{
		"readable by others": func(sam, _ string) error { return os.Chmod(sam, 0o644) },
		"damaged":            func(sam, _ string) error { return os.WriteFile(sam, []byte(`{"name":`), 0o600) },
		"empty":              func(sam, _ string) error { return os.WriteFile(sam, nil, 0o600) },
		"without a name":     func(sam, _ string) error { return os.WriteFile(sam, []byte(`{}`), 0o600) },
		"a folder":           func(sam, _ string) error { return errors.Join(os.Remove(sam), os.Mkdir(sam, 0o700)) },
		"another's, copied": func(sam, anna string) error {
			text, err := os.ReadFile(anna)
			return errors.Join(err, os.WriteFile(sam, text, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, path := one(t)
			s := store(t, f, "")
			connect(t, s, "anna", "aAnna")
			connect(t, s, "zoe", "aZoe")
			if err := spoil(path, filepath.Join(filepath.Dir(path), "anna.json")); err != nil {
				t.Fatal(err)
			}
			all, err := s.List(t.Context())
			if err != nil || len(all) != 3 {
				t.Fatalf("accounts %+v, %v", all, err)
			}
			for _, a := range all {
				if bad := a.Name == "sam"; bad != (a.Problem != nil) || bad != (a.AccountID == "") || bad != (a.Urgency(time.Now()) == accounts.Unreadable) {
					t.Errorf("%+v", a)
				}
				if got, err := refresh(t, s, a.Name); (err != nil) != (a.Name == "sam") || a.Name != "sam" && got != "refresh-"+a.AccountID {
					t.Errorf("%s: %q, %v", a.Name, got, err)
				}
			}
			if name == "a folder" { // nothing is deleted that may hold anything
				err := errors.Join(os.WriteFile(filepath.Join(path, "x"), nil, 0o600), s.Remove(t.Context(), "sam"))
				if !strings.Contains(hint(err), "yourself") {
					t.Errorf("error = %v", err)
				}
				return
			}
			_, err = s.Connect(t.Context(), accounts.Connection{Name: "sam", AccountID: "aOther"})
			command := ": exporter accounts remove sam"
			if name == "readable by others" {
				command = ": exporter login --account sam" // after it was closed
			}
			if err == nil || !strings.HasSuffix(hint(err), command) || s.Check(t.Context(), "sam") == nil {
				t.Errorf("somebody signed in over it: %v", err)
			}
			if err := s.Remove(t.Context(), "sam"); err != nil {
				t.Fatal(err)
			}
			connect(t, s, "sam", "aSam")
			if got, err := refresh(t, s, "sam"); got != "refresh-aSam" || err != nil {
				t.Errorf("signed in again: %q, %v", got, err)
			}
			if err := spoil(path, filepath.Join(filepath.Dir(path), "anna.json")); err != nil {
				t.Fatal(err)
			}
			if err := s.Remove(t.Context(), "sam"); err != nil {
				t.Error(err)
			}
			if all, err := s.List(t.Context()); err != nil || len(all) != 2 {
				t.Errorf("after removing: %+v, %v", all, err)
			}
		})
	}
}

// TestFolderWithSwappedFiles swaps the files of two accounts.
func TestFolderWithSwappedFiles(t *testing.T) {
	t.Parallel()
	for name, k := range map[string]string{"plain": "", "encrypted": keyOne} {
		folder := filepath.Join(t.TempDir(), "accounts")
		s := store(t, accounts.NewFolder(folder), k)
		connect(t, s, "sam", "aSam")
		connect(t, s, "anna", "aAnna")
		sam, anna, aside := filepath.Join(folder, "sam.json"), filepath.Join(folder, "anna.json"), filepath.Join(folder, "aside")
		if err := errors.Join(os.Rename(sam, aside), os.Rename(anna, sam), os.Rename(aside, anna)); err != nil {
			t.Fatal(err)
		}
		for _, account := range []string{"sam", "anna"} {
			got, err := refresh(t, s, account)
			if got != "" || err == nil || !strings.Contains(err.Error(), "copied or renamed") {
				t.Errorf("%s, %s: %q, %v", name, account, got, err)
			}
		}
	}
}

func TestFolderThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(folder string) error{
		"nowhere": func(folder string) error { return os.Symlink(folder+"-that-is-missing", folder) },
		"no place for locks": func(folder string) error {
			return errors.Join(os.Mkdir(folder, 0o700), os.WriteFile(filepath.Join(folder, "locks"), nil, 0o600))
		},
	} {
		folder := filepath.Join(t.TempDir(), "tracklake")
		if err := spoil(folder); err != nil {
			t.Fatal(err)
		}
		if name == "nowhere" {
			folder = filepath.Join(folder, "accounts")
		}
		s := store(t, accounts.NewFolder(folder), "")
		if _, err := s.List(t.Context()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := s.Check(t.Context(), ""); err == nil {
			t.Errorf("%s: nothing is wrong", name)
		}
	}
	f, path := one(t)
	if err := store(t, f, "").Check(t.Context(), ""); err != nil {
		t.Error(err)
	}
	if left := temporaries(t, path); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestFolderIsSynced looks at what lies in the folder each time that something is
// synced: the new file, whole, before it replaces the old one, and then the folder.
func TestFolderIsSynced(t *testing.T) {
	t.Parallel()
	f, path := one(t)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var synced []string
	f.Syncing(func(file *os.File) error {
		now, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, replaced := filepath.Base(file.Name()), !bytes.Equal(now, before)
		if name == ".sam.tmp" {
			var row accounts.Row
			text, err := os.ReadFile(file.Name())
			if err = errors.Join(err, json.Unmarshal(text, &row)); err != nil || row.User != "New" {
				t.Errorf("%s is synced before it is whole: %q, %v", name, text, err)
			}
		}
		synced = append(synced, fmt.Sprintf("%s, replaced: %t", name, replaced))
		return nil
	})
	alter(t, f, "sam", func(r *accounts.Row) { r.User = "New" })
	if want := []string{".sam.tmp, replaced: false", "accounts, replaced: true"}; !slices.Equal(synced, want) {
		t.Errorf("synced %q, want %q", synced, want)
	}
	no := errors.New("no")
	f.Syncing(func(*os.File) error { return no })
	err = f.Change(t.Context(), "sam", func(_ context.Context, r *accounts.Row) (*accounts.Row, error) {
		out := *r
		out.User = "Newer"
		return &out, nil
	})
	if rows, _ := f.Rows(t.Context()); !errors.Is(err, no) || len(rows) != 1 || rows[0].User != "New" {
		t.Errorf("%+v, %v", rows, err)
	}
}

// TestFolderNamesALockInUse waits for a lock that a process does not release.
func TestFolderNamesALockInUse(t *testing.T) {
	t.Parallel()
	f, path := one(t)
	err := f.Change(t.Context(), "sam", func(ctx context.Context, r *accounts.Row) (*accounts.Row, error) {
		other := accounts.NewFolder(filepath.Dir(path)).Impatient(50 * time.Millisecond)
		return r, other.Change(ctx, "sam", func(context.Context, *accounts.Row) (*accounts.Row, error) {
			return nil, errors.New("two changed it at once")
		})
	})
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), filepath.Join(filepath.Dir(path), "locks")+string(filepath.Separator)) {
		t.Errorf("error = %v", err)
	}
}
