package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/jackc/pgx/v5"

	"github.com/tracklake/tracklake/internal/pgtest"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/load/loadtest"
	"github.com/tracklake/tracklake/load/postgres"
	"github.com/tracklake/tracklake/transform"
)

func open(t *testing.T, url string) *postgres.Destination {
	t.Helper()
	d, err := postgres.Open(t.Context(), url, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	return d
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(t.Context()) })
	return conn
}

func exec(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// asText writes a column as the suite wants to see it.
func asText(f transform.Field) string {
	switch f.Type.ID() {
	case arrow.TIMESTAMP:
		return fmt.Sprintf("(extract(epoch FROM %s) * 1000000)::bigint::text", f.Name)
	case arrow.LIST:
		return fmt.Sprintf("'[' || array_to_string(%s, '|') || ']'", f.Name)
	default:
		return f.Name + "::text"
	}
}

func TestSuite(t *testing.T) {
	t.Parallel()
	loadtest.Run(t, func(t *testing.T) loadtest.Harness {
		t.Helper()
		url := pgtest.URL(t)
		open := func(t *testing.T) load.Destination {
			t.Helper()
			d, err := postgres.Open(t.Context(), url, postgres.Options{Tables: append(loadtest.Tables(), changeLog())})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { d.Close(context.WithoutCancel(t.Context())) })
			return d
		}
		d := open(t)
		conn := connect(t, url)
		exec(t, conn, postgres.DDL(loadtest.Tables(), nil))
		return loadtest.Harness{
			Destination: d,
			Reopen:      open,
			Rows: func(t *testing.T, table *transform.Schema, columns ...string) [][]string {
				t.Helper()
				return readRows(t, conn, table, columns)
			},
			Empty: func(t *testing.T, table *transform.Schema) {
				t.Helper()
				exec(t, conn, "TRUNCATE spotify."+table.Name)
			},
		}
	})
}

func changeLog() *transform.Schema {
	s, err := transform.ChangeLog().Schema()
	if err != nil {
		panic(err)
	}
	return s
}

func readRows(t *testing.T, conn *pgx.Conn, table *transform.Schema, columns []string) [][]string {
	t.Helper()
	var parts []string
	for _, c := range columns {
		for _, f := range table.Columns() {
			if f.Name == c {
				parts = append(parts, "coalesce("+asText(f)+", 'NULL')")
			}
		}
	}
	rows, err := conn.Query(t.Context(), fmt.Sprintf("SELECT ARRAY[%s] FROM spotify.%s", strings.Join(parts, ", "), table.Name))
	if err != nil {
		t.Fatal(err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[[]string])
	if err != nil {
		t.Fatal(err)
	}
	return out
}
