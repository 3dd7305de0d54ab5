package extract

import "slices"

// An anchor is an entry that is known: its offset in the list, and its place
// among the known ones.
type anchor struct{ at, place int }

// anchors lists those that were seen in the order in which they were known, with
// one before the beginning and one behind the end. Where the order is another
// now, as many as possible count as having stayed; the others have gone from
// where they were, and came where they are.
func (c *comparison) anchors() []anchor {
	var seen []anchor
	for _, s := range c.seen {
		for i, key := range s.keys {
			if place, ok := c.place[key]; ok && place >= 0 {
				seen = append(seen, anchor{s.offset + i, place})
			}
		}
	}
	out := append([]anchor{{-1, -1}}, rising(seen)...)
	return append(out, anchor{c.total, len(c.known)})
}

// rising returns the longest part of some anchors, in order of their offsets, of
// which the places rise as well.
func rising(all []anchor) []anchor {
	if slices.IsSortedFunc(all, func(a, b anchor) int { return a.place - b.place }) {
		return all
	}
	var ends []int                  // of the best run of each length: which anchor is its last
	before := make([]int, len(all)) // in the best run that ends with it
	for i, a := range all {
		n, _ := slices.BinarySearchFunc(ends, a.place, func(end, place int) int { return all[end].place - place })
		before[i] = -1
		if n > 0 {
			before[i] = ends[n-1]
		}
		if n == len(ends) {
			ends = append(ends, i)
		} else {
			ends[n] = i
		}
	}
	out := make([]anchor, len(ends))
	for n, i := len(ends)-1, ends[len(ends)-1]; n >= 0; n, i = n-1, before[i] {
		out[n] = all[i]
	}
	return out
}
