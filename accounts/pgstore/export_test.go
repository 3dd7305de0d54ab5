package pgstore

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tracklake/tracklake/extract/quota"
)

// OpenQuota opens the store of quotas of a database, with another wait for locks.
func OpenQuota(t testing.TB, url string, wait time.Duration) quota.Store {
	t.Helper()
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	q, err := openQuota(context.Background(), config, wait)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(q.pool.Close)
	return q
}
