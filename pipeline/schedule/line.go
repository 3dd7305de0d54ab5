// Package schedule knows when tasks are due, and runs them then: it reads cron lines in
// a time zone, makes up for schedules that were missed, and has the loop of a serving
// process.
//
// It knows nothing of jobs.yaml, resources or destinations. What a task does, and
// where its history is kept, is the caller's.
package schedule

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// allHours are the bits of a cron line's hour field that is due in every hour.
const allHours = 1<<24 - 1

// A Line is a cron line in a time zone.
//
// A line that is due in every hour (*, 0-23, */1) follows real time: 23 or 25
// hours of a day on which the clocks change. Every other line follows the wall
// clock. A time that comes twice is due once, at the first of the two. Times that
// do not exist are due at the first minute that does, all of them once: on a night
// without the hour from 2 to 3, "*/15 2 * * *" is due once, at 3.
type Line struct {
	zone   *time.Location
	cron   cron.Schedule // always asked in UTC, where no clock changes
	hourly bool
}

// Parse reads the five fields of a cron line: minute, hour, day of the
// month, month, day of the week. Names like @daily work too.
func Parse(line string, zone *time.Location) (*Line, error) {
	if strings.HasPrefix(line, "TZ=") || strings.HasPrefix(line, "CRON_TZ=") {
		return nil, fmt.Errorf("schedule %q: set the zone with timezone: at the top of the file", line)
	}
	if strings.HasPrefix(line, "@every") {
		return nil, fmt.Errorf("schedule %q: @every is not supported; write five cron fields, for example \"0 */6 * * *\"", line)
	}
	parsed, err := cron.ParseStandard(line)
	if err != nil {
		return nil, fmt.Errorf("schedule %q is not a cron line (%w); it has five fields, for example \"15 3 * * *\" for a quarter past three every night", line, err)
	}
	if !regexp.MustCompile(Pattern()).MatchString(line) { // an empty item of a list, which the library ignores
		return nil, fmt.Errorf("schedule %q is not a cron line; it has five fields, for example \"15 3 * * *\" for a quarter past three every night", line)
	}
	if parsed.Next(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return nil, fmt.Errorf("schedule %q never comes, for example 30 February", line)
	}
	fields, _ := parsed.(*cron.SpecSchedule)
	return &Line{zone: zone, cron: parsed, hourly: fields != nil && fields.Hour&allHours == allHours}, nil
}

// Pattern is a regular expression that every line matches, for RE2 and ECMAScript. What
// matches it can still have a range that runs backwards, or name days that never come.
func Pattern() string {
	field := func(value string) string {
		item := `(\*|\?|` + value + `(-` + value + `)?)(/0*[1-9][0-9]{0,8})?`
		return item + "(," + item + ")*"
	}
	anyCase := func(names string) string {
		var out strings.Builder
		for _, r := range names {
			if r == '|' {
				out.WriteRune(r)
			} else {
				fmt.Fprintf(&out, "[%c%c]", r-'a'+'A', r)
			}
		}
		return out.String()
	}
	return `^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|[ \t]*` + strings.Join([]string{
		field(`0*[1-5]?[0-9]`),
		field(`0*(1?[0-9]|2[0-3])`),
		field(`0*([1-9]|[12][0-9]|3[01])`),
		field(`(0*([1-9]|1[0-2])|` + anyCase("jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec") + `)`),
		field(`(0*[0-6]|` + anyCase("sun|mon|tue|wed|thu|fri|sat") + `)`),
	}, `[ \t]+`) + `[ \t]*)$`
}

// Next returns the first time after t at which the line is due, in UTC; the zero
// time if that is more than five years away.
func (l *Line) Next(t time.Time) time.Time {
	if l.hourly {
		return l.nextReal(t.In(l.zone))
	}
	wall := clock(t.In(l.zone))
	for {
		if wall = l.cron.Next(wall); wall.IsZero() {
			return time.Time{}
		}
		if due := l.place(wall); due.After(t) {
			return due
		}
	}
}

// nextReal returns the first instant after t at which the clocks show a time of
// the line, be it for the second time.
func (l *Line) nextReal(t time.Time) time.Time {
	for wall := clock(t); ; {
		_, change := t.ZoneBounds()
		due := l.cron.Next(wall)
		if due.IsZero() {
			return time.Time{}
		}
		if due = t.Add(due.Sub(clock(t))).Truncate(time.Second).UTC(); change.IsZero() || due.Before(change) {
			return due
		}
		t = change
		wall = clock(t).Add(-time.Second) // the instant of the change counts, too
	}
}

// Longest returns the longest time between two times at which the line is due, in the
// week that begins at from.
func (l *Line) Longest(from time.Time) time.Duration {
	longest, at := time.Duration(0), l.Next(from)
	for end := from.AddDate(0, 0, 7); ; {
		next := l.Next(at)
		longest = max(longest, next.Sub(at))
		if at = next; next.IsZero() || next.After(end) {
			return longest
		}
	}
}

// place returns the instant at which the clocks show a time: the first of two, or
// the end of the gap that swallows it.
func (l *Line) place(wall time.Time) time.Time {
	due := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), 0, 0, l.zone)
	start, end := due.ZoneBounds()
	// Of a time that does not exist, time.Date makes one before the gap or after it.
	switch shown := clock(due); {
	case shown.After(wall):
		return start.UTC()
	case shown.Before(wall):
		return end.UTC()
	case start.IsZero():
		return due.UTC()
	}
	before := start.Add(-time.Second)
	if earlier := before.Add(wall.Sub(clock(before))); earlier.Before(start) {
		return earlier.UTC()
	}
	return due.UTC()
}

// clock returns the time that the clocks of t's zone show, as if it were UTC.
func clock(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}
