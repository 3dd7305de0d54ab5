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
	comment(&b, "TABLE", "spotify."+t.Name, t.Doc)
	columnComments(&b, "spotify."+t.Name, t.Columns())
	return b.String()
}

func indexDDL(t *transform.Schema, views []transform.View) string {
	var b strings.Builder
	done := map[string]bool{}
	for _, v := range views {
		for _, s := range v.Sources {
			if s.Table == t.Name && s.Column != "" && !s.List && !done[s.Column] {
				done[s.Column] = true
				fmt.Fprintf(&b, "CREATE INDEX %[1]s_%[2]s ON spotify.%[1]s (%[2]s);\n", t.Name, s.Column)
			}
		}
	}
	return b.String()
}

// viewDDL replaces a view that is there already: a new table joins those that tell
// of its things. PostgreSQL inlines a function of one query, so that conditions on its
// rows reach the table.
func viewDDL(v transform.View) string {
	var b strings.Builder
	name, query := v.Path("spotify."), v.SQL("spotify.")
	if v.Schema != "" {
		// IF NOT EXISTS would take the right to create schemas also where it exists.
		fmt.Fprintf(&b, "DO $$ BEGIN IF to_regnamespace('%[1]s') IS NULL THEN CREATE SCHEMA %[1]s; END IF; END $$;\n", v.Schema)
	}
	if len(v.Arguments) > 0 {
		fmt.Fprintf(&b, "CREATE OR REPLACE FUNCTION %s(%s)\nRETURNS TABLE (%s)\nLANGUAGE sql STABLE PARALLEL SAFE AS $$\n%s\n$$;\n",
			name, typed(v.Arguments), typed(v.Fields), query)
		comment(&b, "FUNCTION", name, v.Doc)
		return b.String()
	}
	fmt.Fprintf(&b, "CREATE OR REPLACE VIEW %s AS\n%s;\n", name, query)
	comment(&b, "VIEW", name, v.Doc)
	columnComments(&b, name, v.Fields)
	return b.String()
}

// typed lists fields with their types.
func typed(fields []transform.Field) string {
	var out []string
	for _, f := range fields {
		out = append(out, f.Name+" "+f.SQLType())
	}
	return strings.Join(out, ", ")
}

func columnComments(b *strings.Builder, of string, fields []transform.Field) {
	for _, f := range fields {
		comment(b, "COLUMN", of+"."+f.Name, f.Doc)
	}
}

func comment(b *strings.Builder, kind, name, text string) {
	fmt.Fprintf(b, "COMMENT ON %s %s IS '%s';\n", kind, name, strings.ReplaceAll(text, "'", "''"))
}
