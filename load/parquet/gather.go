package parquet

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// gather copies one column of some rows into a new array. Every row of a library
// comes through here, so texts and lists are copied without a builder's checks. The
// caller releases the array.
func gather(t arrow.DataType, column int, rows []cell) arrow.Array {
	switch t.ID() {
	case arrow.STRING:
		spans := make([]span, len(rows))
		for i, r := range rows {
			c := r.record.Column(column)
			spans[i] = span{texts: c.(*array.String), from: r.at, to: r.at + 1, null: c.IsNull(r.at)}
		}
		return newTexts(t, spans, len(rows))
	case arrow.LIST:
		return gatherLists(t.(*arrow.ListType), column, rows)
	}
	b := array.NewBuilder(memory.DefaultAllocator, t)
	defer b.Release()
	b.Reserve(len(rows))
	for _, r := range rows {
		appendValue(b, r.record.Column(column), r.at)
	}
	return b.NewArray()
}

// A span is some texts of an array, or NULL.
type span struct {
	texts    *array.String
	from, to int
	null     bool
}

// newTexts copies the texts of spans, n in all. A NULL span is one NULL.
func newTexts(t arrow.DataType, spans []span, n int) arrow.Array {
	size := 0
	for _, s := range spans {
		if !s.null {
			size += int(s.texts.ValueOffset64(s.to) - s.texts.ValueOffset64(s.from))
		}
	}
	offsets, bytes := make([]int32, 1, n+1), make([]byte, 0, size)
	valid := newValidity(n)
	for _, s := range spans {
		if s.null {
			valid.clear(len(offsets) - 1)
			offsets = append(offsets, int32(len(bytes)))
			continue
		}
		shift := int32(len(bytes)) - int32(s.texts.ValueOffset64(s.from))
		for i := s.from + 1; i <= s.to; i++ {
			offsets = append(offsets, int32(s.texts.ValueOffset64(i))+shift)
		}
		first := s.texts.ValueOffset64(0)
		bytes = append(bytes, s.texts.ValueBytes()[s.texts.ValueOffset64(s.from)-first:s.texts.ValueOffset64(s.to)-first]...)
	}
	return newArray(t, n, valid, nil, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets)), memory.NewBufferBytes(bytes))
}

func gatherLists(t *arrow.ListType, column int, rows []cell) arrow.Array {
	offsets, valid := make([]int32, 1, len(rows)+1), newValidity(len(rows))
	spans, n := make([]span, 0, len(rows)), 0
	for i, r := range rows {
		list := r.record.Column(column).(*array.List)
		if list.IsNull(r.at) {
			valid.clear(i)
		} else {
			from, to := list.ValueOffsets(r.at)
			spans = append(spans, span{texts: list.ListValues().(*array.String), from: int(from), to: int(to)})
			n += int(to - from)
		}
		offsets = append(offsets, int32(n))
	}
	texts := newTexts(t.Elem(), spans, n)
	defer texts.Release()
	return newArray(t, len(rows), valid, []arrow.ArrayData{texts.Data()}, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets)))
}

// validity says which of n values are there.
type validity struct {
	bits  []byte
	nulls int
}

func newValidity(n int) *validity {
	v := &validity{bits: make([]byte, bitutil.BytesForBits(int64(n)))}
	bitutil.SetBitsTo(v.bits, 0, int64(n), true)
	return v
}

func (v *validity) clear(i int) {
	bitutil.ClearBit(v.bits, i)
	v.nulls++
}

func newArray(t arrow.DataType, n int, v *validity, children []arrow.ArrayData, buffers ...*memory.Buffer) arrow.Array {
	var bits *memory.Buffer
	if v.nulls > 0 {
		bits = memory.NewBufferBytes(v.bits)
	}
	data := array.NewData(t, n, append([]*memory.Buffer{bits}, buffers...), children, v.nulls, 0)
	defer data.Release()
	return array.MakeFromData(data)
}

// appendValue copies one number, truth value, day or instant.
func appendValue(b array.Builder, from arrow.Array, i int) {
	if from.IsNull(i) {
		b.AppendNull()
		return
	}
	switch b := b.(type) {
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
	}
}
