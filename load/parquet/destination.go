// Package parquet keeps tables as Hive-partitioned Parquet files.
//
// Each partition is one file, replaced as a whole by a rename, so that readers
// never see a row twice or half a run. State, runs and locks lie beside the
// tables in the folder _exporter. The package knows nothing of Spotify.
package parquet

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/tracklake/tracklake/load"
)

// Options are what a destination works with besides its path.
type Options struct {
	Version string // of the program, for the files' metadata
	faults  func(step, path string) error
	pause   func(took time.Duration) time.Duration // see pauseAfter
}

// Destination is a folder of Parquet files. It is safe for concurrent use,
// also by several processes.
type Destination struct {
	root    string
	version string
	files   files
	pause   func(took time.Duration) time.Duration
}

// Open makes the folder if need be and completes a publication that a crash
// has cut short.
func Open(ctx context.Context, path string, o Options) (*Destination, error) {
	root, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("find folder %s: %w", path, err)
	}
	d := &Destination{root: root, version: o.Version, files: files{fault: o.faults}, pause: pauseAfter}
	if o.pause != nil {
		d.pause = o.pause
	}
	for _, folder := range []string{"locks", "staging", "state", "rows", "runs", "fences"} {
		if err := os.MkdirAll(d.inner(folder), 0o700); err != nil {
			return nil, describe("make folder", err)
		}
	}
	if err := d.exclusively(ctx, d.recover); err != nil {
		return nil, fmt.Errorf("recover %s: %w", root, err)
	}
	return d, nil
}

// inner is a path within the bookkeeping folder.
func (d *Destination) inner(parts ...string) string {
	return filepath.Join(append([]string{d.root, "_exporter"}, parts...)...)
}

// Close frees nothing: a destination holds no resources between sessions.
func (d *Destination) Close(context.Context) error { return nil }

// Check writes and removes a file, to tell whether exports can be written.
func (d *Destination) Check(context.Context) error {
	f, err := os.CreateTemp(d.inner("staging"), "check-*")
	if err != nil {
		return describe("write to", err)
	}
	_, err = f.WriteString("ok")
	err = errors.Join(err, f.Sync(), f.Close(), os.Remove(f.Name()))
	if err != nil {
		return describe("write to", err)
	}
	return nil
}

// Runs returns the newest runs first.
func (d *Destination) Runs(_ context.Context, limit int) ([]load.Run, error) {
	entries, err := os.ReadDir(d.inner("runs"))
	if err != nil {
		return nil, describe("read runs", err)
	}
	var out []load.Run
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".json" {
			continue
		}
		var runs []load.Run // oldest first
		if err := readJSON(d.inner("runs", e.Name()), &runs); err != nil {
			return nil, fmt.Errorf("read runs: %w", err)
		}
		out = append(out, runs[max(0, len(runs)-limit):]...)
	}
	slices.SortStableFunc(out, func(a, b load.Run) int { return b.StartedAt.Compare(a.StartedAt) })
	return out, nil
}

// State returns what a job has committed last, if its rows are still there.
func (d *Destination) State(_ context.Context, job load.Job) (load.State, error) {
	state, _, err := d.state(job)
	return state, err
}

// closures is the content of closures.json: client, family, until.
type closures map[string]map[string]time.Time

// Closed returns the closed families of a client ID.
func (d *Destination) Closed(_ context.Context, client string, at time.Time) (map[string]time.Time, error) {
	all := closures{}
	if err := readJSON(d.inner("closures.json"), &all); err != nil {
		return nil, fmt.Errorf("read closures: %w", err)
	}
	maps.DeleteFunc(all[client], func(_ string, until time.Time) bool { return tooFar(until, at) })
	return all[client], nil
}

// tooFar tells whether a closure was recorded by a clock that was wrong.
func tooFar(until, at time.Time) bool { return until.After(at.Add(load.LongestClosure)) }

// CloseFamily records that a family is closed.
func (d *Destination) CloseFamily(ctx context.Context, c load.Closure) error {
	err := d.exclusively(ctx, func() error {
		all := closures{}
		if err := readJSON(d.inner("closures.json"), &all); err != nil {
			return err
		}
		if all[c.Client] == nil {
			all[c.Client] = map[string]time.Time{}
		}
		if have := all[c.Client][c.Family]; !c.Until.After(have) && !tooFar(have, c.At) {
			return nil
		}
		all[c.Client][c.Family] = c.Until.UTC()
		return d.files.writeJSON(d.inner("closures.json"), all)
	})
	if err != nil {
		return fmt.Errorf("record closure: %w", err)
	}
	return nil
}
