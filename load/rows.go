package load

import (
	"maps"
	"slices"
)

// Rows counts the rows of a job's removable tables, which never lose one, by table.
// Destinations keep it with the last finished run, to tell when somebody has emptied
// a table since.
type Rows map[string]int

// Missing names the tables that have fewer rows now, in order.
func (r Rows) Missing(now Rows) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(r)), func(table string) bool { return now[table] >= r[table] })
}
