package accounts_test

import (
	"testing"
	"time"

	"github.com/tracklake/tracklake/accounts"
)

// TestUrgencyGoesByTheCalendar wants the same days told in numbers and in words,
// whatever the hour.
func TestUrgencyGoesByTheCalendar(t *testing.T) {
	t.Parallel()
	a := accounts.Account{SignedInAt: time.Date(2026, 3, 1, 15, 30, 0, 0, time.UTC)}
	ends := time.Date(2026, 8, 29, 0, 0, 0, 0, time.UTC)
	for left, want := range map[int]accounts.Urgency{31: accounts.Calm, 30: accounts.Soon, 8: accounts.Soon, 7: accounts.Urgent, 0: accounts.Urgent} {
		for _, hour := range []time.Duration{0, 12, 23} {
			now := ends.AddDate(0, 0, -left).Add(hour * time.Hour)
			if got, days := a.Urgency(now), a.DaysLeft(now); got != want || days != left {
				t.Errorf("%s: %q with %d days left, want %q with %d", now, got, days, want, left)
			}
		}
	}
}
