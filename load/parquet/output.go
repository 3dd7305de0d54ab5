package parquet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/tracklake/tracklake/transform"
)

// groupRows is the size of a row group. The writer keeps a whole group in
// memory; see docs/performance.md for what larger ones cost and bring.
const groupRows = 16 << 10

// An output is a Parquet file that is being written, in the staging folder.
//
// The Arrow writer can report success on a full disk, panic on it, and make a
// readable file of a part when it is closed after an error. Therefore all
// writes go through a sink that remembers its first error, panics become
// errors, and close opens the file again and counts.
type output struct {
	path   string
	table  *transform.Schema
	files  files
	sink   *sink
	writer *pqarrow.FileWriter
	rows   int64
	fields int
	err    error
}

func newOutput(f files, path string, l *layout, version string) (*output, error) {
	if err := f.check("create", path); err != nil {
		return nil, err
	}
	out, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o640)
	if err != nil {
		return nil, describe("write", err)
	}
	o := &output{path: path, table: l.table, files: f, sink: &sink{file: out, files: f}, fields: l.file.NumFields()}
	err = guarded(func() error {
		o.writer, err = pqarrow.NewFileWriter(l.file, o.sink, properties(l), pqarrow.NewArrowWriterProperties(pqarrow.WithAllocator(memory.DefaultAllocator)))
		if err != nil {
			return err
		}
		for _, k := range sortedKeys(l.metadata(version)) {
			if err := o.writer.AppendKeyValueMetadata(k, l.metadata(version)[k]); err != nil {
				return err
			}
		}
		return nil
	})
	if err = errors.Join(o.sink.err, err); err != nil {
		return nil, errors.Join(fmt.Errorf("begin %s: %w", path, err), out.Close(), os.Remove(path))
	}
	return o, nil
}

func properties(l *layout) *parquet.WriterProperties {
	options := []parquet.WriterProperty{
		parquet.WithCompression(compress.Codecs.Zstd),
		parquet.WithMaxRowGroupLength(groupRows),
		parquet.WithDataPageSize(64 << 10),
		parquet.WithDictionaryPageSizeLimit(64 << 10),
		parquet.WithCreatedBy("tracklake exporter"),
	}
	// A dictionary of values that hardly repeat costs time and gains nothing.
	for _, k := range l.fileKeys {
		if len(l.fileKeys) == 1 {
			options = append(options, parquet.WithDictionaryFor(l.file.Field(k).Name, false))
		}
	}
	return parquet.NewWriterProperties(options...)
}

// write appends a record of the file's schema.
func (o *output) write(r arrow.Record) error {
	if o.err != nil {
		return o.err
	}
	o.err = guarded(func() error { return o.writer.WriteBuffered(r) })
	if o.err == nil {
		o.err = o.sink.err
	}
	if o.err != nil {
		o.err = fmt.Errorf("write %s: %w", o.path, o.err)
		return o.err
	}
	o.rows += r.NumRows()
	return nil
}

// close ends the file and makes sure that it is whole and on the disk. After
// an error the file is gone.
func (o *output) close() error {
	err := o.err
	if err == nil {
		err = guarded(o.writer.Close)
	}
	err = errors.Join(err, o.sink.err)
	if err == nil {
		err = o.sink.sync()
	}
	err = errors.Join(err, o.sink.close())
	if err == nil {
		err = o.verify()
	}
	if err != nil {
		o.err = errors.Join(fmt.Errorf("write %s: %w", o.path, err), os.Remove(o.path))
		return o.err
	}
	return nil
}

// discard gives the file up.
func (o *output) discard() error {
	if err := errors.Join(o.sink.close(), os.Remove(o.path)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return describe("remove", err)
	}
	return nil
}

// verify opens the file as a reader would and counts.
func (o *output) verify() error {
	return guarded(func() error {
		r, err := file.OpenParquetFile(o.path, false)
		if err != nil {
			return fmt.Errorf("read back: %w", err)
		}
		defer r.Close()
		if r.NumRows() != o.rows {
			return fmt.Errorf("read back: the file holds %d rows instead of %d", r.NumRows(), o.rows)
		}
		return nil
	})
}

// guarded turns a panic of the Arrow library into an error.
func guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("parquet library: %v", p)
		}
	}()
	return f()
}

// A sink is a file that fails for good with its first error.
type sink struct {
	file   *os.File
	files  files
	err    error
	closed bool
}

// Write writes, unless an earlier write failed.
func (s *sink) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	if err := s.files.check("write", s.file.Name()); err != nil {
		s.err = err
		return 0, err
	}
	n, err := s.file.Write(p)
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err // the caller tells the path
	}
	if err != nil {
		s.err = describe("disk", err)
	}
	return n, s.err
}

// Close does nothing: the file is synced before it is closed.
func (s *sink) Close() error { return s.err }

func (s *sink) sync() error {
	if err := s.files.check("sync", s.file.Name()); err != nil {
		return err
	}
	if err := s.file.Sync(); err != nil {
		return describe("sync", err)
	}
	return nil
}

func (s *sink) close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	if err := s.file.Close(); err != nil {
		return describe("close", err)
	}
	return nil
}

// readRecords calls f for each record of a file, in order. The record is
// released after f returns. A file that is not there has none.
func readRecords(path string, columns []int, f func(arrow.Record) error) error {
	r, err := file.OpenParquetFile(path, false)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	defer r.Close()
	return guarded(func() error {
		reader, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{BatchSize: 4096}, memory.DefaultAllocator)
		if err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		records, err := reader.GetRecordReader(context.Background(), columns, nil) //nolint:forbidigo // a local file is read without waiting
		if err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		defer records.Release()
		for records.Next() {
			if err := f(records.Record()); err != nil {
				return err
			}
		}
		if err := records.Err(); err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read %s: %w", path, err)
		}
		return nil
	})
}
