package reconcile_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/tracklake/tracklake/pipeline/reconcile"
)

func TestDecideRanking(t *testing.T) {
	t.Parallel()
	const today, yesterday = "2025-03-14", "2025-03-13"
	before := func(day string, places, unreadable int, ago time.Duration) *reconcile.Ranking {
		return &reconcile.Ranking{Day: day, Places: places, Unreadable: unreadable, UnreadableAt: now.Add(-ago)}
	}
	for _, c := range []struct {
		name     string
		before   *reconcile.Ranking
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
			r := reading(keys(c.reading), whole)
			r.Complete = !c.cutOff
			v := reconcile.DecideRanking(c.before, r, today, now)
			got := fmt.Sprint(v.Replace, v.After.Places, v.Standing, v.After.UnreadableAt)
			if want := fmt.Sprint(c.replace, c.places, c.standing, now.Add(-c.since)); got != want {
				t.Errorf("replace, places, standing, since:\n got %s\nwant %s", got, want)
			}
			if v.After.Day != today || v.Unreadable != v.After.Unreadable {
				t.Errorf("%+v, %d unreadable", v.After, v.Unreadable)
			}
		})
	}
}

func TestRankingCounts(t *testing.T) {
	t.Parallel()
	v := reconcile.DecideRanking(nil, reading(keys("a b a ! !@2 !c ? ? ~x"), whole), "2025-03-14", now)
	text, err := json.Marshal(v.After)
	if want := `{"day":"2025-03-14","places":3,"holes":2,"unreadable":3,"unreadable_at":"2025-03-14T04:00:00Z"}`; err != nil || string(text) != want {
		t.Errorf("got %s, %v\nwant %s", text, err, want)
	}
	if v.Unreadable != 3 {
		t.Error(v.Unreadable)
	}
}
