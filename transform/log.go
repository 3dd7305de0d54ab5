package transform

import (
	"fmt"
	"slices"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
)

// A Log says what the change log tells of a table: which item came, went or returned.
//
// Rows of a removable table are the items themselves: its key is the one column of
// Item. The rows of any other table with a log are the places of lists, and its key
// begins with List: an item is in a list as long as any of its places holds it, so
// that to move or to repeat an item is no change.
type Log struct {
	// Item lists the text columns that identify the item of a row: the first that is
	// not NULL counts. A row in which all of them are NULL is not logged.
	Item []string
	// Name is the text column that names the item.
	Name string
	// List is the text column of the list that the item is in; empty where the table
	// is one list.
	List string
}

// LibraryChanges is the name of the change log.
const LibraryChanges = "library_changes"

// What an entry of the change log says.
const (
	// Added: the item is there and was not there before.
	Added = "added"
	// Removed: the item was there and is gone.
	Removed = "removed"
	// Returned: the item is there again after it was removed.
	Returned = "returned"
)

// A Change is an entry of the change log.
type Change struct {
	Job, Resource, List, Item string
	At                        time.Time
	Name                      *string
	Change                    string
}

// ChangeLog declares the table in which destinations log what came and went. They
// write it in the commit that changes the rows. It has one entry for each run that
// changed an item: the last. The first reading of a list logs all of it as added, so
// that the log alone tells what was there on any day.
func ChangeLog() Table[Change] {
	return Table[Change]{
		Name:  LibraryChanges,
		Doc:   "What came and went: one row for each item that a run found new, gone or back. A first export logs everything as added.",
		Key:   []string{"job", "resource", "list_id", "item_id", "changed_at"},
		Split: 1,
		Columns: []Column[Change]{
			String("job", "Job that found the change.", func(c *Change) string { return c.Job }),
			String("resource", "Resource that the item belongs to; its table has the item's other columns.", func(c *Change) string { return c.Resource }),
			String("list_id", "Spotify ID of the playlist that the item is in; empty for the account's own lists.", func(c *Change) string { return c.List }),
			String("item_id", "Spotify ID of the item; the Spotify URI of an item of a playlist that is no track.", func(c *Change) string { return c.Item }),
			KeyTime("changed_at", "Start of the run that found the change, UTC.", func(c *Change) time.Time { return c.At }),
			OptString("name", "Name of the item.", func(c *Change) *string { return c.Name }),
			String("change", "added, removed or returned.", func(c *Change) string { return c.Change }),
		},
	}
}

// validateLog checks that the log's columns are texts, and that the key is as it must be.
func (s *Schema) validateLog() error {
	l := s.Log
	if l == nil {
		return nil
	}
	columns := append(slices.Clone(l.Item), l.Name)
	if l.List != "" {
		columns = append(columns, l.List)
	}
	for _, c := range columns {
		if i := s.Index(c); i < 0 || s.Fields[i].Type.ID() != arrow.STRING {
			return fmt.Errorf("table %s: column %q of the log is not a text column of the table", s.Name, c)
		}
	}
	switch {
	case len(l.Item) == 0:
		return fmt.Errorf("table %s: the log has no item", s.Name)
	case s.Removable && !slices.Equal(s.Key[1:], l.Item):
		return fmt.Errorf("table %s: rows that are marked as removed are logged by their key", s.Name)
	case !s.Removable && s.Key[1] != l.List:
		return fmt.Errorf("table %s: the key does not begin with the list of the log", s.Name)
	}
	return nil
}
