package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// counted formats a count with its noun.
func counted(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + more
}

// nouns formats a count with a noun of which an s makes the plural; 0 is no.
func nouns(n int, noun string) string {
	if n == 0 {
		return "no " + noun + "s"
	}
	return counted(n, noun, noun+"s")
}

// thousands formats a count for people: 12,345.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// elapsed formats a duration without false precision: 0.4 s, 12 s, 3 min 20 s, 2 h 5 min.
func elapsed(d time.Duration) string {
	switch {
	case d < 9950*time.Millisecond:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute-time.Second/2:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < time.Hour-time.Second/2:
		d = d.Round(time.Second)
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	}
	d = d.Round(time.Minute)
	return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
}

// distance formats a duration for somebody who does not need to know it exactly: 3 hours.
func distance(d time.Duration) string {
	switch {
	case d < 90*time.Second:
		return counted(int(d.Round(time.Second)/time.Second), "second", "seconds")
	case d < 90*time.Minute:
		return counted(int(d.Round(time.Minute)/time.Minute), "minute", "minutes")
	case d < 48*time.Hour:
		return counted(int(d.Round(time.Hour)/time.Hour), "hour", "hours")
	}
	return counted(int(d.Round(24*time.Hour)/(24*time.Hour)), "day", "days")
}

// relative says how far a time is from now: 3 hours ago, in 2 days.
func relative(t, now time.Time) string {
	switch {
	case t.IsZero():
		return "never"
	case t.After(now):
		return "in " + distance(t.Sub(now))
	case now.Sub(t) < time.Second:
		return "now"
	}
	return distance(now.Sub(t)) + " ago"
}

// moment writes a time for people, in a zone, with how far it is from now.
func moment(t, now time.Time, zone *time.Location) string {
	if t.IsZero() {
		return "-"
	}
	return minute(t, zone) + " (" + relative(t, now) + ")"
}

// minute writes a time to the minute.
func minute(t time.Time, zone *time.Location) string {
	return t.In(zone).Format("2006-01-02 15:04 MST")
}

// day writes a date with how far it is from now.
func day(t, now time.Time) string { return t.Format(time.DateOnly) + " (" + relative(t, now) + ")" }

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// printable makes text safe for a terminal: text from outside may have control
// characters.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '\uFFFD'
		}
		return r
	}, s)
}
