package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/transform"
)

type tablesCmd struct {
	Tables   []string `arg:"" optional:"" help:"Tables to describe; all when none is named."`
	JSON     bool     `name:"json" help:"Print as JSON." xor:"form"`
	Markdown bool     `help:"Print as Markdown." xor:"form"`
}

// Run is the command tables.
func (c *tablesCmd) Run(a *app) error {
	tables, err := pick(catalog.Tables(), c.Tables)
	if err != nil {
		return err
	}
	switch {
	case c.JSON:
		return a.printJSON(describe(tables))
	case c.Markdown:
		printMarkdown(a.stdout, tables)
	default:
		printTables(a.stdout, tables)
	}
	return nil
}

func pick(all []*transform.Schema, names []string) ([]*transform.Schema, error) {
	if len(names) == 0 {
		return all, nil
	}
	var out []*transform.Schema
	for _, name := range names {
		i := slices.IndexFunc(all, func(s *transform.Schema) bool { return s.Name == name })
		if i < 0 {
			var known []string
			for _, s := range all {
				known = append(known, s.Name)
			}
			return nil, &usageError{fmt.Errorf("there is no table %q; known are %s", name, strings.Join(known, ", "))}
		}
		out = append(out, all[i])
	}
	return out, nil
}

// tableInfo and columnInfo are the JSON form of a declaration.
type tableInfo struct {
	Table     string       `json:"table"`
	Doc       string       `json:"description"`
	Key       []string     `json:"key"`
	Partition []string     `json:"partition,omitempty"`
	Columns   []columnInfo `json:"columns"`
}

type columnInfo struct {
	Column   string `json:"column"`
	Type     string `json:"type"`
	Nullable bool   `json:"nullable"`
	Doc      string `json:"description"`
}

func describe(tables []*transform.Schema) []tableInfo {
	var out []tableInfo
	for _, s := range tables {
		t := tableInfo{Table: s.Name, Doc: s.Doc, Key: s.Key, Partition: s.Partition}
		for _, f := range s.Columns() {
			t.Columns = append(t.Columns, columnInfo{Column: f.Name, Type: f.SQLType(), Nullable: f.Nullable, Doc: f.Doc})
		}
		out = append(out, t)
	}
	return out
}

func printTables(w io.Writer, tables []*transform.Schema) {
	for i, s := range tables {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s: %s\nkey: %s\n", s.Name, s.Doc, strings.Join(s.Key, ", "))
		for _, f := range s.Columns() {
			fmt.Fprintf(w, "  %-24s %-12s %s\n", f.Name, f.SQLType(), f.Doc)
		}
	}
}

func printMarkdown(w io.Writer, tables []*transform.Schema) {
	fmt.Fprint(w, "# Tables\n\nMade by `exporter tables --markdown`; `make verify` fails when it is out of date.\n"+
		"In PostgreSQL the tables are in the schema `spotify`. In Parquet a partition column is a folder, not a column of the file; readers put it back.\n")
	for _, s := range tables {
		fmt.Fprintf(w, "\n## %s\n\n%s\n\nKey: `%s`.", s.Name, s.Doc, strings.Join(s.Key, "`, `"))
		if len(s.Partition) > 0 {
			fmt.Fprintf(w, " Parquet folders: `%s`.", strings.Join(s.Partition, "`, `"))
		}
		fmt.Fprint(w, "\n\n| column | type | may be NULL | meaning |\n|---|---|---|---|\n")
		for _, f := range s.Columns() {
			null := ""
			if f.Nullable {
				null = "yes"
			}
			fmt.Fprintf(w, "| `%s` | %s | %s | %s |\n", f.Name, f.SQLType(), null, f.Doc)
		}
	}
}
