package parquet

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// text is a value as a text, dates as 2006-01-02. It may share the column's memory.
func text(c arrow.Array, i int) string {
	if c, ok := c.(*array.String); ok {
		return c.Value(i)
	}
	return c.ValueStr(i)
}

// compare orders two values of a key, which are not NULL: texts by their bytes.
func compare(a arrow.Array, i int, b arrow.Array, j int) int {
	switch a := a.(type) {
	case *array.String:
		return strings.Compare(a.Value(i), b.(*array.String).Value(j))
	case *array.Int32:
		return cmp.Compare(a.Value(i), b.(*array.Int32).Value(j))
	case *array.Int64:
		return cmp.Compare(a.Value(i), b.(*array.Int64).Value(j))
	case *array.Date32:
		return cmp.Compare(a.Value(i), b.(*array.Date32).Value(j))
	case *array.Timestamp:
		return cmp.Compare(a.Value(i), b.(*array.Timestamp).Value(j))
	}
	return strings.Compare(a.ValueStr(i), b.ValueStr(j))
}

// prefixOf is the beginning of a value of a key: where it differs, it orders two
// values as compare does.
func prefixOf(a arrow.Array, i int) uint64 {
	switch a := a.(type) {
	case *array.String:
		var b [8]byte
		copy(b[:], a.Value(i))
		return binary.BigEndian.Uint64(b[:])
	case *array.Int32:
		return uint64(a.Value(i)) ^ 1<<63
	}
	return 0
}

// equal tells whether two values are the same, NULL included.
func equal(a arrow.Array, i int, b arrow.Array, j int) bool {
	if a.IsNull(i) || b.IsNull(j) {
		return a.IsNull(i) && b.IsNull(j)
	}
	switch a := a.(type) {
	case *array.Boolean:
		return a.Value(i) == b.(*array.Boolean).Value(j)
	case *array.List:
		b := b.(*array.List)
		from, to := a.ValueOffsets(i)
		other, end := b.ValueOffsets(j)
		if to-from != end-other {
			return false
		}
		for k := range int(to - from) {
			if !equal(a.ListValues(), int(from)+k, b.ListValues(), int(other)+k) {
				return false
			}
		}
		return true
	}
	return compare(a, i, b, j) == 0
}

// A cell is one row of a record.
type cell struct {
	record arrow.Record
	at     int
}

// compareRows orders two rows by some columns of the key.
func compareRows(columns []int, a, b cell) int {
	for _, k := range columns {
		if c := compare(a.record.Column(k), a.at, b.record.Column(k), b.at); c != 0 {
			return c
		}
	}
	return 0
}

// widen gives a record other columns: absent ones are NULL, and 32-bit integers
// become 64-bit ones where the schema says so. The caller releases the result.
func widen(r arrow.Record, to *arrow.Schema) (arrow.Record, error) {
	rows := int(r.NumRows())
	columns := make([]arrow.Array, to.NumFields())
	defer func() { releaseAll(columns) }()
	for i, f := range to.Fields() {
		at := r.Schema().FieldIndices(f.Name)
		switch {
		case len(at) == 0 && !f.Nullable:
			return nil, fmt.Errorf("column %s is absent and may not be NULL", f.Name)
		case len(at) == 0:
			columns[i] = array.MakeArrayOfNull(memory.DefaultAllocator, f.Type, rows)
		case f.Type.ID() == r.Column(at[0]).DataType().ID():
			columns[i] = r.Column(at[0])
			columns[i].Retain()
		default:
			narrow, ok := r.Column(at[0]).(*array.Int32)
			if !ok || f.Type.ID() != arrow.INT64 {
				return nil, fmt.Errorf("column %s is of type %s", f.Name, r.Column(at[0]).DataType())
			}
			columns[i] = widenInts(narrow)
		}
	}
	return array.NewRecord(to, columns, int64(rows)), nil
}

func widenInts(from *array.Int32) arrow.Array {
	b := array.NewInt64Builder(memory.DefaultAllocator)
	defer b.Release()
	for i := range from.Len() {
		if from.IsNull(i) {
			b.AppendNull()
		} else {
			b.Append(int64(from.Value(i)))
		}
	}
	return b.NewArray()
}

// releaseAll releases the arrays that are there.
func releaseAll(arrays []arrow.Array) {
	for _, a := range arrays {
		if a != nil {
			a.Release()
		}
	}
}
