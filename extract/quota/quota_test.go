package quota_test

import (
	"testing"
	"time"

	"github.com/tracklake/tracklake/extract/quota"
)

func TestCountsUntil(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", 45*60)
	fine, coarse := time.Date(2026, 11, 21, 3, 52, 2, 0, zone), time.Date(2026, 11, 21, 3, 55, 0, 0, zone)
	for _, tt := range []struct {
		seconds, budget int
		want            time.Time
	}{
		{1, 1, fine},
		{1, 1000, fine},
		{1, 1001, coarse},
		{1, 0, coarse},
		{2, 80, fine.Add(time.Second)}, // a request at the very start of its slot
	} {
		r := quota.Reservation{At: time.Date(2026, 11, 20, 3, 52, tt.seconds, 0, zone), Budget: tt.budget}
		for _, later := range []time.Duration{0, 999_999_999} {
			r.At = r.At.Add(later)
			if got := r.CountsUntil(); !got.Equal(tt.want) || got.Location() != time.UTC {
				t.Errorf("%s, budget %d: %s, want %s", r.At, tt.budget, got, tt.want)
			}
		}
	}
}
