package schedule_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/pipeline/schedule"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	location, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return location
}

func parse(t *testing.T, line, in string) *schedule.Line {
	t.Helper()
	l, err := schedule.Parse(line, zone(t, in))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// between lists when a line is due after one time, up to another.
func between(l *schedule.Line, from, to time.Time) []string {
	var out []string
	for at := l.Next(from); !at.IsZero() && !at.After(to); at = l.Next(at) {
		out = append(out, at.Format(time.RFC3339))
	}
	return out
}

func TestDaylightSaving(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ line, zone, from, to, want string }{
		"a time that does not exist is due at the next that does": {
			"30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z",
			"2026-03-29T01:00:00Z 2026-03-30T00:30:00Z",
		},
		"a time that comes twice is due once": {
			"30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z",
			"2026-10-25T00:30:00Z 2026-10-26T01:30:00Z",
		},
		"quarters of an hour that does not exist are due once": {
			"*/15 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z",
			"2026-03-29T01:00:00Z",
		},
		"quarters of an hour that comes twice are due the first time": {
			"*/15 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z",
			"2026-10-25T00:00:00Z 2026-10-25T00:15:00Z 2026-10-25T00:30:00Z 2026-10-25T00:45:00Z",
		},
		"a time that does not exist joins the one due at the same instant": {
			"0 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z",
			"2026-03-29T01:00:00Z",
		},
		"every second hour skips none": {
			"0 */2 * * *", "Europe/Stockholm", "2026-03-28T22:30:00Z", "2026-03-29T05:00:00Z",
			"2026-03-28T23:00:00Z 2026-03-29T01:00:00Z 2026-03-29T02:00:00Z 2026-03-29T04:00:00Z",
		},
		"every second hour doubles none": {
			"0 */2 * * *", "Europe/Stockholm", "2026-10-24T21:30:00Z", "2026-10-25T05:00:00Z",
			"2026-10-24T22:00:00Z 2026-10-25T00:00:00Z 2026-10-25T03:00:00Z 2026-10-25T05:00:00Z",
		},
		"every hour follows real time": {
			"0 * * * *", "Europe/Berlin", "2026-10-24T23:30:00Z", "2026-10-25T02:30:00Z",
			"2026-10-25T00:00:00Z 2026-10-25T01:00:00Z 2026-10-25T02:00:00Z",
		},
		"a midnight that does not exist": {
			"0 0 * * *", "America/Santiago", "2026-09-05T12:00:00Z", "2026-09-07T12:00:00Z",
			"2026-09-06T04:00:00Z 2026-09-07T03:00:00Z",
		},
		"every hour of a Sunday without midnight": {
			"30 * * * 0", "America/Sao_Paulo", "2018-11-03T12:00:00Z", "2018-11-04T06:00:00Z",
			"2018-11-04T03:30:00Z 2018-11-04T04:30:00Z 2018-11-04T05:30:00Z",
		},
		"half an hour of daylight saving": {
			"15 2 * * *", "Australia/Lord_Howe", "2026-10-02T20:00:00Z", "2026-10-05T12:00:00Z",
			"2026-10-03T15:30:00Z 2026-10-04T15:15:00Z",
		},
		"a day that does not exist": {
			"0 3 * * *", "Pacific/Apia", "2011-12-29T00:00:00Z", "2011-12-31T20:00:00Z",
			"2011-12-29T13:00:00Z 2011-12-30T10:00:00Z 2011-12-30T13:00:00Z 2011-12-31T13:00:00Z",
		},
		"a weekday that does not exist": { // 30 December 2011 was a Friday
			"0 3 * * 5", "Pacific/Apia", "2011-12-24T00:00:00Z", "2012-01-06T00:00:00Z",
			"2011-12-30T10:00:00Z 2012-01-05T13:00:00Z",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := between(parse(t, tt.line, tt.zone), at(t, tt.from), at(t, tt.to))
			if diff := cmp.Diff(strings.Fields(tt.want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func at(t *testing.T, text string) time.Time {
	t.Helper()
	out, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestHoursOfADay counts the runs of lines for every hour, however they are
// written, on days of 23, 24 and 25 hours.
func TestHoursOfADay(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"0 * * * *", "0 0-23 * * *", "7 */1 * * *", "0 0-11,12-23 * * *", "@hourly", "0 ? * * *"} {
		for day, want := range map[string]int{"2026-03-29": 23, "2026-06-01": 24, "2026-10-25": 25} {
			start, err := time.ParseInLocation(time.DateOnly, day, zone(t, "Europe/Stockholm"))
			if err != nil {
				t.Fatal(err)
			}
			just := -time.Nanosecond
			if got := between(parse(t, line, "Europe/Stockholm"), start.Add(just), start.AddDate(0, 0, 1).Add(just)); len(got) != want {
				t.Errorf("%s has %d runs of %q, want %d", day, len(got), line, want)
			}
		}
	}
}

// pattern is a cron line with the times of the clock that it means.
type pattern struct {
	line   string
	hourly bool
	means  func(weekday time.Weekday, hour, minute int) bool
}

func patterns() []pattern {
	return []pattern{
		{"0 * * * *", true, func(_ time.Weekday, _, m int) bool { return m == 0 }},
		{"*/20 0-23 * * *", true, func(_ time.Weekday, _, m int) bool { return m%20 == 0 }},
		{"45 * * * 0", true, func(d time.Weekday, _, m int) bool { return d == time.Sunday && m == 45 }},
		{"0 */2 * * *", false, func(_ time.Weekday, h, m int) bool { return h%2 == 0 && m == 0 }},
		{"*/15 2 * * *", false, func(_ time.Weekday, h, m int) bool { return h == 2 && m%15 == 0 }},
		{"30 1,2,3 * * *", false, func(_ time.Weekday, h, m int) bool { return h >= 1 && h <= 3 && m == 30 }},
		{"0 0 * * *", false, func(_ time.Weekday, h, m int) bool { return h == 0 && m == 0 }},
		{"59 23 * * 6", false, func(d time.Weekday, h, m int) bool { return d == time.Saturday && h == 23 && m == 59 }},
	}
}

// TestEveryChangeOfTheClock compares lines with a walk over every minute around
// every change of the clock in some years, in zones of every kind.
func TestEveryChangeOfTheClock(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"Europe/Stockholm", "Europe/Lisbon", "America/New_York", "America/Sao_Paulo", "America/Santiago", "America/Havana",
		"Africa/Cairo", "Africa/Casablanca", "Asia/Beirut", "Australia/Lord_Howe", "Pacific/Chatham", "America/St_Johns", "Pacific/Apia", "UTC",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := zone(t, name)
			checkAround(t, name, time.Date(2024, 2, 28, 0, 0, 0, 0, in)) // no change
			for _, year := range []int{2011, 2018, 2026} {
				_, change := time.Date(year, 1, 1, 0, 0, 0, 0, in).ZoneBounds()
				for ; !change.IsZero() && change.Year() == year; _, change = change.ZoneBounds() {
					checkAround(t, name, change)
				}
			}
		})
	}
}

func checkAround(t *testing.T, name string, change time.Time) {
	t.Helper()
	from, to := change.Add(-40*time.Hour), change.Add(40*time.Hour)
	for _, p := range patterns() {
		if diff := cmp.Diff(walk(p, from, to), between(parse(t, p.line, name), from, to)); diff != "" {
			t.Errorf("%q around %s: -want +got\n%s", p.line, change, diff)
		}
	}
}

// walk finds the same as between, minute by minute.
func walk(p pattern, from, to time.Time) []string {
	var out []string
	shown := time.Time{} // the latest time that the clock has shown, as if it were UTC
	for at := from; !at.After(to); at = at.Add(time.Minute) {
		clock := time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), 0, 0, time.UTC)
		due := p.hourly && p.means(clock.Weekday(), clock.Hour(), clock.Minute())
		if !p.hourly && clock.After(shown) {
			first := shown.Add(time.Minute)
			if shown.IsZero() {
				first = clock
			}
			for m := first; !m.After(clock); m = m.Add(time.Minute) { // all that the clock has passed
				due = due || p.means(m.Weekday(), m.Hour(), m.Minute())
			}
		}
		if clock.After(shown) {
			shown = clock
		}
		if due && at.After(from) {
			out = append(out, at.UTC().Format(time.RFC3339))
		}
	}
	return out
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"TZ=UTC 0 3 * * *": "timezone:", "@every 1h": "@every is not supported", "0 3 * *": "five fields", "0 0 30 2 *": "never comes",
	} {
		if _, err := schedule.Parse(line, time.UTC); err == nil || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%q: %v, want %s", line, err, want)
		}
	}
}

func TestLongest(t *testing.T) {
	t.Parallel()
	stockholm := zone(t, "Europe/Stockholm")
	for _, tt := range []struct {
		line string
		want time.Duration
	}{ // one of the nights has 25 hours
		{"*/20 * * * *", 20 * time.Minute},
		{"7,50 * * * *", 43 * time.Minute},
		{"*/15 6-23 * * *", 7*time.Hour + 15*time.Minute},
		{"0 3 * * *", 25 * time.Hour},
		{"0 3 * * 1-5", 73 * time.Hour},
		{"0 3 1 * *", 30 * 24 * time.Hour},
	} {
		line, err := schedule.Parse(tt.line, stockholm)
		if err != nil {
			t.Fatal(err)
		}
		if got := line.Longest(time.Date(2026, 10, 22, 12, 0, 0, 0, time.UTC)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.line, got, tt.want)
		}
	}
}
