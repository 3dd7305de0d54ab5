package parquet_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/load/parquet"
)

// TestBeginCompletesAPublication lets a process die between two renames, while another
// one has the lake open.
func TestBeginCompletesAPublication(t *testing.T) {
	t.Parallel()
	root, whole := prepared(t), prepared(t)
	d := openAt(t, root, options())
	second := plan{items(2, 0, 10)}
	if err := second.perform(t.Context(), whole, options(), 2, func() {}); err != nil {
		t.Fatal(err)
	}
	crash, dead := errors.New("crash"), false
	err := second.perform(t.Context(), root, parquet.WithFaults(options(), func(step, path string) error {
		if dead = dead || step == "rename" && strings.HasSuffix(path, "places/acc-1/short/part-0.parquet"); dead {
			return crash
		}
		return nil
	}), 2, func() {})
	if !errors.Is(err, crash) {
		t.Fatal(err)
	}
	if cmp.Equal(versionOf(t, root), versionOf(t, whole)) {
		t.Fatal("the publication was not cut short")
	}
	s, start, err := d.Begin(t.Context(), job(3))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(mark(2, 0), start.State); diff != "" {
		t.Errorf("state: %s", diff)
	}
	if diff := cmp.Diff(versionOf(t, whole), versionOf(t, root)); diff != "" {
		t.Errorf("the lake: %s", diff)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestAWithdrawnPublicationLeavesNoJournal lets the journal reach the disk with an error:
// if it stayed, a crash could publish some of the files.
func TestAWithdrawnPublicationLeavesNoJournal(t *testing.T) {
	t.Parallel()
	root := prepared(t)
	before := versionOf(t, root)
	journal := filepath.Join(root, "_exporter", "commit.json")
	broken, armed := errors.New("broken"), false
	d := openAt(t, root, parquet.WithFaults(options(), func(step, _ string) error {
		if _, err := os.Stat(journal); armed && err == nil && step == "syncdir" {
			armed = false
			return broken
		}
		return nil
	}))
	s, _, err := d.Begin(t.Context(), job(2))
	if err != nil {
		t.Fatal(err)
	}
	if err := stage(t.Context(), s, items(2, 0, 10)); err != nil {
		t.Fatal(err)
	}
	armed = true
	if _, err := s.Commit(t.Context(), load.Change{Run: record(2, load.StatusOK), State: mark(2, 0)}); !errors.Is(err, broken) {
		t.Fatalf("commit: %v", err)
	}
	if _, err := os.Stat(journal); err == nil {
		t.Error("the journal is left")
	}
	if left := entries(t, filepath.Join(root, "_exporter", "staging")); len(left) > 0 {
		t.Errorf("left in the staging folder: %v", left)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, versionOf(t, root)); diff != "" {
		t.Errorf("the lake has changed: %s", diff)
	}
}

// TestFilesAreReadBack exchanges a file before it is read back: the disk has lost rows,
// or has more of them.
func TestFilesAreReadBack(t *testing.T) {
	t.Parallel()
	other := prepared(t)
	for name, exchanged := range map[string]string{"fewer rows": "facts/part-0.parquet", "more rows": "facts/acc-1/part-0.parquet"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join(other, exchanged))
			if err != nil {
				t.Fatal(err)
			}
			root := t.TempDir()
			done := false
			d := openAt(t, root, parquet.WithFaults(options(), func(step, path string) error {
				if step != "rename" || done || !strings.HasPrefix(filepath.Base(path), "acc-1.job.") {
					return nil
				}
				file, err := os.ReadFile(path + ".new")
				if err != nil || !bytes.HasPrefix(file, []byte("PAR1")) {
					return err
				}
				done = true
				return os.WriteFile(path+".new", text, 0o600)
			}))
			s, _, err := d.Begin(t.Context(), job(1))
			if err != nil {
				t.Fatal(err)
			}
			if err := stage(t.Context(), s, items(1, 0, 4)); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Commit(t.Context(), load.Change{Run: record(1, load.StatusOK)}); !done || err == nil || !strings.Contains(err.Error(), "read back") {
				t.Errorf("commit: %v", err)
			}
			if err := s.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if rows := readBack(t, root); len(rows) > 0 {
				t.Errorf("published: %v", rows)
			}
		})
	}
}
