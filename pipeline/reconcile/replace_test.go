package reconcile_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/tracklake/tracklake/pipeline/reconcile"
)

func TestARankingIsReplaced(t *testing.T) {
	t.Parallel()
	const today, yesterday = "2025-03-14", "2025-03-13"
	before := func(day string, places, unreadable int, ago time.Duration) *reconcile.Stored {
		return &reconcile.Stored{Version: day, Places: places, Unreadable: unreadable, UnreadableAt: now.Add(-ago)}
	}
	for _, c := range []struct {
		name     string
		before   *reconcile.Stored
		reading  string
		cutOff   bool
		replace  bool
		places   int // that are stored then
		standing bool
		since    time.Duration // ago that as many are unreadable
	}{
		{name: "the first", reading: "a b ! ?", replace: true, places: 2},
		{name: "the first, though it was cut off", reading: "a", cutOff: true, replace: true, places: 1},
		{name: "the first, and nothing in it", reading: "", replace: true},
		{name: "that of the day before stays", before: before(yesterday, 200, 0, night), reading: "a b", replace: true, places: 2, since: night},
		{name: "that of the day before stays, though this one was cut off", before: before(yesterday, 200, 0, night), reading: "a", cutOff: true, replace: true, places: 1, since: night},
		{name: "one as deep of the same day", before: before(today, 2, 0, hour), reading: "a c", replace: true, places: 2, since: hour},
		{name: "a deeper one of the same day", before: before(today, 2, 0, hour), reading: "a b c", replace: true, places: 3, since: hour},
		{name: "one less deep of the same day", before: before(today, 3, 0, hour), reading: "a b", places: 3, since: hour},
		{name: "one that is less deep for an unreadable place", before: before(today, 3, 0, hour), reading: "a ! c", places: 3},
		{name: "one that is less deep for a hole", before: before(today, 3, 0, hour), reading: "a b ?", places: 3, since: hour},
		{name: "one that is less deep for an entry without a row", before: before(today, 3, 0, hour), reading: "a b ~x", places: 3, since: hour},
		{name: "one that was cut off of the same day", before: before(today, 2, 0, hour), reading: "a b c", cutOff: true, places: 2, since: hour},
		{name: "an empty one of the same day", before: before(today, 2, 0, hour), reading: "", places: 2, since: hour},
		{name: "as many unreadable as for six nights", before: before(yesterday, 2, 1, 6*night), reading: "a !", replace: true, places: 1, since: 6 * night},
		{name: "as many unreadable as for seven nights", before: before(yesterday, 2, 1, week-4*hour), reading: "a !", replace: true, places: 1, since: week - 4*hour, standing: true},
		{name: "one more than for seven nights", before: before(yesterday, 2, 1, week), reading: "a ! !b", replace: true, places: 1},
		{name: "one fewer", before: before(yesterday, 2, 2, week), reading: "a !", replace: true, places: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := reading(keys(c.reading), full)
			r.Complete = !c.cutOff
			v := reconcile.DecideReplacement(reconcile.ReplaceInput{Before: c.before, Reading: r, Version: today, Dated: true, At: now})
			got := fmt.Sprint(v.Replace, v.After.Places, v.Open.Standing, v.After.UnreadableAt)
			if want := fmt.Sprint(c.replace, c.places, c.standing, now.Add(-c.since)); got != want {
				t.Errorf("replace, places, standing, since:\n got %s\nwant %s", got, want)
			}
			if v.After.Version != today || v.Open.Unreadable != v.After.Unreadable {
				t.Errorf("%+v, %d unreadable", v.After, v.Open.Unreadable)
			}
		})
	}
}

func TestPlacesAreCounted(t *testing.T) {
	t.Parallel()
	v := reconcile.DecideReplacement(reconcile.ReplaceInput{Reading: reading(keys("a b a ! !@2 !c ? ? ~x"), full), Version: "2025-03-14", Dated: true, At: now})
	text, err := json.Marshal(v.After)
	if want := `{"version":"2025-03-14","places":3,"holes":2,"unreadable":3,"unreadable_at":"2025-03-14T04:00:00Z"}`; err != nil || string(text) != want {
		t.Errorf("got %s, %v\nwant %s", text, err, want)
	}
	if v.Open.Unreadable != 3 {
		t.Error(v.Open.Unreadable)
	}
}

func TestAPlaylistIsReplaced(t *testing.T) {
	t.Parallel()
	before := func(places, unreadable int, emptyAgo time.Duration) *reconcile.Stored {
		s := &reconcile.Stored{Version: "one", Places: places, Unreadable: unreadable, UnreadableAt: now.Add(-night)}
		if emptyAgo > 0 {
			s.EmptyAt = now.Add(-emptyAgo)
		}
		return s
	}
	for _, c := range []struct {
		name     string
		before   *reconcile.Stored
		version  string
		reading  string
		cutOff   bool
		accept   bool
		replace  bool
		stored   string // version and places
		pending  int
		emptyAgo time.Duration
	}{
		{name: "the first", version: "one", reading: "a b ! ~x", replace: true, stored: "one 2"},
		{name: "the first, cut off", version: "one", reading: "a", cutOff: true},
		{name: "the first, and nothing in it", version: "one", replace: true, stored: "one 0"},
		{name: "another version", before: before(3, 0, 0), version: "two", reading: "a", replace: true, stored: "two 1"},
		{name: "another version, cut off", before: before(3, 0, 0), version: "two", reading: "a b c d", cutOff: true, stored: "one 3"},
		{name: "the same version, read again", before: before(2, 0, 0), version: "one", reading: "a b", replace: true, stored: "one 2"},
		{name: "the same version with a place less", before: before(2, 0, 0), version: "one", reading: "a", stored: "one 2"},
		{name: "the same version with an unreadable place that was read before", before: before(2, 0, 0), version: "one", reading: "a !", stored: "one 2"},
		{name: "the same version with a place that was unreadable before", before: before(1, 1, 0), version: "one", reading: "a b", replace: true, stored: "one 2"},
		{name: "empty for the first time", before: before(3, 0, 0), version: "two", stored: "one 3", pending: 3},
		{name: "empty, and the removal accepted", before: before(3, 0, 0), version: "two", accept: true, replace: true, stored: "two 0"},
		{name: "empty as an hour ago", before: before(3, 0, hour), version: "two", stored: "one 3", pending: 3, emptyAgo: hour},
		{name: "empty as a night ago", before: before(3, 0, 20*hour), version: "two", replace: true, stored: "two 0"},
		{name: "no longer empty", before: before(3, 0, hour), version: "two", reading: "a", replace: true, stored: "two 1"},
		{name: "empty as it was", before: before(0, 0, 0), version: "two", replace: true, stored: "two 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := reading(keys(c.reading), full)
			r.Complete = !c.cutOff
			v := reconcile.DecideReplacement(reconcile.ReplaceInput{Before: c.before, Reading: r, Version: c.version, At: now, AcceptRemovals: c.accept})
			stored := ""
			if v.After != nil {
				stored = fmt.Sprint(v.After.Version, " ", v.After.Places)
			}
			if v.Replace != c.replace || stored != c.stored || v.Open.Pending != c.pending {
				t.Errorf("replace %v, stored %q, pending %d; want %v, %q, %d", v.Replace, stored, v.Open.Pending, c.replace, c.stored, c.pending)
			}
			if c.pending > 0 && (v.Open.Why != reconcile.Empty || !v.Open.Incomplete() || !v.After.EmptyAt.Equal(now.Add(-c.emptyAgo))) {
				t.Errorf("open: %+v, empty at %s", v.Open, v.After.EmptyAt)
			}
		})
	}
}
