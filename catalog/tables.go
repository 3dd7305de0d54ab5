package catalog

import "github.com/tracklake/tracklake/transform"

// Tables lists every table once, in the order in which resources name them.
func Tables() []*transform.Schema {
	var out []*transform.Schema
	seen := map[string]bool{}
	for _, r := range All() {
		for _, t := range r.Tables {
			if !seen[t.Name] {
				seen[t.Name] = true
				out = append(out, t)
			}
		}
	}
	return out
}
