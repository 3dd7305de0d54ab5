package transform

import (
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

// Merge says what a newly read row does to the stored row of the same key.
type Merge int

const (
	// Replace means: the stored row becomes what was read; a field that was not
	// sent becomes NULL. For facts, which are about one account or list.
	Replace Merge = iota
	// Fill means: a field that was not sent leaves the stored value alone. For
	// dimensions, which are seen through several endpoints of unequal width.
	Fill
)

// A Table declares one table fed by items of type T.
type Table[T any] struct {
	Name string
	Doc  string
	// Key lists the primary key columns. With "account_id" among them the
	// table belongs to an account, and that column is added in front.
	Key []string
	// Partition lists the key columns that become Hive folders in file
	// destinations, outermost first. They must be text.
	Partition []string
	Merge     Merge
	// Removable tables carry removed_at: a row that left the source is
	// marked, not deleted.
	Removable bool
	Columns   []Column[T]
}

// A Schema is a declared table without the item type: all that a destination
// needs to create, check, fill and document it. It is not changed after it is made.
type Schema struct {
	Name      string
	Doc       string
	Key       []string
	Partition []string
	Merge     Merge
	Removable bool
	// Fields are the columns of the records, in order.
	Fields []Field

	record *arrow.Schema
}

// Lasting tells whether rows stay once they are there: what leaves the source is
// marked at the most.
func (s *Schema) Lasting() bool { return s.Removable || s.Merge == Fill }

// Schema checks the declaration and returns it without the item type.
func (t Table[T]) Schema() (*Schema, error) {
	s := &Schema{
		Name: t.Name, Doc: t.Doc, Key: t.Key, Partition: t.Partition,
		Merge: t.Merge, Removable: t.Removable,
	}
	if slices.Contains(t.Key, AccountID) {
		s.Fields = append(s.Fields, Field{
			Name: AccountID,
			Doc:  "Spotify account that the row belongs to.",
			Type: arrow.BinaryTypes.String,
		})
	}
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

// HasAccount tells whether rows belong to an account.
func (s *Schema) HasAccount() bool { return slices.Contains(s.Key, AccountID) }

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
	if s.Name == "" || len(s.Key) == 0 {
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
	return s.validatePartition()
}

func (s *Schema) validatePartition() error {
	for _, p := range s.Partition {
		if !slices.Contains(s.Key, p) {
			return fmt.Errorf("table %s: partition column %s is not part of the key", s.Name, p)
		}
		if f := s.Fields[s.Index(p)]; f.Type.ID() != arrow.STRING {
			return fmt.Errorf("table %s: partition column %s is not text", s.Name, p)
		}
	}
	return nil
}
