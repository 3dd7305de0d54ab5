package parquet

import (
	"errors"
	"os"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/tracklake/tracklake/load"
)

// finish completes the partition's new file: late rows are merged, stored rows
// that were not staged follow, and those that the sweeps prove gone are marked
// or left out. It returns nil when the published file can stay as it is, and
// how many removals were held back.
func (p *partition) finish(sweeps []load.Sweep) (*output, int, error) {
	gone, held, err := p.gone(sweeps)
	if err != nil {
		return nil, 0, err
	}
	if p.count.Inserted+p.count.Updated+len(gone) == 0 && len(p.late.rows) == 0 {
		return nil, held, p.drop()
	}
	if err := p.mergeWritten(); err != nil {
		return nil, 0, err
	}
	if err := p.followStored(gone); err != nil {
		return nil, 0, err
	}
	if p.count.Inserted+p.count.Updated+p.count.Removed == 0 {
		return nil, held, p.drop()
	}
	if p.out == nil { // every row has gone, and the table does not mark them
		if p.out, err = p.make(p.layout); err != nil {
			return nil, 0, err
		}
	}
	return p.out, held, p.out.close()
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
		needed = needed || p.index[k].written
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
			if p.late.has(k) && e.position >= 0 && !e.changed {
				p.count.Unchanged--
				p.count.Updated++
				e.changed = true
			}
			return action{keep: true, times: p.timesOf(e)}
		})
	})
	return errors.Join(err, os.Remove(before.path))
}

// followStored copies the stored rows that are not in the output behind it.
func (p *partition) followStored(gone map[int32]bool) error {
	if p.seen == nil {
		return nil
	}
	position := int32(-1)
	return readRecords(p.stored, nil, func(r arrow.Record) error {
		merged, err := p.mergedHashes(r)
		if err != nil {
			return err
		}
		start := position + 1
		return p.copyRows(r, func(k rowKey, e entry, _ int32) action {
			position++
			return p.decide(k, e, gone[position], merged, int(position-start))
		})
	})
}

// mergedHashes are the hashes that the rows of a record have once late rows
// are merged, or nil when none is late.
func (p *partition) mergedHashes(r arrow.Record) ([]uint64, error) {
	keys, _, err := p.identify(r)
	if err != nil || !slices.ContainsFunc(keys, p.late.has) {
		return nil, err
	}
	fields := p.late.merge(r, keys)
	defer releaseAll(fields)
	return hashRows(fields, len(keys), wordHash)
}

// decide tells what becomes of a stored row.
func (p *partition) decide(k rowKey, e entry, gone bool, merged []uint64, i int) action {
	changed := times{p.timesOf(e).first, p.began.UnixMicro()}
	switch {
	case e.written:
		return action{}
	case gone:
		p.count.Removed++
		if !p.layout.removable() {
			return action{}
		}
		return action{keep: true, times: changed, removed: true}
	case p.late.has(k) && merged[i] != e.hash:
		p.count.Updated++
		return action{keep: true, times: changed}
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
	keys, _, err := p.identify(r)
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

// gone returns the positions of stored rows that the sweeps prove gone, and
// how many were held back by a guard.
func (p *partition) gone(sweeps []load.Sweep) (map[int32]bool, int, error) {
	out := map[int32]bool{}
	held := 0
	for _, s := range sweeps {
		inScope, err := p.scope(s)
		if err != nil {
			return nil, 0, err
		}
		live := 0
		var lost []int32
		for _, e := range p.index {
			if e.position < 0 || e.removed && !e.staged || inScope != nil && !inScope[e.position] {
				continue
			}
			live++
			if !e.staged {
				lost = append(lost, e.position)
			}
		}
		if s.Guard.Holds(len(lost), live) {
			held += len(lost)
			continue
		}
		for _, position := range lost {
			out[position] = true
		}
	}
	return out, held, nil
}

// scope tells for each stored row whether a sweep covers it; nil means all.
func (p *partition) scope(s load.Sweep) ([]bool, error) {
	var matches []load.Match
	var columns []int
	for _, m := range s.Where {
		if i := slices.Index(p.layout.table.Partition, m.Column); i >= 0 {
			if !slices.Contains(m.Values, p.values[i]) {
				return make([]bool, len(p.index)+1), nil
			}
			continue
		}
		matches = append(matches, m)
		columns = append(columns, p.layout.file.FieldIndices(m.Column)[0])
	}
	if len(matches) == 0 || p.seen == nil {
		return nil, nil
	}
	var out []bool
	err := readRecords(p.stored, columns, func(r arrow.Record) error {
		for i := range int(r.NumRows()) {
			in := true
			for _, m := range matches {
				c := r.Column(r.Schema().FieldIndices(m.Column)[0])
				in = in && c.IsValid(i) && slices.Contains(m.Values, c.ValueStr(i))
			}
			out = append(out, in)
		}
		return nil
	})
	return out, err
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
