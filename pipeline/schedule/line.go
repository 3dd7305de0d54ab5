package schedule

import (
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// A Line is a cron line in a time zone. Unlike a plain cron, daylight
// saving neither skips nor doubles a run that is due at a time of day: a time
// that does not exist that day runs at the next minute that does, and a time
// that comes twice runs once. A schedule for every hour follows real hours.
type Line struct {
	Line string
	Zone *time.Location

	cron   cron.Schedule
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
		return nil, fmt.Errorf("schedule %q is no cron line (%w); it has five fields, for example \"15 3 * * *\" for a quarter past three every night", line, err)
	}
	if parsed.Next(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return nil, fmt.Errorf("schedule %q never comes, for example 30 February", line)
	}
	fields := strings.Fields(line)
	hourly := line == "@hourly" || len(fields) == 5 && strings.HasPrefix(fields[1], "*")
	return &Line{Line: line, Zone: zone, cron: parsed, hourly: hourly}, nil
}

// Next returns the first time after t at which the schedule is due, in UTC.
func (s *Line) Next(t time.Time) time.Time {
	if s.hourly {
		return s.cron.Next(t.In(s.Zone)).UTC()
	}
	// Times of day are counted on a clock without daylight saving, and only
	// the result is placed in the zone.
	wall := asUTC(t.In(s.Zone))
	for {
		wall = s.cron.Next(wall)
		if wall.IsZero() {
			return time.Time{}
		}
		if due := s.place(wall); due.After(t) {
			return due
		}
	}
}

// Last returns the newest time at or before t, but not before from, at which
// the schedule was due; the zero time when there is none.
func (s *Line) Last(from, t time.Time) time.Time {
	var last time.Time
	for due := s.Next(from.Add(-time.Second)); !due.IsZero() && !due.After(t); due = s.Next(due) {
		last = due
	}
	return last
}

// place returns the instant at which the zone's clocks show the given time,
// the first of two, or the first instant after a gap that swallows it.
func (s *Line) place(wall time.Time) time.Time {
	due := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), 0, 0, s.Zone)
	if shown := asUTC(due); !shown.Equal(wall) {
		return s.afterGap(wall)
	}
	// Of a time that comes twice, time.Date picks one; the other is at most a
	// few hours earlier.
	for _, back := range []time.Duration{30 * time.Minute, time.Hour, 2 * time.Hour} {
		if earlier := due.Add(-back); asUTC(earlier.In(s.Zone)).Equal(wall) {
			return earlier.UTC()
		}
	}
	return due.UTC()
}

// afterGap finds the first minute that exists after a time that does not.
func (s *Line) afterGap(wall time.Time) time.Time {
	_, before := wall.Add(-24 * time.Hour).In(s.Zone).Zone()
	due := wall.Add(-time.Duration(before) * time.Second)
	for asUTC(due.In(s.Zone)).Sub(wall) > 0 {
		previous := due.Add(-time.Minute)
		if asUTC(previous.In(s.Zone)).Before(wall) {
			break
		}
		due = previous
	}
	return due.UTC()
}

// asUTC returns the time that the clocks of t's zone show, as if it were UTC.
func asUTC(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}
