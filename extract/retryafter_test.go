package extract_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/tracklake/tracklake/extract"
)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"":     0,
		"soon": 0,
		"-5":   0,
		"7":    7 * time.Second,
		" 1.5": 1500 * time.Millisecond,
		"1e99": 24 * time.Hour,
		"NaN":  0,
		now.Add(90 * time.Second).Format(http.TimeFormat):  90 * time.Second,
		now.Add(-90 * time.Second).Format(http.TimeFormat): 0,
		now.AddDate(1, 0, 0).Format(http.TimeFormat):       24 * time.Hour,
	} {
		if got := extract.RetryAfter(header, now); got != want {
			t.Errorf("%q: %s, want %s", header, got, want)
		}
	}
}
