package pgstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tracklake/tracklake/accounts"
	"github.com/tracklake/tracklake/extract/quota"
)

// quotaWait is how long a statement waits for the lock of a bucket, whose holder
// needs one round trip. A call may take half as long again, also when the network
// is down.
const quotaWait = 10 * time.Second

// Quota returns the store of requests and blocked buckets. It ends with the
// backend.
func (b *Backend) Quota() quota.Store { return b.quota }

// quotaTables are the tables exporter.quota_requests and exporter.quota_blocks.
type quotaTables struct {
	pool    *pgxpool.Pool
	timeout time.Duration
}

// openQuota prepares connections that give up sooner than those of the accounts,
// which wait while Spotify is asked.
func openQuota(ctx context.Context, config *pgxpool.Config, wait time.Duration) (quotaTables, error) {
	q := quotaTables{timeout: wait * 3 / 2}
	config = config.Copy()
	config.MaxConns = 4
	parameters := config.ConnConfig.RuntimeParams
	parameters["lock_timeout"] = strconv.FormatInt(wait.Milliseconds(), 10)
	parameters["statement_timeout"] = strconv.FormatInt(q.timeout.Milliseconds(), 10)
	// At another level, a transaction would not see what was committed while it
	// waited for its lock.
	parameters["default_transaction_isolation"] = "read committed"
	var err error
	q.pool, err = pgxpool.NewWithConfig(ctx, config)
	return q, err
}

const (
	lockBucket = `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`

	reserve = `WITH used AS (
		SELECT coalesce(sum(requests), 0) AS requests, min(counts_until) AS frees_at FROM exporter.quota_requests
		WHERE owner = $1 AND bucket = $2 AND counts_until > $3 AND counts_until <= $4
	), block AS (
		SELECT max(blocked_until) AS until FROM exporter.quota_blocks
		WHERE owner = $1 AND bucket = $2 AND blocked_until > $3 AND blocked_until <= $5
	), asked AS (
		SELECT CASE
			WHEN block.until IS NOT NULL THEN 0
			WHEN $6::integer <= 0 THEN $7::integer
			ELSE greatest(0, least($7, $6 - used.requests - $8::integer)) END AS granted
		FROM used, block
	), forgotten AS (
		DELETE FROM exporter.quota_requests USING asked
		WHERE owner = $1 AND bucket = $2 AND (counts_until <= $3 OR counts_until > $4) AND granted + $8 > 0
	), counted AS (
		INSERT INTO exporter.quota_requests AS r (owner, bucket, counts_until, requests)
		SELECT $1, $2, $9, granted + $8 FROM asked WHERE granted + $8 > 0
		ON CONFLICT (owner, bucket, counts_until) DO UPDATE SET requests = r.requests + EXCLUDED.requests
	)
	SELECT asked.granted, used.requests, used.frees_at, block.until FROM asked, used, block`

	block = `INSERT INTO exporter.quota_blocks AS b (owner, bucket, blocked_until) VALUES ($1, $2, $3)
		ON CONFLICT (owner, bucket) DO UPDATE SET blocked_until = EXCLUDED.blocked_until
		WHERE b.blocked_until < EXCLUDED.blocked_until OR b.blocked_until > $4`

	usage = `SELECT bucket, coalesce(used.requests, 0)::integer, used.frees_at, block.until FROM (
		SELECT bucket, sum(requests) AS requests, min(counts_until) AS frees_at FROM exporter.quota_requests
		WHERE owner = $1 AND counts_until > $2 AND counts_until <= $3 GROUP BY bucket
	) AS used FULL JOIN (
		SELECT bucket, blocked_until AS until FROM exporter.quota_blocks
		WHERE owner = $1 AND blocked_until > $2 AND blocked_until <= $4
	) AS block USING (bucket)`
)

// Reserve grants and counts requests; see [quota.Store]. Both statements go out
// together and are one transaction.
func (q quotaTables) Reserve(ctx context.Context, r quota.Reservation) (granted int, found quota.Usage, err error) {
	limited, cancel := context.WithTimeout(ctx, q.timeout)
	defer cancel()
	at := r.At.UTC()
	var frees, until *time.Time
	batch := &pgx.Batch{}
	batch.Queue(lockBucket, "tracklake quota\x01"+r.Owner+"\x01"+r.Bucket)
	batch.Queue(reserve, r.Owner, r.Bucket, at, at.Add(quota.LongestCount), at.Add(quota.LongestBlock), r.Budget, r.Requests, r.Made, r.CountsUntil()).
		QueryRow(func(row pgx.Row) error { return row.Scan(&granted, &found.Requests, &frees, &until) })
	if err := q.pool.SendBatch(limited, batch).Close(); err != nil {
		return 0, quota.Usage{}, q.describe(ctx, "reserve requests", err)
	}
	found.FreesAt, found.BlockedUntil = orZero(frees), orZero(until)
	return granted, found, nil
}

// Block records that a bucket is blocked; see [quota.Store].
func (q quotaTables) Block(ctx context.Context, b quota.Block) error {
	limited, cancel := context.WithTimeout(ctx, q.timeout)
	defer cancel()
	_, err := q.pool.Exec(limited, block, b.Owner, b.Bucket, b.Until.UTC(), b.At.UTC().Add(quota.LongestBlock))
	if err != nil {
		return q.describe(ctx, "record blocked bucket", err)
	}
	return nil
}

// Usage returns the buckets of an owner; see [quota.Store].
func (q quotaTables) Usage(ctx context.Context, owner string, at time.Time) (map[string]quota.Usage, error) {
	limited, cancel := context.WithTimeout(ctx, q.timeout)
	defer cancel()
	at = at.UTC()
	rows, err := q.pool.Query(limited, usage, owner, at, at.Add(quota.LongestCount), at.Add(quota.LongestBlock))
	if err != nil {
		return nil, q.describe(ctx, "read usage", err)
	}
	out := map[string]quota.Usage{}
	var bucket string
	var requests int
	var frees, until *time.Time
	_, err = pgx.ForEachRow(rows, []any{&bucket, &requests, &frees, &until}, func() error {
		out[bucket] = quota.Usage{Requests: requests, FreesAt: orZero(frees), BlockedUntil: orZero(until)}
		return nil
	})
	if err != nil {
		return nil, q.describe(ctx, "read usage", err)
	}
	return out, nil
}

// describe wraps an error and says what to do. It does not show addresses,
// which hold passwords.
func (q quotaTables) describe(ctx context.Context, doing string, err error) error {
	var pg *pgconn.PgError
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", doing, ctx.Err())
	case errors.Is(err, context.DeadlineExceeded):
		return &accounts.Error{
			Message: fmt.Sprintf("%s: the database did not answer within %s", doing, q.timeout),
			Advice:  "check the network and the server, then try again",
		}
	case !errors.As(err, &pg):
		return describe(doing, err)
	case pg.Code == "55P03":
		return &accounts.Error{
			Message: doing + ": another connection holds the lock of the bucket",
			Advice:  "end the session that holds it (see pg_locks), then try again",
		}
	case pg.Code == "42P01" || pg.Code == "3F000":
		return &accounts.Error{
			Message: doing + ": the database has no tables for quotas yet",
			Advice:  "create them: exporter migrate",
		}
	}
	return describe(doing, err)
}
