package listdiff_test

import (
	"slices"
	"testing"

	"github.com/tracklake/tracklake/extract/listdiff"
)

func times(n int, f func()) {
	for range n {
		f()
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		known   int
		change  func(p *paged)
		removed int
		most    int // requests
	}{
		"unchanged":                {10_000, func(*paged) {}, 0, 1},
		"unchanged and small":      {7, func(*paged) {}, 0, 1},
		"nothing and nothing":      {0, func(*paged) {}, 0, 1},
		"one saved":                {10_000, func(p *paged) { p.save(0) }, 0, 1},
		"thirty saved":             {10_000, func(p *paged) { times(30, func() { p.save(0) }) }, 0, 1},
		"sixty saved":              {10_000, func(p *paged) { times(60, func() { p.save(0) }) }, 0, 2},
		"all new":                  {0, func(p *paged) { times(500, func() { p.save(0) }) }, 0, 10},
		"head removed":             {10_000, func(p *paged) { p.remove(0) }, 1, 1},
		"end removed":              {10_000, func(p *paged) { p.remove(9_999) }, 1, 10},
		"one removed":              {10_000, func(p *paged) { p.remove(6_789) }, 1, 11},
		"at a border of two pages": {10_000, func(p *paged) { p.remove(5_050) }, 1, 11},
		"thirty saved, two removed": {10_000, func(p *paged) {
			p.remove(8_123)
			p.remove(2_345)
			times(30, func() { p.save(0) })
		}, 2, 25},
		"removed and saved again":    {10_000, func(p *paged) { p.remove(4_444); p.save(0) }, 1, 12},
		"saved with an old date":     {10_000, func(p *paged) { p.save(7_000) }, 0, 11},
		"a hundred in a row removed": {10_000, func(p *paged) { p.keys = slices.Delete(p.keys, 5_000, 5_100) }, 100, 20},
		"all removed":                {500, func(p *paged) { p.keys = nil }, 500, 1},
		"all but one removed":        {500, func(p *paged) { p.keys = p.keys[250:251] }, 499, 1},
		"every tenth removed":        {5_000, func(p *paged) { times(500, func() { p.remove(len(p.keys) / 3) }) }, 500, 95},
		"all exchanged":              {500, func(p *paged) { p.keys = nil; times(500, func() { p.save(0) }) }, 0, 30},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPaged(tt.known)
			known := slices.Clone(p.keys)
			tt.change(p)
			c := compare(t, p, known)
			if len(p.asked) > tt.most {
				t.Errorf("%d requests, want at most %d", len(p.asked), tt.most)
			}
			c.reallyRemoved(t, known, p)
			if name == "all exchanged" { // too much for one answer to prove; it is synced in full instead
				if _, final := c.diff.Moved(); c.complete() || !final {
					t.Errorf("complete %v, final %v, want neither complete nor another attempt", c.complete(), final)
				}
				return
			}
			if !c.complete() || !slices.Equal(c.keys, p.keys) || len(c.removed(known)) != tt.removed {
				t.Errorf("%q, %d keys of %d, %d removed, want %d", c.reason, len(c.keys), len(p.keys), len(c.removed(known)), tt.removed)
			}
		})
	}
}

func TestDiffOfAListInAnotherOrder(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(k []listdiff.Key) []listdiff.Key
		most   int // requests
	}{
		"two neighbours exchanged": {func(k []listdiff.Key) []listdiff.Key { k[3], k[4] = k[4], k[3]; return k }, 1},
		"moved from end to head":   {func(k []listdiff.Key) []listdiff.Key { return slices.Insert(k[:len(k)-1], 0, k[len(k)-1]) }, 5},
		"moved from the middle, and one new": {func(k []listdiff.Key) []listdiff.Key {
			x := k[len(k)/2]
			return slices.Insert(slices.Delete(k, len(k)/2, len(k)/2+1), 0, x, "new")
		}, 6},
		"moved into the middle": {func(k []listdiff.Key) []listdiff.Key {
			x := k[2]
			return slices.Insert(slices.Delete(k, 2, 3), 300, x)
		}, 6},
		"the other way round": {func(k []listdiff.Key) []listdiff.Key { slices.Reverse(k); return k }, 10},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPaged(500)
			known := slices.Clone(p.keys)
			p.keys = tt.change(p.keys)
			c := compare(t, p, known)
			if len(p.asked) > tt.most {
				t.Errorf("%d requests, want at most %d", len(p.asked), tt.most)
			}
			c.reallyRemoved(t, known, p)
			if c.complete() && !slices.Equal(c.keys, p.keys) || !c.complete() && name != "the other way round" {
				t.Errorf("%q, %d keys of %d", c.reason, len(c.keys), len(p.keys))
			}
		})
	}
}

