package parquet

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// A selection is some rows of a few records. Every row of a library is copied through
// one, so it does without a builder's checks and without asking a record twice.
type selection struct {
	records []arrow.Record
	numbers map[arrow.Record]int32
	last    int32   // number of the record of the newest row
	of, at  []int32 // of each row: its record and its place there
}

func newSelection(rows int) *selection {
	return &selection{numbers: map[arrow.Record]int32{}, of: make([]int32, 0, rows), at: make([]int32, 0, rows)}
}

func (s *selection) add(c cell) {
	if len(s.records) == 0 || s.records[s.last] != c.record {
		n, known := s.numbers[c.record]
		if !known {
			n = int32(len(s.records))
			s.records, s.numbers[c.record] = append(s.records, c.record), n
		}
		s.last = n
	}
	s.of, s.at = append(s.of, s.last), append(s.at, int32(c.at))
}

// columns copies the first columns of the rows. The caller releases them.
func (s *selection) columns(fields []arrow.Field) []arrow.Array {
	out := make([]arrow.Array, len(fields), len(fields)+3)
	for c, f := range fields {
		switch f.Type.ID() {
		case arrow.STRING:
			out[c] = s.texts(c)
		case arrow.LIST:
			out[c] = s.lists(f.Type, c)
		default:
			out[c] = s.others(f.Type, c)
		}
	}
	return out
}

// A textColumn is the texts of one record.
type textColumn struct {
	*array.String
	offsets []int32
	bytes   []byte // from the first offset on
}

func newTextColumn(a *array.String) textColumn {
	return textColumn{a, a.ValueOffsets(), a.ValueBytes()}
}

// between are the bytes of some texts.
func (t *textColumn) between(from, to int32) []byte {
	return t.bytes[t.offsets[from]-t.offsets[0] : t.offsets[to]-t.offsets[0]]
}

func (s *selection) texts(column int) arrow.Array {
	from := make([]textColumn, len(s.records))
	for i, r := range s.records {
		from[i] = newTextColumn(r.Column(column).(*array.String))
	}
	size, valid := 0, newValidity(len(s.at))
	for i, at := range s.at {
		t := &from[s.of[i]]
		size += int(t.offsets[at+1] - t.offsets[at])
		if t.NullN() > 0 && t.IsNull(int(at)) {
			valid.clear(i)
		}
	}
	offsets, bytes := make([]int32, 1, len(s.at)+1), make([]byte, 0, size)
	for i, at := range s.at {
		bytes = append(bytes, from[s.of[i]].between(at, at+1)...)
		offsets = append(offsets, int32(len(bytes)))
	}
	return newArray(arrow.BinaryTypes.String, len(s.at), valid, nil, buffer(offsets), memory.NewBufferBytes(bytes))
}

func (s *selection) lists(t arrow.DataType, column int) arrow.Array {
	lists, from := make([]*array.List, len(s.records)), make([]textColumn, len(s.records))
	for i, r := range s.records {
		lists[i] = r.Column(column).(*array.List)
		from[i] = newTextColumn(lists[i].ListValues().(*array.String))
	}
	ends, offsets := make([]int32, 1, len(s.at)+1), make([]int32, 1, 2*len(s.at)+1)
	valid, bytes := newValidity(len(s.at)), []byte(nil)
	for i, at := range s.at {
		texts, list := &from[s.of[i]], lists[s.of[i]]
		if list.IsNull(int(at)) {
			valid.clear(i)
		} else {
			first, end := list.ValueOffsets(int(at))
			shift := int32(len(bytes)) - texts.offsets[first]
			for k := first + 1; k <= end; k++ {
				offsets = append(offsets, texts.offsets[k]+shift)
			}
			bytes = append(bytes, texts.between(int32(first), int32(end))...)
		}
		ends = append(ends, int32(len(offsets)-1))
	}
	n := len(offsets) - 1
	elements := newArray(arrow.BinaryTypes.String, n, newValidity(n), nil, buffer(offsets), memory.NewBufferBytes(bytes))
	defer elements.Release()
	return newArray(t, len(s.at), valid, []arrow.ArrayData{elements.Data()}, buffer(ends))
}

// others copies numbers, truth values, days and instants.
func (s *selection) others(t arrow.DataType, column int) arrow.Array {
	from := make([]arrow.Array, len(s.records))
	for i, r := range s.records {
		from[i] = r.Column(column)
	}
	b := array.NewBuilder(memory.DefaultAllocator, t)
	defer b.Release()
	b.Reserve(len(s.at))
	for i, at := range s.at {
		appendValue(b, from[s.of[i]], int(at))
	}
	return b.NewArray()
}

// appendValue copies one number, truth value, day or instant.
func appendValue(b array.Builder, from arrow.Array, i int) {
	if from.IsNull(i) {
		b.AppendNull()
		return
	}
	switch b := b.(type) {
	case *array.Int32Builder:
		b.UnsafeAppend(from.(*array.Int32).Value(i))
	case *array.Int64Builder:
		b.UnsafeAppend(from.(*array.Int64).Value(i))
	case *array.BooleanBuilder:
		b.UnsafeAppend(from.(*array.Boolean).Value(i))
	case *array.Date32Builder:
		b.UnsafeAppend(from.(*array.Date32).Value(i))
	case *array.TimestampBuilder:
		b.UnsafeAppend(from.(*array.Timestamp).Value(i))
	}
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

func buffer(offsets []int32) *memory.Buffer {
	return memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets))
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
