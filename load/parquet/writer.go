package parquet

import (
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/tracklake/tracklake/load/parquet/arrowfile"
)

// writeRows is how many rows are handed to the file at a time.
const writeRows = 2048

// A fileWriter writes merged rows, in the order of their keys.
type fileWriter struct {
	layout  *layout
	out     *arrowfile.Writer
	waiting []outRow
	held    []arrow.Record // whose rows may wait
}

func newFileWriter(w io.Writer, l *layout, version string) (*fileWriter, error) {
	out, err := arrowfile.NewWriter(w, l.file, arrowfile.Options{
		Sorting: l.table.Key, Metadata: l.metadata(version), CreatedBy: "tracklake exporter",
	})
	if err != nil {
		return nil, fmt.Errorf("begin a file of %s: %w", l.table.Name, err)
	}
	return &fileWriter{layout: l, out: out}, nil
}

// add writes a row, now or later; its record is kept until then.
func (w *fileWriter) add(r outRow) error {
	w.waiting = append(w.waiting, r)
	if len(w.waiting) < writeRows {
		return nil
	}
	return w.flush()
}

// keep takes over a record of which rows may wait.
func (w *fileWriter) keep(r arrow.Record) { w.held = append(w.held, r) }

func (w *fileWriter) flush() error {
	rows := newSelection(len(w.waiting))
	for _, r := range w.waiting {
		rows.add(r.cell)
	}
	columns := append(rows.columns(w.layout.file.Fields()[:w.layout.first]), w.stamps()...)
	defer releaseAll(columns)
	record := array.NewRecord(w.layout.file, columns, int64(len(w.waiting)))
	defer record.Release()
	w.drop()
	if err := w.out.Write(record); err != nil {
		return fmt.Errorf("write %s: %w", w.layout.table.Name, err)
	}
	return nil
}

// stamps are the columns that the destination keeps, of the rows that wait.
func (w *fileWriter) stamps() []arrow.Array {
	out := make([]arrow.Array, 0, 3)
	for i, f := range w.layout.file.Fields()[w.layout.first:] {
		b := array.NewTimestampBuilder(memory.DefaultAllocator, f.Type.(*arrow.TimestampType))
		for _, r := range w.waiting {
			switch {
			case i == 0:
				b.Append(arrow.Timestamp(r.first))
			case i == 1:
				b.Append(arrow.Timestamp(r.last))
			case r.gone:
				b.Append(arrow.Timestamp(r.removed))
			default:
				b.AppendNull()
			}
		}
		out = append(out, b.NewArray())
		b.Release()
	}
	return out
}

// drop lets go of the rows that waited.
func (w *fileWriter) drop() {
	for _, r := range w.held {
		r.Release()
	}
	w.held, w.waiting = nil, w.waiting[:0]
}

// close ends the file and returns its rows.
func (w *fileWriter) close() (int64, error) {
	err := w.flush()
	if err == nil {
		err = w.out.Close()
	}
	if err != nil {
		return 0, fmt.Errorf("end a file of %s: %w", w.layout.table.Name, err)
	}
	return w.out.Rows(), nil
}

// putFile stores a file that fill writes, opens it as a reader would, and counts.
func (d *Destination) putFile(name string, l *layout, fill func(*fileWriter) error) (int64, error) {
	var rows int64
	err := d.storage.Put(name, func(to io.Writer) error {
		w, err := newFileWriter(to, l, d.version)
		if err != nil {
			return err
		}
		defer w.drop()
		if err := fill(w); err != nil {
			return err
		}
		rows, err = w.close()
		return err
	})
	if err != nil {
		return 0, err
	}
	there, err := d.countFile(name)
	if err == nil && there != rows {
		err = fmt.Errorf("read back %s: the file holds %d rows instead of %d", name, there, rows)
	}
	return rows, err
}

// readFile opens a file of a lake; the caller closes both.
func (d *Destination) readFile(name string) (*arrowfile.Reader, storedFile, error) {
	f, err := d.storage.Open(name)
	if err != nil {
		return nil, nil, err
	}
	r, err := arrowfile.Open(f)
	if err != nil {
		_ = f.Close()
		return nil, nil, damaged(d.storage, name, err)
	}
	return r, f, nil
}

// countFile returns how many rows a file has.
func (d *Destination) countFile(name string) (int64, error) {
	r, f, err := d.readFile(name)
	if err != nil {
		return 0, err
	}
	return r.Rows(), f.Close()
}

// countLive returns how many rows of a file of a table are live.
func (d *Destination) countLive(l *layout, name string) (int64, error) {
	if !l.table.Removable {
		return d.countFile(name)
	}
	r, f, err := d.readFile(name)
	if err != nil {
		return 0, err
	}
	live, err := r.Nulls("removed_at")
	if err := errors.Join(err, f.Close()); err != nil {
		return 0, fmt.Errorf("count the rows of %s: %w", name, err)
	}
	return live, nil
}
