// Package arrowfile writes Arrow records to Parquet files and reads them back, on
// the column writers and readers of Arrow's Parquet library. It does without the
// library's package pqarrow, which links gRPC into the program.
package arrowfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/metadata"
	"github.com/apache/arrow/go/v17/parquet/schema"
)

// groupRows is the default size of a row group: the smallest at which DuckDB reads
// a file at nearly its best speed.
const groupRows = 61_440

// Options say how a file is written.
type Options struct {
	Sorting   []string          // columns by which the rows are in ascending order, NULLs last; the file declares it, nobody checks it
	Metadata  map[string]string // the file's key-value metadata, in UTF-8
	CreatedBy string            // the program that writes
	GroupRows int               // rows of a row group; 0: 61,440
}

// A Writer writes one file. It keeps the compressed pages of a row group in memory.
// It is for one goroutine at a time, and uses two.
type Writer struct {
	out     *sink
	schema  *arrow.Schema
	columns []*columnWriter
	sorting []int32
	limit   int // rows of a row group
	file    *file.Writer
	group   file.BufferedRowGroupWriter // nil: none is open
	held    int                         // rows in it
	wrong   []place                     // statistics that are not to be kept
	rows    int64                       // in all
	err     error                       // for good
}

// A place is a column's part of a row group.
type place struct{ group, column int }

// NewWriter begins a file of the schema. The types are those of string, int32,
// int64, boolean, date32, timestamp in microseconds UTC, and list of string;
// another one is an error.
func NewWriter(w io.Writer, s *arrow.Schema, o Options) (*Writer, error) {
	writer := &Writer{out: &sink{w: w}, schema: s, limit: o.GroupRows}
	if writer.limit <= 0 {
		writer.limit = groupRows
	}
	if err := guarded(func() error { return writer.begin(o) }); err != nil {
		return nil, fmt.Errorf("begin a Parquet file: %w", err)
	}
	return writer, nil
}

func (w *Writer) begin(o Options) error {
	properties := []parquet.WriterProperty{
		parquet.WithCompression(compress.Codecs.Zstd), parquet.WithCreatedBy(o.CreatedBy), parquet.WithMaxRowGroupLength(int64(w.limit)),
		parquet.WithDataPageSize(64 << 10), parquet.WithDictionaryPageSizeLimit(512 << 10), parquet.WithBatchSize(4096),
	}
	var nodes schema.FieldList
	for _, f := range w.schema.Fields() {
		k, err := kindOf(f)
		if err != nil {
			return err
		}
		node, err := nodeOf(f, k)
		if err != nil {
			return fmt.Errorf("column %s: %w", f.Name, err)
		}
		nodes = append(nodes, node)
		w.columns = append(w.columns, &columnWriter{field: f})
		// A dictionary of values that hardly repeat costs time and gains nothing.
		key := len(o.Sorting) > 0 && f.Name == o.Sorting[len(o.Sorting)-1]
		if key || k != text && k != texts {
			properties = append(properties, parquet.WithDictionaryFor(f.Name, false))
		}
	}
	for _, name := range o.Sorting {
		at := w.schema.FieldIndices(name)
		if len(at) != 1 {
			return fmt.Errorf("sorting column %s is not in the schema", name)
		}
		w.sorting = append(w.sorting, int32(at[0]))
	}
	root, err := schema.NewGroupNode("schema", parquet.Repetitions.Repeated, nodes, -1)
	if err != nil {
		return err
	}
	var pairs metadata.KeyValueMetadata
	for _, key := range slices.Sorted(maps.Keys(o.Metadata)) {
		if err := pairs.Append(key, o.Metadata[key]); err != nil {
			return err
		}
	}
	w.file = file.NewParquetWriter(w.out, root, file.WithWriterProps(parquet.NewWriterProperties(properties...)), file.WithWriteMetadata(pairs))
	return w.out.err
}

// Rows is how many rows have been written.
func (w *Writer) Rows() int64 { return w.rows }

// Write appends the rows of a record of the writer's schema; it does not keep the
// record. After an error the file is not to be used.
func (w *Writer) Write(r arrow.Record) error {
	if w.err == nil {
		w.err = guarded(func() error { return w.write(r) })
	}
	return w.err
}

