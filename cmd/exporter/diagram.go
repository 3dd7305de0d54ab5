package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/transform"
)

// diagramIntro stands above the diagram of docs/tables.md.
const diagramIntro = "\n## How they hang together\n\n" +
	"Boxes are tables, rounded boxes are views, and cylinders are tables that many jobs fill. Each has its key; " +
	"that of a table also has `account_id`, which is not drawn. An arrow is a join: where it begins there is the key of where " +
	"it leads, or a list of such keys with an s behind the name (`artist_ids`). A table of tracks has the columns of their " +
	"albums and artists itself, so its arrow leads to `tracks` alone.\n"

// A box is a table or view of the diagram.
type box struct {
	name   string
	key    []string
	fields []transform.Field
	to     []string // where its arrows lead
}

// column is the name under which the box has the values of a key: that of the key, or
// with an s a list of them; empty if it has none.
func (b *box) column(key string) string {
	for _, name := range []string{key, key + "s"} {
		if slices.ContainsFunc(b.fields, func(f transform.Field) bool { return f.Name == name }) {
			return name
		}
	}
	return ""
}

// printDiagram draws tables and views in Mermaid, with their keys: the tables of one
// resource each, the views that they feed, and the tables that many resources fill.
func printDiagram(w io.Writer) {
	facts, shared := factBoxes()
	views := viewBoxes()
	targets := slices.Concat(views, facts) // where two have one key, the view
	for i := range views {
		views[i].to = namesOf(leads(views[i], targets))
	}
	for i := range facts {
		facts[i].to = append(facts[i].to, namesOf(nearest(facts[i], targets))...)
	}
	facts = slices.Concat(linked(facts, true), linked(facts, false))
	fmt.Fprint(w, diagramIntro, "\n```mermaid\nflowchart LR\n")
	for _, kind := range []struct {
		shape string
		boxes []box
	}{{"[%q]", facts}, {"([%q])", views}, {"[(%q)]", shared}} {
		for _, b := range kind.boxes {
			fmt.Fprintf(w, "  %s"+kind.shape+"\n", b.name, "<b>"+b.name+"</b><br>"+strings.Join(b.key, ", "))
		}
	}
	for _, b := range slices.Concat(facts, views) {
		for _, to := range b.to {
			fmt.Fprintf(w, "  %s --> %s\n", b.name, to)
		}
	}
	fmt.Fprint(w, "```\n")
}

// factBoxes are the tables of one resource, of which further ones lead to the first, and
// those that several resources fill.
func factBoxes() (facts, shared []box) {
	users := map[string][]*catalog.Resource{}
	for _, r := range catalog.All() {
		for _, t := range r.Tables {
			users[t.Name] = append(users[t.Name], r)
		}
	}
	for _, t := range catalog.Tables() {
		b := box{name: t.Name, key: t.Key[1:], fields: t.Fields}
		if len(users[t.Name]) > 1 {
			shared = append(shared, b)
			continue
		}
		if own := users[t.Name][0].Table().Name; own != t.Name {
			b.to = []string{own}
		}
		facts = append(facts, b)
	}
	return facts, shared
}

// viewBoxes are the views, but for functions. One that reads tables has one row for each value of its first
// column; one that reads other views pairs the values of its first two.
func viewBoxes() []box {
	var out []box
	for _, v := range catalog.Views() {
		if len(v.Arguments) > 0 {
			continue
		}
		b := box{name: v.Name, fields: v.Fields, key: []string{v.Fields[0].Name}}
		if len(v.Sources) == 0 {
			b.key = append(b.key, v.Fields[1].Name)
		}
		out = append(out, b)
	}
	return out
}

// leads lists the targets whose key a table or view has, one for each key.
func leads(from box, targets []box) []box {
	var out []box
	seen := map[string]bool{}
	for _, t := range targets {
		if len(t.key) != 1 || seen[t.key[0]] {
			continue
		}
		seen[t.key[0]] = true
		if t.name != from.name && from.column(t.key[0]) != "" {
			out = append(out, t)
		}
	}
	return out
}

// nearest lists where a table leads, without those to which another of them leads by the
// same column.
func nearest(from box, targets []box) []box {
	all := leads(from, targets)
	return slices.DeleteFunc(slices.Clone(all), func(to box) bool {
		return slices.ContainsFunc(all, func(o box) bool { return o.name != to.name && o.column(to.key[0]) == from.column(to.key[0]) })
	})
}

// linked are the boxes that an arrow begins or ends at, or the others.
func linked(boxes []box, want bool) []box {
	return slices.DeleteFunc(slices.Clone(boxes), func(b box) bool {
		ends := slices.ContainsFunc(boxes, func(o box) bool { return slices.Contains(o.to, b.name) })
		return (len(b.to) > 0 || ends) != want
	})
}

func namesOf(boxes []box) []string {
	var out []string
	for _, b := range boxes {
		out = append(out, b.name)
	}
	return out
}
