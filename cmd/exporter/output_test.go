package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"
	"github.com/rogpeppe/go-internal/testscript"
	validator "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
)

const schemaPath = "../../docs/output.schema.json"

// An output is what a command prints with --json.
type output struct {
	command, doc string
	value        any
}

func outputs() []output {
	return []output{
		{"run", "The same is printed by `backfill` and `demo`: an array of runs, in the order in which they ended.", []load.Run{}},
		{"status", "An array with an entry for each job, destination and account.", []statusView{}},
		{"plan", "An array with an entry for each job and account.", []pipeline.Plan{}},
		{"check", "An array with an entry for each check.", []finding{}},
		{"accounts", "An array with an entry for each connected account.", []accountView{}},
		{"tables", "An array with an entry for each table, view and function.", []tableInfo{}},
		{"forget", "One object.", forgotten{}},
	}
}

// outputSchema describes the JSON of all commands, from the types that are printed and
// their comments.
func outputSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	comments := fieldComments(t, ".", "../../load", "../../pipeline")
	r := &jsonschema.Reflector{
		Anonymous: true,
		Namer:     func(t reflect.Type) string { return capital(t.Name()) },
		LookupComment: func(t reflect.Type, field string) string {
			return comments[t.Name()+"."+field]
		},
		Mapper: func(t reflect.Type) *jsonschema.Schema {
			if t != reflect.TypeFor[load.Status]() {
				return nil
			}
			out := &jsonschema.Schema{Type: "string"}
			for _, s := range []load.Status{
				load.StatusRunning, load.StatusOK, load.StatusFailed, load.StatusNeedsSignIn, load.StatusDeferred, load.StatusIncomplete, load.StatusInterrupted,
			} {
				out.Enum = append(out.Enum, string(s))
			}
			return out
		},
	}
	all := &jsonschema.Schema{
		Version: jsonschema.Version, ID: "https://github.com/tracklake/tracklake/docs/output.schema.json",
		Title: "What exporter prints with --json", Definitions: jsonschema.Definitions{},
	}
	for _, o := range outputs() {
		s := r.Reflect(o.value)
		maps.Copy(all.Definitions, s.Definitions)
		all.Definitions[o.command] = &jsonschema.Schema{Ref: s.Ref, Type: s.Type, Items: s.Items, Description: o.doc}
	}
	return all
}

// fieldComments are the comments of the fields of all structs in some folders, as
// Type.Field, each without its name.
func fieldComments(t *testing.T, folders ...string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, folder := range folders {
		files, err := filepath.Glob(folder + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				spec, ok := n.(*ast.TypeSpec)
				if !ok {
					return true
				}
				if s, ok := spec.Type.(*ast.StructType); ok {
					for _, f := range s.Fields.List {
						for _, field := range f.Names {
							out[spec.Name.Name+"."+field.Name] = meaning(field.Name, f.Doc.Text())
						}
					}
				}
				return false
			})
		}
	}
	return out
}

// meaning is a comment without the name of the field that it begins with.
func meaning(field, comment string) string {
	text := strings.Join(strings.Fields(comment), " ")
	for _, start := range []string{" is ", " are ", ": "} {
		if rest, ok := strings.CutPrefix(text, field+start); ok {
			text = rest
			break
		}
	}
	return capital(text)
}

func capital(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// outputTables describe the JSON of all commands for people.
func outputTables(s *jsonschema.Schema) string {
	var out strings.Builder
	printed := map[string]bool{}
	var object func(title, doc, name string)
	object = func(title, doc, name string) {
		if printed[name] {
			return
		}
		printed[name] = true
		fmt.Fprintf(&out, "\n## %s\n\n", title)
		if doc != "" {
			fmt.Fprintf(&out, "%s\n\n", doc)
		}
		fmt.Fprint(&out, "| field | type | meaning |\n|---|---|---|\n")
		var deeper []string
		def := s.Definitions[name]
		for p := def.Properties.Oldest(); p != nil; p = p.Next() {
			kind, of := kindOf(p.Value)
			if of != "" {
				deeper = append(deeper, of)
			}
			if !slices.Contains(def.Required, p.Key) {
				kind += ", optional"
			}
			fmt.Fprintf(&out, "| `%s` | %s | %s |\n", p.Key, kind, p.Value.Description)
		}
		for _, of := range deeper {
			object(of, "", of)
		}
	}
	for _, o := range outputs() {
		def := s.Definitions[o.command]
		ref := def.Ref
		if def.Items != nil {
			ref = def.Items.Ref
		}
		object("`exporter "+o.command+" --json`", o.doc, filepath.Base(ref))
	}
	return out.String()
}

// kindOf names the type of a field, and the definition that it refers to.
func kindOf(s *jsonschema.Schema) (kind, of string) {
	switch {
	case s.Ref != "":
		of = filepath.Base(s.Ref)
		return of, of
	case s.Type == "array":
		kind, of = kindOf(s.Items)
		return "array of " + kind, of
	case s.AdditionalProperties != nil && s.Type == "object":
		kind, of = kindOf(s.AdditionalProperties)
		return "object of " + kind, of
	case len(s.Enum) > 0:
		var words []string
		for _, w := range s.Enum {
			words = append(words, fmt.Sprintf("`%s`", w))
		}
		return strings.Join(words, ", "), ""
	case s.Format == "date-time":
		return "time", ""
	}
	return s.Type, ""
}

// TestDocsDescribeTheOutput compares the schema and the tables of docs/json.md with the
// types that are printed; make docs rewrites them.
func TestDocsDescribeTheOutput(t *testing.T) {
	t.Parallel()
	schema := outputSchema(t)
	for name, def := range schema.Definitions {
		for p := def.Properties.Oldest(); def.Properties != nil && p != nil; p = p.Next() {
			if p.Value.Description == "" {
				t.Errorf("field %s of %s has no comment", p.Key, name)
			}
		}
	}
	text, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	compareDocs(t, schemaPath, string(text)+"\n")
	page, err := os.ReadFile("../../docs/json.md")
	if err != nil {
		t.Fatal(err)
	}
	const mark = "<!-- What follows is generated by make docs. -->\n"
	intro, _, found := strings.Cut(string(page), mark)
	if !found {
		t.Fatal("docs/json.md does not say where the generated part begins")
	}
	compareDocs(t, "../../docs/json.md", intro+mark+outputTables(schema))
}

// conforms checks the JSON that a script's last command printed against the schema of
// a command: conforms run.
func conforms(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: conforms COMMAND")
	}
	compiled, err := validator.NewCompiler().Compile(schemaPath + "#/$defs/" + args[0])
	ts.Check(err)
	printed, err := validator.UnmarshalJSON(strings.NewReader(ts.ReadFile("stdout")))
	ts.Check(err)
	ts.Check(compiled.Validate(printed))
}
