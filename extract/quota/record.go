package quota

import (
	"maps"
	"time"
)

// A record is what a file keeps of one bucket.
type record struct {
	BlockedUntil time.Time     `json:"blocked_until,omitzero"`
	Requests     map[int64]int `json:"requests,omitempty"` // by the Unix second until which they count
}

// usage returns what counts at a time.
func (r record) usage(at time.Time) Usage {
	var u Usage
	for second, n := range r.Requests {
		until := time.Unix(second, 0).UTC()
		if !within(until, at, LongestCount) {
			continue
		}
		u.Requests += n
		if u.FreesAt.IsZero() || until.Before(u.FreesAt) {
			u.FreesAt = until
		}
	}
	if within(r.BlockedUntil, at, LongestBlock) {
		u.BlockedUntil = r.BlockedUntil
	}
	return u
}

// reserve counts requests and returns how many it granted.
func (r *record) reserve(ask Reservation) (granted int, found Usage) {
	found = r.usage(ask.At)
	switch {
	case !found.BlockedUntil.IsZero():
	case ask.Budget <= 0:
		granted = ask.Requests
	default:
		granted = max(0, min(ask.Requests, ask.Budget-found.Requests-ask.Made))
	}
	maps.DeleteFunc(r.Requests, func(second int64, _ int) bool {
		return !within(time.Unix(second, 0), ask.At, LongestCount)
	})
	if r.Requests == nil {
		r.Requests = map[int64]int{}
	}
	r.Requests[ask.CountsUntil().Unix()] += granted + ask.Made
	return granted, found
}

// block records a block and reports whether that changed anything.
func (r *record) block(b Block) bool {
	if !b.Until.After(r.BlockedUntil) && !r.BlockedUntil.After(b.At.Add(LongestBlock)) {
		return false
	}
	r.BlockedUntil = b.Until.UTC()
	return true
}

// within reports whether a time lies ahead of now, and no further than believable.
func within(t, now time.Time, longest time.Duration) bool {
	return t.After(now) && !t.After(now.Add(longest))
}
