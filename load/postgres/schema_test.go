package postgres_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/internal/pgtest"
)

// column is a column as a database or a declaration has it.
type column struct {
	Type, Doc string
	NotNull   bool
}

// table is a table as a database or a declaration has it.
type table struct {
	Doc     string
	Key     string
	Columns map[string]column
}

func declared() map[string]table {
	out := map[string]table{}
	for _, s := range catalog.Tables() {
		t := table{Doc: s.Doc, Key: strings.Join(s.Key, ","), Columns: map[string]column{}}
		for _, f := range s.Columns() {
			t.Columns[f.Name] = column{Type: columnType(f.Type), Doc: f.Doc, NotNull: !f.Nullable}
		}
		out[s.Name] = t
	}
	return out
}

func migrated(t *testing.T, conn *pgx.Conn) map[string]table {
	t.Helper()
	out := map[string]table{}
	rows, err := conn.Query(t.Context(), `SELECT c.relname, coalesce(obj_description(c.oid), ''),
			(SELECT string_agg(a.attname, ',' ORDER BY k.n) FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k(col, n), pg_attribute a
			 WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid AND a.attnum = k.col),
			a.attname, format_type(a.atttypid, a.atttypmod), coalesce(col_description(c.oid, a.attnum), ''), a.attnotnull
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		WHERE c.relnamespace = 'spotify'::regnamespace AND c.relkind = 'r'`)
	if err != nil {
		t.Fatal(err)
	}
	var name, doc, key, attribute string
	var c column
	_, err = pgx.ForEachRow(rows, []any{&name, &doc, &key, &attribute, &c.Type, &c.Doc, &c.NotNull}, func() error {
		if out[name].Columns == nil {
			out[name] = table{Doc: doc, Key: key, Columns: map[string]column{}}
		}
		out[name].Columns[attribute] = c
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestDeclaredTablesMatchMigrations(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	open(t, url)
	if diff := cmp.Diff(declared(), migrated(t, connect(t, url))); diff != "" {
		t.Errorf("declarations in catalog/ and tables of migrations/ differ (-declared +migrated):\n%s", diff)
	}
}
