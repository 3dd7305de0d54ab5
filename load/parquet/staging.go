package parquet

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// heldRows is how many staged rows of a table stay in memory, about 10 MB of the
// widest. Beyond it they go to the disk, in the order of their keys.
const heldRows = 16 << 10

// blockRows is how many rows are read at a time of each run, and of the stored file.
const blockRows = 256

// staging are the rows of one table that wait to be published. Every row carries
// the number of the commit that it belongs to.
type staging struct {
	layout  *layout
	scratch scratch
	prefix  string // of the names of runs

	chunks []chunk // in the order of arrival
	rows   int     // in chunks
	runs   []run   // what arrived before
	made   int     // runs, for their names
}

// scratch is a folder for what is not kept in memory; put writes a file, or none at
// all.
type scratch struct {
	folder string
	put    func(path string, write func(io.Writer) error) error
}

// A chunk is a record that was staged. A run is many of them, sorted, on the disk.
type (
	chunk struct {
		record arrow.Record
		commit int32
	}
	run struct {
		path   string
		commit int32 // the last one
	}
)

// add stages a record for a commit.
func (s *staging) add(r arrow.Record, commit int32) error {
	r.Retain()
	s.chunks = append(s.chunks, chunk{r, commit})
	if s.rows += int(r.NumRows()); s.rows < heldRows {
		return nil
	}
	return s.spill(commit)
}

// spill moves the rows in memory to the disk: those of earlier commits apart, since
// the others may still be discarded.
func (s *staging) spill(commit int32) error {
	first := slices.IndexFunc(s.chunks, func(c chunk) bool { return c.commit == commit })
	for _, chunks := range [][]chunk{s.chunks[:first], s.chunks[first:]} {
		if len(chunks) == 0 {
			continue
		}
		s.made++
		r := run{filepath.Join(s.scratch.folder, fmt.Sprintf("%s.%s.%d.run", s.prefix, s.layout.table.Name, s.made)), chunks[len(chunks)-1].commit}
		if err := s.scratch.put(r.path, func(w io.Writer) error { return s.writeRun(w, chunks) }); err != nil {
			return err
		}
		s.runs = append(s.runs, r)
	}
	release(s.chunks)
	s.chunks, s.rows = nil, 0
	return nil
}

func (s *staging) writeRun(to io.Writer, chunks []chunk) error {
	w := ipc.NewWriter(to, ipc.WithSchema(s.layout.staged))
	next := s.blocks(chunks)
	block, err := next()
	for ; err == nil; block, err = next() {
		err := w.Write(block)
		block.Release()
		if err != nil {
			return fmt.Errorf("write a run: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("write a run: %w", err)
	}
	return nil
}

// A place is one row of some chunks, with the beginning of the last column of its
// key, by which most rows can be told apart.
type place struct {
	prefix     uint64
	chunk, row int32
}

// sorted orders the rows of chunks by their keys, those of one key as they arrived.
func (s *staging) sorted(chunks []chunk) []place {
	var out []place
	keys := s.layout.keys
	last := keys[len(keys)-1]
	for c := range chunks {
		column := chunks[c].record.Column(last)
		for i := range column.Len() {
			out = append(out, place{prefixOf(column, i), int32(c), int32(i)})
		}
	}
	slices.SortFunc(out, func(a, b place) int {
		x, y := cell{chunks[a.chunk].record, int(a.row)}, cell{chunks[b.chunk].record, int(b.row)}
		if c := compareRows(keys[:len(keys)-1], x, y); c != 0 {
			return c
		}
		if a.prefix != b.prefix {
			return cmp.Compare(a.prefix, b.prefix)
		}
		return cmp.Or(compareRows(keys[len(keys)-1:], x, y), cmp.Compare(a.chunk, b.chunk), cmp.Compare(a.row, b.row))
	})
	return out
}

// blocks hands on the rows of chunks in the order of their keys, a block at a time;
// io.EOF is behind the last.
func (s *staging) blocks(chunks []chunk) func() (arrow.Record, error) {
	order := s.sorted(chunks)
	return func() (arrow.Record, error) {
		if len(order) == 0 {
			return nil, io.EOF
		}
		n := min(len(order), blockRows)
		r := s.block(chunks, order[:n])
		order = order[n:]
		return r, nil
	}
}

// block copies rows of chunks, with the numbers of their commits.
func (s *staging) block(chunks []chunk, order []place) arrow.Record {
	rows := newSelection(len(order))
	commits := array.NewInt32Builder(memory.DefaultAllocator)
	defer commits.Release()
	for _, p := range order {
		rows.add(cell{chunks[p.chunk].record, int(p.row)})
		commits.Append(chunks[p.chunk].commit)
	}
	columns := rows.columns(s.layout.file.Fields()[:s.layout.first])
	columns = append(columns, commits.NewArray())
	defer releaseAll(columns)
	return array.NewRecord(s.layout.staged, columns, int64(len(order)))
}

// cursors walk all rows, each in the order of their keys, the earlier arrivals
// first. The caller closes them.
func (s *staging) cursors() (out []*cursor, err error) {
	for _, r := range s.runs {
		c, err := openRun(r.path)
		if err != nil {
			return out, err
		}
		out = append(out, c)
	}
	return append(out, &cursor{pull: s.blocks(s.chunks), close: func() error { return nil }}), nil
}

func openRun(path string) (*cursor, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, describe("read", err)
	}
	r, err := ipc.NewReader(f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read a run: %w", err), f.Close())
	}
	return &cursor{pull: func() (arrow.Record, error) {
		block, err := r.Read()
		if err == nil {
			block.Retain()
		} else if !errors.Is(err, io.EOF) {
			err = fmt.Errorf("read a run: %w", err)
		}
		return block, err
	}, close: func() error {
		r.Release()
		return f.Close()
	}}, nil
}

// discard drops the rows of a commit.
func (s *staging) discard(commit int32) error {
	kept := slices.IndexFunc(s.chunks, func(c chunk) bool { return c.commit == commit })
	if kept >= 0 {
		release(s.chunks[kept:])
		s.chunks, s.rows = s.chunks[:kept], 0
		for _, c := range s.chunks {
			s.rows += int(c.record.NumRows())
		}
	}
	var err error
	s.runs = slices.DeleteFunc(s.runs, func(r run) bool {
		if r.commit != commit {
			return false
		}
		err = errors.Join(err, os.Remove(r.path))
		return true
	})
	return err
}

// clear drops all rows.
func (s *staging) clear() error {
	release(s.chunks)
	s.chunks, s.rows = nil, 0
	var err error
	for _, r := range s.runs {
		err = errors.Join(err, os.Remove(r.path))
	}
	s.runs = nil
	return err
}

func release(chunks []chunk) {
	for _, c := range chunks {
		c.record.Release()
	}
}
