package accounts

import "time"

// A sign-in lasts six months, whatever one does. Which months these are decides
// how many days that is.
// https://developer.spotify.com/documentation/web-api/tutorials/refreshing-tokens
const (
	SignInLife  = 181 * day // the shortest six months
	LongestLife = 184 * day // the longest

	day = 24 * time.Hour
)

// How long before its end a sign-in's end is announced.
const (
	SoonLife   = 30 * day
	UrgentLife = 7 * day
)

// EndsAt is when the sign-in may end. One that was guessed may end before.
func (a Account) EndsAt() time.Time { return a.SignedInAt.Add(SignInLife) }

// Urgency says how soon a sign-in ends.
type Urgency string

// The urgencies.
const (
	Calm   Urgency = ""
	Soon   Urgency = "soon"   // within SoonLife
	Urgent Urgency = "urgent" // within UrgentLife, or any day now
	Ended  Urgency = "ended"  // it was refused, or the longest six months are over

	Unreadable Urgency = "unreadable" // nobody knows: see Account.Problem
)

// Urgency tells how soon the sign-in ends.
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
