package parquet

import (
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/tracklake/tracklake/load"
)

// A removal is a load.Removal of a commit that is not published yet.
type removal struct {
	commit int32
	where  []match
}

// merge joins the staged rows of a partition with its stored ones. All of them come
// in the order of their keys, so that it holds one key at a time.
type merge struct {
	layout   *layout
	now      int64 // start of the run, µs
	removals []removal
	staged   []*cursor
	stored   *cursor // nil: the partition has no file
	folders  folders
	log      *follower // nil: what comes and goes is not logged
	// emit takes the rows as they are afterwards, and keep takes over the blocks
	// that no cursor needs any more. Without them the merge only counts.
	emit  func(outRow) error
	keep  func(arrow.Record)
	left  []arrow.Record // such blocks, which this key may still need
	count load.Count
}

// An outRow is a row to be stored.
type outRow struct {
	cell
	times
}

// times are the columns that the destination keeps, in µs.
type times struct {
	first, last, removed int64
	gone                 bool // removed has a value
}

// A version is a row as one commit staged it.
type version struct {
	cell
	commit int32
}

// run merges the partition and counts what that does to it.
func (m *merge) run() error {
	var versions []version
	for {
		key, ok, err := m.least()
		if err != nil || !ok {
			return err
		}
		var r row
		if r, versions, err = m.take(key, versions[:0]); err != nil {
			return err
		}
		if err := m.follow(&r, key, versions); err != nil {
			return err
		}
		if r.there && m.emit != nil {
			if err := m.emit(outRow{r.cell, r.times}); err != nil {
				return err
			}
		}
		m.leave()
	}
}

// follow settles a row, and logs what that changes.
func (m *merge) follow(r *row, key cell, versions []version) error {
	if m.log == nil {
		m.settle(r, versions)
		return nil
	}
	if err := m.log.begin(key, r); err != nil {
		return err
	}
	m.settle(r, versions)
	return m.log.end(r)
}

// leave hands on the blocks that the cursors have left.
func (m *merge) leave() {
	for _, block := range m.left {
		if m.keep != nil {
			m.keep(block)
		} else {
			block.Release()
		}
	}
	m.left = m.left[:0]
}

// least is a row with the least key of all cursors, within the partition.
func (m *merge) least() (least cell, found bool, err error) {
	if m.stored != nil {
		if least, found, err = m.stored.here(); err != nil {
			return least, false, err
		}
	}
	for _, c := range m.staged {
		row, ok, err := c.here()
		if err != nil {
			return row, false, err
		}
		if ok && m.within(row) && (!found || m.order(row, least) < 0) {
			least, found = row, true
		}
	}
	return least, found, nil
}

// within tells whether a staged row belongs to the partition.
func (m *merge) within(row cell) bool {
	for i, c := range m.layout.keys[:len(m.folders)] {
		if text(row.record.Column(c), row.at) != m.folders[i] {
			return false
		}
	}
	return true
}

// order compares the keys of two rows of the partition.
func (m *merge) order(a, b cell) int { return compareRows(m.layout.keys[len(m.folders):], a, b) }

// take moves all cursors past a key, and returns its stored row and what was staged
// for it, in the order of arrival.
func (m *merge) take(key cell, versions []version) (row, []version, error) {
	var r row
	if m.stored != nil {
		if c, ok, err := m.stored.here(); err != nil {
			return r, versions, err
		} else if ok && m.order(c, key) == 0 {
			r = m.layout.storedRow(c)
			m.pass(m.stored)
		}
	}
	for _, from := range m.staged {
		for {
			c, ok, err := from.here()
			if err != nil {
				return r, versions, err
			}
			if !ok || !m.within(c) || m.order(c, key) != 0 {
				break
			}
			versions = append(versions, version{c, c.record.Column(m.layout.first).(*array.Int32).Value(c.at)})
			m.pass(from)
		}
	}
	return r, versions, nil
}

func (m *merge) pass(c *cursor) {
	if left := c.next(); left != nil {
		m.left = append(m.left, left)
	}
}

// A row is a row as the commits before left it.
type row struct {
	cell
	times
	there bool
}

func (l *layout) storedRow(c cell) row {
	at := func(column int) int64 {
		return int64(c.record.Column(l.first + column).(*array.Timestamp).Value(c.at))
	}
	r := row{cell: c, there: true, times: times{first: at(0), last: at(1)}}
	if l.table.Removable && c.record.Column(l.first+2).IsValid(c.at) {
		r.removed, r.gone = at(2), true
	}
	return r
}

// settle carries out the commits on one row, one after the other: of what a commit
// staged the last version counts, and its removals concern the rows that it did not
// stage.
func (m *merge) settle(r *row, versions []version) {
	removals := m.removals
	for len(versions)+len(removals) > 0 {
		commit := nextCommit(versions, removals)
		var staged *version
		for ; len(versions) > 0 && versions[0].commit == commit; versions = versions[1:] {
			staged = &versions[0]
		}
		hit := false
		for ; len(removals) > 0 && removals[0].commit == commit; removals = removals[1:] {
			hit = hit || staged == nil && r.there && !r.gone && allAccept(removals[0].where, r.record, r.at)
		}
		if staged != nil || hit {
			m.change(r, commit, staged)
		}
	}
}

// change puts a version in place of a row or, where there is none, removes the row.
func (m *merge) change(r *row, commit int32, staged *version) {
	var was holding
	if m.log != nil {
		was = m.log.holds(r)
	}
	if staged != nil {
		m.upsert(r, staged.cell)
	} else {
		m.count.Removed++
		r.removed, r.last, r.gone = m.now, m.now, true
		r.there = m.layout.table.Removable
	}
	if m.log != nil {
		m.log.moved(r, commit, was)
	}
}

func nextCommit(versions []version, removals []removal) int32 {
	switch {
	case len(versions) == 0:
		return removals[0].commit
	case len(removals) == 0:
		return versions[0].commit
	}
	return min(versions[0].commit, removals[0].commit)
}

// upsert puts a version in place of the row.
func (m *merge) upsert(r *row, c cell) {
	switch {
	case !r.there:
		m.count.Added++
		*r = row{cell: c, there: true, times: times{first: m.now, last: m.now}}
	case r.gone || m.layout.differ(r.cell, c):
		m.count.Changed++
		*r = row{cell: c, there: true, times: times{first: r.first, last: m.now}}
	default:
		m.count.Unchanged++
	}
}

// differ tells whether two rows of one key have different values.
func (l *layout) differ(a, b cell) bool {
	return slices.ContainsFunc(l.values, func(c int) bool { return !equal(a.record.Column(c), a.at, b.record.Column(c), b.at) })
}

// nextFolders is the partition of the least staged row; ok is false behind the last.
func (l *layout) nextFolders(staged []*cursor) (out folders, ok bool, err error) {
	for _, c := range staged {
		here, there, err := c.here()
		if err != nil {
			return nil, false, err
		}
		if !there {
			continue
		}
		if f := l.foldersOf(here.record, here.at); !ok || slices.Compare(f, out) < 0 {
			out, ok = f, true
		}
	}
	return out, ok, nil
}

// skip moves the cursors past a partition.
func (m *merge) skip() error {
	for _, c := range m.staged {
		for {
			row, ok, err := c.here()
			if err != nil {
				return err
			}
			if !ok || !m.within(row) {
				break
			}
			m.pass(c)
		}
	}
	m.leave()
	return nil
}

// changed tells whether the partition's file must be written.
func changed(c load.Count) bool { return c.Added+c.Changed+c.Removed > 0 }
