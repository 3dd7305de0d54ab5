package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// A reader reads values of the syntax tree, and collects what is wrong with them.
type reader struct {
	env      func(string) (string, bool)
	problems []Problem
}

func (p *reader) fail(n ast.Node, format string, args ...any) {
	p.problems = append(p.problems, Problem{Line: lineOf(n), Message: fmt.Sprintf(format, args...)})
}

// An entry is one key of a mapping with its value.
type entry struct {
	name  string
	key   ast.Node
	value ast.Node
	line  int
}

// entries returns the entries of a mapping in file order; nil and an empty
// value have none.
func (p *reader) entries(n ast.Node, what string) []entry {
	var pairs []*ast.MappingValueNode
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return nil
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{n}
	default:
		p.fail(n, "%s must be a mapping of names to settings", what)
		return nil
	}
	var out []entry
	for _, pair := range pairs {
		name := pair.Key.GetToken().Value
		if pair.Key.IsMergeKey() {
			p.fail(pair.Key, "%s: merge keys (<<) are not supported", what)
			continue
		}
		if slices.ContainsFunc(out, func(e entry) bool { return e.name == name }) {
			p.fail(pair.Key, "%s: %s is given twice", what, name)
			continue
		}
		out = append(out, entry{name: name, key: pair.Key, value: pair.Value, line: lineOf(pair.Key)})
	}
	return out
}

// mapping returns the values of a mapping by key and refuses keys that are
// not among the known ones.
func (p *reader) mapping(n ast.Node, what string, known []string) map[string]ast.Node {
	out := map[string]ast.Node{}
	for _, e := range p.entries(n, what) {
		if !slices.Contains(known, e.name) {
			p.fail(e.key, "%s: unknown key %q%s", what, e.name, didYouMean(e.name, known))
			continue
		}
		out[e.name] = e.value
	}
	return out
}

// list returns the items of a sequence.
func (p *reader) list(n ast.Node, what string) []ast.Node {
	if seq, ok := n.(*ast.SequenceNode); ok {
		return seq.Values
	}
	p.fail(n, "%s must be a list, like [a, b]", what)
	return nil
}

// text returns a scalar as text, with its variables filled in.
func (p *reader) text(n ast.Node, what string) string {
	value, unset := p.expand(p.rawText(n, what))
	for _, name := range unset {
		p.fail(n, "%s needs %s, which is not set; set it in the environment or .env", what, name)
	}
	return value
}

// rawText returns a scalar as it is written.
func (p *reader) rawText(n ast.Node, what string) string {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value
	case *ast.LiteralNode:
		return strings.TrimSpace(n.Value.Value)
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value
	}
	p.fail(n, "%s must be text", what)
	return ""
}

// expand replaces ${NAME} by the variable's value and returns the names of
// those that are not set.
func (p *reader) expand(s string) (string, []string) {
	var unset []string
	out := variablePattern().ReplaceAllStringFunc(s, func(ref string) string {
		name := ref[2 : len(ref)-1]
		value, ok := p.env(name)
		if !ok || value == "" {
			unset = append(unset, name)
		}
		return value
	})
	return out, unset
}

// word returns a scalar that must be one of the known words.
func (p *reader) word(n, parent ast.Node, what string, known []string) string {
	if n == nil {
		p.fail(parent, "%s is missing; use one of %s", what, strings.Join(known, ", "))
		return ""
	}
	value := p.text(n, what)
	if !slices.Contains(known, value) {
		p.fail(n, "unknown %s %q%s", what, value, didYouMean(value, known))
		return ""
	}
	return value
}

func lineOf(n ast.Node) int {
	if n == nil {
		return 0
	}
	var t *token.Token
	switch n := n.(type) {
	case *ast.MappingNode:
		if len(n.Values) > 0 {
			t = n.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		t = n.Key.GetToken()
	default:
		t = n.GetToken()
	}
	if t == nil || t.Position == nil {
		return 0
	}
	return t.Position.Line
}

// didYouMean names the nearest known word, or all of them when none is near.
func didYouMean(word string, known []string) string {
	best, distance := "", len(word)/2+2
	for _, k := range known {
		if d := editDistance(strings.ToLower(word), k); d < distance {
			best, distance = k, d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf("; did you mean %q?", best)
	case len(known) > 0:
		return "; known are " + strings.Join(known, ", ")
	}
	return ""
}

// editDistance counts the insertions, deletions and replacements that turn one
// word into the other.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
