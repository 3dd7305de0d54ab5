package parquet

import (
	"errors"
	"os"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// finish completes the partition's new file: late rows are merged, stored rows
// that were not staged follow, and removed ones are marked or left out. It
// returns nil when the published file can stay as it is.
func (p *partition) finish(removals []removal) (*output, error) {
	removed, err := p.removed(removals)
	if err != nil {
		return nil, err
	}
	if p.count.Inserted+p.count.Updated+len(removed) == 0 && len(p.late.rows) == 0 {
		return nil, p.drop()
	}
	if err := p.mergeWritten(); err != nil {
		return nil, err
	}
	if err := p.followStored(removed); err != nil {
		return nil, err
	}
	if p.count.Inserted+p.count.Updated+p.count.Removed == 0 {
		return nil, p.drop()
	}
	if p.out == nil { // no row is left, and the table does not mark removed ones
		if p.out, err = p.make(p.layout); err != nil {
			return nil, err
		}
	}
	return p.out, p.out.close()
}

// drop gives up what was staged.
func (p *partition) drop() error {
	p.late.release()
	if p.out == nil {
		return nil
	}
	out := p.out
	p.out = nil
	return out.discard()
}

// mergeWritten puts later versions in place of rows that are already in the
// output. That is rare: a list moved while it was read, and an item changed.
func (p *partition) mergeWritten() error {
	needed := false
	for k := range p.late.rows {
		needed = needed || p.written(p.index[k])
	}
	if !needed {
		return nil
	}
	before := p.out
	if err := before.close(); err != nil {
		return err
	}
	p.out = nil
	err := readRecords(before.path, nil, func(r arrow.Record) error {
		return p.copyRows(r, func(k rowKey, e entry, _ int32) action {
			return action{keep: true, times: p.timesOf(k, e)}
		})
	})
	return errors.Join(err, os.Remove(before.path))
}

// followStored copies the stored rows that are not in the output behind it.
func (p *partition) followStored(removed map[int32]bool) error {
	if p.seen == nil {
		return nil
	}
	position := int32(-1)
	return readRecords(p.stored, nil, func(r arrow.Record) error {
		changed, err := p.changedByLate(r)
		if err != nil {
			return err
		}
		return p.copyRows(r, func(k rowKey, e entry, i int32) action {
			position++
			return p.decide(k, e, removed[position], changed != nil && changed[i])
		})
	})
}

// changedByLate tells which rows of a record late rows change; nil means none.
func (p *partition) changedByLate(r arrow.Record) ([]bool, error) {
	keys, stored, err := p.identifyRecord(r)
	if err != nil || !slices.ContainsFunc(keys, p.late.has) {
		return nil, err
	}
	fields := p.late.merge(r, keys)
	defer releaseAll(fields)
	merged, err := hashRows(fields, len(keys), wordHash)
	out := make([]bool, len(merged))
	for i := range out {
		out[i] = merged[i] != stored[i]
	}
	return out, err
}

// decide tells what becomes of a stored row.
func (p *partition) decide(k rowKey, e entry, removed, changed bool) action {
	now := times{p.timesOf(k, e).first, p.began.UnixMicro()}
	switch {
	case p.written(e):
		return action{}
	case removed:
		p.count.Removed++
		if !p.layout.removable() {
			return action{}
		}
		return action{keep: true, times: now, removed: true}
	case changed:
		p.count.Updated++
		return action{keep: true, times: now}
	case p.late.has(k):
		p.count.Unchanged++
	}
	return action{keep: true, stored: true}
}

// An action is what becomes of a row that is copied.
type action struct {
	keep    bool
	stored  bool  // with the managed columns that it has
	times   times // otherwise with these
	removed bool  // since the last of them
}

// copyRows copies the rows of a file's record into the output, merged with
// their late versions.
func (p *partition) copyRows(r arrow.Record, decide func(k rowKey, e entry, i int32) action) error {
	keys, _, err := p.identifyRecord(r)
	if err != nil {
		return err
	}
	stamp := newStamps(p.layout)
	defer stamp.release()
	goes := make([]bool, len(keys))
	for i, k := range keys {
		a := decide(k, p.index[k], int32(i))
		goes[i] = a.keep
		switch {
		case a.stored:
			stamp.copy(r.Columns()[p.layout.first:], i)
		case a.removed:
			stamp.addRemoved(a.times.first, a.times.last, a.times.last)
		default:
			stamp.add(a.times.first, a.times.last)
		}
	}
	fields := r.Columns()[:p.layout.first]
	if slices.ContainsFunc(keys, p.late.has) {
		fields = p.late.merge(r, keys)
		defer releaseAll(fields)
	}
	return p.emit(fields, stamp, goes)
}

// copy takes over the managed columns of a stored row.
func (s *stamps) copy(from []arrow.Array, i int) {
	for c, b := range s.columns {
		appendValue(b, from[c], i)
	}
}

// rebase stages again on top of a file that another process has published in
// the meantime.
func (p *partition) rebase() error {
	info, err := os.Stat(p.stored)
	if err != nil && !os.IsNotExist(err) {
		return describe("read", err)
	}
	if err != nil && p.seen == nil || err == nil && p.seen != nil && sameFile(info, p.seen) {
		return nil
	}
	out, late := p.out, p.late
	p.out = nil
	if err := p.load(); err != nil {
		return err
	}
	defer late.release()
	if out != nil {
		if err := p.restage(out); err != nil {
			return err
		}
	}
	for _, versions := range late.rows {
		for _, v := range versions {
			if err := p.writeOne(v); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *partition) restage(out *output) error {
	if err := out.close(); err != nil {
		return err
	}
	err := readRecords(out.path, nil, func(r arrow.Record) error {
		return p.write(r.Columns()[:p.layout.first], int(r.NumRows()))
	})
	return errors.Join(err, os.Remove(out.path))
}

func (p *partition) writeOne(v lateRow) error {
	row := make([]arrow.Array, len(v.fields))
	for i, f := range v.fields {
		row[i] = array.NewSlice(f, int64(v.at), int64(v.at)+1)
	}
	defer releaseAll(row)
	return p.write(row, 1)
}

// sameFile tells whether a path still holds the file that was indexed.
func sameFile(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
