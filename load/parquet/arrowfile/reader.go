package arrowfile

import (
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
)

// A Source is a file to read. *os.File and *bytes.Reader are sources.
type Source interface {
	io.ReaderAt
	io.Seeker
}

// A Reader reads one file. It is for one goroutine at a time.
type Reader struct {
	file   *file.Reader
	schema *arrow.Schema
	kinds  []kind
}

// Open reads what a file says of itself. A column of a type that a Writer does not
// write is an error that names it. The source is the caller's to close, after the
// last use of the Reader.
func Open(src Source) (*Reader, error) {
	r := &Reader{}
	if err := guarded(func() error { return r.open(src) }); err != nil {
		return nil, fmt.Errorf("open a Parquet file: %w", err)
	}
	return r, nil
}

func (r *Reader) open(src Source) error {
	var err error
	if r.file, err = file.NewParquetReader(struct{ Source }{src}, file.WithReadProps(inPieces())); err != nil {
		return err
	}
	var fields []arrow.Field
	root := r.file.MetaData().Schema.Root()
	for i := range root.NumFields() {
		f, k, err := fieldOf(root.Field(i))
		if err != nil {
			return err
		}
		fields, r.kinds = append(fields, f), append(r.kinds, k)
	}
	r.schema = arrow.NewSchema(fields, nil)
	rows := r.Rows()
	for i := range r.file.NumRowGroups() {
		group := r.file.MetaData().RowGroup(i)
		if group.NumRows() < 0 || group.NumColumns() != len(fields) {
			return fmt.Errorf("row group %d is damaged", i)
		}
		rows -= group.NumRows()
	}
	if rows != 0 {
		return fmt.Errorf("the row groups lack %d rows", rows)
	}
	return nil
}

// inPieces reads a column's part of a row group in pieces, rather than at once.
func inPieces() *parquet.ReaderProperties {
	p := parquet.NewReaderProperties(memory.DefaultAllocator)
	p.BufferedStreamEnabled, p.BufferSize = true, 32<<10
	return p
}

// Schema is the columns of the file in their order.
func (r *Reader) Schema() *arrow.Schema { return r.schema }

// Rows is how many rows the file has.
func (r *Reader) Rows() int64 { return r.file.NumRows() }

// Nulls is how many rows have no value in a column. The file's statistics say so; where
// they do not, the column is read.
func (r *Reader) Nulls(column string) (int64, error) {
	at := r.schema.FieldIndices(column)
	if len(at) != 1 {
		return 0, fmt.Errorf("the file has %d columns of the name %s", len(at), column)
	}
	nulls, known := int64(0), true
	err := guarded(func() error {
		for i := range r.file.NumRowGroups() {
			chunk, err := r.file.MetaData().RowGroup(i).ColumnChunk(at[0])
			if err != nil {
				return err
			}
			stats, err := chunk.Statistics()
			if err != nil || stats == nil || !stats.HasNullCount() {
				known = false
				return err
			}
			nulls += stats.NullCount()
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("read the statistics of %s: %w", column, err)
	}
	if known {
		return nulls, nil
	}
	nulls = 0
	for record, err := range r.Records([]string{column}, 4096) {
		if err != nil {
			return 0, err
		}
		nulls += int64(record.Column(0).NullN())
	}
	return nulls, nil
}

// Metadata is the value of a key of the file's metadata, if it has the key.
func (r *Reader) Metadata(key string) (string, bool) {
	v := r.file.MetaData().KeyValueMetadata().FindValue(key)
	if v == nil {
		return "", false
	}
	return *v, true
}

// Records yields the rows in the order of the file, in records of up to batch rows,
// which have the named columns in the given order; nil stands for all. Nothing is
// read of other columns. The Reader releases a record after the body of the loop. An
// error ends the rows.
func (r *Reader) Records(columns []string, batch int) iter.Seq2[arrow.Record, error] {
	return func(yield func(arrow.Record, error) bool) {
		s, err := r.scan(columns, batch)
		if err == nil {
			defer s.builder.Release()
		}
		for err == nil {
			var record arrow.Record
			err = guarded(func() (err error) {
				record, err = s.next()
				return err
			})
			if err != nil {
				break
			}
			more := yield(record, nil)
			record.Release()
			if !more {
				return
			}
		}
		if !errors.Is(err, io.EOF) {
			yield(nil, fmt.Errorf("read a Parquet file: %w", err))
		}
	}
}

// A scan is a pass over some columns of a file.
type scan struct {
	file    *file.Reader
	columns []*columnReader
	builder *array.RecordBuilder
	batch   int
	group   int   // the next one
	left    int64 // rows of the one before
}

func (r *Reader) scan(columns []string, batch int) (*scan, error) {
	if columns == nil {
		for _, f := range r.schema.Fields() {
			columns = append(columns, f.Name)
		}
	}
	s := &scan{file: r.file, batch: max(batch, 1)}
	var fields []arrow.Field
	for _, name := range columns {
		at := r.schema.FieldIndices(name)
		if len(at) != 1 {
			return nil, fmt.Errorf("the file has %d columns of the name %s", len(at), name)
		}
		fields = append(fields, r.schema.Field(at[0]))
		s.columns = append(s.columns, &columnReader{index: at[0], kind: r.kinds[at[0]], field: fields[len(fields)-1]})
	}
	s.builder = array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	return s, nil
}

// next reads the next record; it fails with io.EOF after the last.
func (s *scan) next() (arrow.Record, error) {
	for s.left == 0 {
		if s.group == s.file.NumRowGroups() {
			return nil, io.EOF
		}
		group := s.file.RowGroup(s.group)
		s.left = group.NumRows()
		s.group++
		for _, c := range s.columns {
			if err := c.open(group); err != nil {
				return nil, err
			}
		}
	}
	n := int(min(int64(s.batch), s.left))
	s.left -= int64(n)
	for i, c := range s.columns {
		if err := c.read(s.builder.Field(i), n); err != nil {
			return nil, err
		}
	}
	if len(s.columns) == 0 {
		return array.NewRecord(s.builder.Schema(), nil, int64(n)), nil
	}
	return s.builder.NewRecord(), nil
}
