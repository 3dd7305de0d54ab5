package accounts_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tracklake/tracklake/accounts"
	"github.com/tracklake/tracklake/extract"
)

func loaded(t *testing.T, s *accounts.SeededFile) string {
	t.Helper()
	token, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return token.RefreshToken
}

func TestSeededFile(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "config", "tracklake")
	path := filepath.Join(folder, "token.json")
	s := accounts.NewSeededFile(folder, "seed")
	if got := loaded(t, s); got != "seed" {
		t.Errorf("token = %s, want the seed", got)
	}
	if err := s.Save(t.Context(), extract.Token{RefreshToken: "seed"}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the seed needs no file: %v", err)
	}
	if err := s.Save(t.Context(), extract.Token{RefreshToken: "newer"}); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{folder: 0o700, path: 0o600} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: mode %v, %v", name, info.Mode(), err)
		}
	}
	if got := loaded(t, accounts.NewSeededFile(folder, "seed")); got != "newer" {
		t.Errorf("token = %s, want the newer", got)
	}
	if got := loaded(t, accounts.NewSeededFile(folder, "signed in again")); got != "signed in again" {
		t.Errorf("token = %s, want the new seed", got)
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 1 {
		t.Errorf("%d files are left, %v", len(entries), err)
	}
}

func TestSeededFileRefuses(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "token.json")
	s := accounts.NewSeededFile(folder, "seed")
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(t.Context()); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("error = %v", err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(t.Context()); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("error = %v", err)
	}
}
