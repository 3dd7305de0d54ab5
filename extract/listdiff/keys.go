package listdiff

import "strings"

// Keys are those of a list's positions, in order, as one text: a large library
// has very many of them.
type Keys struct {
	Lines string // a line each
	Count int
}

// KeysOf joins keys.
func KeysOf(keys []Key) Keys { return Keys{Lines: strings.Join(keys, "\n"), Count: len(keys)} }

// ParseKeys reads the lines of Keys.
func ParseKeys(lines string) Keys {
	if lines == "" {
		return Keys{}
	}
	return Keys{Lines: lines, Count: 1 + strings.Count(lines, "\n")}
}

// All returns the keys one by one.
func (k Keys) All() []Key {
	if k.Count == 0 {
		return nil
	}
	return strings.Split(k.Lines, "\n")
}

// Damaged reports whether there are entries that could not be read, or holes.
func (k Keys) Damaged() bool {
	return k.begins(unreadableMark) || k.begins(Hole)
}

// begins reports whether any line begins with a mark.
func (k Keys) begins(mark string) bool {
	return strings.HasPrefix(k.Lines, mark) || strings.Contains(k.Lines, "\n"+mark)
}

// Kinds counts the entries that were read and have a row, those that could not be
// read, and the holes.
func (k Keys) Kinds() (entries, unreadable, holes int) {
	for key := range strings.SplitSeq(k.Lines, "\n") {
		switch {
		case key == Hole:
			holes++
		case IsUnreadable(key):
			unreadable++
		case IsEntry(key):
			entries++
		}
	}
	return entries, unreadable, holes
}

// Holes counts the holes.
func (k Keys) Holes() int {
	_, _, holes := k.Kinds()
	return holes
}

// blockSize is how large the blocks of a Builder are: many small texts that live
// long, among very many that do not, would fragment the heap.
const blockSize = 256 << 10

// A Builder collects keys. The zero Builder is ready.
type Builder struct {
	blocks [][]byte
	count  int
}

// Add appends a key.
func (b *Builder) Add(k Key) {
	last := len(b.blocks) - 1
	if last < 0 || len(b.blocks[last])+len(k)+1 > cap(b.blocks[last]) {
		b.blocks = append(b.blocks, make([]byte, 0, max(blockSize, len(k)+1)))
		last++
	}
	b.blocks[last] = append(append(b.blocks[last], k...), '\n')
	b.count++
}

// Count is how many keys were added.
func (b *Builder) Count() int { return b.count }

// Keys returns what was added, and empties the builder.
func (b *Builder) Keys() Keys {
	size := 0
	for _, block := range b.blocks {
		size += len(block)
	}
	var lines strings.Builder
	lines.Grow(size)
	for _, block := range b.blocks {
		lines.Write(block)
	}
	out := Keys{Lines: strings.TrimSuffix(lines.String(), "\n"), Count: b.count}
	b.blocks, b.count = nil, 0
	return out
}

// A Reading is what one reading of a list proves.
type Reading struct {
	// Keys is the list as it is now, a key for each position that the API
	// counts. After an error, or if the reading is not complete, it is the part of
	// the list, from its head, that is known.
	Keys Keys
	// Complete: the keys account for every position, and the list held still.
	Complete bool
	Reason   string // why it is not complete, for people
	// Full: every page was read for this reading, so that an entry which is not
	// among the keys is nowhere in the list. Otherwise what lies between two
	// places that fit was taken as unchanged.
	Full bool
	// Resumed: an earlier run read the first part; the list may have moved since.
	Resumed bool
	// Unserved: the API failed to serve a page as a whole. Its entries count as
	// unreadable; reading it again soon may bring them.
	Unserved bool
	Saved    int // requests that reading every page would have cost in addition
	// Rechecked counts the pages that were read again for their unreadable
	// entries, the last of them at the position RecheckedTo.
	Rechecked, RecheckedTo int
}