// TestDiffNoticesThatTheListMoves changes a list between two pages.
func TestDiffNoticesThatTheListMoves(t *testing.T) {
	t.Parallel()
	known := newPaged(200).keys
	first := listdiff.Page{Offset: 0, Asked: 50, Total: 199, Keys: known[:50]}
	tests := map[string]listdiff.Page{
		"its length went from 199 to 198 while it was read": {Offset: 100, Asked: 50, Total: 198, Keys: known[101:151]},
		"a page of 50 entries has 49":                       {Offset: 100, Asked: 50, Total: 199, Keys: known[101:150]},
		"an entry was seen in two places":                   {Offset: 100, Asked: 50, Total: 199, Keys: known[20:70]},
		"two answers about the same entries differ":         {Offset: 40, Asked: 50, Total: 199, Keys: known[41:91]},
	}
	for want, second := range tests {
		d := listdiff.New(known, pageSize)
		d.Add(first)
		if reason, _ := d.Moved(); reason != "" {
			t.Fatalf("after one page: %s", reason)
		}
		d.Add(second)
		reason, final := d.Moved()
		_, why := d.Keys()
		if reason != want || why != want || final {
			t.Errorf("moved: %q, final %v, no keys: %q; want %q", reason, final, why, want)
		}
		if _, n := d.Next(); n != 0 || d.Prefix() != nil {
			t.Errorf("%s: it asks for %d more, and keeps %d keys", want, n, len(d.Prefix()))
		}
	}
}

// TestDiffBelievesNoJoinedPage removes an entry from pages that come in several
// answers: these show no two neighbours at one moment.
func TestDiffBelievesNoJoinedPage(t *testing.T) {
	t.Parallel()
	for _, at := range []int{0, 20, 49, 50, 399} {
		p := newPaged(400)
		known := slices.Clone(p.keys)
		p.remove(at)
		if c := compare(t, p, known); !c.complete() {
			t.Fatalf("entry %d removed: %s", at, c.reason)
		}
		p.joined = true
		c := compare(t, p, known)
		if reason, final := c.diff.Moved(); c.complete() || reason != "Spotify did not serve a page in one answer" || !final || c.restarts > 0 {
			t.Errorf("entry %d removed from joined pages: complete %v, %q, final %v after %d restarts", at, c.complete(), reason, final, c.restarts)
		}
		if c := compare(t, p, p.keys); !c.complete() || len(p.asked) != 1 {
			t.Errorf("unchanged: %q after %d pages", c.reason, len(p.asked))
		}
		p.save(0)
		if c := compare(t, p, p.keys[1:]); !c.complete() || !slices.Equal(c.keys, p.keys) {
			t.Errorf("one saved: %q", c.reason)
		}
	}
}

// TestDiffPrefix cuts comparisons off after some pages.
func TestDiffPrefix(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		known  int // entries of a list of 400 that were known, from its beginning
		change func(p *paged)
		pages  int
		want   int // entries
	}{
		"nothing read":             {400, func(*paged) {}, 0, 0},
		"unchanged":                {400, func(*paged) {}, 1, 400},
		"the head is all new":      {0, func(*paged) {}, 1, 50},
		"three pages are new":      {0, func(*paged) {}, 3, 150},
		"the beginning was known":  {230, func(*paged) {}, 1, 50},
		"and where it ends":        {230, func(*paged) {}, 2, 250},
		"and the next":             {230, func(*paged) {}, 3, 300},
		"one saved":                {400, func(p *paged) { p.save(0) }, 1, 401},
		"the head's last replaced": {400, func(p *paged) { p.keys[49] = p.key() }, 1, 50},
		"one removed, head":        {400, func(p *paged) { p.remove(300) }, 1, 50},
		"one removed, fits before": {400, func(p *paged) { p.remove(300) }, 2, 250},
	}
	for name, tt := range tests {
		p := newPaged(400)
		known := slices.Clone(p.keys[:tt.known])
		tt.change(p)
		d := listdiff.New(known, pageSize)
		for range tt.pages {
			offset, n := d.Next()
			d.Add(p.page(offset, n))
		}
		got := d.Prefix()
		if len(got) != tt.want || !slices.Equal(got, p.keys[:min(len(got), len(p.keys))]) {
			t.Errorf("%s: %d keys after pages at %v, want the first %d", name, len(got), p.asked, tt.want)
		}
	}
}
