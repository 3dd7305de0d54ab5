package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tracklake/tracklake/simulate"
)

// TestDocsListTheSimulation compares the tables of docs/simulate.md with what
// the simulation declares; make docs rewrites them.
func TestDocsListTheSimulation(t *testing.T) {
	t.Parallel()
	fillDocs(t, "../../docs/simulate.md", map[string]string{
		"paths": pathTable(), "faults": faultTable("kind", simulate.FaultKinds()), "settings": faultTable("setting", simulate.FaultSettings()), "controls": controlTable(),
	})
}

func pathTable() string {
	var b strings.Builder
	b.WriteString("| path | scope | development | extended |\n|---|---|---|---|\n")
	words := map[int]string{http.StatusOK: "yes", http.StatusForbidden: "refused", http.StatusNotImplemented: "not simulated"}
	for _, p := range simulate.Paths() {
		scope := ""
		if p.Scope != "" {
			scope = "`" + p.Scope + "`"
		}
		fmt.Fprintf(&b, "| `/v1/%s` | %s | %s | %s |\n", p.Path, scope, words[p.Development], words[p.Extended])
	}
	return b.String()
}

func faultTable(head string, rows []simulate.FaultKind) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s | |\n|---|---|\n", head)
	for _, row := range rows {
		fmt.Fprintf(&b, "| `%s` | %s |\n", row.Name, row.Doc)
	}
	return b.String()
}

func controlTable() string {
	var b strings.Builder
	b.WriteString("| request | what it does |\n|---|---|\n")
	for _, c := range simulate.Controls() {
		fmt.Fprintf(&b, "| `%s %s` | %s |\n", c.Method, c.Path, c.Doc)
	}
	return b.String()
}
