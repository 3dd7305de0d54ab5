package parquet

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/tracklake/tracklake/transform"
)

// lateRows are staged rows that wait until the rows are read that they fill up
// or replace. The newest version of a key counts; in tables that fill up, an
// older version shows through where the newer has no value.
type lateRows struct {
	layout *layout
	rows   map[rowKey][]lateRow
}

// A lateRow is a row of some record, which it keeps alive.
type lateRow struct {
	fields []arrow.Array
	at     int
}

func newLateRows(l *layout) *lateRows { return &lateRows{layout: l, rows: map[rowKey][]lateRow{}} }

func (r *lateRows) add(k rowKey, fields []arrow.Array, at int) {
	for _, f := range fields {
		f.Retain()
	}
	r.rows[k] = append(r.rows[k], lateRow{fields, at})
}

func (r *lateRows) has(k rowKey) bool { return len(r.rows[k]) > 0 }

func (r *lateRows) release() {
	for _, versions := range r.rows {
		for _, v := range versions {
			releaseAll(v.fields)
		}
	}
	clear(r.rows)
}

// pick returns where the value of a column comes from: the newest late row, or
// the stored one (nil) where every later one has no value and the table fills up.
func (r *lateRows) pick(k rowKey, column int) *lateRow {
	versions := r.rows[k]
	for i := len(versions) - 1; i >= 0; i-- {
		if r.layout.table.Merge == transform.Replace || versions[i].fields[column].IsValid(versions[i].at) {
			return &versions[i]
		}
	}
	return nil
}

// merge returns the fields of a record with the late versions of its rows in
// place. The caller releases them.
func (r *lateRows) merge(record arrow.Record, keys []rowKey) []arrow.Array {
	out := make([]arrow.Array, r.layout.first)
	for c := range out {
		builder := array.NewBuilder(memory.DefaultAllocator, r.layout.file.Field(c).Type)
		for i, k := range keys {
			if late := r.pick(k, c); late != nil {
				appendValue(builder, late.fields[c], late.at)
			} else {
				appendValue(builder, record.Column(c), i)
			}
		}
		out[c] = builder.NewArray()
		builder.Release()
	}
	return out
}

// appendValue copies one value. It serves the records in which rows are
// merged; all others move in runs.
func appendValue(b array.Builder, from arrow.Array, i int) {
	if from.IsNull(i) {
		b.AppendNull()
		return
	}
	switch b := b.(type) {
	case *array.StringBuilder:
		b.Append(from.(*array.String).Value(i))
	case *array.Int32Builder:
		b.Append(from.(*array.Int32).Value(i))
	case *array.Int64Builder:
		b.Append(from.(*array.Int64).Value(i))
	case *array.BooleanBuilder:
		b.Append(from.(*array.Boolean).Value(i))
	case *array.Date32Builder:
		b.Append(from.(*array.Date32).Value(i))
	case *array.TimestampBuilder:
		b.Append(from.(*array.Timestamp).Value(i))
	case *array.ListBuilder:
		list := from.(*array.List)
		start, end := list.ValueOffsets(i)
		b.Append(true)
		for k := start; k < end; k++ {
			appendValue(b.ValueBuilder(), list.ListValues(), int(k))
		}
	}
}
