package listdiff

import (
	"fmt"
	"slices"
)

// A Page is one answer about a list: the keys from an offset on, at one moment.
type Page struct {
	Offset int
	Asked  int // positions that were asked for
	Keys   []Key
	Total  int
	// Joined: it took several answers, which prove nothing about what stands
	// between them.
	Joined bool
}

func (p Page) end() int { return p.Offset + len(p.Keys) }

// A Diff compares a list with what was known of it.
//
// It reads the head, then halves the rest to locate the places where entries came
// or went, until the totals agree. What lies between two places that fit is
// taken as unchanged, so an entry that came and one that went between the same
// two places hide each other. An entry counts as removed only if a single answer
// shows its neighbours without it.
type Diff struct {
	known []Key
	place map[Key]int // of entries; -1: known several times
	size  int

	total int
	met   map[Key]bool // entries that are known once, and were read
	pages []Page       // in order of their offsets, no two overlapping
	extra []Page       // further pages, at borders between two of pages
	moved string       // why the list did not hold still
	final bool         // another attempt would end the same way
	spent int
}

// New prepares a comparison of a list with keys that were known, read in pages
// of a size.
func New(known []Key, size int) *Diff {
	d := &Diff{known: known, place: make(map[Key]int, len(known)), met: map[Key]bool{}, size: size, total: -1}
	for i, k := range known {
		if !IsEntry(k) {
			continue
		}
		if _, twice := d.place[k]; twice {
			d.place[k] = -1
			continue
		}
		d.place[k] = i
	}
	return d
}

// placeOf returns the place of an entry that is known once.
func (d *Diff) placeOf(k Key) (place int, once bool) {
	place, known := d.place[k]
	return place, known && place >= 0
}

// Moved returns why the list did not hold still while it was read, if so, and
// whether another attempt would end the same way. Nothing is proven then.
func (d *Diff) Moved() (reason string, final bool) { return d.moved, d.final }

// Pages is how many pages were read.
func (d *Diff) Pages() int { return d.spent }

// Total is how many positions the list has, or -1 before the first page.
func (d *Diff) Total() int { return d.total }

// Full reports whether every page was read.
func (d *Diff) Full() bool { return d.allRead(0, max(d.total, 0)) }

// Add takes a page, and notices a list that moved.
func (d *Diff) Add(p Page) {
	d.spent++
	if d.total < 0 {
		d.total = p.Total
	}
	want := max(0, min(p.Asked, d.total-p.Offset))
	switch {
	case p.Total != d.total:
		d.moved = fmt.Sprintf("its length went from %d to %d while it was read", d.total, p.Total)
	case len(p.Keys) != want:
		d.moved = fmt.Sprintf("a page of %d entries has %d", want, len(p.Keys))
	}
	if d.moved != "" {
		return
	}
	d.insert(p)
}

// insert puts a page among the others, or compares it with those it overlaps.
func (d *Diff) insert(p Page) {
	i, _ := slices.BinarySearchFunc(d.pages, p.Offset, func(p Page, at int) int { return p.Offset - at })
	overlaps := i > 0 && d.pages[i-1].end() > p.Offset || i < len(d.pages) && d.pages[i].Offset < p.end()
	if overlaps {
		d.extra = append(d.extra, p)
		if !d.agrees(p) {
			d.moved = "two answers about the same entries differ"
		}
		return
	}
	for _, key := range p.Keys {
		if _, once := d.placeOf(key); !once {
			continue
		}
		if d.met[key] {
			d.moved = "an entry was seen in two places"
		}
		d.met[key] = true
	}
	d.pages = slices.Insert(d.pages, i, p)
}

// agrees reports whether a second answer shows what the first one showed. Holes
// stand at the end of a page, wherever the entry is that was not delivered.
func (d *Diff) agrees(p Page) bool {
	for _, other := range d.pages {
		for at := max(p.Offset, other.Offset); at < min(p.end(), other.end()); at++ {
			a, b := p.Keys[at-p.Offset], other.Keys[at-other.Offset]
			if a != b && a != Hole && b != Hole {
				return false
			}
		}
	}
	return true
}

