package extract_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/listdiff"
)

// TestPositionsBehindEntriesThatAreNone reads a ranking in which some entries
// cannot be read, are null, or are not served.
func TestPositionsBehindEntriesThatAreNone(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{0, 120} {
		l := serve(t, 150)
		want := keysUpTo(150)
		want[3], l.entries[3] = "!", `null`
		want[12], l.entries[12] = listdiff.UnreadableKey(listdiff.NewKey("", savedAt(12).Unix())), strings.Replace(entry(12), `"t12"`, `12`, 1)
		want[49], l.entries[49] = listdiff.UnreadableKey(keyOf(49)), strings.Replace(entry(49), `"name"`, `"type":"episode","name"`, 1)
		want[60], want[61] = "!", "!"
		l.unserved(60, 61)
		list := savedTracks()
		list.Max, list.Unique = limit, false
		n := 150
		if limit > 0 {
			n = limit
		}
		got := l.take(t.Context(), list, extract.Plan{})
		got.complete(t, want[:n])
		for at := range n {
			reject, rejected := got.rejects[at]
			switch id := got.ids[at]; {
			case listdiff.IsEntry(want[at]) && (id != fmt.Sprint("t", at) || rejected):
				t.Errorf("of %d, position %d: %q, rejected %v", n, at, id, rejected)
			case listdiff.IsUnreadable(want[at]) && (id != "" || reject.Reason == "" || at < 60 && string(reject.Raw) != l.entries[at] || at >= 60 && reject.Raw != nil):
				t.Errorf("of %d, position %d: %q, %+v", n, at, id, reject)
			}
		}
		if len(got.ids)+len(got.rejects) != n || !strings.Contains(got.rejects[61].Reason, "HTTP 500") {
			t.Errorf("%d rows and %d rejects; %q", len(got.ids), len(got.rejects), got.rejects[61].Reason)
		}
	}
}

// TestMaxEndsAList keeps the first entries only, whatever comes behind them.
func TestMaxEndsAList(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int][]span{1: {{0, 1}}, 50: {{0, 50}}, 51: {{0, 50}, {50, 1}}, 120: {{0, 50}, {50, 50}, {100, 20}}} {
		l := serve(t, 130)
		l.entries[120] = "" // not delivered, and not asked for
		list := savedTracks()
		list.Max = limit
		got := l.take(t.Context(), list, extract.Plan{})
		got.complete(t, keysUpTo(limit))
		slices.SortFunc(got.asked, func(a, b span) int { return a.offset - b.offset })
		if !slices.Equal(got.asked, want) {
			t.Errorf("%d entries: asked for %v, want %v", limit, got.asked, want)
		}
	}
}

// TestAnEntryThatIsMetTwice is a sign that a list moved, where no two entries
// have the same key.
func TestAnEntryThatIsMetTwice(t *testing.T) {
	t.Parallel()
	for _, unique := range []bool{true, false} {
		l := serve(t, 120)
		l.entries[70] = l.entries[20]
		pass := 0
		l.answer = func(s span) (int, int) {
			if s.offset == 0 {
				if pass++; pass == 3 {
					l.entries[70] = entry(70)
				}
			}
			return 0, 0
		}
		list := savedTracks()
		list.Unique = unique
		got := l.take(t.Context(), list, extract.Plan{})
		want := keysUpTo(120)
		if !unique {
			want[70] = want[20]
		}
		got.complete(t, want)
		if requests := len(got.asked); requests != map[bool]int{true: 9, false: 3}[unique] {
			t.Errorf("unique %v: %d requests", unique, requests)
		}
		if unique && (got.pages != 9 || got.restarts != 2 || got.ids[70] != "t70") {
			t.Errorf("%d pages, %d restarts, and t70 is %q", got.pages, got.restarts, got.ids[70])
		}
	}
}

// TestAListThatNeverHoldsStill has an entry twice in each pass.
func TestAListThatNeverHoldsStill(t *testing.T) {
	t.Parallel()
	l := serve(t, 120)
	l.entries[70] = l.entries[20]
	got := l.take(t.Context(), savedTracks(), extract.Plan{})
	if got.err != nil || got.Complete || got.Full || len(got.asked) != 9 {
		t.Errorf("complete %v, full %v after %d requests, error %v", got.Complete, got.Full, len(got.asked), got.err)
	}
	if want := "the list changed while it was read: 119 different entries came, but Spotify counts 120"; got.Reason != want {
		t.Errorf("reason %q, want %q", got.Reason, want)
	}
}

// TestEntriesAddedAtTheHeadWhileReading are found without a second pass, but for very
// many.
func TestEntriesAddedAtTheHeadWhileReading(t *testing.T) {
	t.Parallel()
	for _, added := range []int{1, 49, 50, 60, 120} {
		for _, at := range []int{50, 150, 350} {
			l := serve(t, 400)
			l.inTurn = true
			came := false
			l.answer = func(s span) (int, int) {
				if s.offset >= at && !came {
					came = true
					l.add(0, added)
				}
				return 0, 0
			}
			got := l.take(t.Context(), savedTracks(), extract.Plan{})
			got.complete(t, l.truth())
			pages := (added + 49) / 50 // by which the list grew
			want := 8 + pages + pages + 1
			if added > at { // in which order they stand is not clear
				want = 8 + 8 + pages
			}
			if !got.Full || got.pages != want {
				t.Errorf("%d added before %d: full %v, %d pages, want %d", added, at, got.Full, got.pages, want)
			}
		}
	}
}

// TestEntriesAddedElsewhereWhileReading leave the list in the right order.
func TestEntriesAddedElsewhereWhileReading(t *testing.T) {
	t.Parallel()
	for _, to := range []int{1, 30, 50, 120, 400, 590} {
		l := serve(t, 600)
		l.inTurn = true
		came := false
		l.answer = func(s span) (int, int) {
			if s.offset >= 200 && !came {
				came = true
				l.add(0, 3)
				l.add(to, 2)
			}
			return 0, 0
		}
		got := l.take(t.Context(), savedTracks(), extract.Plan{})
		got.complete(t, l.truth())
	}
}

// add puts new tracks somewhere.
func (l *listing) add(at, n int) {
	for range n {
		l.entries = slices.Insert(l.entries, at, entry(-len(l.entries)))
	}
}

// truth are the keys of the list as it is.
func (l *listing) truth() []listdiff.Key {
	var out []listdiff.Key
	for _, e := range l.entries {
		page, err := extract.DecodePage(fmt.Appendf(nil, `{"items":[%s],"total":1}`, e), savedTracks(), 0)
		if err != nil {
			panic(err)
		}
		out = append(out, page.Entries[0].Key)
	}
	return out
}

// TestErrorsAmidAList keep what was read from the head.
func TestErrorsAmidAList(t *testing.T) {
	t.Parallel()
	for _, at := range []int{0, 50, 300, 580} {
		l := serve(t, 600)
		l.answer = func(s span) (int, int) {
			if s.covers(at) {
				return http.StatusNotFound, 0
			}
			return 0, 0
		}
		got := l.take(t.Context(), savedTracks(), extract.Plan{})
		if kindOf(t, got.err).Kind != extract.NotFound || got.Complete || got.Full {
			t.Errorf("page %d: complete %v, error %v", at, got.Complete, got.err)
		}
		got.keys(t, keysUpTo(at/50*50))
	}
}
