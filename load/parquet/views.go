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

// viewsSQL makes the tables and the views over them in DuckDB.
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
		fmt.Fprintf(&b, "\n-- %s\nCREATE OR REPLACE VIEW %s AS\n%s;\n", v.Doc, v.Name, v.SQL(""))
	}
	return b.String()
}
