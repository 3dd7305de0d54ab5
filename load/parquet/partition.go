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
// first, and removed rows come last.
type partition struct {
	layout *layout
	stored string      // path of the published file
	seen   os.FileInfo // the published file when it was indexed; nil: none
	began  time.Time
	make   func(*layout) (*output, error)

	values     []string // of the partition columns
	commit     int32    // number of the one that stages rows
	index      map[rowKey]entry
	replaced   map[rowKey]uint64 // hashes of published rows that have changed
	times      []times           // of the published rows, by position
	wasRemoved map[int32]bool    // positions of the published rows that are removed
	out        *output
	late       *lateRows
	count      load.Count
}

// An entry is what is known of a key. It is kept small: there is one for every
// row of the table.
type entry struct {
	hash     uint64 // of all fields, as published or as last staged
	position int32  // in the published file; -1: it is not there
	commit   int32  // that staged the row last; 0: none
}

// written tells whether a row went to the output, in whichever version.
func (p *partition) written(e entry) bool {
	return e.commit != 0 && (e.position < 0 || p.layout.table.Merge != transform.Fill)
}

// times are the managed columns of a published row, µs.
type times struct{ first, last int64 }

// timesOf returns when a row was first and last seen, as of this run.
func (p *partition) timesOf(k rowKey, e entry) times {
	now := p.began.UnixMicro()
	if e.position < 0 {
		return times{now, now}
	}
	if _, changed := p.replaced[k]; changed {
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
	p.index, p.replaced, p.times, p.wasRemoved = map[rowKey]entry{}, map[rowKey]uint64{}, nil, map[int32]bool{}
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
		keys, hashes, err := p.identifyRecord(r)
		if err != nil {
			return err
		}
		first := r.Column(p.layout.first).(*array.Timestamp)
		last := r.Column(p.layout.first + 1).(*array.Timestamp)
		for i, k := range keys {
			p.times = append(p.times, times{int64(first.Value(i)), int64(last.Value(i))})
			if p.layout.removable() && r.Column(p.layout.first+2).IsValid(i) {
				p.wasRemoved[position] = true
			}
			p.index[k] = entry{hash: hashes[i], position: position}
			position++
		}
		return nil
	})
}

// identify returns the keys and the hashes of rows: of the file's fields,
// without the managed ones.
func (p *partition) identify(fields []arrow.Array, rows int) ([]rowKey, []uint64, error) {
	keyColumns := make([]arrow.Array, len(p.layout.fileKeys))
	for i, c := range p.layout.fileKeys {
		keyColumns[i] = fields[c]
	}
	keys, err := keysOf(keyColumns, rows)
	if err != nil {
		return nil, nil, err
	}
	hashes, err := hashRows(fields, rows, wordHash)
	return keys, hashes, err
}

// identifyRecord does so for a record of a file.
func (p *partition) identifyRecord(r arrow.Record) ([]rowKey, []uint64, error) {
	return p.identify(r.Columns()[:p.layout.first], int(r.NumRows()))
}

// write stages rows.
func (p *partition) write(fields []arrow.Array, rows int) error {
	keys, hashes, err := p.identify(fields, rows)
	if err != nil {
		return err
	}
	stamp := newStamps(p.layout)
	defer stamp.release()
	goes := make([]bool, rows)
	for i, k := range keys {
		var waits bool
		goes[i], waits = p.stage(k, hashes[i])
		if waits {
			p.late.add(k, fields, i)
		}
		t := p.timesOf(k, p.index[k])
		stamp.add(t.first, t.last)
	}
	return p.emit(fields, stamp, goes)
}

// stage decides what becomes of a row: it goes to the output now, or waits with
// the late rows, or neither, because it changes nothing.
func (p *partition) stage(k rowKey, hash uint64) (goes, waits bool) {
	e, known := p.index[k]
	fills := p.layout.table.Merge == transform.Fill
	switch {
	case !known:
		e = entry{position: -1}
		p.count.Inserted++
		goes = true
	case e.commit != 0 && e.commit != p.commit:
		// A commit that waits to be published staged the same; see overlaps.
		p.count.Unchanged++
	case fills && e.commit == 0 && e.hash == hash:
		p.count.Unchanged++
	case fills:
		waits = e.commit == 0 || e.hash != hash
		if waits && e.position >= 0 && e.commit != 0 && !p.late.has(k) {
			p.count.Unchanged-- // it counts when it is merged
		}
	default:
		goes, waits = e.commit == 0, e.commit != 0 && e.hash != hash
		if e.position >= 0 {
			p.recount(k, e, hash)
		}
	}
	e.hash, e.commit = hash, p.commit
	p.index[k] = e
	return goes, waits
}

// recount counts a stored row that is replaced, by the last version that the
// commit stages.
func (p *partition) recount(k rowKey, e entry, hash uint64) {
	stored, changed := p.replaced[k]
	switch {
	case changed:
		p.count.Updated--
	case e.commit != 0:
		p.count.Unchanged--
	}
	if !changed {
		stored = e.hash
	}
	if p.wasRemoved[e.position] || hash != stored {
		p.replaced[k] = stored
		p.count.Updated++
	} else {
		delete(p.replaced, k)
		p.count.Unchanged++
	}
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
