package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestCreateOverwritesNothing creates a file that appeared meanwhile.
func TestCreateOverwritesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new", ".env")
	if err := create(path, "first", 0o600); err != nil {
		t.Fatal(err)
	}
	if err := create(path, "second", 0o600); !errors.Is(err, fs.ErrExist) {
		t.Errorf("error = %v", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "first" {
		t.Errorf("%v: %s", err, text)
	}
}
