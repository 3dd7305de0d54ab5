package extract_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/listdiff"
)

func TestUpdate(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		known  []listdiff.Key
		change func(l *listing)
		most   int // requests
		saved  int
		full   bool
	}{
		"unchanged":        {keysUpTo(1_000), func(*listing) {}, 1, 19, false},
		"one saved":        {keysUpTo(1_000), func(l *listing) { l.add(0, 1) }, 1, 20, false},
		"sixty saved":      {keysUpTo(1_000), func(l *listing) { l.add(0, 60) }, 2, 20, false},
		"one removed":      {keysUpTo(1_000), func(l *listing) { l.entries = slices.Delete(l.entries, 700, 701) }, 8, 12, false},
		"nothing known":    {nil, func(*listing) {}, 20, 0, true},
		"all removed":      {keysUpTo(1_000), func(l *listing) { l.entries = nil }, 1, 0, true},
		"a small one":      {keysUpTo(1_000)[:30], func(l *listing) { l.entries = l.entries[:30] }, 1, 0, true},
		"a page and a bit": {keysUpTo(1_000)[:60], func(l *listing) { l.entries = l.entries[:60] }, 1, 1, false},
		"became unreadable": {keysUpTo(1_000), func(l *listing) {
			l.entries[7] = strings.Replace(l.entries[7], "track", "episode", 1)
			l.entries[49] = "null"
		}, 6, 15, false},
		"unreadable as before": {unreadable(keysUpTo(1_000), 45, 46, 49), func(l *listing) {
			l.entries[45], l.entries[46], l.entries[49] = "null", "7", "[]"
		}, 1, 19, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := serve(t, 1_000)
			tt.change(l)
			got := l.take(t.Context(), savedTracks(), known(tt.known...))
			if name == "unreadable as before" {
				got.complete(t, tt.known)
			} else {
				got.complete(t, l.truth())
			}
			if len(got.asked) > tt.most || got.pages != len(got.asked) || got.Full != tt.full || got.Resumed || got.Saved < tt.saved {
				t.Errorf("%d requests, %d pages, full %v, resumed %v, %d saved", len(got.asked), got.pages, got.Full, got.Resumed, got.Saved)
			}
			if all := max(1, (len(l.entries)+49)/50); got.Saved+len(got.asked) != all {
				t.Errorf("%d requests saved with %d made, of %d", got.Saved, len(got.asked), all)
			}
		})
	}
}

// TestUpdateOfAListThatMoves restarts, and gives up in the end.
func TestUpdateOfAListThatMoves(t *testing.T) {
	t.Parallel()
	for _, moves := range []int{1, 2, 3} {
		l := serve(t, 1_000)
		l.entries = slices.Delete(l.entries, 700, 701)
		moved := 0
		l.answer = func(s span) (int, int) {
			if s.offset > 0 && moved < moves && len(l.asked) > 4*moved {
				moved++
				l.add(0, 1)
			}
			return 0, 0
		}
		got := l.take(t.Context(), savedTracks(), known(keysUpTo(1_000)...))
		if got.restarts != min(moves, 2) || got.pages != len(got.asked) {
			t.Errorf("%d moves: %d restarts, %d pages of %d", moves, got.restarts, got.pages, len(got.asked))
		}
		if moves < 3 {
			got.complete(t, l.truth())
			continue
		}
		if got.err != nil || got.Complete || got.Keys.Count > 0 || !strings.Contains(got.Reason, "its length went from 1001 to 1002") {
			t.Errorf("complete %v with %d keys: %q", got.Complete, got.Keys.Count, got.Reason)
		}
	}
}

// TestUpdateOfAListThatIsAnother is not tried again.
func TestUpdateOfAListThatIsAnother(t *testing.T) {
	t.Parallel()
	l := serve(t, 500)
	for i := range l.entries {
		l.entries[i] = entry(1_000 + i)
	}
	got := l.take(t.Context(), savedTracks(), known(keysUpTo(500)...))
	if got.Complete || got.Reason != "too many entries were added where others were removed" || len(got.asked) != 10 || got.restarts > 0 {
		t.Errorf("complete %v after %d requests: %q", got.Complete, len(got.asked), got.Reason)
	}
}

