package postgres

import (
	"fmt"
	"strings"

	"github.com/tracklake/tracklake/transform"
)

// SchemaDDL makes the schema of the tables.
const SchemaDDL = "CREATE SCHEMA IF NOT EXISTS spotify;\n"

// DDL writes the SQL that makes some tables and views, as migrations hold it: with
// descriptions as comments, and with an index on each column of the tables by which
// the views find the rows that tell of a thing.
func DDL(tables []*transform.Schema, views []transform.View) string {
	var parts []string
	for _, t := range tables {
		parts = append(parts, tableDDL(t)+indexDDL(t, views))
	}
	for _, v := range views {
		parts = append(parts, viewDDL(v))
	}
	return strings.Join(parts, "\n")
}

func tableDDL(t *transform.Schema) string {
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE TABLE spotify.%s (\n", t.Name)
	for _, f := range t.Columns() {
		kind := f.SQLType()
		if !f.Nullable {
			kind += " NOT NULL"
		}
		fmt.Fprintf(&b, "    %-22s %s,\n", f.Name, kind)
	}
	fmt.Fprintf(&b, "    PRIMARY KEY (%s)\n);\n", strings.Join(t.Key, ", "))
	comment(&b, "TABLE", t.Name, t.Doc)
	columnComments(&b, t.Name, t.Columns())
	return b.String()
}

func indexDDL(t *transform.Schema, views []transform.View) string {
	var b strings.Builder
	done := map[string]bool{}
	for _, v := range views {
		for _, s := range v.Sources {
			if s.Table == t.Name && !s.List && !done[s.Column] {
				done[s.Column] = true
				fmt.Fprintf(&b, "CREATE INDEX %[1]s_%[2]s ON spotify.%[1]s (%[2]s);\n", t.Name, s.Column)
			}
		}
	}
	return b.String()
}

// viewDDL replaces a view that is there already: a new table joins those that tell
// of its things.
func viewDDL(v transform.View) string {
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE OR REPLACE VIEW spotify.%s AS\n%s;\n", v.Name, v.SQL("spotify."))
	comment(&b, "VIEW", v.Name, v.Doc)
	columnComments(&b, v.Name, v.Fields)
	return b.String()
}

func columnComments(b *strings.Builder, of string, fields []transform.Field) {
	for _, f := range fields {
		comment(b, "COLUMN", of+"."+f.Name, f.Doc)
	}
}

func comment(b *strings.Builder, kind, name, text string) {
	fmt.Fprintf(b, "COMMENT ON %s spotify.%s IS '%s';\n", kind, name, strings.ReplaceAll(text, "'", "''"))
}
