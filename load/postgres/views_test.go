package postgres_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/internal/pgtest"
	"github.com/tracklake/tracklake/internal/pyreader"
	"github.com/tracklake/tracklake/load/postgres"
	"github.com/tracklake/tracklake/transform"
)

// duckdbScript runs the SQL of a file in DuckDB, then each query, and prints the rows.
const duckdbScript = `
import sys, json, duckdb
con = duckdb.connect()
con.execute(open(sys.argv[1]).read())
print(json.dumps([con.execute(query).fetchall() for query in sys.argv[2:]]))
`

// TestReadersAgreeOnViews fills tables with rows of few values, so that many tie,
// and finds the same in each view by PostgreSQL and by DuckDB.
func TestReadersAgreeOnViews(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		filled := postgres.SchemaDDL + postgres.DDL(catalog.Tables(), views()) + madeUpRows(rand.New(rand.NewPCG(seed, 0)), 400)
		path := filepath.Join(t.TempDir(), "filled.sql")
		if err := os.WriteFile(path, []byte(filled), 0o600); err != nil {
			t.Fatal(err)
		}
		conn := connect(t, pgtest.URL(t))
		exec(t, conn, filled)
		args := []string{path}
		for _, v := range views() {
			args = append(args, viewQuery(v))
		}
		var duck [][][]string
		if err := json.Unmarshal([]byte(pyreader.Run(t, duckdbScript, args...)), &duck); err != nil {
			t.Fatal(err)
		}
		for i, v := range views() {
			own := rowsOf(t, conn, viewQuery(v))
			if diff := cmp.Diff(own, sorted(duck[i])); diff != "" || len(own) < 8 {
				t.Errorf("seed %d: %s has %d rows (-PostgreSQL +DuckDB):\n%s", seed, v.Name, len(own), diff)
			}
		}
	}
}

// viewQuery reads a view as texts, in SQL that both engines know.
func viewQuery(v transform.View) string {
	var cells []string
	for _, f := range v.Fields {
		cell := f.Name + "::text"
		switch f.Type.ID() {
		case arrow.TIMESTAMP:
			cell = "(extract(epoch FROM " + f.Name + ") * 1000000)::bigint::text"
		case arrow.LIST:
			cell = "to_json(" + f.Name + ")::text"
		}
		cells = append(cells, "coalesce("+cell+", 'NULL')")
	}
	return "SELECT " + strings.Join(cells, ", ") + " FROM spotify." + v.Name
}

func rowsOf(t *testing.T, conn *pgx.Conn, query string) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) ([]string, error) {
		values, err := row.Values()
		cells := make([]string, len(values))
		for i, v := range values {
			cells[i] = v.(string)
		}
		return cells, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sorted(out)
}

// sorted writes each row as a line, without spaces: the engines space lists differently.
func sorted(rows [][]string) []string {
	var out []string
	for _, cells := range rows {
		out = append(out, strings.ReplaceAll(strings.Join(cells, ";"), " ", ""))
	}
	slices.Sort(out)
	return out
}

// madeUpRows writes statements that fill all tables.
func madeUpRows(r *rand.Rand, rows int) string {
	var b strings.Builder
	for _, s := range catalog.Tables() {
		fmt.Fprintf(&b, "INSERT INTO spotify.%s VALUES ", s.Name)
		for i := range rows {
			if i > 0 {
				b.WriteString(",\n")
			}
			lengths := map[string]int{}
			var cells []string
			for _, f := range s.Columns() {
				cells = append(cells, madeUp(r, f, slices.Contains(s.Key, f.Name), lengths))
			}
			fmt.Fprintf(&b, "(%s)", strings.Join(cells, ", "))
		}
		b.WriteString("\nON CONFLICT DO NOTHING;\n")
	}
	return b.String()
}

func oneOf(r *rand.Rand, values ...string) string { return values[r.IntN(len(values))] }

func madeUpText(r *rand.Rand) string {
	return oneOf(r, "''", "'Ünï 🎵'", "'o''clock'", "'Z'", "'a'", "'名 前'", "'ä'")
}

func madeUpID(r *rand.Rand) string {
	return oneOf(r, "'1a'", "'1A'", "'1Z'", "'ü1'", fmt.Sprintf("'%d'", r.IntN(20)), "''")
}

// madeUp is a literal for a column.
func madeUp(r *rand.Rand, f transform.Field, key bool, lengths map[string]int) string {
	switch id := strings.HasSuffix(f.Name, "_id"); {
	case f.Type.ID() == arrow.LIST:
		return madeUpList(r, f.Name, lengths)
	case f.Nullable && r.IntN(4) == 0:
		return "NULL"
	case f.Name == transform.AccountID:
		return oneOf(r, "'b'", "'a_b/ç'", "'0123'", "'app'")
	case f.Type.ID() == arrow.TIMESTAMP:
		return oneOf(r, "'2026-11-01 03:00:00.000001+00'", "'2026-11-01 03:00:00+00'", "'2026-10-31 23:59:59.999999+00'")
	case f.Type.ID() == arrow.DATE32:
		return oneOf(r, "'2026-11-01'", "'2026-10-31'", "'0999-02-03'")
	case f.Type.ID() == arrow.INT32:
		return fmt.Sprint(r.IntN(13))
	case f.Type.ID() == arrow.BOOL:
		return oneOf(r, "true", "false")
	case id:
		return madeUpID(r)
	case key: // time ranges, jobs
		return oneOf(r, "'short_term'", "'long_term'")
	}
	return madeUpText(r)
}

