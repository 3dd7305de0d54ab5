package parquet_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/load/parquet"
)

// A disk fails at one step, counted from 1, or from that step on as a full
// one does.
type disk struct {
	at      int64
	stays   bool
	steps   atomic.Int64
	failed  atomic.Pointer[string]
	onlyFor string // a kind of step, or all
}

func (d *disk) fault(step, path string) error {
	if d.onlyFor != "" && step != d.onlyFor {
		return nil
	}
	n := d.steps.Add(1)
	if n == d.at || d.stays && n > d.at {
		what := step + " " + filepath.Base(path)
		d.failed.CompareAndSwap(nil, &what)
		return &fs.PathError{Op: step, Path: path, Err: syscall.ENOSPC}
	}
	return nil
}

// A plan is what a run writes: the items of each of its commits.
type plan [][]item

func plans() map[string]plan {
	return map[string]plan{
		"one commit":          {items(2, 3, 12)},
		"two commits":         {items(2, 3, 8), items(2, 8, 12)},
		"rows that stream":    {items(2, 3, 343)},
		"nothing has changed": {items(1, 0, 10)},
	}
}

// perform does a run of a plan and returns its first error. after is called
// once each commit has succeeded.
func (p plan) perform(ctx context.Context, root string, o parquet.Options, gen int, after func()) (err error) {
	d, err := parquet.Open(ctx, root, o)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	s, _, err := d.Begin(ctx, job(gen))
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { err = errors.Join(err, s.Close(ctx)) }()
	for i, part := range p {
		if err := stage(ctx, s, part); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		change := load.Change{Run: record(gen, load.StatusRunning), State: mark(gen, i)}
		if i == len(p)-1 {
			change.Run, change.Removals = record(gen, load.StatusOK), removals()
		}
		if _, err := s.Commit(ctx, change); err != nil {
			return fmt.Errorf("commit: %w", err)
		}
		after()
	}
	return nil
}

// version is all that a commit makes visible.
type version struct {
	Rows  []string
	State string
}

func versionOf(t *testing.T, root string) version {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "_exporter", "state", "acc-1.job.json"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return version{readBack(t, root), string(text)}
}

// prepared is a folder that holds the first generation.
func prepared(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	if err := (plan{items(1, 0, 10)}).perform(t.Context(), root, options(), 1, func() {}); err != nil {
		t.Fatal(err)
	}
	return root
}

func copyOf(t *testing.T, root string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(out, os.DirFS(root)); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEveryStepMayFail(t *testing.T) {
	t.Parallel()
	for name, p := range plans() {
		for _, stays := range []bool{false, true} {
			if stays && name != "one commit" {
				continue // it would add nothing, for its time
			}
			t.Run(fmt.Sprintf("%s, full for good %v", name, stays), func(t *testing.T) {
				t.Parallel()
				first := prepared(t)
				whole := copyOf(t, first)
				legal := []version{versionOf(t, whole)}
				err := p.perform(t.Context(), whole, options(), 2, func() { legal = append(legal, versionOf(t, whole)) })
				if err != nil {
					t.Fatal(err)
				}
				stride := int64(1)
				if name != "one commit" {
					stride = 3 // the others take the same steps, more often
				}
				for k := int64(1); ; k += stride {
					d := &disk{at: k, stays: stays}
					failAt(t, p, copyOf(t, first), d, legal)
					if d.failed.Load() == nil {
						break
					}
				}
			})
		}
	}
}

// failAt does a run on a failing disk and looks at what the next process finds.
func failAt(t *testing.T, p plan, root string, d *disk, legal []version) {
	t.Helper()
	o := options()
	err := p.perform(t.Context(), root, parquet.WithFaults(o, d.fault), 2, func() {})
	what := "no step"
	if failed := d.failed.Load(); failed != nil {
		what = fmt.Sprintf("step %d, %s", d.at, *failed)
	}
	if err != nil && !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%s: the error does not tell of the disk: %v", what, err)
	}
	if _, err := parquet.Open(t.Context(), root, o); err != nil {
		t.Fatalf("%s: open again: %v", what, err)
	}
	got := versionOf(t, root)
	if err == nil {
		legal = legal[len(legal)-1:]
	}
	if !slices.ContainsFunc(legal, func(v version) bool { return cmp.Equal(v, got) }) {
		t.Errorf("%s: %v: what is published is no version (-last, +got):\n%s", what, err, cmp.Diff(legal[len(legal)-1], got))
	}
	again := plan{items(3, 0, 5)}
	if err := again.perform(t.Context(), root, o, 3, func() {}); err != nil {
		t.Fatalf("%s: run again: %v", what, err)
	}
	if live := liveFacts(readBack(t, root)); len(live) != 5 {
		t.Errorf("%s: after another run: %d rows are there, want 5:\n%s", what, len(live), strings.Join(live, "\n"))
	}
	left, err := filepath.Glob(filepath.Join(root, "_exporter", "staging", "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("%s: left in the staging folder: %v %v", what, left, err)
	}
}
