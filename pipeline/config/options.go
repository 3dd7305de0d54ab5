package config

import (
	"slices"
	"strconv"

	"github.com/goccy/go-yaml/ast"

	"github.com/tracklake/tracklake/catalog"
)

// options checks a job's options against what its resource declares.
func (p *fileParser) options(r *catalog.Resource, n ast.Node) catalog.Values {
	values := r.Defaults()
	known := make([]string, len(r.Options))
	for i, o := range r.Options {
		known[i] = o.Name
	}
	given := p.mapping(n, "options of "+r.Name, known)
	for _, o := range r.Options {
		if n := given[o.Name]; n != nil {
			p.option(r, o, n, &values)
		}
	}
	return values
}

func (p *fileParser) option(r *catalog.Resource, o catalog.Option, n ast.Node, v *catalog.Values) {
	switch o.Kind {
	case catalog.Words:
		v.Words[o.Name] = p.words(o, n)
	case catalog.Number:
		v.Numbers[o.Name] = p.number(o, n)
	case catalog.Chosen:
		v.Parents = p.choice(r, o, n)
	}
}

func (p *fileParser) words(o catalog.Option, n ast.Node) []string {
	var out []string
	for _, item := range p.list(n, o.Name) {
		word := p.word(item, n, "value in "+o.Name, o.Allowed)
		if word != "" && !slices.Contains(out, word) {
			out = append(out, word)
		}
	}
	if len(out) == 0 {
		p.fail(n, "%s must name at least one of %v", o.Name, o.Allowed)
	}
	return out
}

func (p *fileParser) number(o catalog.Option, n ast.Node) int {
	value, err := strconv.Atoi(p.text(n, o.Name))
	if err != nil || value < o.Least || value > o.Most {
		p.fail(n, "%s must be a whole number from %d to %d", o.Name, o.Least, o.Most)
		return o.Number
	}
	return value
}

func (p *fileParser) choice(r *catalog.Resource, o catalog.Option, n ast.Node) catalog.Choice {
	m := p.mapping(n, o.Name, []string{"from", "ids"})
	if (m["from"] == nil) == (m["ids"] == nil) {
		p.fail(n, "%s needs either from or ids", o.Name)
		return catalog.Choice{}
	}
	if m["from"] != nil {
		return catalog.Choice{From: p.words(catalog.Option{Name: "from", Allowed: r.Sources()}, m["from"])}
	}
	var choice catalog.Choice
	for _, item := range p.list(m["ids"], "ids") {
		id, err := o.ID(p.text(item, r.Parents.Noun))
		if err != nil {
			p.fail(item, "%v", err)
			continue
		}
		if !slices.Contains(choice.IDs, id) {
			choice.IDs = append(choice.IDs, id)
		}
	}
	if len(choice.IDs) == 0 {
		p.fail(n, "ids must list at least one %s", r.Parents.Noun)
	}
	return choice
}
