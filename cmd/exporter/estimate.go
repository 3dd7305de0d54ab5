package main

import (
	"fmt"
	"time"

	"github.com/tracklake/tracklake/pipeline"
)

// leastRequests is how many requests tell how long the next one takes.
const leastRequests = 5

// timeLeft estimates how long a run takes from an event on, given how long it took until
// then: for each request that is left what each so far took, but not less than the rate
// limit makes it take. It returns 0 when that cannot be told.
func timeLeft(e pipeline.Event, took time.Duration) time.Duration {
	if e.Left == 0 || e.Requests < leastRequests && e.Pace.Interval == 0 {
		return 0
	}
	each := e.Pace.Interval
	if e.Requests >= leastRequests {
		each = max(each, (took-e.Wait)/time.Duration(e.Requests))
	}
	return e.Pace.Pause + time.Duration(e.Left)*each
}

// tail is the text behind the bar, given the last event and when it came.
func tail(e pipeline.Event, at, now time.Time) string {
	if e.Requests == 0 {
		return "waiting for the first answer"
	}
	text := fmt.Sprintf("%s of %s requests", thousands(e.Requests), thousands(e.Requests+e.Left))
	since := now.Sub(at)
	if pause := e.Pace.Pause - since; pause >= time.Second {
		return text + ", throttled for " + rounded(pause)
	}
	if left := timeLeft(e, at.Sub(e.Run.StartedAt)) - since; left >= time.Second {
		text += ", " + rounded(left) + " left"
	}
	return text
}

// rounded formats an estimate.
func rounded(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Round(time.Second)/time.Second))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Round(time.Minute)/time.Minute))
	}
	return fmt.Sprintf("%d h", int(d.Round(time.Hour)/time.Hour))
}
