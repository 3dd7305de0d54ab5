package arrowfile

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
)

// errEndsEarly says that a column has fewer values than its row group has rows.
var errEndsEarly = errors.New("the file is damaged: values are missing")

// A columnReader reads one column. Its slices are used again for each record.
type columnReader struct {
	index int
	kind  kind
	field arrow.Field
	in    file.ColumnChunkReader

	defs, reps []int16
	texts      []parquet.ByteArray
	ints       []int32
	longs      []int64
	truths     []bool
	next       *element // of a list: read, and belonging to the record to come
}

// An element is one of a list, or a list that is NULL or empty.
type element struct {
	def  int16
	text []byte
}

// open goes to the column's part of a row group.
func (c *columnReader) open(group *file.RowGroupReader) error {
	var err error
	c.next = nil
	if c.in, err = group.Column(c.index); err != nil {
		return fmt.Errorf("column %s: %w", c.field.Name, err)
	}
	return nil
}

// read appends n rows to a builder.
func (c *columnReader) read(b array.Builder, n int) error {
	b.Reserve(n)
	var err error
	if c.kind == texts {
		err = c.readLists(b.(*array.ListBuilder), n)
	} else {
		for n > 0 && err == nil {
			var got int
			got, err = c.readValues(b, n)
			n -= got
		}
	}
	if err != nil {
		return fmt.Errorf("column %s: %w", c.field.Name, err)
	}
	return nil
}

// fetch reads up to n values with their levels.
func (c *columnReader) fetch(n int) (levels, values int, err error) {
	c.defs, c.reps = grow(c.defs, n), grow(c.reps, n)
	var total int64
	switch in := c.in.(type) {
	case *file.ByteArrayColumnChunkReader:
		c.texts = grow(c.texts, n)
		total, values, err = in.ReadBatch(int64(n), c.texts, c.defs, c.reps)
	case *file.Int32ColumnChunkReader:
		c.ints = grow(c.ints, n)
		total, values, err = in.ReadBatch(int64(n), c.ints, c.defs, c.reps)
	case *file.Int64ColumnChunkReader:
		c.longs = grow(c.longs, n)
		total, values, err = in.ReadBatch(int64(n), c.longs, c.defs, c.reps)
	case *file.BooleanColumnChunkReader:
		c.truths = grow(c.truths, n)
		total, values, err = in.ReadBatch(int64(n), c.truths, c.defs, c.reps)
	}
	if err == nil && total <= 0 {
		err = errors.Join(errEndsEarly, c.in.Err())
	}
	return int(total), values, err
}

func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// readValues appends up to n values and tells how many.
func (c *columnReader) readValues(b array.Builder, n int) (int, error) {
	levels, values, err := c.fetch(n)
	if err != nil {
		return 0, err
	}
	at := 0
	for i := range levels {
		if c.field.Nullable && c.defs[i] == 0 {
			b.AppendNull()
			continue
		}
		if at == values {
			return 0, errEndsEarly
		}
		switch b := b.(type) {
		case *array.StringBuilder:
			b.BinaryBuilder.Append(c.texts[at])
		case *array.Int32Builder:
			b.Append(c.ints[at])
		case *array.Date32Builder:
			b.Append(arrow.Date32(c.ints[at]))
		case *array.Int64Builder:
			b.Append(c.longs[at])
		case *array.TimestampBuilder:
			b.Append(arrow.Timestamp(c.longs[at]))
		case *array.BooleanBuilder:
			b.Append(c.truths[at])
		}
		at++
	}
	return levels, nil
}

// readLists appends n lists. No more values are read at a time than lists are
// missing, so that at the most one value too many is read: the first of the list
// behind the last.
func (c *columnReader) readLists(b *array.ListBuilder, n int) error {
	started := 0
	if c.next != nil {
		c.append(b, *c.next, true)
		c.next, started = nil, 1
	}
	for {
		levels, values, err := c.fetch(max(1, n-started))
		if started == n && errors.Is(err, errEndsEarly) && c.in.Err() == nil {
			return nil // the last list of the row group
		}
		if err != nil {
			return err
		}
		at := 0
		for i := range levels {
			e := element{def: c.defs[i]}
			if e.def == c.in.Descriptor().MaxDefinitionLevel() {
				if at == values {
					return errEndsEarly
				}
				e.text = c.texts[at]
				at++
			}
			first := c.reps[i] == 0
			if first && started == n {
				e.text = bytes.Clone(e.text)
				c.next = &e
				return nil
			}
			if first {
				started++
			} else if started == 0 {
				return errEndsEarly
			}
			c.append(b, e, first)
		}
	}
}

// append adds an element to the list, or to a new one.
func (c *columnReader) append(b *array.ListBuilder, e element, first bool) {
	there := int16(0)
	if c.field.Nullable {
		there = 1
	}
	if first {
		b.Append(e.def >= there)
	}
	if e.def > there {
		b.ValueBuilder().(*array.StringBuilder).BinaryBuilder.Append(e.text)
	}
}
