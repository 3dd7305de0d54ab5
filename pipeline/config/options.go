package config

import (
	"slices"
	"strings"

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
	given, _ := p.mapping(n, "options of "+r.Name, known)
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
		v.Numbers[o.Name], _ = p.number(n, o.Name, o.Least, o.Most)
	case catalog.Chosen:
		v.Parents = p.choice(r, o, n)
	}
}

func (p *fileParser) words(o catalog.Option, n ast.Node) []string {
	items, ok := p.list(n, o.Name)
	if ok && len(items) == 0 {
		p.fail(n, "%s must name at least one of %s", o.Name, strings.Join(o.Allowed, ", "))
	}
	var out []string
	for _, item := range items {
		if word, ok := p.word(item, n, "value in "+o.Name, o.Allowed); ok && !slices.Contains(out, word) {
			out = append(out, word)
		}
	}
	return out
}

func (p *fileParser) choice(r *catalog.Resource, o catalog.Option, n ast.Node) catalog.Choice {
	m, ok := p.mapping(n, o.Name, []string{"from", "ids"})
	if !ok {
		return catalog.Choice{}
	}
	if (m["from"] == nil) == (m["ids"] == nil) {
		p.fail(n, "%s needs either from or ids", o.Name)
		return catalog.Choice{}
	}
	if m["from"] != nil {
		return catalog.Choice{From: p.words(catalog.Option{Name: "from", Allowed: r.Sources()}, m["from"])}
	}
	return catalog.Choice{IDs: p.ids(r, o, m["ids"])}
}

func (p *fileParser) ids(r *catalog.Resource, o catalog.Option, n ast.Node) []string {
	items, ok := p.list(n, "ids")
	if ok && len(items) == 0 {
		p.fail(n, "ids must list at least one %s", r.Parents.Noun)
	}
	var out []string
	for _, item := range items {
		text, ok := p.text(item, r.Parents.Noun)
		if !ok {
			continue
		}
		id, err := o.ID(text)
		if err != nil {
			p.fail(item, "%v", err)
		} else if !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}
