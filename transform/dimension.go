package transform

import (
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
)

// A View is a query over tables that destinations offer under a name.
type View struct {
	// Schema is where the view is; empty: beside the tables.
	Schema string
	Name   string
	Doc    string
	// Arguments are what the query needs to be told, by their names: with some, the view
	// is a function.
	Arguments []Field
	Fields    []Field
	// Sources are what the view reads of tables; none where it reads other views.
	Sources []Source
	// SQL is the query, the same in PostgreSQL and in DuckDB; prefix goes before
	// the name of each table and view.
	SQL func(prefix string) string
}

// Path is the name of the view with its schema; prefix is that of the tables.
func (v View) Path(prefix string) string {
	if v.Schema != "" {
		prefix = v.Schema + "."
	}
	return prefix + v.Name
}

// A Source is the column of a table that identifies the thing that a row describes, or
// with List the things; none where the view is not about single things.
type Source struct {
	Table, Column string
	List          bool
}

// A Dimension declares a view with one row for each thing that tables describe, taken
// from the row that was last seen. It is declared by names, so a new table with the
// columns of a form becomes a part of it without further changes.
type Dimension struct {
	Name    string
	Doc     string
	Columns []DimensionColumn // the first identifies the thing
	// Telling are columns without which a row says so little that any other counts more,
	// the weightiest first.
	Telling []string
	// Forms are those in which tables have the thing. Of several with the same first
	// column, a table has the first.
	Forms []Form
}

// A DimensionColumn is one column of a dimension.
type DimensionColumn struct{ Name, Doc string }

// A Form names the columns of a table that describe the thing, in the order of the
// dimension's columns; an empty name stands for one that it lacks. With Lists, they are two lists of equal length, the ids and
// names of several things; an empty name is none.
type Form struct {
	Columns []string
	Lists   bool
}

// An arm is a form as one table has it.
type arm struct {
	table *Schema
	form  Form
}

func (d *Dimension) arms(tables []*Schema) []arm {
	var out []arm
	for _, t := range tables {
		taken := map[string]bool{}
		for _, f := range d.Forms {
			lacks := func(c string) bool { return c != "" && t.Index(c) < 0 }
			if !taken[f.Columns[0]] && !slices.ContainsFunc(f.Columns, lacks) {
				taken[f.Columns[0]] = true
				out = append(out, arm{t, f})
			}
		}
	}
	return out
}

// View is the dimension over some tables, of which at least one has a form of it.
func (d *Dimension) View(tables []*Schema) View {
	v := View{Name: d.Name, Doc: d.Doc, Fields: d.fields(tables), SQL: func(prefix string) string { return d.sql(tables, prefix) }}
	for _, a := range d.arms(tables) {
		v.Sources = append(v.Sources, Source{Table: a.table.Name, Column: a.form.Columns[0], List: a.form.Lists})
	}
	return v
}

// fields are the view's columns, with the types that the first table has, which lacks none.
func (d *Dimension) fields(tables []*Schema) []Field {
	a := d.arms(tables)[0]
	out := make([]Field, len(d.Columns))
	for i, c := range d.Columns {
		out[i] = Field{Name: c.Name, Doc: c.Doc, Type: a.table.Fields[a.table.Index(a.form.Columns[i])].Type, Nullable: i > 0}
		if a.form.Lists {
			out[i].Type = elementType(out[i].Type)
		}
	}
	return append(out, SeenLast())
}

// sql is the view's query. Of the rows that tell of a thing the one with the latest
// last_seen_at counts, then the first by table and key; rows without a telling column
// come last.
//
// A query that names the things, by = or = ANY, finds them by the indexes of the
// tables. A join reads the whole view, in a second for 400,000 rows of facts:
// PostgreSQL does not push joins into a DISTINCT ON. Views into which it does, with
// NOT EXISTS or LATERAL, take twice as long to read as a whole, or minutes.
func (d *Dimension) sql(tables []*Schema, prefix string) string {
	var columns, parts, order []string
	fields := d.fields(tables)
	for _, c := range d.Columns {
		columns = append(columns, c.Name)
	}
	for _, a := range d.arms(tables) {
		parts = append(parts, a.sql(fields, prefix))
	}
	for _, c := range d.Telling {
		order = append(order, c+" IS NULL, ")
	}
	return fmt.Sprintf(`SELECT DISTINCT ON (%[1]s) %[3]s, last_seen_at
FROM (
    %[4]s
) AS told
WHERE %[1]s <> ''
ORDER BY %[1]s, %[2]slast_seen_at DESC, source COLLATE "C", key COLLATE "C"`,
		columns[0], strings.Join(order, ""), strings.Join(columns, ", "), strings.Join(parts, "\n    UNION ALL\n    "))
}

// SeenLast is the column of a view that says how old its row is.
func SeenLast() Field {
	return Field{Name: LastSeenAt, Doc: "Start of the run that last saw the row new or changed, UTC.", Type: timestampType(), Nullable: true}
}

// sql selects the things that an arm describes, as the fields of the dimension.
func (a arm) sql(fields []Field, prefix string) string {
	if a.form.Lists {
		return a.listsSQL(fields, prefix)
	}
	var out, key []string
	for i, c := range a.form.Columns {
		switch {
		case c == "":
			c = "CAST(NULL AS " + fields[i].SQLType() + ") AS " + fields[i].Name
		case c != fields[i].Name:
			c += " AS " + fields[i].Name
		}
		out = append(out, c)
	}
	for _, k := range a.table.Key {
		key = append(key, sortable(k, a.table.Fields[a.table.Index(k)].Type))
	}
	return fmt.Sprintf("SELECT %s, last_seen_at, '%s.%s' AS source, concat_ws(' ', %s) AS key\n    FROM %s%[2]s",
		strings.Join(out, ", "), a.table.Name, a.form.Columns[0], strings.Join(key, ", "), prefix)
}

// listsSQL selects what an arm's lists tell. Equal lists are joined before they are
// taken apart: a track stands in the rankings of hundreds of days. Of one table's
// names that were seen last at the same time, the first in the alphabet counts.
func (a arm) listsSQL(fields []Field, prefix string) string {
	return fmt.Sprintf(`SELECT unnest(%[1]s) AS %[3]s, nullif(unnest(%[2]s), '') AS %[4]s, last_seen_at, '%[5]s.%[1]s' AS source, unnest(%[2]s) AS key
    FROM (SELECT %[1]s, %[2]s, max(last_seen_at) AS last_seen_at FROM %[6]s%[5]s GROUP BY %[1]s, %[2]s) AS lists`,
		a.form.Columns[0], a.form.Columns[1], fields[0].Name, fields[1].Name, a.table.Name, prefix)
}

// sortable writes a value of a key as a text that sorts as it does, in every engine.
func sortable(value string, t arrow.DataType) string {
	switch t.ID() {
	case arrow.STRING:
		return value
	case arrow.TIMESTAMP:
		return "lpad((extract(epoch FROM " + value + ") * 1000000)::bigint::text, 20, '0')"
	case arrow.DATE32: // as text it depends on DateStyle
		value = "(" + value + " - DATE '0001-01-01')"
	}
	return "lpad(" + value + "::text, 10, '0')"
}
