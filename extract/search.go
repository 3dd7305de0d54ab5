package extract

import (
	"context"
	"fmt"
	"slices"
)

// A sighting is one answer: the entries from an offset on, at one moment.
type sighting struct {
	offset int
	keys   []string
	total  int
	unfit  string // why it is no single answer, and proves nothing
	always bool   // it would be no better another time
}

func (s sighting) end() int { return s.offset + len(s.keys) }

// A source gives answers about a list.
type source interface {
	// size is that of the largest page, as far as it is known.
	size() int
	// at returns the n entries from an offset on. After the first attempt of a
	// search comes the second.
	at(ctx context.Context, attempt, offset, n int) (sighting, error)
}

// search finds out how a list differs from what was known. An error is one of
// the source; a list that would not hold still is an outcome that is not
// proven.
func search(ctx context.Context, known []string, list source) (NewestOutcome, error) {
	var out NewestOutcome
	spent := 0
	for attempt := range maxRestarts + 1 {
		s := newComparison(known, list.size())
		err := s.run(ctx, attempt, list)
		spent += s.spent
		if err != nil {
			return NewestOutcome{Keys: s.prefix()}, err
		}
		out = s.outcome()
		out.Spared = max(0, max(1, (out.Total+s.size-1)/s.size)-spent)
		if out.Proven || s.hopeless {
			break
		}
	}
	return out, nil
}

// A comparison is one attempt at the search.
type comparison struct {
	known []string
	place map[string]int // of keys that are known once
	size  int

	total int
	met   map[string]bool // keys that are known once, and were seen
	seen  []sighting      // in order of their offsets, no two overlapping
	extra []sighting      // more looks, at borders between two of seen
	moved string          // why the list did not hold still
	spent int
	// hopeless: another attempt would end the same way.
	hopeless bool
}

func newComparison(known []string, size int) *comparison {
	c := &comparison{known: known, place: make(map[string]int, len(known)), met: map[string]bool{}, size: size, total: -1}
	for i, k := range known {
		if _, twice := c.place[k]; twice {
			c.place[k] = -1
			continue
		}
		c.place[k] = i
	}
	return c
}

// run looks where it must, until everything fits or the list moves.
func (c *comparison) run(ctx context.Context, attempt int, list source) error {
	for offset, n := 0, c.size; n > 0 && c.moved == ""; offset, n = c.next() {
		s, err := list.at(ctx, attempt, offset, n)
		if err != nil {
			return err
		}
		c.spent++
		c.take(s, offset, n)
	}
	return nil
}

// take adds an answer, and notices a list that moved.
func (c *comparison) take(s sighting, offset, n int) {
	if s.unfit != "" {
		c.moved, c.hopeless = s.unfit, s.always
		return
	}
	if c.total < 0 {
		c.total = s.total
	}
	switch {
	case s.total != c.total:
		c.moved = fmt.Sprintf("its length went from %d to %d while it was read", c.total, s.total)
	case len(s.keys) != min(n, c.total-offset):
		c.moved = fmt.Sprintf("a page of %d entries held %d", min(n, c.total-offset), len(s.keys))
	}
	if c.moved != "" {
		return
	}
	i, _ := slices.BinarySearchFunc(c.seen, offset, func(s sighting, at int) int { return s.offset - at })
	overlaps := i > 0 && c.seen[i-1].end() > offset || i < len(c.seen) && c.seen[i].offset < s.end()
	if overlaps {
		c.extra = append(c.extra, s)
		if !c.agrees(s) {
			c.moved = "two answers about the same entries differ"
		}
		return
	}
	for _, key := range s.keys {
		if place, ok := c.place[key]; !ok || place < 0 {
			continue
		}
		if c.met[key] {
			c.moved = "an entry was seen in two places"
		}
		c.met[key] = true
	}
	c.seen = slices.Insert(c.seen, i, s)
}

