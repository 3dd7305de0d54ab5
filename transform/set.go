package transform

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// A Batch is a record of one table. Whoever receives it from [Set.Take]
// releases the record.
type Batch struct {
	Table  *Schema
	Record arrow.Record
}

// A Set holds the open builder of one table. It is used by one goroutine at a time.
type Set[T any] struct {
	schema  *Schema
	builder *array.RecordBuilder
	columns []func(*T)
	waiting int
	notes   Notes
}

// NewSet opens the builder of a table, for rows of one account. Call Release when
// done.
func NewSet[T any](mem memory.Allocator, account string, t Table[T]) (*Set[T], error) {
	schema, err := t.Schema()
	if err != nil {
		return nil, fmt.Errorf("open table: %w", err)
	}
	s := &Set[T]{schema: schema, builder: array.NewRecordBuilder(mem, schema.Record())}
	accounts := s.builder.Field(0).(*array.StringBuilder)
	s.columns = append(s.columns, func(*T) { accounts.Append(account) })
	for i, c := range t.Columns {
		s.columns = append(s.columns, c.bind(s.builder.Field(1+i), &s.notes))
	}
	return s, nil
}

// Append adds a row. It does not keep the item, but may keep its texts.
func (s *Set[T]) Append(item *T) {
	for _, add := range s.columns {
		add(item)
	}
	s.waiting++
}

// Take returns the rows that wait if there are at least n, and empties the builder.
// The caller releases the record.
func (s *Set[T]) Take(n int) []Batch {
	if s.waiting == 0 || s.waiting < n {
		return nil
	}
	s.waiting = 0
	return []Batch{{Table: s.schema, Record: s.builder.NewRecord()}}
}

// Reset drops the rows that wait.
func (s *Set[T]) Reset() {
	for _, b := range s.Take(1) {
		b.Record.Release()
	}
}

// Notes returns what had to be changed so far.
func (s *Set[T]) Notes() Notes { return s.notes }

// Release frees the builder.
func (s *Set[T]) Release() { s.builder.Release() }
