package accounts

import (
	"fmt"
	"time"
)

// A sign-in lasts six months, which is 181 to 184 days.
// https://developer.spotify.com/documentation/web-api/tutorials/refreshing-tokens
const (
	SignInLife  = 181 * day // the shortest six months
	LongestLife = 184 * day // the longest

	day = 24 * time.Hour
)

// A refusal may be a mistake of Spotify's, as in the incident of 2025. So the
// refresh token is kept and presented again, seldom and not for long.
const (
	TryEvery = day
	TryFor   = 7 * day
)

// How long before its end a sign-in's end is announced.
const (
	SoonLife   = 30 * day
	UrgentLife = 7 * day
)

// EndsAt is when the sign-in may end. One that was guessed may end before.
func (a Account) EndsAt() time.Time { return a.SignedInAt.Add(SignInLife) }

// refused notes that Spotify refused the refresh token.
func (a *Account) refused(now time.Time) {
	a.LastRefusedAt = now
	if a.RefusedAt.IsZero() {
		a.RefusedAt = now
	}
}

// NextTry returns from when on a refused refresh token is presented again. It is
// zero when the token was not refused, or will not be presented before the user
// signs in.
func (a Account) NextTry(now time.Time) time.Time {
	next, last := a.LastRefusedAt.Add(TryEvery), a.RefusedAt.Add(TryFor)
	if ends := a.EndsAt(); ends.Before(last) {
		last = ends
	}
	if a.RefusedAt.IsZero() || next.After(last) || now.After(last) {
		return time.Time{}
	}
	return next
}

// mayTry reports whether the refresh token may be presented.
func (a Account) mayTry(now time.Time) bool {
	next := a.NextTry(now)
	return a.RefusedAt.IsZero() || !next.IsZero() && !now.Before(next)
}

// Refusal says since when the refresh token is refused and when it is presented
// again. It is empty when it was not refused.
func (a Account) Refusal(now time.Time) string {
	if a.RefusedAt.IsZero() {
		return ""
	}
	const minute = "2006-01-02 15:04 UTC"
	since := "Spotify has refused the sign-in since " + a.RefusedAt.UTC().Format(minute)
	switch next := a.NextTry(now); {
	case next.IsZero():
		return since
	case a.mayTry(now):
		return since + "; the next run tries it again"
	default:
		return fmt.Sprintf("%s; it is tried again after %s", since, next.UTC().Format(minute))
	}
}

// Urgency says how soon a sign-in ends.
type Urgency string

// The urgencies.
const (
	Calm   Urgency = ""
	Soon   Urgency = "soon"   // within SoonLife
	Urgent Urgency = "urgent" // within UrgentLife, or any day now
	Ended  Urgency = "ended"  // it is refused, or the longest six months are over

	Unreadable Urgency = "unreadable" // unknown; see Account.Problem
)

// Urgency returns how soon the sign-in ends.
func (a Account) Urgency(now time.Time) Urgency {
	left, days := a.EndsAt().Sub(now), a.calendarDays(now)
	switch {
	case a.Problem != nil:
		return Unreadable
	case !a.RefusedAt.IsZero() || left <= SignInLife-LongestLife:
		return Ended
	case days <= UrgentLife:
		return Urgent
	case days <= SoonLife:
		return Soon
	}
	return Calm
}

// DaysLeft is how many days the sign-in lasts at least, by the calendar: the day
// before its last one there is one left, whatever the hour.
func (a Account) DaysLeft(now time.Time) int {
	if u := a.Urgency(now); u == Ended || u == Unreadable {
		return 0
	}
	return max(0, int(a.calendarDays(now)/day))
}

// calendarDays is the time from the day that it is to the day of the end.
func (a Account) calendarDays(now time.Time) time.Duration {
	return a.EndsAt().UTC().Truncate(day).Sub(now.UTC().Truncate(day))
}
