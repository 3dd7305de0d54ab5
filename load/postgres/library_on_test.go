package postgres_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/internal/pgtest"
	"github.com/tracklake/tracklake/internal/pyreader"
	"github.com/tracklake/tracklake/load/postgres"
)

// libraryOn asks for the library of a day, in SQL that both engines know.
func libraryOn(day string) string {
	return "SELECT account_id, resource, list_id, item_id, coalesce(name, 'NULL'), (extract(epoch FROM since) * 1000000)::bigint::text FROM analytics.library_on(DATE '" + day + "')"
}

// history is a made-up change log of twenty days: items come, go and return, at midnight
// too, in two accounts and by two jobs.
func history(r *rand.Rand) string {
	var rows []string
	for _, account := range []string{"b", "a_b/ç"} {
		for item := range 40 {
			list := oneOf(r, "''", "'list'")
			name := oneOf(r, "NULL", "'Ünï 🎵'", "'o''clock'")
			change := "added"
			for day := r.IntN(18); day < 20; day += 1 + r.IntN(6) {
				at := fmt.Sprintf("2026-11-%02d %s+00", day+1, oneOf(r, "00:00:00", "03:00:00.123456", "23:59:59.999999"))
				rows = append(rows, fmt.Sprintf("('%s', %s, %s, %s, 'item-%d', '%s', %s, '%s', '%[6]s', '%[6]s')",
					account, oneOf(r, "'job'", "'new name'"), oneOf(r, "'saved_tracks'"), list, item, at, name, change))
				change = map[string]string{"added": "removed", "returned": "removed", "removed": "returned"}[change]
			}
		}
	}
	return "INSERT INTO spotify.library_changes VALUES " + strings.Join(rows, ",\n") + ";\n"
}

// duckdbZones runs the SQL of a file in DuckDB, in a time zone of its own, and then each
// query.
const duckdbZones = `
import sys, json, duckdb
con = duckdb.connect()
con.execute("SET TimeZone = 'America/New_York'")
con.execute(open(sys.argv[1]).read())
print(json.dumps([con.execute(query).fetchall() for query in sys.argv[2:]]))
`

// TestReadersAgreeOnTheLibraryOfADay finds the same in PostgreSQL and in DuckDB, each in
// a time zone in which the day is another one.
func TestReadersAgreeOnTheLibraryOfADay(t *testing.T) {
	t.Parallel()
	rows := history(rand.New(rand.NewPCG(13, 0)))
	conn := connect(t, pgtest.URL(t))
	exec(t, conn, "SET TimeZone = 'Asia/Tokyo'")
	exec(t, conn, postgres.SchemaDDL+postgres.DDL(catalog.Tables(), catalog.Views())+rows)
	filled := postgres.SchemaDDL + postgres.DDL(catalog.Tables(), nil) + rows
	for _, v := range functions() {
		filled += fmt.Sprintf("CREATE SCHEMA IF NOT EXISTS %s; CREATE MACRO %s(%s) AS TABLE %s;\n", v.Schema, v.Path(""), v.Arguments[0].Name, v.SQL("spotify."))
	}
	path := filepath.Join(t.TempDir(), "filled.sql")
	if err := os.WriteFile(path, []byte(filled), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{path}
	for day := range 23 {
		args = append(args, libraryOn(fmt.Sprintf("2026-11-%02d", day+1)))
	}
	args = append(args, libraryOn("2026-10-31"))
	var duck [][][]string
	if err := json.Unmarshal([]byte(pyreader.Run(t, duckdbZones, args...)), &duck); err != nil {
		t.Fatal(err)
	}
	for i, query := range args[1:] {
		own := rowsOf(t, conn, query)
		if diff := cmp.Diff(own, sorted(duck[i])); diff != "" {
			t.Errorf("%s (-PostgreSQL +DuckDB):\n%s", query, diff)
		}
		if before := strings.Contains(query, "2026-10-31"); (len(own) == 0) != before {
			t.Errorf("%s finds %d rows", query, len(own))
		}
	}
}

// TestLibraryOn asks for days before, between and after changes.
func TestLibraryOn(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	open(t, url)
	conn := connect(t, url)
	exec(t, conn, `SET TimeZone = 'Asia/Tokyo';
		INSERT INTO spotify.library_changes (account_id, job, resource, list_id, item_id, changed_at, name, change, first_seen_at, last_seen_at)
		SELECT 'a', job, resource, list, item, at::timestamptz, name, change, at::timestamptz, at::timestamptz FROM (VALUES
			('job', 'saved_tracks', '', '1', '2026-11-01 23:59:59.999999+00', 'One', 'added'),
			('job', 'saved_tracks', '', '1', '2026-11-03 00:00:00+00', 'One', 'removed'),
			('new', 'saved_tracks', '', '1', '2026-11-05 12:00:00+00', 'One again', 'returned'),
			('job', 'playlist_items', 'p', '1', '2026-11-02 00:00:00+00', NULL, 'added'),
			('job', 'playlist_items', 'q', '1', '2026-11-02 12:00:00+00', 'One', 'added'),
			('job', 'playlist_items', 'q', '1', '2026-11-02 13:00:00+00', 'One', 'removed')
		) AS v (job, resource, list, item, at, name, change)`)
	first, second, third := "a;saved_tracks;;1;One;1793577599999999", "a;playlist_items;p;1;NULL;1793577600000000", "a;saved_tracks;;1;Oneagain;1793880000000000"
	for day, want := range map[string][]string{
		"2026-10-31": nil, "2026-11-01": {first}, "2026-11-02": {second, first}, "2026-11-03": {second},
		"2026-11-04": {second}, "2026-11-05": {second, third}, "2027-01-01": {second, third},
	} {
		if diff := cmp.Diff(want, rowsOf(t, conn, libraryOn(day))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", day, diff)
		}
	}
	plan := strings.Join(rowsOf(t, conn, "EXPLAIN "+libraryOn("2026-11-01")+" WHERE account_id = 'a'"), "\n")
	if strings.Contains(plan, "FunctionScan") || !strings.Contains(plan, "(account_id='a'::text)") {
		t.Errorf("the function is not inlined:\n%s", plan)
	}
}
