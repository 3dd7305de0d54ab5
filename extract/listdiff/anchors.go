package listdiff

import "slices"

// An anchor is an entry that is known: its offset in the list, and its place
// among the known ones.
type anchor struct{ at, place int }

// anchors lists those that were read in the order in which they were known, with
// one before the beginning and one behind the end. Where the order is another
// now, as many as possible count as having stayed; the others have left
// where they were, and came where they are.
func (d *Diff) anchors() []anchor {
	var seen []anchor
	for _, p := range d.pages {
		for i, key := range p.Keys {
			if place, once := d.placeOf(key); once {
				seen = append(seen, anchor{p.Offset + i, place})
			}
		}
	}
	return d.extend(enclosed(seen, d.total, len(d.known)))
}

// enclosed returns the anchors among entries that were seen, with one before the
// beginning and one behind the end.
func enclosed(seen []anchor, total, known int) []anchor {
	all := append([]anchor{{-1, -1}}, rising(seen)...)
	return append(all, anchor{total, known})
}

// extend adds the neighbours of anchors whose keys are not unique, such as those
// of unreadable entries, where they stand as they were known.
func (d *Diff) extend(all []anchor) []anchor {
	out := all[:1:1]
	for i := 1; i < len(all); i++ {
		a, b := all[i-1], all[i]
		for a.at+1 < b.at && a.place+1 < b.place && d.at(a.at+1) == d.known[a.place+1] {
			a = anchor{a.at + 1, a.place + 1}
			out = append(out, a)
		}
		first := len(out)
		for back := b; back.at-1 > a.at && back.place-1 > a.place && d.at(back.at-1) == d.known[back.place-1]; {
			back = anchor{back.at - 1, back.place - 1}
			out = append(out, back)
		}
		slices.Reverse(out[first:])
		out = append(out, b)
	}
	return out
}

// at returns the key that was read at an offset, or "" where none was.
func (d *Diff) at(offset int) Key {
	i, found := slices.BinarySearchFunc(d.pages, offset, func(p Page, at int) int { return p.Offset - at })
	if !found {
		i--
	}
	if i < 0 || offset >= d.pages[i].end() {
		return ""
	}
	return d.pages[i].Keys[offset-d.pages[i].Offset]
}

// A Gap is a stretch between two entries that stand in two versions of a list in
// the same order, or before the first or behind the last of them.
type Gap struct {
	Before, After []Key
	At            int // position of After in its list
}

// Gaps lists the stretches in which two versions of a list can differ: those between
// entries that stand once in either.
func Gaps(before, after []Key) []Gap {
	d := New(before, 1)
	var seen []anchor
	for at, key := range after {
		if place, once := d.placeOf(key); once {
			seen = append(seen, anchor{at, place})
		}
	}
	var out []Gap
	anchors := enclosed(seen, len(after), len(before))
	for i := 1; i < len(anchors); i++ {
		a, b := anchors[i-1], anchors[i]
		g := Gap{Before: before[a.place+1 : b.place], After: after[a.at+1 : b.at], At: a.at + 1}
		if len(g.Before)+len(g.After) > 0 {
			out = append(out, g)
		}
	}
	return out
}

// rising returns the longest part of some anchors, in the order of their offsets,
// whose places rise as well.
func rising(all []anchor) []anchor {
	if rises(all) {
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

// rises reports whether each place is greater than the one before: a key that was
// met twice is in one place only.
func rises(all []anchor) bool {
	for i := 1; i < len(all); i++ {
		if all[i].place <= all[i-1].place {
			return false
		}
	}
	return true
}
