package postgres_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/tracklake/tracklake/internal/pgtest"
	"github.com/tracklake/tracklake/internal/tcpproxy"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/load/postgres"
)

const (
	cutRounds = 25
	perCommit = 20 // rows
)

// TestCommitThroughCuts breaks the connection around COMMIT, again and again,
// and holds what Commit says against what the database has.
func TestCommitThroughCuts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]cut{
		"COMMIT never arrives":      {tcpproxy.ToServer, commitMessage, 0, false},
		"half of COMMIT arrives":    {tcpproxy.ToServer, commitMessage, 7, false},
		"the reply is lost":         {tcpproxy.ToClient, commitReply, 0, true},
		"half of the reply arrives": {tcpproxy.ToClient, commitReply, 7, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			direct := pgtest.URL(t)
			p, address := pgtest.Proxy(t, direct)
			r := &cutRun{cut: c, proxy: p, d: open(t, address), conn: connect(t, direct)}
			for n := range cutRounds {
				r.round(t, n)
			}
		})
	}
}

// https://www.postgresql.org/docs/current/protocol-message-formats.html
const (
	commitMessage = "Q\x00\x00\x00\x0bcommit\x00"
	commitReply   = "C\x00\x00\x00\x0bCOMMIT\x00"
)

// A cut is where the connection breaks, and whether the commit takes effect.
type cut struct {
	way   tcpproxy.Direction
	text  string
	pass  int
	takes bool
}

type cutRun struct {
	cut
	proxy *tcpproxy.Proxy
	d     *postgres.Destination
	conn  *pgx.Conn // around the proxy
	rows  int       // that must be there
}

// round cuts the last commit of a run, or in every other round the first of
// two, so that the session has to go on.
func (r *cutRun) round(t *testing.T, n int) {
	t.Helper()
	s, state := begin(t, r.d, "job", n)
	r.sameState(t, state, n)
	last := n%2 == 0
	status := load.StatusRunning
	if last {
		status = load.StatusOK
	}
	first := n * 2 * perCommit
	write(t, s, span(first, first+perCommit))
	fired := r.proxy.When(r.way, r.text, r.pass, tcpproxy.Reset)
	change := load.Change{Run: record("job", n, status), State: load.State{"round": fmt.Append(nil, n)}}
	result, err := s.Commit(t.Context(), change)
	<-fired
	if (err == nil) != r.takes {
		t.Fatalf("round %d: Commit says %v, but took effect: %t", n, err, r.takes)
	}
	want := 0
	if r.takes {
		want = perCommit
	}
	if got := result.Tables["saved_tracks"].Added; got != want && r.takes {
		t.Errorf("round %d: %d rows inserted, want %d", n, got, want)
	}
	if r.takes && !last {
		write(t, s, span(first+perCommit, first+2*perCommit))
		want += perCommit
		result, err = s.Commit(t.Context(), load.Change{Run: record("job", n, load.StatusOK)})
		if err != nil {
			t.Fatalf("round %d: the commit after: %v", n, err)
		}
		if diff := cmp.Diff(load.Count{Added: want}, load.Count{}.Add(result.Tables["saved_tracks"])); diff != "" {
			t.Errorf("round %d: %s", n, diff)
		}
	}
	if err := s.Close(t.Context()); err != nil {
		t.Errorf("round %d: close: %v", n, err)
	}
	r.rows += want
	if got := count(t, r.conn); got != r.rows {
		t.Fatalf("round %d: %d rows, want %d", n, got, r.rows)
	}
	var logged int
	if err := r.conn.QueryRow(t.Context(), "SELECT count(*) FROM spotify.library_changes").Scan(&logged); err != nil || logged != r.rows {
		t.Fatalf("round %d: %d entries of the change log, want %d: %v", n, logged, r.rows, err)
	}
	r.sameRun(t, n, want)
}

// sameState finds the state of the last commit that took effect.
func (r *cutRun) sameState(t *testing.T, state load.State, n int) {
	t.Helper()
	want := load.State{}
	if r.takes && n > 0 {
		want["round"] = json.RawMessage(fmt.Sprint(n - 1))
	}
	if diff := cmp.Diff(want, state); diff != "" {
		t.Errorf("round %d: state: %s", n, diff)
	}
}

// sameRun compares the run record with the rows.
func (r *cutRun) sameRun(t *testing.T, n, inserted int) {
	t.Helper()
	runs, err := r.d.Runs(t.Context(), load.RunsQuery{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	status := load.StatusFailed
	if r.takes {
		status = load.StatusOK
	}
	if runs[0].Status != status || runs[0].Tables["saved_tracks"].Added != inserted {
		t.Errorf("round %d: the record says %s and %v, want %s and %d", n, runs[0].Status, runs[0].Tables, status, inserted)
	}
}
