package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/tracklake/tracklake/internal/pgtest"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/load/postgres"
)

// kill ends the connection that holds a job's lock and waits until it is gone.
func kill(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	var killed int
	err := conn.QueryRow(t.Context(), `SELECT count(*) FILTER (WHERE pg_terminate_backend(pid, 10000)) FROM pg_locks
		WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&killed)
	if err != nil || killed != 1 {
		t.Fatalf("killed %d connections: %v", killed, err)
	}
}

func TestKilledConnectionPublishesNothing(t *testing.T) {
	t.Parallel()
	for name, rest := range map[string]func(context.Context, load.Session) error{
		"during staging": func(ctx context.Context, s load.Session) error {
			b := tracks("acc", span(10, 20))
			defer b.Record.Release()
			return s.Write(ctx, b)
		},
		"before commit": func(ctx context.Context, s load.Session) error {
			_, err := s.Commit(ctx, load.Change{
				Run: record("job", 1, load.StatusOK), Removals: []load.Removal{{Table: "saved_tracks"}}, State: load.State{"k": []byte(`1`)},
			})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := pgtest.URL(t)
			d, conn := open(t, url), connect(t, url)
			s, _ := begin(t, d, "job", 1)
			write(t, s, span(0, 10))
			kill(t, conn)
			if err := rest(t.Context(), s); err == nil {
				t.Error("no error")
			}
			if err := s.Close(t.Context()); err != nil {
				t.Errorf("close: %v", err)
			}
			if n := count(t, conn); n != 0 {
				t.Errorf("%d rows were published", n)
			}
			again, state := begin(t, d, "job", 2)
			if len(state) != 0 {
				t.Errorf("state = %s", state)
			}
			write(t, again, span(0, 10))
			result, err := again.Commit(t.Context(), load.Change{Run: record("job", 2, load.StatusOK)})
			if err != nil || result.Tables["saved_tracks"].Added != 10 {
				t.Errorf("the run after: %v, %v", result, err)
			}
			sameStatuses(t, d, "job", load.StatusOK, load.StatusFailed)
		})
	}
}

func sameStatuses(t *testing.T, d *postgres.Destination, job string, want ...load.Status) {
	t.Helper()
	runs, err := d.Runs(t.Context(), load.RunsQuery{Job: job, Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	var got []load.Status
	for _, r := range runs {
		got = append(got, r.Status)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("runs: %s", diff)
	}
}

func TestMigratorsAtOnce(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	applied := make([][]string, 2)
	var g errgroup.Group
	for i := range applied {
		g.Go(func() (err error) {
			applied[i], err = postgres.Migrate(t.Context(), url, postgres.Options{}, false)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	all := slices.Concat(applied...)
	slices.Sort(all)
	if len(all) == 0 || len(slices.Compact(slices.Clone(all))) != len(all) {
		t.Errorf("applied %q, want every migration once", all)
	}
	again, err := postgres.Migrate(t.Context(), url, postgres.Options{}, false)
	if err != nil || len(again) != 0 {
		t.Errorf("migrating again applied %q: %v", again, err)
	}
}

func TestSchemaThatDoesNotFit(t *testing.T) {
	t.Parallel()
	newer := "INSERT INTO exporter.migrations (version_id, is_applied) VALUES (99999, true)"
	for name, c := range map[string]struct {
		migrated bool
		prepare  string
		options  postgres.Options
		have     int64
		hint     string
	}{
		"newer":                      {migrated: true, prepare: newer, have: 99999, hint: "update exporter"},
		"newer, not to be migrated":  {migrated: true, prepare: newer, options: postgres.Options{NoMigrate: true}, have: 99999, hint: "update exporter"},
		"absent, not to be migrated": {options: postgres.Options{NoMigrate: true}, hint: "exporter migrate"},
		"older, not to be migrated":  {migrated: true, prepare: "DELETE FROM exporter.migrations WHERE version_id > 0", options: postgres.Options{NoMigrate: true}, hint: "exporter migrate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := pgtest.URL(t)
			conn := connect(t, url)
			if c.migrated {
				open(t, url)
				exec(t, conn, c.prepare)
			}
			before := relations(t, conn)
			d, err := postgres.Open(t.Context(), url, c.options)
			if err == nil {
				defer d.Close(t.Context())
				_, err = d.Runs(t.Context(), load.RunsQuery{Limit: 1})
				_, _, beginning := d.Begin(t.Context(), announce("job", 1))
				if diff := cmp.Diff(err, beginning); diff != "" {
					t.Errorf("Begin says something else: %s", diff)
				}
			}
			var schema *load.SchemaError
			if !errors.As(err, &schema) {
				t.Fatalf("the error is %v, want a *load.SchemaError", err)
			}
			if schema.Have != c.have || !strings.Contains(schema.Advice, c.hint) {
				t.Errorf("error %+v, want version %d and a hint about %q", schema, c.have, c.hint)
			}
			if diff := cmp.Diff(before, relations(t, conn)); diff != "" {
				t.Errorf("the refused database was changed:\n%s", diff)
			}
		})
	}
}

// relations lists what the database holds beside the server's own.
func relations(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	var out []string
	var name string
	each(t, conn, `SELECT format('%s %I.%I', relkind, nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
		WHERE nspname NOT LIKE 'pg\_%' AND nspname <> 'information_schema' ORDER BY 1`, []any{&name}, func() { out = append(out, name) })
	return out
}

func TestUnreachableErrorsHideThePassword(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := listener.Addr().String()
	listener.Close()
	existing := pgtest.URL(t)
	for name, address := range map[string]string{
		"nobody listens":    "postgres://me:s3cr3t@" + nobody + "/music?sslmode=disable",
		"no such host":      "postgres://me:s3cr3t@tracklake.invalid/music?sslmode=disable",
		"no such database":  withPassword(strings.Replace(existing, "/test_", "/absent_", 1)),
		"not a port":        "postgres://me:s3cr3t@localhost:port/music",
		"not an address":    "postgres://me:s3cr3t@[::1/music",
		"an unknown option": "postgres://me:s3cr3t@" + nobody + "/music?sslmode=s3cr3t",
		"an @":              "postgres://me:p@s3cr3t@localhost/music",
		"an @ and a /":      "postgres://me:p@s3cr3t/1@localhost/music",
		"a / and a number":  "postgres://me:12/s3cr3t@localhost/music",
		"a / and an @":      "postgres://me:12/p@s3cr3t@localhost/music",
		"an @ at the end":   "postgres://me:s3cr3t@@localhost/music",
		"a #":               "postgres://me:p#s3cr3t@" + nobody + "/music",
		"a ?":               "postgres://me:p?s3cr3t@" + nobody + "/music",
		"a :":               "postgres://me:p:s3cr3t@" + nobody + "/music",
		"a %":               "postgres://me:p%s3cr3t@" + nobody + "/music",
		"a space":           "postgres://me:p s3cr3t@" + nobody + "/music",
		"a # and a number":  "postgres://me:12#s3cr3t@localhost/music",
		"a ? and a number":  "postgres://me:12?s3cr3t@localhost/music",
		"a [":               "postgres://me:p[s3cr3t@" + nobody + "/music",
		"encoded":           "postgres://me:%73%33cr3t@" + nobody + "/music",
		"IPv6":              "postgres://me:s3cr3t@[::1]:1/music",
		"IPv6, an @":        "postgres://me:p@s3cr3t@[::1]:1/music",
		"two hosts":         "postgres://me:s3cr3t@localhost:1,127.0.0.1:1/music",
		"a parameter":       "postgres://me@" + nobody + "/music?password=s3cr3t",
		"an @ in it":        "postgres://me@" + nobody + "/music?password=p@s3cr3t",
		"an & in it":        withPassword(existing) + "&password=p&s3cr3t=1",
		"a space in it":     "postgres://me@" + nobody + "/music?password=p s3cr3t",
		"a socket":          "postgres://me:s3cr3t@/music?host=/nowhere",
		"no scheme":         "me:p@s3cr3t@localhost/music",
		"another scheme":    "mysql://me:p@s3cr3t@localhost/music",
		"spaces around":     " postgres://me:p@s3cr3t@localhost/music ",
		"words":             "host=127.0.0.1 port=1 user=me password=p@s3cr3t dbname=music",
		"words, a space":    "host=127.0.0.1 port=1 user=me password=p s3cr3t dbname=music",
		"words, a = too":    "user=me password=p s3cr3t=1 " + words(t, existing),
		"words, a quote":    "host=127.0.0.1 port=1 user=me password='p's3cr3t' dbname=music",
		"words and a URL":   "password=p://s3cr3t@x host=127.0.0.1 port=1 dbname=music",
		"words, bad port":   "host=127.0.0.1 port=s3cr3t user=me dbname=music",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// A server that is only starting is waited for; not here.
			ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
			defer cancel()
			_, err := postgres.Open(ctx, address, postgres.Options{})
			if err == nil {
				t.Fatal("no error")
			}
			if strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("the error shows the password: %v", err)
			}
			var hinted interface{ Hint() string }
			if !errors.As(err, &hinted) || hinted.Hint() == "" || strings.Contains(hinted.Hint(), "s3cr3t") {
				t.Errorf("the error %v has no proper hint", err)
			}
		})
	}
}

// words writes where a database is as words.
func words(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("host=%s port=%s dbname=%s sslmode=disable", u.Hostname(), u.Port(), strings.TrimPrefix(u.Path, "/"))
}

func withPassword(url string) string {
	scheme, rest, _ := strings.Cut(url, "://")
	user, host, _ := strings.Cut(rest, "@")
	name, _, _ := strings.Cut(user, ":")
	return scheme + "://" + name + ":s3cr3t@" + host
}

// TestOppositeOrders lets eight jobs write the same rows, half of them
// backwards, which deadlocks where rows are locked in order of arrival.
func TestOppositeOrders(t *testing.T) {
	t.Parallel()
	const jobs, rounds, rows = 8, 4, 1500
	url := pgtest.URL(t)
	d, conn := open(t, url), connect(t, url)
	var g errgroup.Group
	for job := range jobs {
		g.Go(func() error {
			for n := range rounds {
				numbers := span(job*50, job*50+rows)
				if job%2 == 1 {
					slices.Reverse(numbers)
				}
				if err := export(t.Context(), d, string(rune('a'+job)), n*jobs+job, numbers); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if got, want := count(t, conn), rows+(jobs-1)*50; got != want {
		t.Errorf("%d rows, want %d", got, want)
	}
}

// export does a whole run. Each changes every row, by the tracks' titles.
func export(ctx context.Context, d *postgres.Destination, job string, n int, numbers []int) error {
	s, _, err := d.Begin(ctx, announce(job, n))
	if err != nil {
		return err
	}
	b := edition("acc", n, numbers)
	defer b.Record.Release()
	err = s.Write(ctx, b)
	if err == nil {
		_, err = s.Commit(ctx, load.Change{Run: record(job, n, load.StatusOK)})
	}
	return errors.Join(err, s.Close(ctx))
}

// TestRowsThatAppearAmidTheFirstCommit lets another transaction add a row, and take its
// time to commit, while a session fills the table of an account that has none.
func TestRowsThatAppearAmidTheFirstCommit(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	d, conn := open(t, url), connect(t, url)
	s, _ := begin(t, d, "job", 0)
	write(t, s, span(0, 1000))
	exec(t, conn, "BEGIN; INSERT INTO spotify.saved_tracks (account_id, track_id, first_seen_at, last_seen_at) VALUES ('acc', '"+trackID(500)+"', now(), now())")
	var g errgroup.Group
	g.Go(func() error {
		result, err := s.Commit(t.Context(), load.Change{Run: record("job", 0, load.StatusOK)})
		if diff := cmp.Diff(load.Count{Added: 999, Changed: 1}, load.Count{}.Add(result.Tables["saved_tracks"])); diff != "" {
			t.Errorf("count: %s", diff)
		}
		return err
	})
	waitForLock(t, connect(t, url))
	exec(t, conn, "COMMIT")
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if n := count(t, conn); n != 1000 {
		t.Errorf("%d rows", n)
	}
}

// waitForLock waits until a session of the database waits for another one.
func waitForLock(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for waiting := 0; waiting == 0; {
		err := conn.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&waiting)
		if err != nil {
			t.Fatal(err)
		}
	}
}
