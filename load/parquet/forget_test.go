package parquet_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/load/parquet"
)

// TestForgettingLeavesNoTrace looks for the account in every name and every
// byte that is left.
func TestForgettingLeavesNoTrace(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	const gone, stays = "aGoneForGood", "aStays"
	d := openAt(t, root, options())
	for i, account := range []string{gone, stays} {
		exportAs(t, d, account, i)
	}
	if names, _ := traces(t, root, gone); len(names) == 0 {
		t.Fatal("there was no trace to begin with")
	}
	before, _ := traces(t, root, stays)
	if _, err := d.Forget(t.Context(), gone, false); err != nil {
		t.Fatal(err)
	}
	if names, contents := traces(t, root, gone); len(names)+len(contents) > 0 {
		t.Errorf("left in names %v, in files %v", names, contents)
	}
	if after, _ := traces(t, root, stays); len(after) != len(before) {
		t.Errorf("the other account had %v, has %v", before, after)
	}
}

// TestForgettingIsCompletedAfterACrash lets each step fail once.
func TestForgettingIsCompletedAfterACrash(t *testing.T) {
	t.Parallel()
	broken := errors.New("crash")
	for fail := range 60 {
		root := t.TempDir()
		exportAs(t, openAt(t, root, options()), "aGone", 0)
		step := 0
		d := openAt(t, root, parquet.WithFaults(options(), func(string, string) error {
			if step++; step == fail+1 {
				return broken
			}
			return nil
		}))
		_, err := d.Forget(t.Context(), "aGone", false)
		if err == nil {
			if fail < 5 {
				t.Fatalf("only %d steps can fail", fail)
			}
			return
		}
		if !errors.Is(err, broken) {
			t.Fatal(err)
		}
		again := openAt(t, root, options())
		if _, err := again.Forget(t.Context(), "aGone", false); err != nil {
			t.Fatalf("after step %d: %v", fail, err)
		}
		if names, contents := traces(t, root, "aGone"); len(names)+len(contents) > 0 {
			t.Errorf("after step %d: left in names %v, in files %v", fail, names, contents)
		}
	}
	t.Error("forgetting takes more than 60 steps")
}

func openAt(t *testing.T, root string, o parquet.Options) *parquet.Destination {
	t.Helper()
	d, err := parquet.Open(t.Context(), root, o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// exportAs does a run for an account.
func exportAs(t *testing.T, d *parquet.Destination, account string, gen int) {
	t.Helper()
	j := job(gen)
	j.Account, j.Run.Account = account, account
	s, _, err := d.Begin(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	if err := stageAs(t.Context(), s, account, items(gen, 0, 10)); err != nil {
		t.Fatal(err)
	}
	r := record(gen, load.StatusOK)
	r.Account = account
	if _, err := s.Commit(t.Context(), load.Change{Run: r, State: mark(gen, 1)}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// traces lists the names and the files in which a text occurs.
func traces(t *testing.T, root, text string) (names, contents []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if strings.Contains(e.Name(), text) {
			names = append(names, path)
		}
		if e.IsDir() {
			return nil
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(text)) {
			contents = append(contents, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names, contents
}
