package parquet

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/cespare/xxhash/v2"
)

// rowKey stands for a row's key: two hashes of it by different functions, 128
// bits together, which do not collide in the lifetime of a library.
type rowKey [2]uint64

const (
	nullMark = 0x9ae16a3b2f90404f
	mixer    = 0x9e3779b97f4a7c15
)

func mix(h, v uint64) uint64 {
	h ^= v
	h *= mixer
	return h ^ h>>29
}

// A textHash hashes one text.
type textHash func(string) uint64

// keysOf returns the key of each row from the key columns.
func keysOf(columns []arrow.Array, rows int) ([]rowKey, error) {
	a, err := hashRows(columns, rows, xxhash.Sum64String)
	if err != nil {
		return nil, err
	}
	b, err := hashRows(columns, rows, wordHash)
	if err != nil {
		return nil, err
	}
	keys := make([]rowKey, rows)
	for i := range keys {
		keys[i] = rowKey{a[i], b[i]}
	}
	return keys, nil
}

// wordHash mixes a text eight bytes at a time.
func wordHash(s string) uint64 {
	h := uint64(len(s)) * mixer
	for len(s) >= 8 {
		h = mix(h, uint64(s[0])|uint64(s[1])<<8|uint64(s[2])<<16|uint64(s[3])<<24|uint64(s[4])<<32|uint64(s[5])<<40|uint64(s[6])<<48|uint64(s[7])<<56)
		s = s[8:]
	}
	for i := range len(s) {
		h = mix(h, uint64(s[i]))
	}
	return h
}

// hashRows hashes the rows of some columns, a column at a time.
func hashRows(columns []arrow.Array, rows int, text textHash) ([]uint64, error) {
	h := make([]uint64, rows)
	for _, c := range columns {
		if err := hashColumn(c, h, text); err != nil {
			return nil, err
		}
	}
	return h, nil
}

func hashColumn(c arrow.Array, h []uint64, text textHash) error {
	switch c := c.(type) {
	case *array.String:
		each(c, h, func(i int) uint64 { return text(c.Value(i)) })
	case *array.Int32:
		each(c, h, func(i int) uint64 { return uint64(c.Value(i)) })
	case *array.Int64:
		each(c, h, func(i int) uint64 { return uint64(c.Value(i)) })
	case *array.Date32:
		each(c, h, func(i int) uint64 { return uint64(c.Value(i)) })
	case *array.Timestamp:
		each(c, h, func(i int) uint64 { return uint64(c.Value(i)) })
	case *array.Boolean:
		each(c, h, func(i int) uint64 {
			if c.Value(i) {
				return 3
			}
			return 5
		})
	case *array.List:
		return hashList(c, h, text)
	default:
		return fmt.Errorf("columns of type %s are not supported", c.DataType())
	}
	return nil
}

func each(c arrow.Array, h []uint64, value func(int) uint64) {
	for i := range h {
		if c.IsNull(i) {
			h[i] = mix(h[i], nullMark)
		} else {
			h[i] = mix(h[i], value(i)+1)
		}
	}
}

func hashList(c *array.List, h []uint64, text textHash) error {
	texts, ok := c.ListValues().(*array.String)
	if !ok {
		return fmt.Errorf("lists of type %s are not supported", c.DataType())
	}
	each(c, h, func(i int) uint64 {
		from, to := c.ValueOffsets(i)
		sum := uint64(to - from)
		for k := from; k < to; k++ {
			sum = mix(sum, text(texts.Value(int(k))))
		}
		return sum
	})
	return nil
}
