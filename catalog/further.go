package catalog

import (
	"errors"
	"fmt"

	"github.com/tracklake/tracklake/transform"
)

// A further table holds rows of what the items of a resource consist of, such as the
// tracks of an album. Its rows leave with the item's.
type further[T any] interface {
	// schema returns the table, and the column that holds the name of the item's row.
	schema() (table *transform.Schema, column string, err error)
	open(Params) (furtherRows[T], error)
}

// also declares a further table with rows of type R.
type also[T, R any] struct {
	Table transform.Table[R]
	// Column holds the name of the item's row: the value of its resource's Column.
	Column string
	// Rows are those of an item. Whole: there are no others.
	Rows func(*T) (rows []R, whole bool)
}

func (a also[T, R]) schema() (*transform.Schema, string, error) {
	s, err := a.Table.Schema()
	if err == nil && (s.Index(a.Column) < 0 || !s.Removable) {
		err = errors.New("a further table has a column that names the item's row, and rows that can be removed")
	}
	return s, a.Column, err
}

func (a also[T, R]) open(p Params) (furtherRows[T], error) {
	set, err := transform.NewSet(p.Memory, p.Account, a.Table)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", a.Table.Name, err)
	}
	return &alsoRows[T, R]{Set: set, also: a}, nil
}

// rowSet is a [transform.Set] of any type.
type rowSet interface {
	Take(n int) []transform.Batch
	Reset()
	Notes() transform.Notes
	Release()
}

// furtherRows are the rows of a further table that wait.
type furtherRows[T any] interface {
	rowSet
	// add appends the rows of an item; row is the name of its own row.
	add(item *T, row string)
	// renewed returns the scopes of which all rows were added since it was last called.
	renewed() []Scope
}

type alsoRows[T, R any] struct {
	*transform.Set[R]
	also  also[T, R]
	whole []string // the items of which all rows were added
}

func (a *alsoRows[T, R]) add(item *T, row string) {
	rows, whole := a.also.Rows(item)
	for i := range rows {
		a.Append(&rows[i])
	}
	if whole {
		a.whole = append(a.whole, row)
	}
}

func (a *alsoRows[T, R]) renewed() []Scope {
	if len(a.whole) == 0 {
		return nil
	}
	s := Scope{Table: a.also.Table.Name, Where: []Match{{Column: a.also.Column, Values: a.whole}}}
	a.whole = nil
	return []Scope{s}
}

// Reset drops the rows that wait, and forgets which items are whole.
func (a *alsoRows[T, R]) Reset() {
	a.Set.Reset()
	a.whole = nil
}