// agrees tells whether a second look shows what the first one showed.
func (c *comparison) agrees(s sighting) bool {
	for _, other := range c.seen {
		for at := max(s.offset, other.offset); at < min(s.end(), other.end()); at++ {
			if s.keys[at-s.offset] != other.keys[at-other.offset] {
				return false
			}
		}
	}
	return true
}

// next returns what to look at: nothing when everything fits.
func (c *comparison) next() (offset, n int) {
	if c.total < 0 || c.moved != "" {
		return 0, 0
	}
	anchors := c.anchors()
	for i := 1; i < len(anchors); i++ {
		a, b := anchors[i-1], anchors[i]
		if b.at-a.at == b.place-a.place && (b.at-a.at == 1 || !c.sawWithin(a, b)) {
			continue // nothing came or went between the two, as far as it shows
		}
		if offset, n := c.within(a, b); n > 0 {
			return offset, n
		}
	}
	return c.border(anchors)
}

// sawWithin tells whether entries between two anchors were read.
func (c *comparison) sawWithin(a, b anchor) bool {
	for _, s := range c.seen {
		if s.offset < b.at && s.end() > a.at+1 && max(s.offset, a.at+1) < min(s.end(), b.at) {
			return true
		}
	}
	return false
}

// within returns the page to read between two anchors that do not fit: behind
// the head as long as it is all new, else in the middle of the longest stretch
// that was not read. Pages are those of a whole reading, so that none is read
// twice however many there are.
func (c *comparison) within(a, b anchor) (offset, n int) {
	from, to := c.longestUnread(a.at+1, b.at)
	if from >= to {
		return 0, 0
	}
	page := (from + to - 1) / 2 / c.size
	switch {
	case a.at < 0 && len(c.seen) > 0 && c.seen[0].end() == from, // the head goes on
		b.place == a.place+1: // all of it is new
		page = from / c.size
	case b.place == len(c.known) && (b.at-a.at)-(b.place-a.place) >= c.size:
		page = c.behind(a, b)
	}
	return page * c.size, min(c.size, c.total-page*c.size)
}

// behind returns the page to read after an anchor when much came: most likely
// behind what is known, of which only the beginning was read before. So it is
// looked for where that ends, and then gone on from there.
func (c *comparison) behind(a, b anchor) int {
	last := a.at + len(c.known) - 1 - a.place // where the last known entry stands if nothing came before it
	from, to := c.longestUnread(a.at+1, min(b.at, last+1))
	switch {
	case from < to && to == last+1:
		return last / c.size
	case from < to:
		return (from + to - 1) / 2 / c.size
	default:
		from, _ = c.firstUnread(a.at+1, b.at)
		return from / c.size
	}
}

// longestUnread returns the longest stretch between two offsets that was not
// read.
func (c *comparison) longestUnread(from, to int) (int, int) {
	bestFrom, bestTo := 0, 0
	for from < to {
		a, b := c.firstUnread(from, to)
		if b-a > bestTo-bestFrom {
			bestFrom, bestTo = a, b
		}
		from = max(b, from+1)
	}
	return bestFrom, bestTo
}

// firstUnread returns the first stretch between two offsets that was not read.
func (c *comparison) firstUnread(from, to int) (int, int) {
	for _, s := range c.seen {
		switch {
		case s.end() <= from:
		case s.offset <= from:
			from = s.end()
		default:
			return min(from, to), min(s.offset, to)
		}
	}
	return min(from, to), to
}

// border returns a look across the border of two answers where entries seem to
// have gone: they may have been read at different moments, and what seems to
// have gone have moved over the border in between.
func (c *comparison) border(anchors []anchor) (offset, n int) {
	for i := 1; i < len(anchors); i++ {
		a, b := anchors[i-1], anchors[i]
		if !c.lost(a, b) || c.witnessed(a, b) {
			continue
		}
		if b.at-a.at >= c.size { // no answer can show both neighbours
			c.moved, c.hopeless = "too much came where something went", true
			return 0, 0
		}
		offset = max(0, min(a.at, c.total-c.size))
		return offset, min(c.size, c.total-offset)
	}
	return 0, 0
}

