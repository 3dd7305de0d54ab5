package extract

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/tracklake/tracklake/extract/quota"
)

// A Limiter reserves requests before they are made, and records until when a bucket of
// the rate limit is blocked. [quota.Limiter] is one.
type Limiter interface {
	// Reserve reserves one request. A [*quota.BlockedError] says until when the
	// bucket is blocked; any other error ends the reading as well.
	Reserve(ctx context.Context, bucket string) error
	// Block durably records that a bucket is blocked until a time.
	Block(ctx context.Context, bucket string, until time.Time) error
}

// reserve reserves a request to an endpoint, where the run has a limiter.
func (c *Client) reserve(ctx context.Context, e Endpoint) error {
	if c.limiter == nil {
		return nil
	}
	err := c.limiter.Reserve(ctx, e.Bucket)
	var blocked *quota.BlockedError
	switch {
	case !errors.As(err, &blocked):
		return err
	case blocked.Budget > 0:
		return &Error{
			Kind: Blocked, Budget: true, Path: e.Path, Until: blocked.Until,
			Message: "the budget of " + strconv.Itoa(blocked.Budget) + " requests a day is spent",
		}
	}
	return blockedError(e, blocked.Until, blockedForAWhile)
}
