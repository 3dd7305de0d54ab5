package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tracklake/tracklake/catalog"
)

// checkOverlaps refuses each pair of jobs that would write the same rows of one
// destination: each job would remove what the other one wrote. Jobs with other
// problems are left out, because their options are not what was meant.
func (p *fileParser) checkOverlaps() {
	for i, b := range p.sound {
		for _, a := range p.sound[:i] {
			if message := overlap(a, b); message != "" {
				p.problems = append(p.problems, Problem{Line: b.Line, Message: message})
			}
		}
	}
}

// overlap returns which rows two jobs would both write, and what to do about it; ""
// if there are none.
func overlap(a, b Job) string {
	shared := common(a.Destinations, b.Destinations)
	if a.Resource.Name != b.Resource.Name || len(shared) == 0 {
		return ""
	}
	rows, remedy := "", "give each its own destination, or merge them"
	for _, o := range a.Resource.Options {
		if o.Splits == "" {
			continue
		}
		if rows, remedy = sharedRows(o, a.Options, b.Options); rows == "" {
			return ""
		}
	}
	return fmt.Sprintf("jobs %s and %s would both write %s in %s%s; %s",
		a.Name, b.Name, a.Resource.Name, counted("destination", shared), rows, remedy)
}

// sharedRows names the rows that two jobs have in common as far as one option
// goes, and how to keep the jobs apart. It returns "" when there are none.
func sharedRows(o catalog.Option, a, b catalog.Values) (rows, remedy string) {
	listedA, knownA := a.Listed(o)
	listedB, knownB := b.Listed(o)
	if !knownA || !knownB {
		return fmt.Sprintf(" for any %s that both choose", o.Splits),
			fmt.Sprintf("give each its own %s: {ids: […]}, or its own destination", o.Name)
	}
	shared := common(listedA, listedB)
	if len(shared) == 0 {
		return "", ""
	}
	return " for " + counted(o.Splits, shared), fmt.Sprintf("give each its own %s, or merge them", o.Name)
}

// common returns the words of a that are also in b.
func common(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(word string) bool { return !slices.Contains(b, word) })
}

// counted puts a noun before the words that it stands for, the first few of
// them when there are many.
func counted(noun string, words []string) string {
	const most = 3
	switch n := len(words); {
	case n == 1:
		return noun + " " + words[0]
	case n > most:
		words = append(slices.Clone(words[:most]), fmt.Sprintf("%d more", n-most))
	}
	last := len(words) - 1
	return fmt.Sprintf("%ss %s and %s", noun, strings.Join(words[:last], ", "), words[last])
}
