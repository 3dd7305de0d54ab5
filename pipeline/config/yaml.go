package config

import (
	"fmt"
	"math"
	"slices"
	"strconv"
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

// entries returns the entries of a mapping in file order, and whether it is one; nil
// and an empty value have none.
func (p *reader) entries(n ast.Node, what string) ([]entry, bool) {
	var pairs []*ast.MappingValueNode
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return nil, true
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{n}
	default:
		p.fail(n, "%s must be a mapping of names to settings", what)
		return nil, false
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
	return out, true
}

// mapping returns the values of a mapping by key, or nil if it is none, and whether it
// has known keys only. Where it has others, a key that is missing is misspelled.
func (p *reader) mapping(n ast.Node, what string, known []string) (map[string]ast.Node, bool) {
	before := len(p.problems)
	entries, ok := p.entries(n, what)
	if !ok {
		return nil, false
	}
	out := map[string]ast.Node{}
	for _, e := range entries {
		if !slices.Contains(known, e.name) {
			p.fail(e.key, "%s: unknown key %q%s", what, e.name, didYouMean(e.name, known))
			continue
		}
		out[e.name] = e.value
	}
	return out, len(p.problems) == before
}

// list returns the items of a sequence, and whether it is one.
func (p *reader) list(n ast.Node, what string) ([]ast.Node, bool) {
	if seq, ok := n.(*ast.SequenceNode); ok {
		return seq.Values, true
	}
	p.fail(n, "%s must be a list, like [a, b]", what)
	return nil, false
}

// exact returns a text as it is written, and whether it is one.
func (p *reader) exact(n ast.Node, what string) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		p.fail(n, "%s must be text; put %s in quotes", what, n.GetToken().Value)
		return "", false
	}
	p.fail(n, "%s must be text", what)
	return "", false
}

// text returns a text with its variables filled in.
func (p *reader) text(n ast.Node, what string) (string, bool) {
	written, ok := p.exact(n, what)
	value, unset := p.expand(written)
	for _, name := range unset {
		p.fail(n, "%s needs %s, which is not set; set it in the environment or .env", what, name)
	}
	return value, ok && len(unset) == 0
}

// number returns a whole number within bounds, and whether it is one.
func (p *reader) number(n ast.Node, what string, least, most int) (int, bool) {
	value := math.NaN()
	switch n := n.(type) {
	case *ast.IntegerNode:
		value, _ = strconv.ParseFloat(fmt.Sprint(n.Value), 64)
	case *ast.FloatNode:
		value = n.Value
	}
	if value != math.Trunc(value) || value < float64(least) || value > float64(most) {
		p.fail(n, "%s must be a whole number from %d to %d", what, least, most)
		return 0, false
	}
	return int(value), true
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

// word returns a text that must be one of the known words, and whether it is.
func (p *reader) word(n, parent ast.Node, what string, known []string) (string, bool) {
	if n == nil {
		p.fail(parent, "%s is missing; use one of %s", what, strings.Join(known, ", "))
		return "", false
	}
	value, ok := p.exact(n, what)
	if ok && !slices.Contains(known, value) {
		p.fail(n, "unknown %s %q%s", what, value, didYouMean(value, known))
		return "", false
	}
	return value, ok
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