// TestRecheck reads pages with unreadable entries again, in turn.
func TestRecheck(t *testing.T) {
	t.Parallel()
	damaged := func(l *listing) []listdiff.Key {
		keys := keysUpTo(1_000)
		for _, at := range []int{120, 121, 360, 555, 800} {
			keys[at], l.entries[at] = "!", "null"
		}
		return keys
	}
	tests := map[string]struct {
		n, after int
		change   func(l *listing, keys []listdiff.Key)
		want     []int // offsets
		to       int
	}{
		"none":            {0, 100, nil, []int{0}, 100},
		"as before":       {2, 0, nil, []int{0, 100, 350}, 350},
		"wrapping around": {3, 550, nil, []int{0, 800, 100, 350}, 350},
		"more than there": {10, 100, nil, []int{0, 350, 550, 800, 100}, 100},
		"one recovers": {2, 100, func(l *listing, keys []listdiff.Key) {
			l.entries[360], keys[360] = entry(360), keyOf(360)
		}, []int{0, 350, 550}, 550},
		"one is not served": {3, 0, func(l *listing, _ []listdiff.Key) {
			l.unserved(370)
		}, []int{0, 100, 350, 550}, 550},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := serve(t, 1_000)
			keys := damaged(l)
			plan := known(keys...)
			plan.Recheck, plan.RecheckAfter = tt.n, tt.after
			if tt.change != nil {
				tt.change(l, keys)
			}
			got := l.take(t.Context(), savedTracks(), plan)
			got.complete(t, keys)
			var offsets []int
			for _, s := range got.asked {
				offsets = append(offsets, s.offset)
			}
			if !slices.Equal(offsets, tt.want) || got.Rechecked != len(tt.want)-1 || got.RecheckedTo != tt.to {
				t.Errorf("pages at %v, want %v; %d rechecked, to %d", offsets, tt.want, got.Rechecked, got.RecheckedTo)
			}
			if got.Unserved != (name == "one is not served") || got.Full {
				t.Errorf("unserved %v, full %v", got.Unserved, got.Full)
			}
		})
	}
}

// TestRecheckShowsOtherChanges finds in the page that is read again that the list
// is another than it seemed.
func TestRecheckShowsOtherChanges(t *testing.T) {
	t.Parallel()
	l := serve(t, 1_000)
	keys := unreadable(keysUpTo(1_000), 360)
	l.entries = slices.Delete(l.entries, 340, 341)
	l.add(370, 1) // it hides that entry 340 went
	plan := known(keys...)
	if got := l.take(t.Context(), savedTracks(), plan); !got.Complete || !slices.Equal(got.Keys.All(), keys) {
		t.Fatalf("complete %v, %q: the two are to hide each other", got.Complete, got.Reason)
	}
	plan.Recheck = 1
	got := l.take(t.Context(), savedTracks(), plan)
	got.complete(t, l.truth())
	if got.Rechecked != 1 || got.RecheckedTo != 350 || len(got.asked) < 4 {
		t.Errorf("%d rechecked, to %d, in %d requests", got.Rechecked, got.RecheckedTo, len(got.asked))
	}
}

// TestRecheckMeetsAnError keeps what was known.
func TestRecheckMeetsAnError(t *testing.T) {
	t.Parallel()
	l := serve(t, 1_000)
	l.entries[360] = "null"
	l.answer = func(s span) (int, int) {
		if s.covers(360) {
			return http.StatusNotFound, 0
		}
		return 0, 0
	}
	keys := unreadable(keysUpTo(1_000), 360)
	plan := known(keys...)
	plan.Recheck = 5
	got := l.take(t.Context(), savedTracks(), plan)
	if kindOf(t, got.err).Kind != extract.NotFound || got.Complete {
		t.Errorf("complete %v, error %v", got.Complete, got.err)
	}
	got.keys(t, keys)
}

