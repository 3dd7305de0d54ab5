package reconcile_test

import (
	"testing"
	"time"

	"github.com/tracklake/tracklake/pipeline/reconcile"
)

// A chapter is a reading, and what follows from it.
type chapter struct {
	later time.Duration // than the one before; a night where nothing is said
	times int           // that it happens; once where nothing is said
	found string
	kind  int
	want  string
}

// tell runs through a story in which each night begins as the last one ended.
func tell(t *testing.T, stable bool, story []chapter) {
	t.Helper()
	var before *reconcile.List
	at := now
	for i, c := range story {
		if c.later == 0 {
			c.later = night
		}
		for range max(1, c.times) {
			at = at.Add(c.later)
			v := reconcile.Decide(reconcile.Input{Before: before, Reading: reading(keys(c.found), c.kind), At: at, Stable: stable})
			if got := told(v, at); got != c.want {
				t.Fatalf("chapter %d, %s: %s\n got %s\nwant %s", i+1, at.Format("January 2, 15h"), c.found, got, c.want)
			}
			before = v.After
		}
	}
}

func TestNights(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]struct {
		unstable bool
		chapters []chapter
	}{
		"ten null entries for two nights": {chapters: []chapter{
			{found: "a1..a20", want: "ok"},
			{found: "a1..a5 !*10 a16..a20", times: 2, want: "hidden 10; incomplete"},
			{found: "a1..a20", want: "ok"},
		}},
		"ten null entries of a list without order for two nights": {unstable: true, chapters: []chapter{
			{found: "a1..a20", want: "ok"},
			{found: "a16..a20 !*10 a1..a5", times: 2, want: "pending 10 rows: unreadable; incomplete"},
			{found: "a1..a20", want: "ok"},
		}},
		"ten null entries that were saved together, for two nights": {chapters: []chapter{
			{found: "a1..a5@1 b1..b10@2", want: "ok"},
			{found: "a1..a5@1 !@2 !@2 !@2 !@2 !@2 !@2 !@2 !@2 !@2 !@2", times: 2, want: "pending 10 rows: unreadable; incomplete"},
			{found: "a1..a5@1 b1..b10@2", want: "ok"},
		}},
		"a discography that counts 97 and delivers 4": {unstable: true, chapters: []chapter{
			{found: "a b c d ?*93", times: 3, want: "ok"},
			{found: "a b d ?*93", want: "pending c: holes; incomplete"},
			{found: "e a b ?*93", want: "removed c; pending d: holes; incomplete"},
			{found: "e a b ?*93", want: "removed d; ok"},
		}},
		"a hole that stays": {chapters: []chapter{
			{found: "a b c", want: "ok"},
			{found: "a c ?", want: "pending b: holes; incomplete"},
			{later: hour, found: "a c ?", want: "pending b: holes; incomplete"},
			{later: night - hour, found: "a c ?", want: "removed b; ok"},
			{found: "a c ?", want: "ok"},
			{found: "a b c", want: "ok"},
		}},
		"an outage of one page": {chapters: []chapter{
			{found: "a1..a60", want: "ok"},
			{found: "a1..a10 ?*50", want: "pending 50 rows: holes; incomplete"},
			{later: time.Minute, found: "a1..a10 ?*50", want: "pending 50 rows: holes; incomplete"},
			{found: "a1..a60", want: "ok"},
		}},
		"a hole that is another row's every night": {chapters: []chapter{
			{found: "a b c", want: "ok"},
			{found: "b c ?", want: "pending a: holes; incomplete"},
			{found: "a c ?", want: "pending b: holes; incomplete"},
			{found: "a b ?", want: "pending c: holes; incomplete"},
			{later: hour, found: "a b ?", want: "pending c: holes; incomplete"},
			{found: "a b c", want: "ok"},
		}},
		"a list that always has a hole, and changes every night": {chapters: []chapter{
			{found: "a b c ?", want: "ok"},
			{found: "d b c ?", want: "pending a: holes; incomplete"},
			{found: "e d c ?", want: "removed a; pending b: holes; incomplete"},
			{found: "f e d ?", want: "removed b; pending c: holes; incomplete"},
			{found: "f e d ?", want: "removed c; ok"},
		}},
		"a list that is empty for an hour": {chapters: []chapter{
			{found: "a1..a20", want: "ok"},
			{found: "", want: "pending 20 rows: empty; incomplete"},
			{later: hour, found: "", want: "pending 20 rows: empty; incomplete"},
			{later: hour, found: "a1..a20", want: "ok"},
			{found: "", want: "pending 20 rows: empty; incomplete"},
		}},
		"a list that was emptied": {chapters: []chapter{
			{found: "a b", want: "ok"},
			{found: "", want: "pending a b: empty; incomplete"},
			{found: "", want: "removed a b; ok"},
			{found: "", want: "ok"},
			{found: "c", want: "ok"},
			{found: "", want: "pending c: empty; incomplete"},
		}},
		"an entry that is unreadable for good": {chapters: []chapter{
			{found: "a b c", want: "ok"},
			{found: "a ! c", times: 7, want: "hidden 1; incomplete"},
			{found: "a ! c", times: 3, want: "hidden 1; ok"},
			{found: "a ! c d", want: "hidden 1; ok"},
			{found: "a ! c !", want: "hidden 2; incomplete"},
		}},
		"one of two rows that is unreadable for good": {unstable: true, chapters: []chapter{
			{found: "a b c", want: "ok"},
			{found: "a !", times: 7, want: "pending b c: unreadable; incomplete"},
			{found: "a !", times: 3, want: "pending b c: unreadable; ok"},
			{found: "a c", want: "removed b; ok"},
		}},
		"an entry that was always unreadable": {chapters: []chapter{
			{found: "a ! b c", times: 7, want: "incomplete"},
			{found: "a ! b c", times: 2, want: "ok"},
			{found: "a ! b", want: "removed c; ok"},
		}},
		"an entry is unreadable in ever another way": {chapters: []chapter{
			{found: "a@3 b@2 c@1", want: "ok"},
			{found: "a@3 ! c@1", want: "hidden 1; incomplete"},
			{found: "a@3 !@2 c@1", want: "hidden 1; incomplete"},
			{found: "a@3 !b@2 c@1", want: "hidden 1; incomplete"},
			{found: "a@3 c@1 ?", want: "pending b@2: holes; incomplete"},
			{found: "a@3 !@2 c@1", want: "hidden 1; incomplete"},
			{found: "a@3 c@1", want: "removed b; ok"},
		}},
		"of two entries of a row, one is unreadable, and then the other removed": {unstable: true, chapters: []chapter{
			{found: "a@1 b@2 a@3", want: "ok"},
			{found: "a@1 b@2 !", want: "incomplete"},
			{found: "b@2 !", want: "pending a@1: unreadable; incomplete"},
			{found: "b@2 a@3", want: "ok"},
		}},
		"more than the guard lets go": {chapters: []chapter{
			{found: "a1..a200", want: "ok"},
			{found: "a1..a100", times: 9, want: "refused 100 rows; incomplete"},
			{found: "a1..a160", want: "refused 40 rows; incomplete"}, // only the user lets them through
		}},
		"readings in several runs": {chapters: []chapter{
			{found: "a b c", want: "ok"},
			{found: "a c", kind: resumed, want: "pending b: resumed; incomplete"},
			{found: "a b", kind: resumed, want: "pending c: resumed; incomplete"},
			{found: "a b", kind: resumed, want: "removed c; ok"},
		}},
		"incremental syncs of a list whose order may change": {unstable: true, chapters: []chapter{
			{found: "a b c", want: "ok"},
			{found: "a c", kind: incremental, want: "pending b: unread; doubt; incomplete"},
			{found: "a c", kind: incremental, want: "pending b: unread; incomplete"},
			{found: "a c", want: "removed b; ok"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tell(t, !s.unstable, s.chapters)
		})
	}
}

// TestInherent shows removals of rows whose entries are there, which nothing in what
// is read can tell from rows that are removed. The rule that removes them stands beside
// each; TestHistories leaves them out.
func TestInherent(t *testing.T) {
	t.Parallel()
	// As many holes as a day ago are the same ones for a row that was missing then.
	both := []chapter{
		{found: "a b c ?", want: "ok"},
		{found: "a b ?", want: "pending c: holes; incomplete"},
		{found: "a b ?", want: "removed c; ok"},
	}
	tell(t, true, both)
	tell(t, false, both)
	// Nothing is known of a further entry of a row that nobody has read.
	further := []chapter{
		{found: "a@1 b@2 !@3", want: "incomplete"},
		{found: "b@2 !@3", want: "removed a; incomplete"},
	}
	tell(t, true, further)
	tell(t, false, further)
	// In a list without a dependable order, as many unreadable entries as before are
	// the same ones.
	tell(t, false, []chapter{
		{found: "a ! b c", want: "incomplete"},
		{found: "a ! c", want: "removed b; incomplete"},
	})
}
