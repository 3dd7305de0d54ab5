// Package parquet keeps tables as a lake of Parquet files.
//
// Every account has a folder in every table, with one file or, where the table is
// split further, one for each value. A file has all columns and its rows in the
// order of the table's key. It is replaced as a whole, so that readers never see a
// row twice or half a run. State, runs and locks lie beside the tables in the folder
// _exporter. The package knows nothing of Spotify.
package parquet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/transform"
)

// Options are what a destination works with besides its path.
type Options struct {
	Version string // of the program, for the files' metadata
	// Tables are all that the lake has, and Views those over them.
	Tables []*transform.Schema
	Views  []transform.View
	// NoMigrate refuses a lake with older columns instead of rewriting its files, and
	// makes none.
	NoMigrate bool
	Log       *slog.Logger // tells what is waited for; may be nil

	faults func(step, path string) error
	pause  func(took time.Duration) time.Duration // see pauseAfter
}

// Destination is a lake. It is safe for concurrent use, also by several processes.
type Destination struct {
	root    string
	locks   jobLocks
	scratch scratch
	version string
	storage storage
	layouts map[string]*layout
	lake    []byte   // content of the lake's own file
	pending []string // what is not up to date
	log     *slog.Logger
	pause   func(took time.Duration) time.Duration
}

// Open makes the lake if need be, completes a publication that a crash has cut
// short, and brings files of an older version up to date. A lake of a newer version,
// or of the first release, is a *load.SchemaError. When the options forbid to migrate,
// that is also the error of Begin and Values for one that is absent or older.
func Open(ctx context.Context, folder string, o Options) (*Destination, error) {
	d, err := newDestination(folder, o)
	if err != nil {
		return nil, err
	}
	u := newUpgrader(d, o)
	if o.NoMigrate {
		if d.pending, err = u.lacks(); err != nil {
			return nil, err
		}
		if len(d.pending) > 0 {
			return d, nil
		}
	}
	if err := d.storage.Complete(ctx); err != nil {
		return nil, fmt.Errorf("recover %s: %w", d.root, err)
	}
	if err := d.locked(ctx, "lake", func() error { return u.open(ctx) }); err != nil {
		return nil, fmt.Errorf("open %s: %w", d.root, err)
	}
	return d, nil
}

func newDestination(folder string, o Options) (*Destination, error) {
	root, err := filepath.Abs(folder)
	if err != nil {
		return nil, fmt.Errorf("find folder %s: %w", folder, err)
	}
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	files := &local{root: root, fault: o.faults, log: log}
	d := &Destination{
		root: root, locks: jobLocks(filepath.Join(root, "_exporter", "locks")), version: o.Version, storage: files, layouts: map[string]*layout{}, pause: pauseAfter, log: log,
		scratch: scratch{files.path("_exporter/staging"), func(path string, write func(io.Writer) error) error { return files.write(path, false, write) }},
	}
	if o.pause != nil {
		d.pause = o.pause
	}
	for _, t := range o.Tables {
		d.layouts[t.Name] = newLayout(t)
	}
	return d, nil
}

// Close frees nothing: a destination holds no resources between sessions.
func (d *Destination) Close(context.Context) error { return nil }

// usable refuses a lake that is not up to date.
func (d *Destination) usable() error {
	if len(d.pending) == 0 {
		return nil
	}
	return &load.SchemaError{
		Want:    lakeFormat,
		Message: fmt.Sprintf("the files in %s lack columns of this version: %s", d.root, strings.Join(d.pending, ", ")),
		Advice:  "bring them up to date with: exporter migrate",
	}
}

// Runs returns the newest runs first.
func (d *Destination) Runs(_ context.Context, q load.RunsQuery) ([]load.Run, error) {
	names, err := d.storage.List("_exporter/runs")
	if err != nil {
		return nil, err
	}
	var out []load.Run
	for _, name := range names {
		account, job, ok := strings.Cut(strings.TrimSuffix(path.Base(name), ".json"), ".")
		if !ok || q.Account != "" && account != ownName(q.Account) || q.Job != "" && job != ownName(q.Job) {
			continue
		}
		var runs []load.Run // oldest first
		if err := readJSON(d.storage, name, &runs); err != nil {
			return nil, fmt.Errorf("read runs: %w", err)
		}
		if q.Limit > 0 {
			runs = runs[max(0, len(runs)-q.Limit):]
		}
		out = append(out, runs...)
	}
	slices.SortStableFunc(out, func(a, b load.Run) int { return b.StartedAt.Compare(a.StartedAt) })
	return out, nil
}

// State returns what a job has committed last, if its rows are still there.
func (d *Destination) State(_ context.Context, job load.Job) (load.State, error) {
	start, err := d.start(job)
	return start.State, err
}

// clearStaging removes what a dead run of a job has left; its lock is held.
func (d *Destination) clearStaging(job string) error {
	names, err := d.storage.List("_exporter/staging")
	if err != nil {
		return err
	}
	for _, name := range names {
		if strings.HasPrefix(name, "_exporter/staging/"+job+".") {
			err = errors.Join(err, d.storage.Delete(name))
		}
	}
	return err
}
