package pgstore_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tracklake/tracklake/accounts"
	"github.com/tracklake/tracklake/accounts/pgstore"
	"github.com/tracklake/tracklake/extract/quota"
	"github.com/tracklake/tracklake/extract/quota/quotatest"
	"github.com/tracklake/tracklake/internal/pgtest"
	"github.com/tracklake/tracklake/load/postgres"
)

// quotaURL makes a database with the tables.
func quotaURL(t testing.TB) string {
	t.Helper()
	url := pgtest.URL(t)
	if _, err := postgres.Migrate(t.Context(), url, postgres.Options{}, false); err != nil {
		t.Fatal(err)
	}
	return url
}

func TestQuota(t *testing.T) {
	t.Parallel()
	quotatest.Run(t, quotatest.Place{
		New: func(t *testing.T) string {
			url := quotaURL(t)
			// Databases may prefer another level of isolation.
			execute(t, url, `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = serializable', current_database()); END $$`)
			return url
		},
		Open: func(t *testing.T, url string) quota.Store { return open(t, url).Quota() },
	})
}

// connect opens a connection of the test's own.
func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func execute(t testing.TB, url, sql string) {
	t.Helper()
	if _, err := connect(t, url).Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

// use calls every method, and returns the errors by the name of the method.
func use(ctx context.Context, s quota.Store) map[string]error {
	now := time.Now()
	_, _, reserving := s.Reserve(ctx, quota.Reservation{Owner: "owner", Bucket: "bucket", At: now, Requests: 1, Budget: 10})
	blocking := s.Block(ctx, quota.Block{Owner: "owner", Bucket: "other", At: now, Until: now.Add(time.Hour)})
	_, reading := s.Usage(ctx, "owner", now)
	return map[string]error{"Reserve": reserving, "Block": blocking, "Usage": reading}
}

// expect expects all errors to say something, and what to do.
func expect(t *testing.T, errs map[string]error, message, advice string) {
	t.Helper()
	for name, err := range errs {
		var said *accounts.Error
		if !errors.As(err, &said) || !strings.Contains(said.Message, message) || !strings.Contains(said.Advice, advice) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s tells the password: %v", name, err)
		}
	}
}

func TestQuotaWithoutTables(t *testing.T) {
	t.Parallel()
	expect(t, use(t.Context(), open(t, pgtest.URL(t)).Quota()), "no tables for quotas yet", "create them")
}

func TestQuotaWithoutAServer(t *testing.T) {
	t.Parallel()
	expect(t, use(t.Context(), open(t, "postgres://somebody:hunter2@127.0.0.1:1/none").Quota()), "nothing listens there", "server")
}

func TestQuotaOfADatabaseThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	s := open(t, quotaURL(t)+"&default_transaction_read_only=on").Quota()
	errs := use(t.Context(), s)
	if errs["Usage"] != nil {
		t.Error(errs["Usage"])
	}
	// Nothing is asked for, as a check does.
	_, _, errs["Usage"] = s.Reserve(t.Context(), quota.Reservation{Owner: "owner", Bucket: "bucket", At: time.Now()})
	expect(t, errs, "read-only", "")
}

// TestQuotaThatIsLocked lets a stopped session hold the lock of a bucket, and of
// the tables.
func TestQuotaThatIsLocked(t *testing.T) {
	t.Parallel()
	url := quotaURL(t)
	s := pgstore.OpenQuota(t, url, 200*time.Millisecond)
	for name, sql := range map[string]string{
		"bucket": `SELECT pg_advisory_xact_lock(hashtextextended(E'tracklake quota\x01owner\x01bucket', 0))`,
		"tables": `LOCK TABLE exporter.quota_requests, exporter.quota_blocks`,
	} {
		tx, err := connect(t, url).Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
		errs := use(t.Context(), s)
		if name == "bucket" {
			errs = map[string]error{"Reserve": errs["Reserve"]}
		}
		expect(t, errs, "holds the lock", "pg_locks")
		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
		for method, err := range use(t.Context(), s) {
			if err != nil {
				t.Errorf("%s, after the lock of the %s: %v", method, name, err)
			}
		}
	}
}

// TestQuotaOfASilentServer takes connections and says nothing.
func TestQuotaOfASilentServer(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	s := pgstore.OpenQuota(t, "postgres://somebody:hunter2@"+listener.Addr().String()+"/none", 200*time.Millisecond)
	expect(t, use(t.Context(), s), "did not answer within 300ms", "network")
}

// TestQuotaOutlivesItsConnections ends them while nothing is asked.
func TestQuotaOutlivesItsConnections(t *testing.T) {
	t.Parallel()
	url := quotaURL(t)
	s := open(t, url).Quota()
	use(t.Context(), s)
	execute(t, url, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tracklake exporter' AND datname = current_database()`)
	for name, err := range use(t.Context(), s) {
		if err != nil {
			t.Logf("%s, once: %v", name, err) // a reservation whose reply is lost is not repeated
		}
	}
	for name, err := range use(t.Context(), s) {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// BenchmarkQuota is what a reservation costs.
func BenchmarkQuota(b *testing.B) {
	backend, err := pgstore.Open(b.Context(), quotaURL(b))
	if err != nil {
		b.Fatal(err)
	}
	defer backend.Close()
	s := backend.Quota()
	for b.Loop() {
		if _, _, err := s.Reserve(b.Context(), quota.Reservation{Owner: "owner", Bucket: "bucket", At: time.Now(), Requests: 1}); err != nil {
			b.Fatal(err)
		}
	}
}
