package listdiff_test

import (
	"math"
	"testing"

	"github.com/tracklake/tracklake/extract/listdiff"
)

func TestKey(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		key  listdiff.Key
		want listdiff.Key

		entry, unreadable bool
		row               string
		rank              int64
		rankText          string
	}{
		"entry":                      {listdiff.NewKey("id", 123), "id 3f", true, false, "id", 123, "3f"},
		"without a rank":             {listdiff.NewKey("id", 0), "id", true, false, "id", 0, ""},
		"before 1970":                {listdiff.NewKey("id", -123), "id -3f", true, false, "id", -123, "-3f"},
		"the greatest rank":          {listdiff.NewKey("id", math.MaxInt64), "id 1y2p0ij32e8e7", true, false, "id", math.MaxInt64, "1y2p0ij32e8e7"},
		"unreadable":                 {listdiff.UnreadableKey(listdiff.NewKey("id", 123)), "!id 3f", false, true, "id", 123, "3f"},
		"unreadable, only its row":   {listdiff.UnreadableKey(listdiff.NewKey("id", 0)), "!id", false, true, "id", 0, ""},
		"unreadable, only its rank":  {listdiff.UnreadableKey(listdiff.NewKey("", 123)), "! 3f", false, true, "", 123, "3f"},
		"unreadable, nothing":        {listdiff.UnreadableKey(""), "!", false, true, "", 0, ""},
		"rowless":                    {listdiff.RowlessKey("h4sh"), "~h4sh", false, false, "", 0, ""},
		"hole":                       {listdiff.Hole, "?", false, false, "", 0, ""},
		"an id like an unreadable":   {listdiff.NewKey("!id", 123), " 3f", false, false, "", 123, "3f"},
		"an id like a rowless":       {listdiff.NewKey("~id", 123), " 3f", false, false, "", 123, "3f"},
		"an id like a hole":          {listdiff.NewKey("?", 0), "", false, false, "", 0, ""},
		"an id with a space":         {listdiff.NewKey("i d", 123), " 3f", false, false, "", 123, "3f"},
		"an id of two lines":         {listdiff.NewKey("i\nd", 0), "", false, false, "", 0, ""},
		"none":                       {"", "", false, false, "", 0, ""},
		"a rank that is no number":   {"id ?", "id ?", true, false, "id", 0, "?"},
		"a rank beyond every number": {"id zzzzzzzzzzzzzz", "id zzzzzzzzzzzzzz", true, false, "id", 0, "zzzzzzzzzzzzzz"},
	}
	for name, tt := range tests {
		k := tt.key
		if k != tt.want || listdiff.IsEntry(k) != tt.entry || listdiff.IsUnreadable(k) != tt.unreadable {
			t.Errorf("%s: %q, entry %v, unreadable %v, want %q, %v, %v", name, k, listdiff.IsEntry(k), listdiff.IsUnreadable(k), tt.want, tt.entry, tt.unreadable)
		}
		if row, rank := listdiff.Row(k), listdiff.Rank(k); row != tt.row || rank != tt.rank {
			t.Errorf("%s: row %q with rank %d, want %q with %d", name, row, rank, tt.row, tt.rank)
		}
		if !tt.entry && !tt.unreadable {
			continue
		}
		if row, rank := listdiff.Split(k); row != tt.row || rank != tt.rankText {
			t.Errorf("%s: split into %q and %q, want %q and %q", name, row, rank, tt.row, tt.rankText)
		}
	}
}
