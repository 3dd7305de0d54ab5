package parquet

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/tracklake/tracklake/load"
)

// A tableMerge joins what is staged of one table with what is stored of it.
type tableMerge struct {
	d        *Destination
	layout   *layout
	account  string
	now      int64
	staging  *staging
	removals []removal
	name     func() string // of a file to be staged
	changes  *changes      // nil: what comes and goes is not logged, or was logged already

	stored  []folders // partitions that removals may change
	changed map[string]bool
	count   load.Count
	files   []stagedFile
}

// A stagedFile is a partition's file, complete, not published yet.
type stagedFile struct {
	move
	layout *layout
	rows   int64
}

// run counts what is going to happen, and then, unless it is a dry run, writes the
// files of the partitions to which something happens. Where nothing is stored, all
// is new, and one pass does both.
func (t *tableMerge) run(ctx context.Context, dryRun bool) error {
	names, err := t.d.filesOf(t.layout, t.account)
	if err != nil {
		return err
	}
	for _, name := range names {
		if f, ok := t.layout.partition(name); ok && len(t.conditions(f)) > 0 {
			t.stored = append(t.stored, f)
		}
	}
	slices.SortFunc(t.stored, func(a, b folders) int { return slices.Compare(a, b) })
	t.changed = map[string]bool{}
	if len(names) == 0 && !dryRun {
		return t.pass(ctx, func(m *merge) error {
			err := t.writePartition(m)
			t.count = t.count.Add(m.count)
			return err
		})
	}
	if err := t.pass(ctx, t.countPartition); err != nil || dryRun || len(t.changed) == 0 {
		return err
	}
	t.changes = nil
	return t.pass(ctx, func(m *merge) error {
		if !t.changed[t.layout.name(m.folders)] {
			return m.skip()
		}
		return t.writePartition(m)
	})
}

// pass visits the partitions that have staged rows, or stored ones that removals
// may change.
func (t *tableMerge) pass(ctx context.Context, visit func(*merge) error) (err error) {
	cursors, err := t.staging.cursors()
	defer func() {
		for _, c := range cursors {
			err = errors.Join(err, c.end())
		}
	}()
	if err != nil {
		return err
	}
	stored := t.stored
	for ctx.Err() == nil {
		next, ok, err := t.layout.nextFolders(cursors)
		if err != nil {
			return err
		}
		if len(stored) > 0 && (!ok || slices.Compare(stored[0], next) <= 0) {
			next, ok, stored = stored[0], true, stored[1:]
		}
		if !ok {
			return nil
		}
		m := &merge{layout: t.layout, now: t.now, removals: t.conditions(next), staged: cursors, folders: next, log: t.changes.follow(t.layout)}
		if err := errors.Join(visit(m), m.log.close()); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// conditions are the removals as they concern the rows of a partition.
func (t *tableMerge) conditions(f folders) []removal {
	var out []removal
	for _, r := range t.removals {
		if rest, met := t.layout.besides(r.where, f); met {
			out = append(out, removal{r.commit, rest})
		}
	}
	return out
}

// countPartition counts what is going to happen to a partition.
func (t *tableMerge) countPartition(m *merge) error {
	if err := t.with(m, m.run); err != nil {
		return err
	}
	if changed(m.count) {
		t.changed[t.layout.name(m.folders)] = true
	}
	t.count = t.count.Add(m.count)
	return nil
}

// writePartition writes the new file of a partition.
func (t *tableMerge) writePartition(m *merge) error {
	to := t.layout.name(m.folders)
	file := stagedFile{move: move{From: t.name(), To: to}, layout: t.layout}
	var err error
	file.rows, err = t.d.putFile(file.From, t.layout, func(w *fileWriter) error {
		m.emit, m.keep = w.add, w.keep
		return t.with(m, m.run)
	})
	if err != nil {
		return err
	}
	t.files = append(t.files, file)
	return nil
}

// with lets f run with the partition's stored rows at hand.
func (t *tableMerge) with(m *merge, f func() error) (err error) {
	m.stored, err = t.d.fileCursor(t.layout.name(m.folders), nil)
	if errors.Is(err, fs.ErrNotExist) {
		return f()
	}
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, m.stored.end())
		m.stored = nil
	}()
	return f()
}

// fileCursor walks some columns of a file, or all.
func (d *Destination) fileCursor(name string, columns []string) (*cursor, error) {
	r, file, err := d.readFile(name)
	if err != nil {
		return nil, err
	}
	next, stop := iter.Pull2(r.Records(columns, blockRows))
	return &cursor{pull: func() (arrow.Record, error) {
		block, err, ok := next()
		switch {
		case !ok:
			return nil, io.EOF
		case err != nil:
			return nil, damaged(d.storage, name, err)
		}
		block.Retain()
		return block, nil
	}, close: func() error {
		stop()
		return file.Close()
	}}, nil
}

// filesOf lists the files of an account in a table.
func (d *Destination) filesOf(l *layout, account string) ([]string, error) {
	return d.storage.List(l.table.Name + "/" + escape(account))
}
