package postgres_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tracklake/tracklake/internal/pgtest"
	"github.com/tracklake/tracklake/internal/tcpproxy"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/load/postgres"
)

const (
	answer = 1500 * time.Millisecond // that is waited for in these tests
	lock   = 200 * time.Millisecond
)

// A logged text is what a destination has logged so far.
type logged struct {
	mu sync.Mutex
	bytes.Buffer
}

// Write logs.
func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

func (l *logged) holds(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.String(), text)
}

// impatient are options with which nothing is waited for longer than a test can take.
func impatient(to *logged) postgres.Options {
	return postgres.WithLimits(postgres.Options{Log: slog.New(slog.NewTextHandler(to, nil))}, answer, lock)
}

// within does something that must end in time.
func within(t *testing.T, limit time.Duration, what string, f func()) {
	t.Helper()
	began := time.Now()
	f()
	if took := time.Since(began); took > limit {
		t.Errorf("%s took %s, want at most %s", what, took, limit)
	}
}

// hint is what an error tells to do.
func hint(err error) string {
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		return hinted.Hint()
	}
	return ""
}

// perform does a run of ten rows, and tells whether its commit is said to have taken
// effect. The error is that of the first step that failed, or of the end.
func perform(t *testing.T, d *postgres.Destination, job string, n int, numbers []int, begun func()) (committed bool, err error) {
	t.Helper()
	s, _, err := d.Begin(t.Context(), announce(job, n))
	if err != nil {
		return false, err
	}
	begun()
	b := tracks("acc", numbers)
	defer b.Record.Release()
	if err = s.Write(t.Context(), b); err == nil {
		_, err = s.Commit(t.Context(), load.Change{Run: record(job, n, load.StatusOK)})
		committed = err == nil
	}
	within(t, 2*answer, "closing", func() { err = cmp.Or(err, s.Close(t.Context())) })
	return committed, err
}

// A step is a step of a run that sends a text to the server.
type step struct {
	text      string
	early     bool // it comes before the run is recorded
	committed bool // it comes after the commit
}

func steps() map[string]step {
	return map[string]step{
		"lock job":                  {text: "pg_try_advisory_lock", early: true},
		"begin run":                 {text: "INSERT INTO exporter.fences", early: true},
		"make staging table":        {text: "CREATE TEMPORARY TABLE"},
		"copy into saved_tracks":    {text: "COPY "},
		"begin commit":              {text: "begin\x00"},
		"prepare commit":            {text: "SELECT fence"},
		"merge saved_tracks":        {text: `INSERT INTO "spotify"`},
		"keep state and run record": {text: "UPDATE exporter.fences"},
		"commit":                    {text: commitMessage},
		"release the lock":          {text: "pg_advisory_unlock_all", committed: true},
	}
}

// TestNetworkThatFails lets the connection fail at each step of a run, in several ways.
// Others work.
func TestNetworkThatFails(t *testing.T) {
	t.Parallel()
	direct := pgtest.URL(t)
	open(t, direct) // migrates
	t.Run("at", func(t *testing.T) {
		for name, f := range map[string]tcpproxy.Fault{
			"silent":           tcpproxy.Silence(),
			"silent to client": tcpproxy.Silence(tcpproxy.ToClient),
			"half-open":        tcpproxy.HalfOpen,
			"reset":            tcpproxy.Reset,
		} {
			for doing, at := range steps() {
				if name == "silent to client" && doing != "lock job" && doing != "commit" {
					continue // elsewhere it is the same whether the server hears of it
				}
				t.Run(doing+", "+name, func(t *testing.T) {
					t.Parallel()
					failAt(t, direct, doing, name, at, f)
				})
			}
		}
	})
}

