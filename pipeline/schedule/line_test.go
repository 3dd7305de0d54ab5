package schedule_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/pipeline/schedule"
)

func parse(t *testing.T, line, zone string) *schedule.Line {
	t.Helper()
	location, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	s, err := schedule.Parse(line, location)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDaylightSaving(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		line, zone, from string
		want             []string
	}{
		"a time that does not exist runs at the next that does": {
			"30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z",
			[]string{"2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"},
		},
		"a time that comes twice runs once": {
			"30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z",
			[]string{"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"},
		},
		"a midnight that does not exist": {
			"0 0 * * *", "America/Santiago", "2026-09-05T12:00:00Z",
			[]string{"2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"},
		},
		"half an hour of daylight saving": {
			"15 2 * * *", "Australia/Lord_Howe", "2026-10-02T20:00:00Z",
			[]string{"2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"},
		},
		"every hour follows real hours": {
			"0 * * * *", "Europe/Berlin", "2026-10-24T23:30:00Z",
			[]string{"2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := parse(t, tt.line, tt.zone)
			at, err := time.Parse(time.RFC3339, tt.from)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for range tt.want {
				at = s.Next(at)
				got = append(got, at.Format(time.RFC3339))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestDailySchedulesRunDaily counts the runs of daily schedules over years in
// zones of every kind: one a day, never none, never two.
func TestDailySchedulesRunDaily(t *testing.T) {
	t.Parallel()
	zones := []string{
		"UTC", "Europe/Berlin", "Europe/Lisbon", "America/New_York", "America/Santiago", "America/Havana",
		"Africa/Cairo", "Asia/Beirut", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Chatham", "America/St_Johns",
	}
	for _, zone := range zones {
		for _, line := range []string{"0 0 * * *", "30 0 * * *", "59 1 * * *", "0 2 * * *", "30 2 * * *", "45 2 * * *", "0 3 * * *"} {
			t.Run(zone+" "+line, func(t *testing.T) {
				t.Parallel()
				s := parse(t, line, zone)
				days := map[string]int{}
				end := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
				for at := s.Next(time.Date(2024, 1, 1, 12, 0, 0, 0, s.Zone)); at.Before(end); at = s.Next(at) {
					days[at.In(s.Zone).Format(time.DateOnly)]++
				}
				for day := time.Date(2024, 1, 2, 0, 0, 0, 0, time.UTC); day.Before(end.AddDate(0, 0, -1)); day = day.AddDate(0, 0, 1) {
					if n := days[day.Format(time.DateOnly)]; n != 1 {
						t.Fatalf("%s has %d runs", day.Format(time.DateOnly), n)
					}
				}
			})
		}
	}
}
