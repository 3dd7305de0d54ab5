package extract

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// longestRetryAfter bounds what a header can ask for.
	longestRetryAfter = 24 * time.Hour
	// absurdRetryAfter is more than any service asks for: such a header is damaged.
	absurdRetryAfter = 7 * 24 * time.Hour
)

// retryAfter reads a Retry-After header: seconds, or an HTTP date. It returns
// 0 for one that is missing, past, absurd or unreadable.
func retryAfter(header string, now time.Time) time.Duration {
	header = strings.TrimSpace(header)
	var wait time.Duration
	if at, err := http.ParseTime(header); err == nil {
		wait = at.Sub(now)
	} else if strings.Trim(header, "0123456789.") == "" { // no exponent, no NaN, no infinity
		seconds, err := strconv.ParseFloat(header, 64)
		if err != nil || seconds > absurdRetryAfter.Seconds() {
			return 0
		}
		wait = time.Duration(seconds * float64(time.Second))
	}
	if wait < 0 || wait > absurdRetryAfter {
		return 0
	}
	return min(wait, longestRetryAfter)
}