// TestUpdateOfAPageThatIsNotServed has a bad entry in the head.
func TestUpdateOfAPageThatIsNotServed(t *testing.T) {
	t.Parallel()
	for _, at := range []int{0, 7, 30} {
		sound := keysUpTo(1_000)
		bad := unreadable(sound, at)
		for name, before := range map[string][]listdiff.Key{"for the first time": sound, "as before": bad} {
			l := serve(t, 1_000)
			l.unserved(at)
			got := l.take(t.Context(), savedTracks(), known(before...))
			got.complete(t, bad)
			if got.pages != 1 || len(got.asked) > 30 {
				t.Errorf("entry %d, %s: %d pages in %d requests", at, name, got.pages, len(got.asked))
			}
		}
		l := serve(t, 1_000)
		l.unserved(at)
		l.entries = slices.Delete(l.entries, 10, 11)
		got := l.take(t.Context(), savedTracks(), known(bad...))
		if at < 10 { // a page that begins behind it shows what went
			got.complete(t, slices.Delete(slices.Clone(bad), 10, 11))
			continue
		}
		if got.Complete || got.pages > 3 || got.err == nil && got.Reason != "Spotify did not serve a page in one answer" {
			t.Errorf("entry %d: complete %v after %d pages: %q, error %v", at, got.Complete, got.pages, got.Reason, got.err)
		}
	}
}

// TestResume resumes where an earlier run had to stop.
func TestResume(t *testing.T) {
	t.Parallel()
	for read, most := range map[int]int{1: 20, 50: 20, 230: 17, 950: 3, 1_000: 1} {
		for _, added := range []int{0, 3} {
			l := serve(t, 1_000)
			l.add(0, added)
			plan := extract.Plan{Resume: true, Known: listdiff.KeysOf(keysUpTo(read))}
			got := l.take(t.Context(), savedTracks(), plan)
			got.complete(t, l.truth())
			if !got.Resumed || got.Full || got.Saved != 0 || len(got.asked) > most+added {
				t.Errorf("%d known, %d added: resumed %v, full %v, %d saved, %d requests", read, added, got.Resumed, got.Full, got.Saved, len(got.asked))
			}
		}
	}
}

// TestErrorsAmidAnIncrementalSync keep the head as far as it is known.
func TestErrorsAmidAnIncrementalSync(t *testing.T) {
	t.Parallel()
	removed := func(l *listing) { l.entries = slices.Delete(l.entries, 700, 701) }
	tests := map[string]struct {
		plan   extract.Plan
		change func(l *listing)
		fails  int // which request
		want   int // keys
	}{
		"incremental, at once":          {known(keysUpTo(1_000)...), removed, 1, 0},
		"incremental, amid the halving": {known(keysUpTo(1_000)...), removed, 2, 50},
		"incremental, later":            {known(keysUpTo(1_000)...), removed, 3, 500},
		"all new":                       {known(), func(*listing) {}, 5, 200},
		"resume, at once":               {extract.Plan{Resume: true, Known: listdiff.KeysOf(keysUpTo(230))}, func(*listing) {}, 1, 0},
		"resume, second page":           {extract.Plan{Resume: true, Known: listdiff.KeysOf(keysUpTo(230))}, func(*listing) {}, 2, 50},
		"resume, fourth page":           {extract.Plan{Resume: true, Known: listdiff.KeysOf(keysUpTo(230))}, func(*listing) {}, 4, 300},
	}
	for name, tt := range tests {
		l := serve(t, 1_000)
		tt.change(l)
		l.answer = func(span) (int, int) {
			if len(l.asked) >= tt.fails {
				return http.StatusForbidden, 0
			}
			return 0, 0
		}
		got := l.take(t.Context(), savedTracks(), tt.plan)
		if kindOf(t, got.err).Kind != extract.Forbidden || got.Complete || got.Resumed != tt.plan.Resume {
			t.Errorf("%s: complete %v, resumed %v, error %v", name, got.Complete, got.Resumed, got.err)
		}
		if got.Keys.Count < tt.want {
			t.Errorf("%s: %d keys, want %d", name, got.Keys.Count, tt.want)
		}
		got.keys(t, keysUpTo(1_000)[:min(got.Keys.Count, 700)])
	}
}
