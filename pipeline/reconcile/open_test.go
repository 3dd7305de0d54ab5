package reconcile_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tracklake/tracklake/pipeline/reconcile"
)

func TestUndecided(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		noState:               false,
		"a !":                 false,
		"a | refused: b":      false,
		"a | empty: b":        true,
		"a ? | holes: b":      true,
		"a | resumed: b":      true,
		"a | unread: b":       true,
		"a ! | unreadable: b": false, // it is known what another reading would say
		"a ? | unreadable: b": false,
		"a | unreadable: b":   true,
	} {
		if got := state(text, now).Undecided(); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

const week = 7 * night

func TestRecheckDue(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		list                  string
		unreadable, rechecked time.Duration // ago
		want                  bool
	}{
		{"a b", 0, week, false},
		{"a !", 0, 0, true},
		{"a !", night, night, true},
		{"a !", night, hour, true},
		{"a !", week - 4*hour - 1, night, true},
		{"a !", week - 4*hour, night, false}, // for good, it seems
		{"a !", week - 4*hour, week - 4*hour - 1, false},
		{"a !", 5 * week, week - 4*hour, true},
		{"a !b", 5 * week, week, true},
	} {
		l := state(c.list, now)
		l.UnreadableAt, l.RecheckedAt = now.Add(-c.unreadable), now.Add(-c.rechecked)
		if got := l.RecheckDue(now); got != c.want {
			t.Errorf("%s, unreadable for %s, read again %s ago: %v", c.list, c.unreadable, c.rechecked, got)
		}
	}
	holes := state("a ?", now) // of holes, nobody asks since when
	if holes.RecheckDue(now.Add(night)) || !holes.RecheckDue(now.Add(week)) {
		t.Error("holes are to be read again once a week")
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		list   string
		hidden int
		later  time.Duration
		want   reconcile.Open
		status string
		text   string
	}{
		{list: noState, status: "ok"},
		{list: "a b", want: reconcile.Open{Entries: 2}, status: "ok"},
		{list: "a ? ?", want: reconcile.Open{Entries: 3, Holes: 2}, status: "ok"},
		{list: "a ! !b@2 ?", hidden: 1, want: reconcile.Open{Entries: 4, Unreadable: 2, Holes: 1, Pending: 1}, status: "incomplete", text: "2 of 4 entries could not be read; 1 row that may be among them is kept"},
		{list: "a !", want: reconcile.Open{Entries: 2, Unreadable: 1}, status: "incomplete", text: "1 of 2 entries could not be read"},
		{list: "a !", later: week - 4*hour - 1, want: reconcile.Open{Entries: 2, Unreadable: 1}, status: "incomplete", text: "1 of 2 entries could not be read"},
		{list: "a !", later: week - 4*hour, want: reconcile.Open{Entries: 2, Unreadable: 1, Standing: true}, status: "ok", text: "1 of 2 entries could not be read"},
		{list: "a ! | unreadable: b c", want: reconcile.Open{Entries: 2, Unreadable: 1, Pending: 2, Why: reconcile.Unreadable}, status: "incomplete", text: "1 of 2 entries could not be read; 2 rows that may be among them are kept"},
		{list: "a ! | unreadable: b", hidden: 1, later: week, want: reconcile.Open{Entries: 2, Unreadable: 1, Pending: 2, Why: reconcile.Unreadable, Standing: true}, status: "ok", text: "1 of 2 entries could not be read; 2 rows that may be among them are kept"},
		{list: "a ! | holes: b", later: week, want: reconcile.Open{Entries: 2, Unreadable: 1, Pending: 1, Why: reconcile.Holes}, status: "incomplete", text: "1 of 2 entries could not be read; Spotify counts 2 entries and delivered 2; 1 missing row is kept until a reading on a later day agrees"},
		{list: "a | unreadable: b", later: week, want: reconcile.Open{Entries: 1, Pending: 1, Why: reconcile.Unreadable}, status: "incomplete", text: "1 row that may be among them is kept"},
		{list: "a1..a40 | refused: b1..b60", want: reconcile.Open{Entries: 40, Pending: 60, Refused: 60}, status: "incomplete", text: "refused to remove 60 of 100 rows (limit 20 %); nothing was removed"},
		{list: "| empty: a b", want: reconcile.Open{Pending: 2, Why: reconcile.Empty}, status: "incomplete", text: "the list came back empty; 2 rows are kept until a reading on a later day agrees"},
		{list: "a ? ? | holes: b", want: reconcile.Open{Entries: 3, Holes: 2, Pending: 1, Why: reconcile.Holes}, status: "incomplete", text: "Spotify counts 3 entries and delivered 1; 1 missing row is kept until a reading on a later day agrees"},
		{list: "a | resumed: b", want: reconcile.Open{Entries: 1, Pending: 1, Why: reconcile.Resumed}, status: "incomplete", text: "the list was read in several runs; 1 missing row is kept until another reading agrees"},
		{list: "a | unread: b", later: week, want: reconcile.Open{Entries: 1, Pending: 1, Why: reconcile.Unread}, status: "incomplete", text: "1 missing row is kept, as the entries may stand on pages that were not read"},
	} {
		t.Run(fmt.Sprint(c.list, " after ", c.later), func(t *testing.T) {
			t.Parallel()
			l := state(c.list, now)
			if l != nil {
				l.Hidden = c.hidden
			}
			got := l.Open(now.Add(c.later))
			if got != c.want {
				t.Errorf("\n got %+v\nwant %+v", got, c.want)
			}
			if got.Incomplete() != (c.status == "incomplete") {
				t.Errorf("not %s", c.status)
			}
			if got.String() != c.text {
				t.Errorf("\n got %s\nwant %s", got, c.text)
			}
		})
	}
}
