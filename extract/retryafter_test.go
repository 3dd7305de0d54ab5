package extract_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tracklake/tracklake/extract"
)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"":                       0,
		"soon":                   0,
		"-5":                     0,
		"7":                      7 * time.Second,
		" 1.5":                   1500 * time.Millisecond,
		"86400":                  24 * time.Hour,
		"90000":                  24 * time.Hour,
		"604801":                 0, // more than a week
		"1e99":                   0,
		"1e3":                    0,
		"0x10":                   0,
		"NaN":                    0,
		"Infinity":               0,
		"1.2.3":                  0,
		".":                      0,
		strings.Repeat("9", 400): 0,
		now.Add(90 * time.Second).Format(http.TimeFormat):  90 * time.Second,
		now.Add(-90 * time.Second).Format(http.TimeFormat): 0,
		now.AddDate(0, 0, 2).Format(http.TimeFormat):       24 * time.Hour,
		now.AddDate(1, 0, 0).Format(http.TimeFormat):       0,
		now.Add(time.Hour).Format(time.RFC850):             time.Hour,
		now.Add(time.Hour).Format(time.ANSIC):              time.Hour,
	} {
		if got := extract.RetryAfter(header, now); got != want {
			t.Errorf("%q: %s, want %s", header, got, want)
		}
	}
}
