package parquet

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/transform"
)

// A partition is one file of a table and what a session stages for it.
//
// Rows with new keys, and all rows of tables that are replaced, stream into
// the output at once. Rows that fill up stored ones, and rows that are staged
// a second time, wait until the rest is known. At the end the stored rows that
// were not staged follow behind. So a file is in the order of the list, newest
// first, and what has gone comes last.
type partition struct {
	layout *layout
	stored string      // path of the published file
	seen   os.FileInfo // the published file when it was indexed; nil: none
	began  time.Time
	make   func(*layout) (*output, error)

	values []string // of the partition columns
	index  map[rowKey]entry
	times  []times // of the published rows, by position
	out    *output
	late   *lateRows
	count  load.Count
}

// An entry is what is known of a key. It is kept small: there is one for every
// row of the table.
type entry struct {
	hash     uint64 // of all fields
	position int32  // in the published file; -1: it is not there
	removed  bool
	staged   bool // in this session
	written  bool // to the output
	changed  bool // in this session
}

// times are the managed columns of a published row, µs.
type times struct{ first, last int64 }

// timesOf returns when a row was first and last seen, as of this run.
func (p *partition) timesOf(e entry) times {
	now := p.began.UnixMicro()
	switch {
	case e.position < 0:
		return times{now, now}
	case e.changed:
		return times{p.times[e.position].first, now}
	}
	return p.times[e.position]
}

func newPartition(l *layout, stored string, values []string, began time.Time, makeOutput func(*layout) (*output, error)) (*partition, error) {
	p := &partition{layout: l, stored: stored, values: values, began: began, make: makeOutput}
	return p, p.load()
}

// load indexes the published file.
func (p *partition) load() error {
	p.index, p.times = map[rowKey]entry{}, nil
	p.late = newLateRows(p.layout)
	p.count = load.Count{}
	p.seen = nil
	info, err := os.Stat(p.stored)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return describe("read", err)
	}
	p.seen = info
	position := int32(0)
	return readRecords(p.stored, nil, func(r arrow.Record) error {
		if !sameFields(r.Schema(), p.layout.file) {
			return fmt.Errorf("%s was written by another version: its columns differ; move it away and run a backfill", p.stored)
		}
		keys, hashes, err := p.identify(r)
		if err != nil {
			return err
		}
		first := r.Column(p.layout.first).(*array.Timestamp)
		last := r.Column(p.layout.first + 1).(*array.Timestamp)
		for i, k := range keys {
			p.times = append(p.times, times{int64(first.Value(i)), int64(last.Value(i))})
			e := entry{hash: hashes[i], position: position}
			e.removed = p.layout.removable() && r.Column(p.layout.first+2).IsValid(i)
			p.index[k] = e
			position++
		}
		return nil
	})
}

// identify returns the keys and the hashes of the rows of a file's record.
func (p *partition) identify(r arrow.Record) ([]rowKey, []uint64, error) {
	keyColumns := make([]arrow.Array, len(p.layout.fileKeys))
	for i, c := range p.layout.fileKeys {
		keyColumns[i] = r.Column(c)
	}
	return identify(keyColumns, r.Columns()[:p.layout.first], int(r.NumRows()))
}

func identify(keyColumns, fields []arrow.Array, rows int) ([]rowKey, []uint64, error) {
	keys, err := keysOf(keyColumns, rows)
	if err != nil {
		return nil, nil, err
	}
	hashes, err := hashRows(fields, rows, wordHash)
	return keys, hashes, err
}

// write stages rows: a record of the file's fields, without the managed ones.
func (p *partition) write(fields []arrow.Array, rows int) error {
	keyColumns := make([]arrow.Array, len(p.layout.fileKeys))
	for i, c := range p.layout.fileKeys {
		keyColumns[i] = fields[c]
	}
	keys, hashes, err := identify(keyColumns, fields, rows)
	if err != nil {
		return err
	}
	stamp := newStamps(p.layout)
	defer stamp.release()
	goes := make([]bool, rows)
	for i, k := range keys {
		e, known := p.index[k]
		goes[i] = p.stage(k, e, known, hashes[i], stamp)
		if !goes[i] && (p.index[k].hash != hashes[i] || p.late.has(k)) {
			p.late.add(k, fields, i)
		}
	}
	return p.emit(fields, stamp, goes)
}

