package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// TestExamplesParse parses every example of the help, and wants one for each command.
func TestExamplesParse(t *testing.T) {
	t.Parallel()
	k, err := newParser(&cli{})
	if err != nil {
		t.Fatal(err)
	}
	all := examples()
	for _, n := range k.Model.Leaves(true) {
		if len(all[n.Path()]) == 0 {
			t.Errorf("exporter %s has no example", n.Path())
		}
	}
	for path, lines := range all {
		for _, line := range lines {
			_, line, _ = strings.Cut(line, "exporter ")
			line = regexp.MustCompile(`\)$| [>|] .*`).ReplaceAllString(line, "")
			k, err := newParser(&cli{}, kong.Exit(func(int) {}))
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := k.Parse(strings.Fields(line))
			if err != nil {
				t.Errorf("exporter %s: %v", line, err)
			} else if got := parsed.Selected().Path(); !strings.HasPrefix(got, path) && !strings.HasPrefix(path, "accounts") {
				t.Errorf("an example of %s is one of %s: exporter %s", path, got, line)
			}
		}
	}
}

// TestVariablesAreDeclared looks up the names of the environment variables that the
// program reads, and wants each of them declared, and no other.
func TestVariablesAreDeclared(t *testing.T) {
	t.Parallel()
	var declared []string
	for _, v := range variables() {
		declared = append(declared, v.name)
	}
	read := variablesRead(t)
	for _, name := range read {
		if !slices.Contains(declared, name) {
			t.Errorf("%s is read, but not in variables()", name)
		}
	}
	for _, name := range declared {
		if !slices.Contains(read, name) && name != databaseVariable { // jobs.yaml names it
			t.Errorf("%s is in variables(), but nobody reads it", name)
		}
	}
}

// variablesRead lists the names in calls that read a variable, and in the tags of flags.
func variablesRead(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	out := []string{keyVariable, keyFileVariable}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Field:
				if n.Tag != nil {
					if m := regexp.MustCompile(`env:"([^"]+)"`).FindStringSubmatch(n.Tag.Value); m != nil {
						out = append(out, m[1])
					}
				}
			case *ast.CallExpr:
				f, ok := n.Fun.(*ast.SelectorExpr)
				if ok && slices.Contains([]string{"env", "envOr", "Getenv", "LookupEnv"}, f.Sel.Name) {
					if name, ok := n.Args[0].(*ast.BasicLit); ok {
						text, _ := strconv.Unquote(name.Value)
						out = append(out, text)
					}
				}
			}
			return true
		})
	}
	return out
}
