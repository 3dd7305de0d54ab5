package postgres_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/internal/pgtest"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/load/postgres"
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

func TestSchemaVersions(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	var schema *load.SchemaError
	if _, err := postgres.Open(t.Context(), url, postgres.Options{NoMigrate: true}); !errors.As(err, &schema) || schema.Hint == "" {
		t.Errorf("an empty database: %v", err)
	}
	var both sync.WaitGroup
	for range 4 {
		both.Go(func() {
			if _, err := postgres.Migrate(t.Context(), url, false); err != nil {
				t.Errorf("migrating side by side: %v", err)
			}
		})
	}
	both.Wait()
	exec(t, connect(t, url), "INSERT INTO exporter.migrations (version_id, is_applied) VALUES (99, true)")
	for _, noMigrate := range []bool{true, false} {
		_, err := postgres.Open(t.Context(), url, postgres.Options{NoMigrate: noMigrate})
		if !errors.As(err, &schema) || schema.Have != 99 {
			t.Errorf("a newer schema: %v", err)
		}
	}
}

func TestUnreachableTellsNoPassword(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"postgres://me:hunter2@127.0.0.1:1/db?connect_timeout=1", "postgres://me:hunter2@bad host/db", "host=127.0.0.1 port=x password=hunter2",
		strings.Replace(pgtest.URL(t), "/test_", "/absent_", 1),
	} {
		_, err := postgres.Open(t.Context(), url, postgres.Options{})
		var hinted interface{ Hint() string }
		if err == nil || strings.Contains(err.Error(), "hunter2") || !errors.As(err, &hinted) || hinted.Hint() == "" {
			t.Errorf("error = %v, want one with a hint and without the password", err)
		}
	}
}
