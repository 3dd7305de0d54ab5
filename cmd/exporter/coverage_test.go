package main

import (
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/simulate"
)

// A covered is a row of docs/coverage.md.
type covered struct {
	path                               string
	resources                          []string
	since, development, extended, note string
}

// coverage reads the rows of docs/coverage.md.
func coverage(t *testing.T) []covered {
	t.Helper()
	page, err := os.ReadFile("../../docs/coverage.md")
	if err != nil {
		t.Fatal(err)
	}
	var out []covered
	for line := range strings.Lines(string(page)) {
		if !strings.HasPrefix(line, "| `/") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 6 {
			t.Fatalf("%d cells in %s", len(cells), line)
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		row := covered{path: strings.Trim(cells[0], "`"), since: cells[2], development: cells[3], extended: cells[4], note: cells[5]}
		if cells[1] != "no" {
			row.resources = strings.Split(strings.ReplaceAll(cells[1], "`", ""), ", ")
		}
		out = append(out, row)
	}
	return out
}

// matches reports whether a path is one of those that a path with {parameters} stands for.
func matches(pattern, path string) bool {
	parts := regexp.MustCompile(`\\\{[^/]*?(\\\.\\\.\\\.)?\\\}`).ReplaceAllStringFunc(regexp.QuoteMeta(pattern), func(p string) string {
		if strings.Contains(p, `\.\.\.`) {
			return ".+"
		}
		return "[^/]+"
	})
	return regexp.MustCompile("^" + parts + "$").MatchString(path)
}

// TestDocsCoverTheCatalog holds docs/coverage.md to the catalog, both ways.
func TestDocsCoverTheCatalog(t *testing.T) {
	t.Parallel()
	rows := coverage(t)
	if len(rows) != 60 {
		t.Errorf("%d endpoints, and the page says 60", len(rows))
	}
	for _, r := range catalog.All() {
		found := slices.IndexFunc(rows, func(c covered) bool { return matches(c.path, r.Endpoint.Path) })
		if found < 0 || !slices.Contains(rows[found].resources, r.Name) {
			t.Errorf("docs/coverage.md does not say that %s exports %s", r.Name, r.Endpoint.Path)
		}
	}
	for _, c := range rows {
		for _, name := range c.resources {
			if r := catalog.Find(name); r == nil || !matches(c.path, r.Endpoint.Path) {
				t.Errorf("%s: %s does not export it", c.path, name)
			}
		}
		if exported := len(c.resources) > 0; exported != (c.since != "") {
			t.Errorf("%s: says neither or both that it is exported, and since when", c.path)
		} else if !exported && c.note == "" {
			t.Errorf("%s: does not say why it is not exported", c.path)
		}
	}
}

// TestDocsCoverTheModes compares which apps an endpoint answers with what the simulation
// does, where it knows the endpoint.
func TestDocsCoverTheModes(t *testing.T) {
	t.Parallel()
	words := map[int]string{http.StatusOK: "yes", http.StatusForbidden: "no"}
	compared := 0
	for _, c := range coverage(t) {
		path := strings.TrimPrefix(strings.ReplaceAll(c.path, "{type}", "tracks"), "/")
		paths := simulate.Paths()
		slices.SortFunc(paths, func(a, b simulate.Path) int { return strings.Count(a.Path, "{") - strings.Count(b.Path, "{") })
		i := slices.IndexFunc(paths, func(p simulate.Path) bool { return matches(p.Path, path) })
		if i < 0 {
			continue
		}
		if word := words[paths[i].Development]; word != "" && word != c.development {
			t.Errorf("%s: in development mode %q, simulated %q", c.path, c.development, word)
		}
		if word := words[paths[i].Extended]; word != "" && word != c.extended {
			t.Errorf("%s: in extended mode %q, simulated %q", c.path, c.extended, word)
		}
		compared++
	}
	if compared < 40 {
		t.Errorf("only %d endpoints are simulated", compared)
	}
}