// Next returns the page to read next: the head first. It returns n = 0 when
// everything fits, or the list moved.
func (d *Diff) Next() (offset, n int) {
	if d.total < 0 {
		return 0, d.size
	}
	if d.moved != "" {
		return 0, 0
	}
	anchors := d.anchors()
	for i := 1; i < len(anchors); i++ {
		a, b := anchors[i-1], anchors[i]
		if b.at-a.at == b.place-a.place && (b.at-a.at == 1 || !d.readWithin(a, b)) {
			continue // nothing came or went between the two, as far as it shows
		}
		if offset, n := d.within(a, b); n > 0 {
			return offset, n
		}
	}
	return d.border(anchors)
}

// readWithin reports whether entries between two anchors were read.
func (d *Diff) readWithin(a, b anchor) bool {
	for _, p := range d.pages {
		if max(p.Offset, a.at+1) < min(p.end(), b.at) {
			return true
		}
	}
	return false
}

// within returns the page to read between two anchors that do not fit: behind
// the head as long as it is all new, else in the middle of the longest stretch
// that was not read. Pages are those of a full sync, so that none is read
// twice however many there are.
func (d *Diff) within(a, b anchor) (offset, n int) {
	from, to := d.longestUnread(a.at+1, b.at)
	if from >= to {
		return 0, 0
	}
	page := (from + to - 1) / 2 / d.size
	switch {
	case a.at < 0 && len(d.pages) > 0 && d.pages[0].end() == from, // the head continues
		b.place == a.place+1: // all of it is new
		page = from / d.size
	case b.place == len(d.known) && (b.at-a.at)-(b.place-a.place) >= d.size:
		page = d.behind(a, b)
	}
	return page * d.size, min(d.size, d.total-page*d.size)
}

// behind returns the page to read after an anchor when much came: most likely
// behind what is known, which was then a partial list. So it starts where that
// ends.
func (d *Diff) behind(a, b anchor) int {
	last := a.at + len(d.known) - 1 - a.place // where the last known entry stands if nothing came before it
	from, to := d.longestUnread(a.at+1, min(b.at, last+1))
	switch {
	case from < to && to == last+1:
		return last / d.size
	case from < to:
		return (from + to - 1) / 2 / d.size
	default:
		from, _ = d.firstUnread(a.at+1, b.at)
		return from / d.size
	}
}

// longestUnread returns the longest stretch between two offsets that was not
// read.
func (d *Diff) longestUnread(from, to int) (int, int) {
	bestFrom, bestTo := 0, 0
	for from < to {
		a, b := d.firstUnread(from, to)
		if b-a > bestTo-bestFrom {
			bestFrom, bestTo = a, b
		}
		from = max(b, from+1)
	}
	return bestFrom, bestTo
}

// firstUnread returns the first stretch between two offsets that was not read.
func (d *Diff) firstUnread(from, to int) (int, int) {
	for _, s := range d.pages {
		switch {
		case s.end() <= from:
		case s.Offset <= from:
			from = s.end()
		default:
			return min(from, to), min(s.Offset, to)
		}
	}
	return min(from, to), to
}

// border returns a page across the border of two answers where entries seem to
// be missing: the answers came at different moments, and an entry may have moved
// across the border in between.
func (d *Diff) border(anchors []anchor) (offset, n int) {
	for i := 1; i < len(anchors); i++ {
		a, b := anchors[i-1], anchors[i]
		if !d.lost(a, b) || d.witnessed(a, b) {
			continue
		}
		if b.at-a.at >= d.size { // no answer can show both neighbours
			d.moved, d.final = "too many entries were added where others were removed", true
			return 0, 0
		}
		offset = max(0, min(a.at, d.total-d.size))
		if slices.ContainsFunc(d.extra, func(p Page) bool { return p.Offset == offset }) { // and that in several answers
			d.moved, d.final = "Spotify did not serve a page in one answer", true
			return 0, 0
		}
		return offset, min(d.size, d.total-offset)
	}
	return 0, 0
}

