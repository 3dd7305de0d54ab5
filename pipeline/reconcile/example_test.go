package reconcile_test

import (
	"fmt"
	"time"

	"github.com/tracklake/tracklake/extract/listdiff"
	"github.com/tracklake/tracklake/pipeline/reconcile"
)

// The reading accounts for every position of the list, and the entry of the row "b"
// is at none of them: the row is removed.
func ExampleDecide() {
	night := time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC)
	verdict := reconcile.Decide(reconcile.Input{
		Before:  &reconcile.List{FullAt: night.AddDate(0, 0, -1), Keys: listdiff.KeysOf([]listdiff.Key{"a", "b", "c"})},
		Reading: listdiff.Reading{Keys: listdiff.KeysOf([]listdiff.Key{"a", "c"}), Complete: true, Full: true},
		At:      night,
	})
	open := verdict.After.Open(night)
	fmt.Printf("removed: %q, pending: %q, incomplete: %t\n", verdict.Removed, verdict.After.Pending, open.Incomplete())
	// Output:
	// removed: ["b"], pending: [], incomplete: false
}

// One entry could not be read. It may belong to "b" or to "d", so both removals are
// pending until a later reading tells.
func ExampleDecide_pending() {
	night := time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC)
	unreadable := listdiff.UnreadableKey("") // nothing is known of the entry
	verdict := reconcile.Decide(reconcile.Input{
		Before:  &reconcile.List{FullAt: night.AddDate(0, 0, -1), Keys: listdiff.KeysOf([]listdiff.Key{"a", "b", "c", "d"})},
		Reading: listdiff.Reading{Keys: listdiff.KeysOf([]listdiff.Key{"a", unreadable, "c"}), Complete: true, Full: true},
		At:      night,
	})
	open := verdict.After.Open(night)
	fmt.Printf("removed: %q, pending: %q, incomplete: %t\n", verdict.Removed, verdict.After.Pending, open.Incomplete())
	fmt.Println(open)
	// Output:
	// removed: [], pending: ["b" "d"], incomplete: true
	// 1 of 3 entries could not be read; 2 rows that may be among them are kept
}
