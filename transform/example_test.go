package transform_test

import (
	"fmt"
	"strings"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/tracklake/tracklake/transform"
)

// A book is an item as its source sends it. Copies is nil if it was not sent.
type book struct {
	ISBN    string
	Title   string
	Authors []string
	Copies  *int32
}

// books declares the table. Every table begins with account_id, also its key.
func books() transform.Table[book] {
	return transform.Table[book]{
		Name: "books",
		Doc:  "One row for each book on the account's shelf.",
		Key:  []string{"isbn"},
		Columns: []transform.Column[book]{
			transform.String("isbn", "International Standard Book Number.", func(b *book) string { return b.ISBN }),
			transform.String("title", "Title of the book.", func(b *book) string { return b.Title }),
			transform.Strings("authors", "Names of the authors.", func(b *book) []string { return b.Authors }, func(s *string) string { return *s }),
			transform.OptInt32("copies", "Number of copies on the shelf.", func(b *book) *int32 { return b.Copies }),
		},
	}
}

// Items become rows of a record. The table of the record says what a destination
// stores: the account, the declared columns, and those that it keeps itself.
func Example() {
	set, err := transform.NewSet(memory.DefaultAllocator, "ann", books())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer set.Release()
	two := int32(2)
	set.Append(&book{ISBN: "0-201-89683-4", Title: "Fundamental Algorithms", Authors: []string{"Knuth"}, Copies: &two})
	set.Append(&book{ISBN: "0-13-110362-8", Title: "The C Programming Language", Authors: []string{"Kernighan", "Ritchie"}})

	for _, batch := range set.Take(1) {
		for _, column := range batch.Table.Columns() {
			fmt.Println(column.Name, column.SQLType())
		}
		for row := range int(batch.Record.NumRows()) {
			var cells []string
			for _, column := range batch.Record.Columns() {
				cells = append(cells, column.ValueStr(row))
			}
			fmt.Println(strings.Join(cells, " | "))
		}
		batch.Record.Release()
	}
	// Output:
	// account_id text
	// isbn text
	// title text
	// authors text[]
	// copies integer
	// first_seen_at timestamptz
	// last_seen_at timestamptz
	// ann | 0-201-89683-4 | Fundamental Algorithms | ["Knuth"] | 2
	// ann | 0-13-110362-8 | The C Programming Language | ["Kernighan","Ritchie"] | (null)
}
