package arrowfile

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
)

// A columnWriter turns the arrays of one column into values and levels. Its slices
// are used again for each array.
type columnWriter struct {
	field arrow.Field
	out   file.ColumnChunkWriter // of the open row group
	empty bool                   // one of its texts is

	defs, reps []int16
	texts      []parquet.ByteArray
	ints       []int32
	longs      []int64
	truths     []bool
}

// write writes some rows of an array.
func (c *columnWriter) write(a arrow.Array, from, to int) error {
	if !c.field.Nullable && a.NullN() > 0 {
		return fmt.Errorf("column %s: NULL where the file has none", c.field.Name)
	}
	c.defs, c.reps, c.texts = c.defs[:0], c.reps[:0], c.texts[:0]
	c.ints, c.longs, c.truths = c.ints[:0], c.longs[:0], c.truths[:0]
	var err error
	switch a := a.(type) {
	case *array.String:
		c.eachThere(a, from, to, func(i int) { c.addText(a, i) })
		_, err = c.out.(*file.ByteArrayColumnChunkWriter).WriteBatch(c.texts, c.levels(), nil)
	case *array.List:
		c.lists(a, from, to)
		_, err = c.out.(*file.ByteArrayColumnChunkWriter).WriteBatch(c.texts, c.defs, c.reps)
	case *array.Int32:
		c.eachThere(a, from, to, func(i int) { c.ints = append(c.ints, a.Value(i)) })
	case *array.Date32:
		c.eachThere(a, from, to, func(i int) { c.ints = append(c.ints, int32(a.Value(i))) })
	case *array.Int64:
		c.eachThere(a, from, to, func(i int) { c.longs = append(c.longs, a.Value(i)) })
	case *array.Timestamp:
		c.eachThere(a, from, to, func(i int) { c.longs = append(c.longs, int64(a.Value(i))) })
	case *array.Boolean:
		c.eachThere(a, from, to, func(i int) { c.truths = append(c.truths, a.Value(i)) })
	}
	switch out := c.out.(type) {
	case *file.Int32ColumnChunkWriter:
		_, err = out.WriteBatch(c.ints, c.levels(), nil)
	case *file.Int64ColumnChunkWriter:
		_, err = out.WriteBatch(c.longs, c.levels(), nil)
	case *file.BooleanColumnChunkWriter:
		_, err = out.WriteBatch(c.truths, c.levels(), nil)
	}
	if err != nil {
		return fmt.Errorf("column %s: %w", c.field.Name, err)
	}
	return nil
}

// levels tell which values are there; a column without NULL has none.
func (c *columnWriter) levels() []int16 {
	if !c.field.Nullable {
		return nil
	}
	return c.defs
}

// eachThere calls add for the values that are not NULL, and notes which are.
func (c *columnWriter) eachThere(a arrow.Array, from, to int, add func(i int)) {
	for i := from; i < to; i++ {
		if a.IsNull(i) {
			c.defs = append(c.defs, 0)
			continue
		}
		c.defs = append(c.defs, 1)
		add(i)
	}
}

// lists flattens lists. Levels count from the outside: of a list that may be NULL, 0
// is NULL, 1 an empty list, 2 an element that is NULL, and 3 an element.
func (c *columnWriter) lists(a *array.List, from, to int) {
	elements := a.ListValues().(*array.String)
	var there int16
	if c.field.Nullable {
		there = 1
	}
	for i := from; i < to; i++ {
		first, end := a.ValueOffsets(i)
		if a.IsNull(i) || first == end {
			level := there
			if a.IsNull(i) {
				level = 0
			}
			c.defs, c.reps = append(c.defs, level), append(c.reps, 0)
			continue
		}
		for k := first; k < end; k++ {
			level, repeated := there+2, int16(1)
			if k == first {
				repeated = 0
			}
			if elements.IsNull(int(k)) {
				level--
			} else {
				c.addText(elements, int(k))
			}
			c.defs, c.reps = append(c.defs, level), append(c.reps, repeated)
		}
	}
}

// addText adds a text without a copy.
func (c *columnWriter) addText(a *array.String, i int) {
	first := a.ValueOffset(0)
	value := a.ValueBytes()[a.ValueOffset(i)-first : a.ValueOffset(i+1)-first]
	c.empty = c.empty || len(value) == 0
	c.texts = append(c.texts, value)
}
