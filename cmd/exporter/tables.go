package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/load/postgres"
	"github.com/tracklake/tracklake/transform"
)

type tablesCmd struct {
	Tables   []string `arg:"" optional:"" help:"Tables and views to describe; default: all."`
	JSON     bool     `name:"json" help:"Print as JSON." xor:"form"`
	Markdown bool     `help:"Print as Markdown." xor:"form"`
	DDL      bool     `name:"ddl" help:"Print the SQL that creates the tables in PostgreSQL, with the views that read them." xor:"form"`
}

// Run is the command tables.
func (c *tablesCmd) Run(a *app) error {
	tables, views, err := pick(c.Tables)
	if err != nil {
		return err
	}
	switch {
	case c.JSON:
		return a.printJSON(describe(tables, views))
	case c.Markdown:
		printMarkdown(a.stdout, describe(tables, views))
	case c.DDL:
		if len(c.Tables) == 0 {
			fmt.Fprint(a.stdout, postgres.SchemaDDL, "\n")
		}
		fmt.Fprint(a.stdout, postgres.DDL(tables, withReaders(views, tables)))
	default:
		printTables(a.stdout, describe(tables, views))
	}
	return nil
}

// pick returns the tables and views of some names, or all.
func pick(names []string) ([]*transform.Schema, []transform.View, error) {
	tables, views := catalog.Tables(), catalog.Views()
	if len(names) == 0 {
		return tables, views, nil
	}
	var known []string
	for _, t := range tables {
		known = append(known, t.Name)
	}
	for _, v := range views {
		known = append(known, v.Path(""))
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, nil, &usageError{fmt.Errorf("there is no table %q; the tables and views are %s", name, strings.Join(known, ", "))}
		}
	}
	tables = slices.DeleteFunc(tables, func(t *transform.Schema) bool { return !slices.Contains(names, t.Name) })
	views = slices.DeleteFunc(views, func(v transform.View) bool { return !slices.Contains(names, v.Path("")) })
	return tables, views, nil
}

// withReaders adds the views that read one of the tables: a migration that creates a
// table recreates them.
func withReaders(views []transform.View, tables []*transform.Schema) []transform.View {
	return slices.DeleteFunc(catalog.Views(), func(v transform.View) bool {
		named := slices.ContainsFunc(views, func(o transform.View) bool { return o.Name == v.Name })
		reads := slices.ContainsFunc(v.Sources, func(s transform.Source) bool {
			return slices.ContainsFunc(tables, func(t *transform.Schema) bool { return t.Name == s.Table })
		})
		return !named && !reads
	})
}

// tableInfo is the JSON form of a table, view or function.
type tableInfo struct {
	// Name is that of the table, view or function, with its schema where it is not among the tables.
	Name string `json:"name"`
	// Kind is one of table, view and function.
	Kind string `json:"kind"`
	// Doc is what its rows are.
	Doc string `json:"description"`
	// Key is the primary key of a table.
	Key []string `json:"key,omitempty"`
	// Folders are the columns by which a Parquet lake splits a table into folders.
	Folders []string `json:"folders,omitempty"`
	// Arguments are those of a function.
	Arguments []columnInfo `json:"arguments,omitempty"`
	// Columns are in the order of the table.
	Columns []columnInfo `json:"columns"`
}

// columnInfo is the JSON form of a column.
type columnInfo struct {
	// Column is its name.
	Column string `json:"column"`
	// Type is that of PostgreSQL.
	Type string `json:"type"`
	// Nullable: values may be NULL.
	Nullable bool `json:"nullable"`
	// Doc is what its values are.
	Doc string `json:"description"`
}

func describe(tables []*transform.Schema, views []transform.View) []tableInfo {
	var out []tableInfo
	for _, s := range tables {
		out = append(out, tableInfo{Name: s.Name, Kind: "table", Doc: s.Doc, Key: s.Key, Folders: s.Key[:s.Split], Columns: columnsOf(s.Columns())})
	}
	for _, v := range views {
		info := tableInfo{Name: v.Path(""), Kind: "view", Doc: v.Doc, Arguments: columnsOf(v.Arguments), Columns: columnsOf(v.Fields)}
		if len(v.Arguments) > 0 {
			info.Kind = "function"
		}
		out = append(out, info)
	}
	return out
}

func columnsOf(fields []transform.Field) []columnInfo {
	var out []columnInfo
	for _, f := range fields {
		out = append(out, columnInfo{Column: f.Name, Type: f.SQLType(), Nullable: f.Nullable, Doc: f.Doc})
	}
	return out
}

func printTables(w io.Writer, tables []tableInfo) {
	for i, t := range tables {
		if i > 0 {
			fmt.Fprintln(w)
		}
		switch t.Kind {
		case "view":
			fmt.Fprintf(w, "%s (view): %s\n", t.Name, t.Doc)
		case "function":
			fmt.Fprintf(w, "%s(%s) (function): %s\n", t.Name, argumentsOf(t), t.Doc)
		default:
			fmt.Fprintf(w, "%s: %s\nkey: %s\n", t.Name, t.Doc, strings.Join(t.Key, ", "))
		}
		for _, c := range t.Columns {
			fmt.Fprintf(w, "  %-24s %-12s %s\n", c.Column, c.Type, c.Doc)
		}
	}
}

// argumentsOf lists the arguments of a function with their types.
func argumentsOf(t tableInfo) string {
	var out []string
	for _, a := range t.Arguments {
		out = append(out, a.Column+" "+a.Type)
	}
	return strings.Join(out, ", ")
}

// markdownIntro stands at the head of docs/tables.md.
const markdownIntro = "# Tables and views\n\nGenerated by `exporter tables --markdown`; `make verify` fails if it is out of date.\n\n" +
	"In PostgreSQL, tables and views are in the schema `spotify`. In a Parquet lake, a table is a folder with a folder for each account " +
	"and, where the table says so, further folders within. The folders only organize the files: every column is in the file. " +
	"Their names are values in which everything but `A-Z`, `a-z`, `0-9` and `-` is escaped. " +
	"The views and functions are in `views.sql` beside the tables, for DuckDB.\n"

func printMarkdown(w io.Writer, tables []tableInfo) {
	fmt.Fprint(w, markdownIntro)
	for _, t := range tables {
		fmt.Fprintf(w, "\n## %s\n\n", t.Name)
		switch t.Kind {
		case "view":
			fmt.Fprintf(w, "View. %s", t.Doc)
		case "function":
			fmt.Fprintf(w, "Function: `%s(%s)`. %s", t.Name, argumentsOf(t), t.Doc)
		default:
			fmt.Fprintf(w, "%s\n\nKey: `%s`. Parquet: `%s/<%s>/part-0.parquet`.", t.Doc, strings.Join(t.Key, "`, `"), t.Name, strings.Join(t.Folders, ">/<"))
		}
		fmt.Fprint(w, "\n\n| column | type | may be NULL | meaning |\n|---|---|---|---|\n")
		for _, c := range t.Columns {
			null := ""
			if c.Nullable {
				null = "yes"
			}
			fmt.Fprintf(w, "| `%s` | %s | %s | %s |\n", c.Column, c.Type, null, c.Doc)
		}
	}
}
