package extract

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// longestRetryAfter bounds what a header can ask for.
const longestRetryAfter = 24 * time.Hour

// retryAfter reads a Retry-After header: seconds, or an HTTP date. It returns
// 0 for one that is missing, negative or unreadable.
func retryAfter(header string, now time.Time) time.Duration {
	header = strings.TrimSpace(header)
	var wait time.Duration
	if seconds, err := strconv.ParseFloat(header, 64); err == nil {
		if seconds > longestRetryAfter.Seconds() {
			return longestRetryAfter
		}
		if seconds > 0 { // false for NaN
			wait = time.Duration(seconds * float64(time.Second))
		}
	} else if at, err := http.ParseTime(header); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), longestRetryAfter)
}
