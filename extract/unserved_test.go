package extract_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/listdiff"
)

// positions from one to before another.
func positions(from, to int) []int {
	var out []int
	for i := from; i < to; i++ {
		out = append(out, i)
	}
	return out
}

// unreadable replaces keys by those of entries of which nothing is known.
func unreadable(keys []listdiff.Key, at ...int) []listdiff.Key {
	out := slices.Clone(keys)
	for _, i := range at {
		out[i] = listdiff.UnreadableKey("")
	}
	return out
}

// TestAPageThatIsNotServed is halved until the bad entries are alone, or there
// are too many of them.
func TestAPageThatIsNotServed(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		tracks int
		bad    []int
		want   []int // that became unreadable
		most   int   // requests
	}{
		"one in the middle":         {200, []int{77}, []int{77}, 4 + 4 + 2*12},
		"one at the beginning":      {200, []int{0}, []int{0}, 4 + 4 + 2*12},
		"the last one":              {200, []int{199}, []int{199}, 4 + 4 + 2*12},
		"two apart":                 {200, []int{60, 90}, []int{60, 90}, 4 + 4 + 2*24},
		"a page in the middle":      {200, positions(100, 150), positions(100, 150), 4 + 4 + 2*20},
		"the last page":             {180, positions(150, 180), positions(150, 180), 4 + 4 + 2*20},
		"the end of a short list":   {30, positions(20, 30), positions(20, 30), 4 + 2*20},
		"all of a short list":       {12, positions(0, 12), positions(0, 12), 4 + 2*20},
		"all of a longer one":       {15, positions(0, 15), positions(0, 15), 4 + 2*20},
		"the end of a shorter list": {12, positions(5, 12), positions(5, 12), 4 + 2*20},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := serve(t, tt.tracks)
			l.unserved(tt.bad...)
			got := l.take(t.Context(), savedTracks(), extract.Plan{})
			got.complete(t, unreadable(keysUpTo(tt.tracks), tt.want...))
			if !got.Full || len(got.asked) > tt.most {
				t.Errorf("full %v, %d requests, want at most %d", got.Full, len(got.asked), tt.most)
			}
			single := map[span]int{}
			for _, s := range got.asked {
				if s.limit == 1 && s.covers(tt.bad...) {
					single[s]++
				}
			}
			if len(single) > 6 {
				t.Errorf("%d entries were asked for alone", len(single))
			}
			for at, reject := range got.rejects {
				if reject.Raw != nil || !strings.Contains(reject.Reason, "HTTP 500") {
					t.Errorf("the reject at %d: %+v", at, reject)
				}
			}
		})
	}
}

// TestAPageThatChangesWhileItIsHalved shows an entry in its first part that the
// list does not have when the second is read. Only the totals of the parts tell.
func TestAPageThatChangesWhileItIsHalved(t *testing.T) {
	t.Parallel()
	l := serve(t, 200)
	stage := 0
	l.answer = func(s span) (int, int) {
		switch {
		case s.covers(130):
			return http.StatusInternalServerError, 0
		case stage == 0 && s == span{100, 25}:
			stage = 1
			l.add(0, 1)
		case stage == 1 && s.offset >= 125 && s.limit < 25:
			stage = 2
			l.entries = l.entries[1:]
		}
		return 0, 0
	}
	list := savedTracks()
	list.Unique = false
	got := l.take(t.Context(), list, extract.Plan{})
	got.complete(t, unreadable(keysUpTo(200), 130))
	if stage != 2 {
		t.Error("the list did not change")
	}
}

// TestAHeadThatIsNotServed ends a reading of any kind.
func TestAHeadThatIsNotServed(t *testing.T) {
	t.Parallel()
	for name, plan := range map[string]extract.Plan{"full": {}, "incremental": known(keysUpTo(100)...), "resume": {Resume: true, Known: listdiff.KeysOf(keysUpTo(70))}} {
		l := serve(t, 100)
		l.unserved(positions(0, 50)...)
		got := l.take(t.Context(), savedTracks(), plan)
		e := kindOf(t, got.err)
		if e.Kind != extract.Transient || e.Status != http.StatusInternalServerError || !strings.Contains(e.Error(), "the beginning of the list") {
			t.Errorf("%s: error %v", name, got.err)
		}
		if got.Complete || got.Keys.Count > 0 || got.pages > 0 {
			t.Errorf("%s: complete %v with %d keys and %d pages", name, got.Complete, got.Keys.Count, got.pages)
		}
	}
}

// TestAnOutageIsNoBadPage lets every page behind the first fail.
func TestAnOutageIsNoBadPage(t *testing.T) {
	t.Parallel()
	l := serve(t, 1_000)
	l.unserved(positions(50, 1_000)...)
	got := l.take(t.Context(), savedTracks(), extract.Plan{})
	if kindOf(t, got.err).Kind != extract.Transient || got.Complete || len(got.asked) > 100 {
		t.Errorf("complete %v after %d requests: %v", got.Complete, len(got.asked), got.err)
	}
	got.keys(t, keysUpTo(50))
}

// TestFailuresOfAList may be few, where each request counts.
func TestFailuresOfAList(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		bad     []int
		failing int   // requests that fail
		want    []int // unreadable entries
		ends    bool  // the reading ends with an error
	}{
		"the first page":    {[]int{7}, 3, nil, true},
		"one in the middle": {[]int{77}, 3, positions(50, 100), false},
		"the last page":     {[]int{200}, 3, positions(200, 210), false},
		"a second page":     {[]int{77, 177}, 4, positions(50, 100), true},
	}
	for name, tt := range tests {
		l := serve(t, 210)
		l.unserved(tt.bad...)
		list := savedTracks()
		list.Failures = 3
		got := l.take(t.Context(), list, extract.Plan{})
		failing := 0
		for _, s := range got.asked {
			if s.covers(tt.bad...) {
				failing++
			}
			if s.limit < 10 {
				t.Errorf("%s: a page was halved: %v", name, s)
			}
		}
		if failing > tt.failing || failing < 3 {
			t.Errorf("%s: %d requests failed, want %d", name, failing, tt.failing)
		}
		want := unreadable(keysUpTo(210), tt.want...)
		if !tt.ends {
			got.complete(t, want)
			if !got.Full || !got.Unserved {
				t.Errorf("%s: full %v, unserved %v", name, got.Full, got.Unserved)
			}
			continue
		}
		if e := kindOf(t, got.err); e.Status != http.StatusInternalServerError || got.Complete {
			t.Errorf("%s: complete %v, error %v", name, got.Complete, got.err)
		}
		got.keys(t, want[:map[bool]int{true: 150, false: 50 * (len(tt.bad) - 1)}[got.Keys.Count == 150]]) // whichever failed first
	}
}

// TestPagesThatBecomeSmaller are read at the size that the API takes.
func TestPagesThatBecomeSmaller(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		plan  extract.Plan
		pages int
	}{
		"full":                  {extract.Plan{}, 10},
		"incremental":           {known(keysUpTo(100)...), 1},
		"incremental with news": {known(keysUpTo(100)[3:]...), 1},
	} {
		l := serve(t, 100)
		l.answer = func(s span) (int, int) {
			if s.limit > 10 {
				return http.StatusBadRequest, 0
			}
			return 0, 0
		}
		for range 2 {
			got := l.take(context.WithoutCancel(t.Context()), savedTracks(), tt.plan)
			got.complete(t, keysUpTo(100))
		}
		got := l.take(t.Context(), savedTracks(), tt.plan)
		if len(got.asked) != tt.pages {
			t.Errorf("%s: %v were asked for when the size was known", name, got.asked)
		}
	}
}
