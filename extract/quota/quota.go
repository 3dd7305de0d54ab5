// Package quota counts requests against budgets and keeps blocked buckets, for
// all processes that share a [Store].
//
// A bucket is a group of endpoints that share a rate limit. Spotify counts the
// requests to a bucket by owner: a client ID, or a developer with several of
// them. A budget is our own limit on a bucket's requests within 24 hours.
//
// The package knows nothing of HTTP, jobs, destinations or tokens.
package quota

import (
	"context"
	"fmt"
	"time"
)

// A Store counts requests and keeps blocked buckets. It is safe for concurrent
// use, also by several processes, and its changes are durable when a method returns.
// No method waits longer than about ten seconds for other processes.
//
// Clocks can be wrong. Requests that were counted by a clock more than a day
// ahead, and blocks beyond [LongestBlock], are ignored, and the next change of
// the bucket forgets them.
type Store interface {
	// Reserve counts r.Made, then grants and counts up to r.Requests: as many as
	// keep the last 24 hours within r.Budget, and none while the bucket is
	// blocked. It also returns the usage that it found before.
	Reserve(ctx context.Context, r Reservation) (granted int, found Usage, err error)
	// Block records that Spotify has blocked a bucket. An earlier time than the
	// recorded one changes nothing, unless that one is ignored.
	Block(ctx context.Context, b Block) error
	// Usage returns the buckets of an owner that are in use or blocked at a time.
	Usage(ctx context.Context, owner string, at time.Time) (map[string]Usage, error)
}

// A Reservation asks for requests to a bucket.
type Reservation struct {
	Owner, Bucket string
	At            time.Time // now
	Requests      int       // to be made if they are granted
	Made          int       // made earlier and not counted yet; counted whatever the budget
	Budget        int       // for 24 hours; 0: none
}

// A Block says that Spotify accepts no requests to a bucket until a time.
type Block struct {
	Owner, Bucket string
	At            time.Time // now
	Until         time.Time
}

// Usage is the state of one bucket.
type Usage struct {
	Requests     int       // within the last 24 hours
	FreesAt      time.Time // when the oldest of them no longer count; zero without any
	BlockedUntil time.Time // zero while the bucket is not blocked
}

const (
	// Window is how long a request counts.
	Window = 24 * time.Hour
	// LongestCount is how far ahead a request can stop counting. What lies
	// further ahead was counted by a clock that was wrong.
	LongestCount = 2*Window + coarse
	// LongestBlock is how far ahead a block can end. Clients obey Spotify for a
	// day at a time; what lies further ahead was recorded by a clock that was
	// wrong.
	LongestBlock = 8 * 24 * time.Hour

	// Requests are kept by slots of time, so that a store holds few entries for
	// each bucket: fine ones for budgets up to fineBudget, else coarse ones.
	fine       = time.Second
	coarse     = 10 * time.Minute
	fineBudget = 1000
)

// CountsUntil returns when requests that are made at r.At no longer count: 24
// hours after the end of their slot, which is a second for the small budgets of
// Spotify's development mode and ten minutes otherwise.
func (r Reservation) CountsUntil() time.Time {
	slot := coarse
	if r.Budget > 0 && r.Budget <= fineBudget {
		slot = fine
	}
	return r.At.UTC().Truncate(slot).Add(slot + Window)
}

// A BlockedError says that no request to a bucket can be made before a time.
type BlockedError struct {
	Bucket string
	Until  time.Time
	Budget int // > 0: this budget of ours is spent; 0: Spotify has blocked the bucket
}

func (e *BlockedError) Error() string {
	until := e.Until.UTC().Format(time.RFC3339)
	if e.Budget > 0 {
		return fmt.Sprintf("%s: the budget of %d requests a day is spent until %s", e.Bucket, e.Budget, until)
	}
	return fmt.Sprintf("%s: blocked by Spotify until %s", e.Bucket, until)
}