// lost reports whether known entries between two anchors were not seen again, and
// are more than those that cannot be read there.
func (d *Diff) lost(a, b anchor) bool {
	rows := 0
	for _, k := range d.known[a.place+1 : b.place] {
		if Row(k) != "" {
			rows++
		}
	}
	if rows == 0 || !d.allRead(a.at+1, b.at) {
		return false
	}
	for _, k := range d.read(a.at+1, b.at) {
		if IsUnreadable(k) || k == Hole {
			rows--
		}
	}
	return rows > 0
}

// allRead reports whether every entry between two offsets was read.
func (d *Diff) allRead(from, to int) bool {
	f, t := d.longestUnread(from, to)
	return f >= t
}

// witnessed reports whether a single answer shows everything from one anchor to
// the next.
func (d *Diff) witnessed(a, b anchor) bool {
	for _, list := range [][]Page{d.pages, d.extra} {
		for _, s := range list {
			if !s.Joined && s.Offset <= max(a.at, 0) && s.end() >= min(b.at+1, d.total) {
				return true
			}
		}
	}
	return false
}

// Keys returns the list as it is now, or why that is not known.
func (d *Diff) Keys() (keys []Key, reason string) {
	if d.moved != "" {
		return nil, d.moved
	}
	anchors := d.anchors()
	for i := 1; i < len(anchors); i++ {
		a, b := anchors[i-1], anchors[i]
		if d.allRead(a.at+1, b.at) {
			keys = append(keys, d.read(a.at+1, b.at)...)
		} else { // unread, and it fits
			keys = append(keys, d.known[a.place+1:b.place]...)
		}
		if b.at < d.total {
			keys = append(keys, d.known[b.place])
		}
	}
	if len(keys) != d.total {
		return nil, fmt.Sprintf("it adds up to %d entries, but Spotify counts %d", len(keys), d.total)
	}
	return keys, ""
}

// Unread returns the offsets of at most n pages that hold unreadable entries or
// holes and were not read, starting behind a position and wrapping around.
func (d *Diff) Unread(after, n int) []int {
	keys, reason := d.Keys()
	if reason != "" {
		return nil
	}
	var behind, before []int
	last := -1
	for at, k := range keys {
		page := at / d.size * d.size
		if page == last || !IsUnreadable(k) && k != Hole || d.allRead(at, at+1) {
			continue
		}
		last = page
		if page > after {
			behind = append(behind, page)
		} else {
			before = append(before, page)
		}
	}
	all := append(behind, before...)
	return all[:min(n, len(all))]
}

// Prefix returns the list from its head as far as it is known to fit, for a
// reading that was interrupted.
func (d *Diff) Prefix() []Key {
	if d.total < 0 || d.moved != "" {
		return nil
	}
	var out []Key
	anchors := d.anchors()
	for i := 1; i < len(anchors); i++ {
		a, b := anchors[i-1], anchors[i]
		switch {
		case d.allRead(a.at+1, b.at):
			out = append(out, d.read(a.at+1, b.at)...)
		case b.at-a.at == b.place-a.place && !d.readWithin(a, b):
			out = append(out, d.known[a.place+1:b.place]...)
		default:
			return append(out, d.readFrom(a.at+1, b.at)...)
		}
		if b.at < d.total {
			out = append(out, d.known[b.place])
		}
	}
	return out
}

// readFrom returns the entries that were read from an offset on without a gap.
func (d *Diff) readFrom(from, to int) []Key {
	at := from
	for _, s := range d.pages {
		if s.Offset <= at && s.end() > at {
			at = s.end()
		}
	}
	return d.read(from, min(at, to))
}

// read returns the entries between two offsets, which were all read.
func (d *Diff) read(from, to int) []Key {
	var out []Key
	for _, s := range d.pages {
		for at := max(from, s.Offset); at < min(to, s.end()); at++ {
			out = append(out, s.Keys[at-s.Offset])
		}
	}
	return out
}
