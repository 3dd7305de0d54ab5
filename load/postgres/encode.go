package postgres

import (
	"encoding/binary"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// The binary format of COPY.
// https://www.postgresql.org/docs/current/sql-copy.html
const (
	copyHeader = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"

	epochMicros = 946684800000000 // 2000-01-01 in µs since 1970
	epochDays   = 10957           // the same in days
	textOID     = 25
)

// A field appends the value of one row, length first.
type field func(b []byte, row int) []byte

// appendRows appends a record in COPY's binary format, each row followed by
// its number, which counts on from first.
func appendRows(b []byte, r arrow.Record, first int64) ([]byte, error) {
	fields := make([]field, r.NumCols())
	for i, c := range r.Columns() {
		f, err := encoder(c)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", r.ColumnName(i), err)
		}
		fields[i] = f
	}
	b = append(b, copyHeader...)
	for row := range int(r.NumRows()) {
		b = binary.BigEndian.AppendUint16(b, uint16(len(fields)+1))
		for _, f := range fields {
			b = f(b, row)
		}
		b = binary.BigEndian.AppendUint32(b, 8)
		b = binary.BigEndian.AppendUint64(b, uint64(first+int64(row)))
	}
	return binary.BigEndian.AppendUint16(b, 0xffff), nil
}

// encoder binds a column, so that nothing is decided per value but its
// presence.
func encoder(c arrow.Array) (field, error) {
	switch c := c.(type) {
	case *array.String:
		return nullable(c, func(b []byte, i int) []byte { return appendText(b, c.Value(i)) }), nil
	case *array.Int32:
		return nullable(c, func(b []byte, i int) []byte { return appendInt32(b, c.Value(i)) }), nil
	case *array.Int64:
		return nullable(c, func(b []byte, i int) []byte { return appendInt64(b, c.Value(i)) }), nil
	case *array.Date32:
		return nullable(c, func(b []byte, i int) []byte { return appendInt32(b, int32(c.Value(i))-epochDays) }), nil
	case *array.Timestamp:
		return nullable(c, func(b []byte, i int) []byte { return appendInt64(b, int64(c.Value(i))-epochMicros) }), nil
	case *array.Boolean:
		return nullable(c, func(b []byte, i int) []byte {
			if c.Value(i) {
				return append(b, 0, 0, 0, 1, 1)
			}
			return append(b, 0, 0, 0, 1, 0)
		}), nil
	case *array.List:
		texts, ok := c.ListValues().(*array.String)
		if !ok {
			break
		}
		return nullable(c, func(b []byte, i int) []byte {
			from, to := c.ValueOffsets(i)
			return appendTexts(b, texts, int(from), int(to))
		}), nil
	}
	return nil, fmt.Errorf("type %s is not supported", c.DataType())
}

func nullable(c arrow.Array, f field) field {
	if c.NullN() == 0 {
		return f
	}
	return func(b []byte, row int) []byte {
		if c.IsNull(row) {
			return append(b, 0xff, 0xff, 0xff, 0xff)
		}
		return f(b, row)
	}
}

func appendText(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
	return append(b, s...)
}

func appendInt32(b []byte, v int32) []byte {
	return binary.BigEndian.AppendUint32(append(b, 0, 0, 0, 4), uint32(v))
}

func appendInt64(b []byte, v int64) []byte {
	return binary.BigEndian.AppendUint64(append(b, 0, 0, 0, 8), uint64(v))
}

// appendTexts appends a text[]: one dimension, or none when it is empty.
func appendTexts(b []byte, texts *array.String, from, to int) []byte {
	start := len(b)
	b = append(b, 0, 0, 0, 0)
	dimensions := uint32(1)
	if from == to {
		dimensions = 0
	}
	b = binary.BigEndian.AppendUint32(b, dimensions)
	b = binary.BigEndian.AppendUint32(b, 0) // no NULL elements
	b = binary.BigEndian.AppendUint32(b, textOID)
	if from < to {
		b = binary.BigEndian.AppendUint32(b, uint32(to-from))
		b = binary.BigEndian.AppendUint32(b, 1) // indices begin at 1
		for k := from; k < to; k++ {
			b = appendText(b, texts.Value(k))
		}
	}
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-4))
	return b
}
