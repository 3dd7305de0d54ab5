package catalog

import (
	"github.com/apache/arrow/go/v17/arrow"

	"github.com/tracklake/tracklake/transform"
)

// libraryOn tells from the change log what was there on a day. Two jobs never fill the
// same rows, so that the log of an item is that of all jobs: the job may have been
// renamed.
func libraryOn() transform.View {
	text := func(name, doc string) transform.Field {
		return transform.Field{Name: name, Doc: doc, Type: arrow.BinaryTypes.String}
	}
	since := transform.SeenLast()
	since.Name, since.Doc, since.Nullable = "since", "Start of the run that found the item, or found it again after it was removed, UTC.", false
	name := text("name", "Name of the item.")
	name.Nullable = true
	return transform.View{
		Schema: "analytics", Name: "library_on", Doc: "What was there at the end of a day, UTC, by library_changes: one row for each item and list.",
		Arguments: []transform.Field{{Name: "day", Doc: "A day.", Type: arrow.FixedWidthTypes.Date32}},
		Fields: []transform.Field{
			text(transform.AccountID, "Spotify account that the item belongs to."),
			text("resource", "Resource that the item belongs to."),
			text("list_id", "Spotify ID of the playlist that the item is in; empty for the account's own lists."),
			text("item_id", "Spotify ID of the item; the Spotify URI of an item of a playlist that is no track."),
			name, since,
		},
		Sources: []transform.Source{{Table: transform.LibraryChanges}},
		SQL: func(prefix string) string {
			return `SELECT account_id, resource, list_id, item_id, name, changed_at AS since
FROM (
    SELECT DISTINCT ON (account_id, resource, list_id, item_id) account_id, resource, list_id, item_id, name, changed_at, change
    FROM ` + prefix + transform.LibraryChanges + `
    WHERE changed_at < CAST(CAST(day AS date) + 1 AS timestamp) AT TIME ZONE 'UTC'
    ORDER BY account_id, resource, list_id, item_id, changed_at DESC, job COLLATE "C"
) AS last
WHERE change <> 'removed'`
		},
	}
}
