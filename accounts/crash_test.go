package accounts_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tracklake/tracklake/accounts"
	"github.com/tracklake/tracklake/extract"
)

func save(t *testing.T, s *accounts.SeededFile, token string) {
	t.Helper()
	if err := s.Save(t.Context(), extract.Token{RefreshToken: token}); err != nil {
		t.Fatal(err)
	}
}

// TestSeededFileAfterACrash finds what a process left that ended while it
// wrote the next token aside.
func TestSeededFileAfterACrash(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	save(t, accounts.NewSeededFile(folder, "seed"), "old")
	if err := os.WriteFile(filepath.Join(folder, ".token-1"), []byte(`{"seed_sha`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := accounts.NewSeededFile(folder, "seed")
	if got := loaded(t, s); got != "old" {
		t.Errorf("token = %s, want the old", got)
	}
	save(t, s, "new")
	if got := loaded(t, s); got != "new" {
		t.Errorf("token = %s, want the new", got)
	}
}

// TestSeededFileIsNeverHalf reads while another replaces the token.
func TestSeededFileIsNeverHalf(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	short, long := "short", strings.Repeat("long", 4096)
	writer, reader := accounts.NewSeededFile(folder, "seed"), accounts.NewSeededFile(folder, "seed")
	save(t, writer, short)
	var writing sync.WaitGroup
	done := make(chan struct{})
	writing.Go(func() {
		defer close(done)
		for range 25 {
			for _, token := range []string{long, short} {
				if err := writer.Save(t.Context(), extract.Token{RefreshToken: token}); err != nil {
					t.Error(err)
				}
			}
		}
	})
	defer writing.Wait()
	for {
		if got := loaded(t, reader); got != short && got != long {
			t.Fatalf("a token of %d bytes, half of one", len(got))
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

func TestSeededFileCannotBeReplaced(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	// A folder in its place cannot be renamed over, not even by root.
	if err := os.MkdirAll(filepath.Join(folder, "token.json", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	err := accounts.NewSeededFile(folder, "seed").Save(t.Context(), extract.Token{RefreshToken: "secret"})
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("error = %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(folder, ".token-*")); len(left) > 0 {
		t.Errorf("%v is left, with a token in it", left)
	}
}

// TestSeededFileIsClosedToOthers replaces a file that others could read.
func TestSeededFileIsClosedToOthers(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "token.json")
	s := accounts.NewSeededFile(folder, "seed")
	save(t, s, "old")
	for _, mode := range []os.FileMode{0o604, 0o640, 0o622} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Load(t.Context()); err == nil || strings.Contains(err.Error(), "old") {
			t.Errorf("mode %o: error = %v", mode, err)
		}
	}
	save(t, s, "new")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if got := loaded(t, s); got != "new" {
		t.Errorf("token = %s", got)
	}
}
