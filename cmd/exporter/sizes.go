package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tracklake/tracklake/catalog"
)

// usualSize is what init exports unless told otherwise.
const usualSize = catalog.Library

// A choice is a size as init offers it.
type choice struct {
	size catalog.Size
	// first is how many requests the first run of all its jobs makes, and next how many
	// the one a day later makes when only the rankings have changed: in development
	// mode, with the library that sizesHead describes. TestSizesTellRequests measures
	// them.
	first, next int
}

// choices are the sizes, the smallest first.
func choices() []choice {
	return []choice{
		{catalog.Essentials, 86, 26},
		{catalog.Library, 219, 36},
		{catalog.Everything, 728, 238},
	}
}

// sizesHead says whose requests the sizes tell.
const sizesHead = "How much to export. Requests are those of an app in development mode, for 3,000 saved tracks, 200 saved albums, 60 playlists of 100 items and 150 followed artists."

// sizeList are the sizes with what each adds.
func sizeList() [][2]string {
	var out [][2]string
	for _, c := range choices() {
		var names []string
		if len(out) > 0 {
			names = []string{out[len(out)-1][0]}
		}
		for _, r := range catalog.Of(c.size) {
			if r.Size == c.size {
				names = append(names, r.Name)
			}
		}
		doc := fmt.Sprintf("%s: %s the first night, %s the next", strings.Join(names, ", "), counted(c.first, "request", "requests"), thousands(c.next))
		out = append(out, [2]string{c.size.String(), doc})
	}
	return out
}

func sizeNames() []string {
	var out []string
	for _, c := range choices() {
		out = append(out, c.size.String())
	}
	return out
}

// sizeNamed returns the size of a name.
func sizeNamed(word string) (catalog.Size, error) {
	if i := slices.Index(sizeNames(), word); i >= 0 {
		return choices()[i].size, nil
	}
	return 0, fmt.Errorf("there is no size %q; choose from %s", word, strings.Join(sizeNames(), ", "))
}

// resourcesOf returns the resources that some words name, in the order of the catalog. A
// word is a size, its number in the list, or a resource.
func resourcesOf(words []string) ([]*catalog.Resource, error) {
	all, list := catalog.All(), choices()
	var chosen, names []string
	for _, r := range all {
		names = append(names, r.Name)
	}
	for _, word := range words {
		i := slices.IndexFunc(list, func(c choice) bool { return word == c.size.String() || word == strconv.Itoa(int(c.size)) })
		switch {
		case i >= 0:
			for _, r := range catalog.Of(list[i].size) {
				chosen = append(chosen, r.Name)
			}
		case slices.Contains(names, word):
			chosen = append(chosen, word)
		default:
			return nil, fmt.Errorf("there is no size or resource %q; choose from %s, %s", word, strings.Join(sizeNames(), ", "), strings.Join(names, ", "))
		}
	}
	return slices.DeleteFunc(all, func(r *catalog.Resource) bool { return !slices.Contains(chosen, r.Name) }), nil
}
