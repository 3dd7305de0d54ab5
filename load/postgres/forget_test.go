package postgres_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tracklake/tracklake/internal/pgtest"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/load/postgres"
)

// TestForgettingLeavesNoTrace looks for the account in every row that is left.
func TestForgettingLeavesNoTrace(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	d, err := postgres.Open(t.Context(), url, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close(t.Context())
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	const gone, stays = "aGoneForGood", "aStays"
	for _, account := range []string{gone, stays} {
		run := load.Run{ID: "run of " + account, Account: account, Job: "j", Resource: "r", Kind: "run", Status: load.StatusRunning, StartedAt: moment(0)}
		s, _, err := d.Begin(t.Context(), load.Job{Account: account, Name: "j", Resource: "r", Run: run})
		if err != nil {
			t.Fatal(err)
		}
		run.Status, run.Message = load.StatusOK, "of "+account
		if _, err := s.Commit(t.Context(), load.Change{Run: run, State: load.State{"k": []byte(`"v"`)}}); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(t.Context(), `INSERT INTO spotify.saved_tracks (account_id, track_id, added_at, first_seen_at, last_seen_at)
			VALUES ($1, 't', now(), now(), now())`, account); err != nil {
			t.Fatal(err)
		}
	}
	if found := search(t, conn, gone); len(found) != 4 {
		t.Fatalf("before, it is in %v", found)
	}
	before := search(t, conn, stays)
	out, err := d.Forget(t.Context(), gone, false)
	if err != nil || out.Rows["saved_tracks"] != 1 || out.State != 1 || out.Runs != 1 {
		t.Errorf("%+v, %v", out, err)
	}
	if found := search(t, conn, gone); len(found) > 0 {
		t.Errorf("it is left in %v", found)
	}
	if after := search(t, conn, stays); len(after) != len(before) {
		t.Errorf("the other was in %v, is in %v", before, after)
	}
}

// search lists the tables that hold a text.
func search(t *testing.T, conn *pgx.Conn, text string) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), "SELECT table_schema || '.' || table_name FROM information_schema.tables WHERE table_schema IN ('spotify', 'exporter')")
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, table := range tables {
		var found bool
		sql := "SELECT EXISTS (SELECT FROM " + pgx.Identifier(strings.Split(table, ".")).Sanitize() + " AS x WHERE x::text LIKE '%' || $1 || '%')"
		if err := conn.QueryRow(t.Context(), sql, text).Scan(&found); err != nil {
			t.Fatal(err)
		}
		if found {
			out = append(out, table)
		}
	}
	return out
}