// stage decides what becomes of a row: true lets it go to the output now.
func (p *partition) stage(k rowKey, e entry, known bool, hash uint64, stamp *stamps) bool {
	now := false
	switch {
	case !known:
		e = entry{hash: hash, position: -1, staged: true, written: true}
		p.count.Inserted++
		now = true
	case e.staged || p.layout.table.Merge == transform.Fill:
		// A second version, or a row that may fill up the stored one. An
		// equal one changes nothing.
		if !e.staged && e.hash == hash {
			p.count.Unchanged++
		}
		e.staged = true
	default:
		e.changed = e.hash != hash || e.removed
		if e.changed {
			p.count.Updated++
		} else {
			p.count.Unchanged++
		}
		e.hash, e.staged, e.written, e.removed = hash, true, true, false
		now = true
	}
	p.index[k] = e
	t := p.timesOf(e)
	stamp.add(t.first, t.last)
	return now
}

// emit writes the rows that may go, in runs without copying.
func (p *partition) emit(fields []arrow.Array, stamp *stamps, goes []bool) error {
	managed := stamp.arrays()
	defer releaseAll(managed)
	record := array.NewRecord(p.layout.file, append(append([]arrow.Array{}, fields...), managed...), int64(len(goes)))
	defer record.Release()
	return p.emitRuns(record, goes)
}

func (p *partition) emitRuns(record arrow.Record, goes []bool) error {
	for from := 0; from < len(goes); {
		if !goes[from] {
			from++
			continue
		}
		to := from
		for to < len(goes) && goes[to] {
			to++
		}
		if err := p.append(record, from, to); err != nil {
			return err
		}
		from = to
	}
	return nil
}

func (p *partition) append(record arrow.Record, from, to int) error {
	if p.out == nil {
		out, err := p.make(p.layout)
		if err != nil {
			return err
		}
		p.out = out
	}
	slice := record.NewSlice(int64(from), int64(to))
	defer slice.Release()
	return p.out.write(slice)
}

// stamps builds the managed columns of some rows that are there.
type stamps struct {
	columns []*array.TimestampBuilder
}

func newStamps(l *layout) *stamps {
	s := &stamps{}
	for _, f := range l.file.Fields()[l.first:] {
		s.columns = append(s.columns, array.NewTimestampBuilder(memory.DefaultAllocator, f.Type.(*arrow.TimestampType)))
	}
	return s
}

func (s *stamps) add(first, last int64) {
	s.columns[0].Append(arrow.Timestamp(first))
	s.columns[1].Append(arrow.Timestamp(last))
	if len(s.columns) > 2 {
		s.columns[2].AppendNull()
	}
}

func (s *stamps) addRemoved(first, last, removed int64) {
	s.columns[0].Append(arrow.Timestamp(first))
	s.columns[1].Append(arrow.Timestamp(last))
	s.columns[2].Append(arrow.Timestamp(removed))
}

func (s *stamps) arrays() []arrow.Array {
	out := make([]arrow.Array, len(s.columns))
	for i, c := range s.columns {
		out[i] = c.NewArray()
	}
	return out
}

func (s *stamps) release() {
	for _, c := range s.columns {
		c.Release()
	}
}

func releaseAll(arrays []arrow.Array) {
	for _, a := range arrays {
		a.Release()
	}
}

// sameFields tells whether a file has the columns that are declared now.
func sameFields(have, want *arrow.Schema) bool {
	if have.NumFields() != want.NumFields() {
		return false
	}
	for i, f := range want.Fields() {
		h := have.Field(i)
		if h.Name != f.Name || h.Type.ID() != f.Type.ID() {
			return false
		}
	}
	return true
}

// publishedName is the name of every published file.
const publishedName = "part-0.parquet"

func storedPath(root string, l *layout, values []string) string {
	return filepath.Join(append(append([]string{root}, l.folders(values)...), publishedName)...)
}
