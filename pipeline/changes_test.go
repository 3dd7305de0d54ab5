package pipeline_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
)

// logTells compares the items that playlists hold in the lake with what the change log
// says of them.
func (s *stage) logTells(t *testing.T) {
	t.Helper()
	held := map[string]bool{}
	s.eachRow(t, "playlist_items", func(r arrow.Record, i int) {
		item := cell(r, "track_id", i)
		if item == "NULL" {
			item = cell(r, "item_uri", i)
		}
		if item != "NULL" {
			held[cell(r, "playlist_id", i)+" "+item] = true
		}
	})
	last, logged := map[string]string{}, map[string]bool{} // when, and whether it is there
	s.eachRow(t, "library_changes", func(r arrow.Record, i int) {
		key, at := cell(r, "list_id", i)+" "+cell(r, "item_id", i), cell(r, "changed_at", i)
		if cell(r, "resource", i) != "playlist_items" || strings.Compare(at, last[key]) < 0 {
			return
		}
		last[key] = at
		delete(logged, key)
		if cell(r, "change", i) != "removed" {
			logged[key] = true
		}
	})
	if !maps.Equal(held, logged) {
		a, b := slices.Sorted(maps.Keys(held)), slices.Sorted(maps.Keys(logged))
		t.Errorf("playlists hold %d items, by the log %d; first difference %s", len(a), len(b), difference(a, b))
	}
}