// madeUpList is a list of ids or names, or NULL; those of the same things are of equal
// length.
func madeUpList(r *rand.Rand, column string, lengths map[string]int) string {
	of, ids := strings.CutSuffix(strings.TrimSuffix(column, "_names"), "_ids")
	if _, there := lengths[of]; !there {
		lengths[of] = r.IntN(5) - 1
	}
	if lengths[of] < 0 {
		return "NULL"
	}
	elements := make([]string, lengths[of])
	for i := range elements {
		elements[i] = madeUpText(r)
		if ids {
			elements[i] = madeUpID(r)
		}
	}
	return "ARRAY[" + strings.Join(elements, ", ") + "]::text[]"
}

// TestViewsTakeWhatWasSeenLast has rows that tell differently of one thing.
func TestViewsTakeWhatWasSeenLast(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	open(t, url)
	conn := connect(t, url)
	exec(t, conn, `INSERT INTO spotify.saved_tracks (account_id, track_id, track_name, artist_ids, artist_names, album_id, album_name, first_seen_at, last_seen_at, removed_at) VALUES
			('a', 'latest', 'old', '{x,y}', '{Old,""}', 'al', 'album', '2026-01-01', '2026-01-01', NULL),
			('b', 'latest', 'new', '{x,y,x}', '{New,Y,Newer}', 'other', 'other', '2026-01-01', '2026-01-03', '2026-01-03'),
			('a', 'unnamed', 'name', NULL, NULL, '', NULL, '2026-01-01', '2026-01-01', NULL),
			('b', 'unnamed', NULL, '{}', '{}', NULL, NULL, '2026-01-01', '2026-01-02', NULL),
			('b', 'tie', 'by account', '{z}', '{}', NULL, NULL, '2026-01-01', '2026-01-02', NULL),
			('c', 'tie', 'by none', '{z}', '{""}', NULL, NULL, '2026-01-01', '2026-01-01', NULL);
		INSERT INTO spotify.top_tracks (account_id, time_range, snapshot_date, rank, track_id, track_name, album_id, album_name, first_seen_at, last_seen_at) VALUES
			('a', 'long', '2026-01-02', 10, 'tie', 'by table', NULL, NULL, '2026-01-02', '2026-01-02'),
			('a', 'long', '2026-01-02', 9, 'ranks', 'nine', 'al', 'taken later', '2026-01-02', '2026-01-02'),
			('a', 'long', '2026-01-02', 11, 'ranks', 'eleven', NULL, NULL, '2026-01-02', '2026-01-02');
		INSERT INTO spotify.plays (account_id, played_at, track_id, track_name, isrc, first_seen_at, last_seen_at) VALUES
			('a', '2026-01-01', 'coded', 'with a code', 'SE', '2026-01-01', '2026-01-01');
		INSERT INTO spotify.saved_album_tracks (account_id, album_id, disc_number, track_number, track_id, track_name, album_name, first_seen_at, last_seen_at) VALUES
			('a', 'al', 1, 1, 'coded', 'without', 'taken later', '2026-01-01', '2026-01-02'),
			('a', 'al', 1, 2, 'placed', 'with an album', 'taken later', '2026-01-01', '2026-01-01');
		INSERT INTO spotify.album_tracks (account_id, album_id, disc_number, track_number, track_id, track_name, first_seen_at, last_seen_at) VALUES
			('a', 'al', 1, 2, 'placed', 'without', '2026-01-01', '2026-01-02'),
			('a', 'al', 1, 3, 'listed', 'in its album only', '2026-01-01', '2026-01-02')`)
	for query, want := range map[string][]string{
		"SELECT track_id, track_name FROM spotify.tracks":                       {"coded;withacode", "latest;new", "listed;initsalbumonly", "placed;withanalbum", "ranks;nine", "tie;byaccount", "unnamed;name"},
		"SELECT album_id, album_name FROM spotify.albums":                       {"al;takenlater", "other;other"},
		"SELECT artist_id, coalesce(artist_name, 'NULL') FROM spotify.artists":  {"x;New", "y;Y", "z;NULL"},
		"SELECT track_id, artist_id, position::text FROM spotify.track_artists": {"latest;x;1", "latest;y;2", "tie;z;1"},
	} {
		if diff := cmp.Diff(want, rowsOf(t, conn, query)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
}
