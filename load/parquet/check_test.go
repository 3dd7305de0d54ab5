package parquet_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/load/parquet"
)

// check opens a folder as exporter check does, and checks it.
func check(t *testing.T, root string, o parquet.Options) ([]string, error) {
	t.Helper()
	o.NoMigrate = true
	d, err := parquet.Open(t.Context(), root, o)
	if err != nil {
		return nil, err
	}
	return d.Check(t.Context())
}

func TestCheck(t *testing.T) {
	t.Parallel()
	lake := func(t *testing.T) string {
		t.Helper()
		root := t.TempDir()
		exportAs(t, openAt(t, root, options()), "a", 1)
		return root
	}
	empty := func(t *testing.T) string { t.Helper(); return t.TempDir() }
	file := func(t *testing.T) string {
		t.Helper()
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	below := func(root func(*testing.T) string) func(*testing.T) string {
		return func(t *testing.T) string { t.Helper(); return filepath.Join(root(t), "not", "there") }
	}
	for name, c := range map[string]struct {
		root    func(*testing.T) string
		options parquet.Options
		pending string
		err     string
	}{
		"a lake":             {lake, options(), "", ""},
		"an older lake":      {lake, newerOptions(), "columns of facts", ""},
		"an empty folder":    {empty, options(), "columns of facts", ""},
		"no folder":          {below(empty), options(), "columns of facts", ""},
		"a file":             {file, options(), "", "not a directory"},
		"a folder of a file": {below(file), options(), "", "not a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := c.root(t)
			above := root
			for _, err := os.Stat(above); err != nil; _, err = os.Stat(above) {
				above = filepath.Dir(above)
			}
			before := everyName(t, above)
			pending, err := check(t, root, c.options)
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("error %v, want %q", err, c.err)
			}
			if (len(pending) > 0) != (c.pending != "") || c.pending != "" && !slices.Contains(pending, c.pending) {
				t.Errorf("pending %q, want %q", pending, c.pending)
			}
			if diff := cmp.Diff(before, everyName(t, above)); diff != "" {
				t.Errorf("the check has left something:\n%s", diff)
			}
		})
	}
}

// everyName lists files and folders, without the locks.
func everyName(t *testing.T, root string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
		if filepath.Ext(path) != ".lock" {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestCheckFindsEveryFault lets each step fail on which a run depends.
func TestCheckFindsEveryFault(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	exportAs(t, openAt(t, root, options()), "a", 1)
	before := everyName(t, root)
	broken := errors.New("broken")
	for fail := 1; ; fail++ {
		step := 0
		_, err := check(t, root, parquet.WithFaults(options(), func(string, string) error {
			if step++; step == fail {
				return broken
			}
			return nil
		}))
		if err == nil && step < fail {
			if fail < 30 {
				t.Errorf("a check takes only %d steps", fail)
			}
			break
		}
		if !errors.Is(err, broken) {
			t.Errorf("step %d fails and the check says %v", fail, err)
		}
		if _, err := check(t, root, options()); err != nil {
			t.Fatalf("after step %d: %v", fail, err)
		}
		if diff := cmp.Diff(before, everyName(t, root)); diff != "" {
			t.Errorf("after step %d and another check:\n%s", fail, diff)
		}
	}
}