// lost tells whether known entries between two anchors were not seen again.
func (c *comparison) lost(a, b anchor) bool {
	unseen := b.place - a.place - 1
	return unseen > 0 && c.allRead(a.at+1, b.at)
}

// allRead tells whether every entry between two offsets was read.
func (c *comparison) allRead(from, to int) bool {
	f, t := c.longestUnread(from, to)
	return f >= t
}

// witnessed tells whether a single answer shows everything from one anchor to
// the next.
func (c *comparison) witnessed(a, b anchor) bool {
	for _, list := range [][]sighting{c.seen, c.extra} {
		for _, s := range list {
			if s.offset <= max(a.at, 0) && s.end() >= min(b.at+1, c.total) {
				return true
			}
		}
	}
	return false
}

// outcome builds the list as it is now, and what has gone.
func (c *comparison) outcome() NewestOutcome {
	out := NewestOutcome{Total: max(c.total, 0), Reason: c.moved}
	if c.moved != "" {
		return out
	}
	anchors := c.anchors()
	var gone []string
	for i := 1; i < len(anchors); i++ {
		a, b := anchors[i-1], anchors[i]
		if c.allRead(a.at+1, b.at) {
			out.Keys = append(out.Keys, c.keys(a.at+1, b.at)...)
			gone = append(gone, c.known[a.place+1:b.place]...)
		} else { // unread, and it fits
			out.Keys = append(out.Keys, c.known[a.place+1:b.place]...)
		}
		if b.at < c.total {
			out.Keys = append(out.Keys, c.known[b.place])
		}
	}
	if len(out.Keys) != c.total {
		out.Reason = fmt.Sprintf("it adds up to %d entries, and Spotify counts %d", len(out.Keys), c.total)
		return out
	}
	from, to := c.longestUnread(0, c.total)
	out.Whole = from >= to
	out.Gone = without(gone, out.Keys)
	out.Proven = true
	return out
}

// prefix returns the list's entries from its beginning as far as they are
// known to fit, for a reading that was cut off.
func (c *comparison) prefix() []string {
	if c.total < 0 || c.moved != "" {
		return nil
	}
	var out []string
	anchors := c.anchors()
	for i := 1; i < len(anchors); i++ {
		a, b := anchors[i-1], anchors[i]
		switch {
		case c.allRead(a.at+1, b.at):
			out = append(out, c.keys(a.at+1, b.at)...)
		case b.at-a.at == b.place-a.place && !c.sawWithin(a, b):
			out = append(out, c.known[a.place+1:b.place]...)
		default:
			return append(out, c.readFrom(a.at+1, b.at)...)
		}
		if b.at < c.total {
			out = append(out, c.known[b.place])
		}
	}
	return out
}

// readFrom returns the entries that were read from an offset on without a gap.
func (c *comparison) readFrom(from, to int) []string {
	at := from
	for _, s := range c.seen {
		if s.offset <= at && s.end() > at {
			at = s.end()
		}
	}
	return c.keys(from, min(at, to))
}

// keys returns the entries between two offsets, which were all read.
func (c *comparison) keys(from, to int) []string {
	var out []string
	for _, s := range c.seen {
		for at := max(from, s.offset); at < min(to, s.end()); at++ {
			out = append(out, s.keys[at-s.offset])
		}
	}
	return out
}

// without returns what is not among the others, each once.
func without(keys, others []string) []string {
	there := make(map[string]bool, len(others))
	for _, k := range others {
		there[k] = true
	}
	var out []string
	for _, k := range keys {
		if !there[k] {
			there[k] = true
			out = append(out, k)
		}
	}
	return out
}
