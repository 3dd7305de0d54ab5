package extract_test

import (
	"slices"
	"testing"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/listdiff"
)

// undelivered replaces the keys of a page's last positions by holes, as the
// entries at some positions are not delivered.
func undelivered(keys []listdiff.Key, at ...int) []listdiff.Key {
	var out []listdiff.Key
	for page := range slices.Chunk(keys, 50) {
		begin, holes := len(out), 0
		for i, k := range page {
			if slices.Contains(at, begin+i) {
				holes++
				continue
			}
			out = append(out, k)
		}
		out = append(out, slices.Repeat([]listdiff.Key{listdiff.Hole}, holes)...)
	}
	return out
}

// TestHoles reads lists of which the API counts more than it delivers. A
// reading is believed when it is repeated, or finds what was found before.
func TestHoles(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		tracks int
		holes  []int
		unique bool
		max    int
	}{
		"total 83, 81 delivered":           {83, []int{20, 70}, false, 0},
		"total 16, 7 delivered":            {16, positions(7, 16), false, 0},
		"total 97, 4 items, then none":     {97, positions(4, 97), false, 0},
		"in the middle":                    {400, []int{120}, true, 0},
		"an empty page in the middle":      {400, positions(150, 200), true, 0},
		"an empty head":                    {400, positions(0, 50), true, 0},
		"nothing delivered":                {30, positions(0, 30), true, 0},
		"a ranking that ends before it is": {400, []int{3, 77}, false, 90},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := serve(t, tt.tracks)
			for _, at := range tt.holes {
				l.entries[at] = ""
			}
			list := savedTracks()
			list.Unique, list.Max = tt.unique, tt.max
			want, n := undelivered(keysUpTo(tt.tracks), tt.holes...), tt.tracks
			if tt.max > 0 { // its last page is a shorter one
				n = tt.max
				want = undelivered(keysUpTo(n), tt.holes...)
			}
			pages := (n + 49) / 50
			got := l.take(t.Context(), list, extract.Plan{})
			got.complete(t, want)
			if !got.Full || len(got.asked) != 2*pages || got.pages != 2*pages {
				t.Errorf("full %v after %d requests, want two passes of %d", got.Full, len(got.asked), pages)
			}
			if len(got.ids) != n-len(tt.holes) || len(got.rejects) != len(tt.holes) {
				t.Errorf("%d rows and %d rejects", len(got.ids), len(got.rejects))
			}
			got = l.take(t.Context(), list, extract.Plan{Holes: len(tt.holes)})
			got.complete(t, want)
			if !got.Full || len(got.asked) != pages {
				t.Errorf("known to have holes: full %v after %d requests, want %d", got.Full, len(got.asked), pages)
			}
			got = l.take(t.Context(), list, extract.Plan{Holes: len(tt.holes) + 1})
			got.complete(t, want)
			if len(got.asked) != 2*pages {
				t.Errorf("known to have more holes: %d requests, want %d", len(got.asked), 2*pages)
			}
		})
	}
}

// TestHolesElsewhereEachTime lets other entries be undelivered in each pass.
func TestHolesElsewhereEachTime(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		holes    [3][]int // in each pass
		complete bool
		passes   int
		reason   string
	}{
		"another each time":         {[3][]int{{60}, {61}, {62}}, false, 3, "119 of 120 entries came, and different ones in each pass"},
		"more each time":            {[3][]int{{60}, {60, 61}, {60, 61, 62}}, false, 3, "117 of 120 entries came, and different ones in each pass"},
		"two that agree in the end": {[3][]int{{60}, {61}, {61}}, true, 3, ""},
		"two that agree, apart":     {[3][]int{{60}, {61}, {60}}, false, 3, "119 of 120 entries came, and different ones in each pass"},
		"delivered the second time": {[3][]int{{60}, {}, {}}, true, 2, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := serve(t, 120)
			passes := 0
			l.answer = func(s span) (int, int) {
				if s.offset == 0 {
					for n := range l.entries {
						l.entries[n] = entry(n)
					}
					for _, n := range tt.holes[passes] {
						l.entries[n] = ""
					}
					passes++
				}
				return 0, 0
			}
			got := l.take(t.Context(), savedTracks(), extract.Plan{})
			if got.err != nil || got.Complete != tt.complete || got.Full != tt.complete || got.Reason != tt.reason || passes != tt.passes {
				t.Errorf("complete %v, full %v after %d passes, reason %q, error %v", got.Complete, got.Full, passes, got.Reason, got.err)
			}
			got.keys(t, undelivered(keysUpTo(120), tt.holes[passes-1]...))
		})
	}
}

// TestAKnownHoleIsNoExcuseForAListThatMoves has the known number of holes, and
// one entry twice.
func TestAKnownHoleIsNoExcuseForAListThatMoves(t *testing.T) {
	t.Parallel()
	l := serve(t, 120)
	l.entries[60], l.entries[70] = "", l.entries[20]
	got := l.take(t.Context(), savedTracks(), extract.Plan{Holes: 1})
	if got.Complete || got.Reason == "" || len(got.asked) != 9 {
		t.Errorf("complete %v after %d requests: %q", got.Complete, len(got.asked), got.Reason)
	}
}

// TestEntriesAddedToAListWithHoles are found by reading it again: where the
// holes stand depends on the pages.
func TestEntriesAddedToAListWithHoles(t *testing.T) {
	t.Parallel()
	l := serve(t, 400)
	l.entries[120] = ""
	l.inTurn = true
	added := false
	l.answer = func(s span) (int, int) {
		if s.offset == 200 && !added {
			added = true
			l.add(0, 1)
		}
		return 0, 0
	}
	got := l.take(t.Context(), savedTracks(), extract.Plan{Holes: 1})
	keys := append([]listdiff.Key{keyOf(-400)}, keysUpTo(400)...)
	got.complete(t, undelivered(keys, 121))
}
