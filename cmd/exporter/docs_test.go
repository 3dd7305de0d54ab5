package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
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
	printMarkdown(&tables, describe(catalog.Tables(), catalog.Views()), true)
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

// fillDocs compares the generated parts of a page with what they should be, or rewrites
// them. A part stands between comments with its name.
func fillDocs(t *testing.T, path string, parts map[string]string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := string(text)
	for name, part := range parts {
		begin, end := "<!-- begin "+name+" -->\n", "<!-- end "+name+" -->\n"
		before, rest, found := strings.Cut(want, begin)
		_, after, ended := strings.Cut(rest, end)
		if !found || !ended {
			t.Fatalf("%s has no place for %s", path, name)
		}
		want = before + begin + part + end + after
	}
	compareDocs(t, path, want)
}

// TestDocsListScopesAndSizes compares the tables of scopes and of sizes with the catalog.
func TestDocsListScopesAndSizes(t *testing.T) {
	t.Parallel()
	fillDocs(t, "../../docs/accounts.md", map[string]string{"scopes": scopeTable()})
	fillDocs(t, "../../docs/configuration.md", map[string]string{"sizes": sizeTable()})
}

// scopeTable has a row for each combination of scopes.
func scopeTable() string {
	var scopes []string
	resources := map[string][]string{}
	for _, r := range catalog.All() {
		if s := r.Endpoint.Scope; !slices.Contains(scopes, s) {
			scopes = append(scopes, s)
		}
		resources[r.Endpoint.Scope] = append(resources[r.Endpoint.Scope], "`"+r.Name+"`")
	}
	text := "| job | scope |\n|---|---|\n"
	for _, s := range scopes {
		needed := "none"
		if s != "" {
			needed = "`" + strings.Join(strings.Fields(s), "`, `") + "`"
		}
		text += "| " + strings.Join(resources[s], ", ") + " | " + needed + " |\n"
	}
	return text
}

func sizeTable() string {
	text := "| size | jobs | requests, the first night | the next |\n|---|---|---|---|\n"
	before := ""
	for _, c := range choices() {
		var names []string
		for _, r := range catalog.Of(c.size) {
			if r.Size == c.size {
				names = append(names, "`"+r.Name+"`")
			}
		}
		text += fmt.Sprintf("| `%s` | %s%s | %d | %d |\n", c.size, before, strings.Join(names, ", "), c.first, c.next)
		before = "and " // those of the row above
	}
	return text
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
