package config

import (
	"fmt"
	"regexp"
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
			p.option(o, n, &values)
		}
	}
	return values
}

func (p *fileParser) option(o catalog.Option, n ast.Node, v *catalog.Values) {
	switch o.Kind {
	case catalog.Words:
		v.Words[o.Name] = p.words(o, n)
	case catalog.Number:
		v.Numbers[o.Name] = p.number(o, n)
	case catalog.Artists:
		v.Artists = p.artists(o, n)
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

func (p *fileParser) artists(o catalog.Option, n ast.Node) catalog.ArtistChoice {
	m := p.mapping(n, o.Name, []string{"from", "ids"})
	if (m["from"] == nil) == (m["ids"] == nil) {
		p.fail(n, "%s needs either from or ids", o.Name)
		return catalog.ArtistChoice{}
	}
	if m["from"] != nil {
		return catalog.ArtistChoice{From: p.words(catalog.Option{Name: "from", Allowed: o.Allowed}, m["from"])}
	}
	var choice catalog.ArtistChoice
	for _, item := range p.list(m["ids"], "ids") {
		id, err := artistID(p.text(item, "artist"))
		if err != nil {
			p.fail(item, "%v", err)
			continue
		}
		if !slices.Contains(choice.IDs, id) {
			choice.IDs = append(choice.IDs, id)
		}
	}
	if len(choice.IDs) == 0 {
		p.fail(n, "ids must list at least one artist")
	}
	return choice
}

// artistID takes an ID as Spotify's apps hand it out: bare, as a URI, or as a
// link.
func artistID(s string) (string, error) {
	m := regexp.MustCompile(`^(?:spotify:artist:|https://open\.spotify\.com/(?:intl-[a-z]+/)?artist/)?([0-9A-Za-z]{22})(?:\?.*)?$`).FindStringSubmatch(s)
	if m == nil {
		return "", fmt.Errorf("%q is no artist ID; it has 22 letters and digits, as at the end of the artist's link", s)
	}
	return m[1], nil
}
