// Package archtest holds the layers in place: it fails when a package imports
// what it must know nothing of.
package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/tracklake/tracklake/"

// allowed lists what each package may import of the project, tests excepted.
func allowed() map[string][]string {
	return map[string][]string{
		"accounts":                {"extract"},
		"accounts/pgstore":        {"accounts", "extract/quota", "load/postgres/reach"},
		"accounts/backendtest":    {"accounts"},
		"accounts/signin":         {},
		"catalog":                 {"extract", "extract/listdiff", "transform"},
		"cmd/exporter":            {"accounts", "accounts/pgstore", "accounts/signin", "catalog", "extract", "extract/quota", "load", "load/parquet", "load/postgres", "pipeline", "pipeline/config", "pipeline/schedule", "simulate", "transform"},
		"extract":                 {"extract/listdiff", "extract/quota"},
		"extract/listdiff":        {},
		"extract/quota":           {},
		"extract/quota/quotatest": {"extract/quota"},
		"internal/archtest":       {},
		"internal/browser":        {"internal/tcpproxy"},
		"internal/clienttest":     {},
		"internal/pgtest":         {"internal/tcpproxy"},
		"internal/sbom":           {},
		"internal/simtest":        {"simulate"},
		"internal/pyreader":       {},
		"internal/rowreader":      {},
		"internal/soak":           {},
		"internal/withpostgres":   {},
		"load":                    {"transform"},
		"load/loadtest":           {"load", "transform"},
		"load/parquet":            {"load", "load/parquet/arrowfile", "transform"},
		"load/parquet/arrowfile":  {},
		"load/postgres":           {"load", "load/postgres/reach", "migrations", "transform"},
		"load/postgres/reach":     {},
		"migrations":              {},
		"pipeline":                {"catalog", "extract", "extract/listdiff", "extract/quota", "load", "pipeline/config", "pipeline/reconcile", "pipeline/schedule", "transform"},
		"pipeline/config":         {"catalog", "load", "pipeline/schedule"},
		"pipeline/reconcile":      {"extract/listdiff"},
		"pipeline/schedule":       {},
		"simulate":                {},
		"transform":               {},
		"internal/tcpproxy":       {},
	}
}

// reserved lists which packages may import a library.
func reserved() map[string][]string {
	return map[string][]string{
		"github.com/jackc/pgx/":                          {"load/postgres", "load/postgres/reach", "accounts/pgstore", "internal/pgtest"},
		"github.com/pressly/goose/":                      {"load/postgres"},
		"github.com/apache/arrow/go/v17/parquet":         {"load/parquet", "load/parquet/arrowfile"},
		"github.com/apache/arrow/go/v17/parquet/pqarrow": {}, // it links gRPC
		"golang.org/x/oauth2":                            {"extract"},
		"github.com/robfig/cron/":                        {"pipeline/schedule"},
		"github.com/goccy/go-yaml":                       {"pipeline/config"},
		"github.com/alecthomas/kong":                     {"cmd/exporter"},
		"github.com/go-json-experiment/":                 {"extract"},
		"golang.org/x/crypto/":                           {"accounts"},
		"github.com/prometheus/":                         {},                        // it links protobuf
		"github.com/parquet-go/":                         {"internal/rowreader"},    // so that no program links it
		"github.com/fergusstrange/":                      {"internal/withpostgres"}, // nor this
		"net/http":                                       {"extract", "simulate", "accounts/signin", "internal/browser", "cmd/exporter"},
	}
}

// A pkg is what go list tells of a package. IgnoredGoFiles are those of other
// systems, which keep to the same rules.
type pkg struct {
	ImportPath, Name, Dir   string
	GoFiles, IgnoredGoFiles []string
	Imports                 []string
}

func (p pkg) files() []string {
	return slices.DeleteFunc(slices.Concat(p.GoFiles, p.IgnoredGoFiles), func(name string) bool {
		return strings.HasSuffix(name, "_test.go")
	})
}

func list(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json", module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			if len(all) < len(allowed()) { // nothing listed must not pass for nothing wrong
				t.Fatalf("go list tells of %d packages only", len(all))
			}
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestLayers(t *testing.T) {
	t.Parallel()
	for _, p := range list(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		may, known := allowed()[name]
		if !known {
			t.Errorf("package %s has no place in the layers; say in archtest what it may import", name)
		}
		for _, path := range p.Imports {
			if own, ok := strings.CutPrefix(path, module); ok && !slices.Contains(may, own) {
				t.Errorf("%s must not import %s", name, own)
			}
			for library, users := range reserved() {
				if strings.HasPrefix(path, library) && !slices.Contains(users, name) {
					t.Errorf("%s must not import %s; only %v may", name, path, users)
				}
			}
		}
	}
}

// TestTablesAlonePrintColumns keeps arrow out of the command but for the file
// that prints the tables: the rest of it must not care how columns are kept.
func TestTablesAlonePrintColumns(t *testing.T) {
	t.Parallel()
	for _, p := range list(t) {
		if strings.TrimPrefix(p.ImportPath, module) != "cmd/exporter" {
			continue
		}
		for _, name := range p.files() {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range file.Imports {
				if name != "tables.go" && strings.HasPrefix(i.Path.Value, `"github.com/apache/arrow/`) {
					t.Errorf("cmd/exporter/%s must not import %s; only tables.go may", name, i.Path.Value)
				}
			}
		}
	}
}

func TestShape(t *testing.T) {
	t.Parallel()
	start := regexp.MustCompile(`(?m)^func init\(\)`)
	for _, p := range list(t) {
		if slices.Contains([]string{"util", "utils", "common", "helpers", "types"}, p.Name) {
			t.Errorf("package %s says nothing by its name", p.ImportPath)
		}
		for _, name := range p.files() {
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if n := bytes.Count(text, []byte("\n")); n > 400 {
				t.Errorf("%s/%s has %d lines; 400 are enough", p.ImportPath, name, n)
			}
			if start.Match(text) {
				t.Errorf("%s/%s has an init function", p.ImportPath, name)
			}
		}
	}
}
