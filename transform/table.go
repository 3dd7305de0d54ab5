package transform

import (
	"errors"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
)

// Names of the columns that the project adds to a declared table.
const (
	AccountID   = "account_id"
	FirstSeenAt = "first_seen_at"
	LastSeenAt  = "last_seen_at"
	RemovedAt   = "removed_at"
)

// App is the account of jobs that need no user.
const App = "app"

// A Table declares one table fed by items of type T.
type Table[T any] struct {
	Name string
	Doc  string
	// Key lists the columns that, with the account, identify a row. The table
	// begins with account_id, and so does its key: every row belongs to one
	// account.
	Key []string
	// Split is how many columns of Key, text ones, become folders within the
	// account's in file destinations: each value has a file of its own.
	Split int
	// Removable tables carry removed_at: a row that left the source is
	// marked, not deleted.
	Removable bool
	// Log is set when what comes and goes is logged; see [ChangeLog].
	Log     *Log
	Columns []Column[T]
}

// A Schema is a declared table without the item type: all that a destination
// needs to create, check, fill and document it. It is not changed after it is made.
type Schema struct {
	Name      string
	Doc       string
	Key       []string // account_id first
	Split     int      // columns of Key that become folders, account_id among them
	Removable bool
	Log       *Log // nil: what comes and goes is not logged
	// Fields are the columns of the records, in order.
	Fields []Field

	record *arrow.Schema
}

// Schema checks the declaration and returns it without the item type.
func (t Table[T]) Schema() (*Schema, error) {
	s := &Schema{
		Name: t.Name, Doc: t.Doc, Key: append([]string{AccountID}, t.Key...), Split: 1 + t.Split, Removable: t.Removable, Log: t.Log,
	}
	s.Fields = append(s.Fields, Field{
		Name: AccountID,
		Doc:  "Spotify account whose job wrote the row; " + App + " for jobs that need no account.",
		Type: arrow.BinaryTypes.String,
	})
	for _, c := range t.Columns {
		s.Fields = append(s.Fields, c.Field)
	}
	s.record = arrowSchema(s.Fields)
	return s, s.validate()
}

func arrowSchema(fields []Field) *arrow.Schema {
	out := make([]arrow.Field, len(fields))
	for i, f := range fields {
		out[i] = arrow.Field{
			Name: f.Name, Type: f.Type, Nullable: f.Nullable,
			Metadata: arrow.NewMetadata([]string{"description"}, []string{f.Doc}),
		}
	}
	return arrow.NewSchema(out, nil)
}

// Record is the Arrow schema of the table's batches: Fields, in order, each
// with its description as metadata.
func (s *Schema) Record() *arrow.Schema { return s.record }

// Stored is the Arrow schema of the table as stored: Columns, in order, each with
// its description as metadata.
func (s *Schema) Stored() *arrow.Schema { return arrowSchema(s.Columns()) }

// Columns are the table's columns as stored: Fields, then the columns that
// destinations keep themselves.
func (s *Schema) Columns() []Field { return append(slices.Clone(s.Fields), s.Managed()...) }

// Managed are the columns that destinations keep themselves: when a row was
// first seen, when it last changed, and when it left.
func (s *Schema) Managed() []Field {
	managed := []Field{
		{Name: FirstSeenAt, Doc: "Start of the run that first saw the row, UTC.", Type: timestampType()},
		{Name: LastSeenAt, Doc: "Start of the run that last saw the row new, changed, removed or back, UTC; a row that did not change is not rewritten.", Type: timestampType()},
	}
	if s.Removable {
		managed = append(managed, Field{
			Name: RemovedAt, Doc: "Start of the run that found the row gone, UTC; NULL while it is there.",
			Type: timestampType(), Nullable: true,
		})
	}
	return managed
}

// Index returns the position of a field in the records, or -1.
func (s *Schema) Index(name string) int {
	return slices.IndexFunc(s.Fields, func(f Field) bool { return f.Name == name })
}

func (s *Schema) validate() error {
	if s.Name == "" || len(s.Key) == 1 {
		return fmt.Errorf("table %q needs a name and a key", s.Name)
	}
	seen := map[string]bool{}
	for _, f := range s.Columns() {
		if f.Name == "" || f.Doc == "" {
			return fmt.Errorf("table %s: column %q needs a name and a description", s.Name, f.Name)
		}
		if seen[f.Name] {
			return fmt.Errorf("table %s: column %s is declared twice", s.Name, f.Name)
		}
		seen[f.Name] = true
	}
	for _, k := range s.Key {
		i := s.Index(k)
		if i < 0 {
			return fmt.Errorf("table %s: key column %s is not declared", s.Name, k)
		}
		if s.Fields[i].Nullable {
			return fmt.Errorf("table %s: key column %s may be NULL", s.Name, k)
		}
	}
	return errors.Join(s.validateSplit(), s.validateLog())
}

func (s *Schema) validateSplit() error {
	for _, k := range s.Key[:s.Split] {
		if s.Fields[s.Index(k)].Type.ID() != arrow.STRING {
			return fmt.Errorf("table %s: folder column %s is not text", s.Name, k)
		}
	}
	return nil
}
