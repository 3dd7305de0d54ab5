package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/pipeline/config"
)

var update = flag.Bool("update", false, "rewrite the generated documentation")

// TestDocsAreUpToDate compares the generated documentation with what the
// declarations say now; make docs rewrites it.
func TestDocsAreUpToDate(t *testing.T) {
	t.Parallel()
	var tables bytes.Buffer
	printMarkdown(&tables, describe(catalog.Tables(), catalog.Views()))
	schema, err := json.MarshalIndent(config.JSONSchema(drivers()), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	var environment, man bytes.Buffer
	printVariablesMarkdown(&environment)
	parser, err := newParser(&cli{})
	if err != nil {
		t.Fatal(err)
	}
	printMan(&man, parser.Model)
	for path, want := range map[string]string{
		"../../docs/environment.md":   environment.String(),
		"../../docs/exporter.1":       man.String(),
		"../../docs/tables.md":        tables.String(),
		"../../docs/jobs.schema.json": string(schema) + "\n",
	} {
		compareDocs(t, path, want)
	}
}

// compareDocs compares a file with what it should be, or rewrites it.
func compareDocs(t *testing.T, path, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run make docs", err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s is out of date; run make docs\n%s", path, diff)
	}
}

// TestDocsShowTheExample makes sure that the jobs.yaml of docs/configuration.md is the file in
// the repository, but for the comments at its top.
func TestDocsShowTheExample(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("../../jobs.yaml")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	example := string(file)
	for strings.HasPrefix(example, "#") {
		_, example, _ = strings.Cut(example, "\n")
	}
	if !strings.Contains(string(page), "```yaml\n"+example+"```") {
		t.Error("docs/configuration.md does not show jobs.yaml as it is")
	}
}