// failAt does a run whose connection fails, and another one.
func failAt(t *testing.T, direct, doing, name string, at step, f tcpproxy.Fault) {
	t.Helper()
	p, address := pgtest.Proxy(t, direct)
	log := &logged{}
	d, err := postgres.Open(t.Context(), address, impatient(log))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close(t.Context())
	job := doing + ", " + name // to which others do nothing
	from := int(crc32.ChecksumIEEE([]byte(job)))
	var fired <-chan struct{}
	arm := func() { fired = p.When(tcpproxy.ToServer, at.text, 0, f) }
	begun := arm
	if at.early {
		arm()
		begun = func() {}
	}
	var committed bool
	within(t, 5*answer, "the run", func() { committed, err = perform(t, d, job, 1, span(from, from+10), begun) })
	<-fired
	told := at.committed || doing == "commit" && name == "silent to client" // the server did it
	if committed != told {
		t.Errorf("committed: %v, want %v; %v", committed, told, err)
	}
	rows, want := 0, []load.Status{load.StatusOK, load.StatusFailed}
	if told {
		rows, want[1] = 10, load.StatusOK
	}
	if at.early {
		want = want[:1]
	}
	var n int
	if err := connect(t, direct).QueryRow(t.Context(), "SELECT count(*) FROM spotify.saved_tracks WHERE track_id = ANY($1)", trackIDs(from, from+10)).Scan(&n); err != nil || n != rows {
		t.Errorf("%d rows, want %d; %v", n, rows, err)
	}
	if strings.HasPrefix(name, "silent") && !log.holds(doing) {
		t.Errorf("nobody is told what is waited for: %s", log)
	}
	// What is left behind must not stop the next run.
	within(t, 2*answer, "the next run", func() {
		if _, err := perform(t, d, job, 2, span(from, from+10), func() {}); err != nil {
			t.Errorf("the next run: %v", err)
		}
	})
	sameStatuses(t, d, job, want...)
}

func trackIDs(from, to int) []string {
	var out []string
	for _, n := range span(from, to) {
		out = append(out, trackID(n))
	}
	return out
}

// TestDatabaseThatIsGone loses the database for good, at the beginning and amid a commit.
func TestDatabaseThatIsGone(t *testing.T) {
	t.Parallel()
	direct := pgtest.URL(t)
	open(t, direct) // migrates
	for name, text := range map[string]string{"at once": "", "amid a commit": commitMessage} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, address := pgtest.Proxy(t, direct)
			lose := func(*tcpproxy.Conn) {
				p.DoNew(tcpproxy.Silence())
				p.Do(tcpproxy.Silence())
			}
			log := &logged{}
			if text == "" {
				lose(nil)
				within(t, 2*answer, "opening", func() {
					_, err := postgres.Open(t.Context(), address, impatient(log))
					if err == nil || !strings.Contains(err.Error(), "no answer") || !log.holds("waiting for PostgreSQL") {
						t.Errorf("error %v, log %s", err, log)
					}
				})
				return
			}
			d, err := postgres.Open(t.Context(), address, impatient(log))
			if err != nil {
				t.Fatal(err)
			}
			s, _ := begin(t, d, "job", 1)
			write(t, s, span(0, 10))
			p.When(tcpproxy.ToServer, text, 0, lose)
			within(t, 4*answer, "the commit", func() {
				_, err = s.Commit(t.Context(), load.Change{Run: record("job", 1, load.StatusOK)})
			})
			if err == nil || !strings.Contains(err.Error(), "cannot tell whether the commit took effect") || !strings.Contains(hint(err), "as a whole or not at all") {
				t.Errorf("commit: %v, hint %q", err, hint(err))
			}
			if _, again := s.Commit(t.Context(), load.Change{Run: record("job", 1, load.StatusOK)}); again == nil {
				t.Error("another commit was accepted")
			}
			within(t, 3*answer, "closing", func() {
				if err := s.Close(t.Context()); err == nil {
					t.Error("closing says nothing")
				}
			})
			within(t, 3*answer, "closing the destination", func() { _ = d.Close(t.Context()) })
		})
	}
}

