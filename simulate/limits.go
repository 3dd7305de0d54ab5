package simulate

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// limits are the rolling rate limit and the quota of a day.
type limits struct {
	options Options

	mu     sync.Mutex
	recent []time.Time            // requests of the last 30 seconds
	day    map[string][]time.Time // requests of the last day, by bucket
	until  map[string]time.Time   // end of a bucket's penalty
}

func newLimits(o Options) *limits {
	return &limits{options: o, day: map[string][]time.Time{}, until: map[string]time.Time{}}
}

// admit counts a request, or answers it with a 429.
func (l *limits) admit(w http.ResponseWriter, bucket string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.options.Clock()
	if wait := l.quota(bucket, now); wait > 0 {
		refuse(w, wait, `{"error":{"status":429,"message":"Too many requests","reason":"QUOTA_EXCEEDED"}}`)
		return false
	}
	if l.options.RateLimit == 0 {
		return true
	}
	l.recent = since(l.recent, now.Add(-30*time.Second))
	if len(l.recent) >= l.options.RateLimit {
		refuse(w, l.recent[0].Add(30*time.Second).Sub(now), `{"error":{"status":429,"message":"API rate limit exceeded"}}`)
		return false
	}
	l.recent = append(l.recent, now)
	return true
}

// quota returns how long a bucket is still blocked. A request during the
// penalty begins it anew, as the real service is said to do.
func (l *limits) quota(bucket string, now time.Time) time.Duration {
	most, limited := l.options.Quota[bucket]
	if !limited {
		return 0
	}
	if until := l.until[bucket]; !until.IsZero() && !now.Before(until) { // the penalty is over
		delete(l.until, bucket)
		delete(l.day, bucket)
	}
	l.day[bucket] = since(l.day[bucket], now.Add(-24*time.Hour))
	if len(l.day[bucket]) >= most || now.Before(l.until[bucket]) {
		l.until[bucket] = now.Add(23*time.Hour + 57*time.Minute)
		return l.until[bucket].Sub(now)
	}
	l.day[bucket] = append(l.day[bucket], now)
	return 0
}

func since(times []time.Time, from time.Time) []time.Time {
	for len(times) > 0 && !times[0].After(from) {
		times = times[1:]
	}
	return times
}

func refuse(w http.ResponseWriter, wait time.Duration, body string) {
	w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(http.StatusTooManyRequests)
	// A client that has gone away is no concern of a simulation.
	_, _ = fmt.Fprint(w, body)
}