func (w *Writer) write(r arrow.Record) error {
	if int(r.NumCols()) != len(w.columns) {
		return fmt.Errorf("a record of %d columns for a file of %d", r.NumCols(), len(w.columns))
	}
	for i, c := range w.columns {
		if given := r.Column(i).DataType(); !arrow.TypeEqual(given, c.field.Type) {
			return fmt.Errorf("column %s: %v in a record, %v in the file", c.field.Name, given, c.field.Type)
		}
	}
	for from, end := 0, int(r.NumRows()); from < end; {
		if err := w.openGroup(); err != nil {
			return err
		}
		to := min(end, from+w.limit-w.held)
		if err := divide(len(w.columns), func(i int) error { return w.columns[i].write(r.Column(i), from, to) }); err != nil {
			return err
		}
		w.held += to - from
		w.rows += int64(to - from)
		from = to
		if w.held == w.limit {
			if err := w.closeGroup(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *Writer) openGroup() error {
	if w.group != nil {
		return nil
	}
	w.group, w.held = w.file.AppendBufferedRowGroup(), 0
	for i, c := range w.columns {
		var err error
		if c.out, err = w.group.Column(i); err != nil {
			return fmt.Errorf("column %s: %w", c.field.Name, err)
		}
	}
	return nil
}

func (w *Writer) closeGroup() error {
	if w.group == nil {
		return nil
	}
	err := w.group.Close()
	w.group = nil
	for i, c := range w.columns {
		// The library leaves empty texts out of the least and the greatest value.
		if c.empty {
			w.wrong, c.empty = append(w.wrong, place{w.file.NumRowGroups() - 1, i}), false
		}
	}
	return errors.Join(err, w.out.err)
}

// Close ends the file; it leaves the underlying writer open. After an error the file
// is not to be used.
func (w *Writer) Close() error {
	if w.err != nil {
		return w.err
	}
	err := guarded(w.end)
	if w.err = err; err == nil {
		w.err = errors.New("the Parquet file is closed")
	}
	return err
}

// end writes the rest and the footer. The library declares no order in it, and wrong
// statistics, so its footer is held back and mended.
func (w *Writer) end() error {
	if err := w.closeGroup(); err != nil {
		return err
	}
	w.out.held = &bytes.Buffer{}
	if err := w.file.FlushWithFooter(); err != nil {
		return err
	}
	text := w.out.held.Bytes()
	w.out.held = nil
	footer, err := metadata.NewFileMetaData(text[:len(text)-8], nil) // without its length and the magic
	if err != nil {
		return err
	}
	for _, group := range footer.RowGroups {
		for _, c := range group.Columns { // which the library says is 0
			c.MetaData.Statistics.DistinctCount = nil
		}
		for _, i := range w.sorting {
			s := newElement(group.SortingColumns)
			s.ColumnIdx = i
			group.SortingColumns = append(group.SortingColumns, s)
		}
	}
	for _, p := range w.wrong {
		footer.RowGroups[p.group].Columns[p.column].MetaData.Statistics = nil
	}
	n, err := footer.WriteTo(w.out, nil)
	if err != nil {
		return err
	}
	_, err = w.out.Write(append(binary.LittleEndian.AppendUint32(nil, uint32(n)), text[len(text)-4:]...))
	return errors.Join(err, w.out.err)
}

// newElement makes an element of a slice whose type is internal to the library.
func newElement[T any](_ []*T) *T { return new(T) }

// A sink remembers its first error, which the library may swallow, and can hold back
// what is written.
type sink struct {
	w    io.Writer
	held *bytes.Buffer
	n    int64
	err  error
}

// Write writes, unless an earlier write failed.
func (s *sink) Write(p []byte) (int, error) {
	if s.held != nil {
		return s.held.Write(p)
	}
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.w.Write(p)
	s.n += int64(n)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	s.err = err
	return n, err
}

// Tell is the number of bytes so far.
func (s *sink) Tell() int64 { return s.n }

// Close does nothing: the writer below is not ours.
func (s *sink) Close() error { return nil }
