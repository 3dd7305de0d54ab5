package postgres_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/tracklake/tracklake/internal/pgtest"
	"github.com/tracklake/tracklake/load/postgres"
)

func TestPoolerInTransactionModeIsRefused(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	t.Run("modes", func(t *testing.T) {
		for name, settings := range map[string]string{
			"one server":                    "default_pool_size = 1",
			"several servers":               "min_pool_size = 5",
			"several servers in turn":       "min_pool_size = 5\nserver_round_robin = 1",
			"parameters are passed over it": "ignore_startup_parameters = search_path",
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				d, err := postgres.Open(t.Context(), pgtest.Bouncer(t, url, "transaction", settings), postgres.Options{})
				if err == nil {
					d.Close(t.Context())
				}
				if err == nil || !strings.Contains(err.Error(), "transaction mode") || !strings.Contains(hint(err), "pool_mode = session") {
					t.Errorf("error %v, hint %q", err, hint(err))
				}
			})
		}
	})
	noLocks(t, connect(t, url))
}

// noLocks waits until nobody holds the lock of a job.
func noLocks(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for locks := 1; locks > 0; {
		if err := conn.QueryRow(ctx, `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&locks); err != nil {
			t.Fatalf("%d locks are left: %v", locks, err)
		}
	}
}

func TestPoolerInSessionMode(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	pooled := pgtest.Bouncer(t, url, "session", "default_pool_size = 20")
	d := open(t, pooled)
	var g errgroup.Group
	for n := range 4 {
		g.Go(func() error { return export(t.Context(), d, string(rune('a'+n)), n, span(100*n, 100*n+100)) })
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	conn := connect(t, url)
	if n := count(t, conn); n != 400 {
		t.Errorf("%d rows", n)
	}
	noLocks(t, conn)
}
