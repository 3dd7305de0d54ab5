package load

import (
	"maps"
	"slices"
)

// Rows counts the account's rows in a job's tables, by table. Destinations keep those of
// removable tables, removed ones included, with the last finished run: such a table
// never loses a row, so that they tell when somebody has emptied it since.
type Rows map[string]int

// Missing names the tables that have fewer rows now, in order.
func (r Rows) Missing(now Rows) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(r)), func(table string) bool { return now[table] >= r[table] })
}
