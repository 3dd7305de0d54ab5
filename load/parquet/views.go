package parquet

import (
	"fmt"
	"io"
	"strings"

	"github.com/tracklake/tracklake/transform"
)

// makeViews writes views.sql, if it says something else.
func (u *upgrader) makeViews() error {
	text := viewsSQL(u.root, u.options.Tables, u.options.Views)
	have, err := readAll(u.storage, "views.sql")
	if err != nil || string(have) == text {
		return err
	}
	return u.storage.Put("views.sql", func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
}

// viewsSQL makes the tables and the views over them in DuckDB, where functions are
// macros.
func viewsSQL(root string, tables []*transform.Schema, views []transform.View) string {
	var b strings.Builder
	b.WriteString(`-- The tables of this lake, and views over them, in DuckDB. Made by exporter.
-- Elsewhere than where it was written, say first where the lake is:
--   SET VARIABLE tracklake = '/path/to/the/lake';
`)
	for _, t := range tables {
		fmt.Fprintf(&b, "\n-- %s\nCREATE OR REPLACE VIEW %s AS\nSELECT * FROM read_parquet(coalesce(getvariable('tracklake'), '%s') || '/%s/**/*.parquet', union_by_name = true);\n",
			t.Doc, t.Name, strings.ReplaceAll(root, "'", "''"), t.Name)
	}
	for _, v := range views {
		fmt.Fprintf(&b, "\n-- %s\n", v.Doc)
		if v.Schema != "" {
			fmt.Fprintf(&b, "CREATE SCHEMA IF NOT EXISTS %s;\n", v.Schema)
		}
		what := "VIEW " + v.Path("") + " AS"
		if len(v.Arguments) > 0 {
			what = "MACRO " + v.Path("") + "(" + arguments(v) + ") AS TABLE"
		}
		fmt.Fprintf(&b, "CREATE OR REPLACE %s\n%s;\n", what, v.SQL(""))
	}
	return b.String()
}

// arguments lists the names of a function's arguments.
func arguments(v transform.View) string {
	var out []string
	for _, a := range v.Arguments {
		out = append(out, a.Name)
	}
	return strings.Join(out, ", ")
}