// TestHalfOpenCommit loses a connection in COMMIT of which the server is not told, with
// the limits of real life: none of them may have to pass.
func TestHalfOpenCommit(t *testing.T) {
	t.Parallel()
	direct := pgtest.URL(t)
	p, address := pgtest.Proxy(t, direct)
	d := open(t, address)
	s, _ := begin(t, d, "job", 1)
	write(t, s, span(0, 10))
	fired := p.When(tcpproxy.ToServer, commitMessage, 0, tcpproxy.HalfOpen)
	within(t, 5*time.Second, "commit and close", func() {
		_, err := s.Commit(t.Context(), load.Change{Run: record("job", 1, load.StatusOK)})
		if err == nil || !strings.Contains(err.Error(), "did not take effect") || hint(err) != "run it again" {
			t.Errorf("commit: %v, hint %q", err, hint(err))
		}
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	<-fired
	sameStatuses(t, d, "job", load.StatusFailed)
	runs, err := d.Runs(t.Context(), load.RunsQuery{})
	if err != nil || !strings.Contains(runs[0].Message, "did not take effect") {
		t.Errorf("record: %+v, %v", runs, err)
	}
}

// TestSlowCopy copies for longer than an answer may take, but gets on.
func TestSlowCopy(t *testing.T) {
	t.Parallel()
	direct := pgtest.URL(t)
	open(t, direct) // migrates
	p, address := pgtest.Proxy(t, direct)
	log := &logged{}
	d, err := postgres.Open(t.Context(), address, impatient(log))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close(t.Context())
	s, _ := begin(t, d, "job", 1)
	p.Do(tcpproxy.Slow(1_200_000))
	began := time.Now()
	write(t, s, span(0, 12000))
	if took := time.Since(began); took < 2*answer {
		t.Errorf("copying took only %s", took)
	}
	if !log.holds("copy into saved_tracks") {
		t.Error("nobody is told what is waited for")
	}
}

// TestLockOfAnotherSession meets a row that somebody else keeps locked.
func TestLockOfAnotherSession(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	open(t, url) // migrates
	d, err := postgres.Open(t.Context(), url, impatient(&logged{}))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close(t.Context())
	if committed, err := perform(t, d, "job", 1, span(10, 20), func() {}); !committed {
		t.Fatal(err)
	}
	conn := connect(t, url)
	exec(t, conn, "BEGIN; UPDATE spotify.saved_tracks SET track_name = 'locked'")
	s, _ := begin(t, d, "job", 2)
	b := edition("acc", 2, span(10, 20))
	defer b.Record.Release()
	if err := s.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	within(t, 20*lock, "the commit", func() {
		_, err = s.Commit(t.Context(), load.Change{Run: record("job", 2, load.StatusOK)})
	})
	if err == nil || !strings.Contains(hint(err), "pg_stat_activity") {
		t.Errorf("commit: %v, hint %q", err, hint(err))
	}
	exec(t, conn, "ROLLBACK")
	if result, err := s.Commit(t.Context(), load.Change{Run: record("job", 2, load.StatusOK)}); err != nil || result.Tables["saved_tracks"].Changed != 10 {
		t.Errorf("when the lock is gone: %v, %v", result, err)
	}
}

// TestNothingStaysOpen looks for a transaction after each way in which a commit does not
// take place.
func TestNothingStaysOpen(t *testing.T) {
	t.Parallel()
	for name, attempt := range map[string]func(t *testing.T, d *postgres.Destination, s load.Session) error{
		"a dry run": func(t *testing.T, _ *postgres.Destination, s load.Session) error {
			t.Helper()
			_, err := s.Commit(t.Context(), load.Change{Run: record("job", 1, load.StatusRunning), DryRun: true})
			return err
		},
		"a session that was overtaken": func(t *testing.T, d *postgres.Destination, s load.Session) error {
			t.Helper()
			if err := d.LoseLock(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			begin(t, d, "job", 2)
			if _, err := s.Commit(t.Context(), load.Change{Run: record("job", 1, load.StatusOK)}); !errors.Is(err, load.ErrFenced) {
				return fmt.Errorf("commit: %w", err)
			}
			return nil
		},
		"an error of the server": func(t *testing.T, _ *postgres.Destination, s load.Session) error {
			t.Helper()
			if _, err := s.Commit(t.Context(), load.Change{Run: record("job", 1, load.StatusOK), State: load.State{"k": []byte("no JSON")}}); err == nil {
				return errors.New("no error")
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := pgtest.URL(t)
			d, conn := open(t, url), connect(t, url)
			s, _ := begin(t, d, "job", 1)
			write(t, s, span(0, 10))
			if err := attempt(t, d, s); err != nil {
				t.Fatal(err)
			}
			var open int
			if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
				WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL`).Scan(&open); err != nil || open != 0 {
				t.Errorf("%d transactions are open, %v", open, err)
			}
		})
	}
}
