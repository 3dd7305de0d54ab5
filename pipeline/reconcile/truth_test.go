package reconcile_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tracklake/tracklake/extract/listdiff"
)

// How an entry shows itself.
const (
	readable = iota
	bare     // as null: nothing is known of it
	dated    // as null, with its rank
	named    // with its row, and unreadable
	hole     // it is counted, and not delivered
)

// An entry of a library as it really is.
type entry struct {
	row   string // "": it has none
	rank  int64
	shows int
	seen  bool      // it has been delivered, readable
	added bool      // it becomes unreadable only after it has been seen
	since time.Time // it is a hole
}

// key is what an entry looks like to whoever reads the list.
func (e *entry) key() listdiff.Key {
	switch {
	case e.shows == hole:
		return listdiff.Hole
	case e.shows == bare:
		return listdiff.UnreadableKey("")
	case e.shows == dated:
		return listdiff.UnreadableKey(listdiff.NewKey("", e.rank))
	case e.shows == named:
		return listdiff.UnreadableKey(listdiff.NewKey(e.row, e.rank))
	case e.row == "":
		return listdiff.RowlessKey(fmt.Sprint("local", e.rank))
	}
	return listdiff.NewKey(e.row, e.rank)
}

// A library is a list at Spotify, and what happens to it.
type library struct {
	*rand.Rand
	stable  bool
	ranks   int64 // entries have ranks up to it; 0: none
	entries []*entry
	rows    int // that there ever were
	clock   int64
	at      time.Time
	removed map[string]bool // rows that were removed since the last reading
	forgot  bool            // the program has once lost its state
	empty   time.Time       // since when the list has been empty by mistake
}

// chance reports whether something that happens once in n times happens.
func (l *library) chance(n int) bool { return l.IntN(n) == 0 }

// has reports whether a row is in the library.
func (l *library) has(row string) bool {
	return slices.ContainsFunc(l.entries, func(e *entry) bool { return e.row == row })
}

// alike reports whether nobody could tell two entries of a row apart, or such a list
// does not have them.
func (l *library) alike(o, e *entry) bool {
	same := o.rank == e.rank && (l.stable || l.ranks > 0 || o.shows != readable)
	return o.row == e.row && (same || !o.seen || l.forgot && o.shows != readable)
}

// single reports whether no row has two entries.
func (l *library) single() bool {
	return !slices.ContainsFunc(l.entries, func(e *entry) bool { return e.row != "" && l.twice(e) })
}

// keys is what a reading finds: on pages of ten, of which the holes come last.
func (l *library) keys() []listdiff.Key {
	var out []listdiff.Key
	for page := range slices.Chunk(l.entries, 10) {
		holes := 0
		for _, e := range page {
			if e.shows == hole {
				holes++
				continue
			}
			e.seen = e.seen || e.shows == readable
			out = append(out, e.key())
		}
		out = append(out, slices.Repeat([]listdiff.Key{listdiff.Hole}, holes)...)
	}
	return out
}

// pass lets time pass until the next reading, and things happen.
//
// Left out is what no reading can tell, and the rules let go: see TestInherent.
func (l *library) pass(hours int) {
	l.at = l.at.Add(time.Duration(hours) * time.Hour)
	[]func(){l.calm, l.swap, l.worse}[l.IntN(3)]()
	for _, e := range l.entries {
		if e.shows == hole && l.at.Sub(e.since) >= 20*time.Hour {
			e.shows = readable // a hole that has stood for that long counts as removed
		}
	}
	for range l.IntN(3) {
		l.add()
	}
	if !l.stable {
		l.Shuffle(l.IntN(len(l.entries)+1), func(i, j int) { l.entries[i], l.entries[j] = l.entries[j], l.entries[i] })
	}
}

// calm lets any entries go or recover, and none become unreadable.
func (l *library) calm() {
	l.drop(func(*entry) bool { return true })
	often := 1 + l.IntN(4)
	for _, e := range l.entries {
		if e.shows != readable && l.chance(often) {
			e.shows = readable
		}
	}
}

// swap lets readable entries go while others become unreadable, or readable.
func (l *library) swap() {
	l.drop(func(e *entry) bool { return e.shows == readable && !l.twice(e) })
	often := 2 + l.IntN(8)
	for _, e := range l.entries {
		switch {
		case !l.chance(often):
		case e.shows != readable:
			e.shows = readable
		default:
			l.show(e)
		}
	}
}

// worse lets entries become unreadable in one way or another, and none go.
func (l *library) worse() {
	often := 2 + l.IntN(8)
	for _, e := range l.entries {
		if l.chance(often) {
			l.show(e)
		}
	}
}

// drop lets some of the entries go.
func (l *library) drop(may func(*entry) bool) {
	clear(l.removed)
	l.entries = slices.DeleteFunc(l.entries, func(e *entry) bool {
		goes := may(e) && l.chance(8)
		if goes {
			l.removed[e.row] = true
		}
		return goes
	})
}

// twice reports whether the row of an entry has another.
func (l *library) twice(e *entry) bool {
	return slices.ContainsFunc(l.entries, func(o *entry) bool { return o != e && o.row == e.row })
}

// show lets an entry show itself otherwise. With its rank alone it does so only where
// no other entry of that rank can be meant.
func (l *library) show(e *entry) {
	if slices.ContainsFunc(l.entries, func(o *entry) bool { return o.row == e.row && o.added && !o.seen }) {
		return
	}
	how := l.IntN(hole + 1)
	if how == dated && !e.seen && slices.ContainsFunc(l.entries, func(o *entry) bool { return o != e && o.rank == e.rank }) || how != hole && e.row == "" {
		how = bare
	}
	if e.shows != readable && how == hole {
		return // another entry may come out of a hole, and nobody would see it
	}
	if e.shows != hole && how == hole {
		e.since = l.at
	}
	e.shows = how
}

// add adds an entry: of a new row, of one that there is or was, or of none. In a
// stable list it comes first, or, if it was saved with an old date, anywhere.
func (l *library) add() {
	e := &entry{row: fmt.Sprint("r", l.rows+1)}
	l.clock++
	switch n := l.IntN(10); {
	case n == 0:
		e.row, e.rank = "", l.clock
	case n <= 2 && l.rows > 0 && (l.ranks > 0 || !l.stable):
		e.row, e.added = fmt.Sprint("r", 1+l.IntN(l.rows)), true
	default:
		l.rows++
		if l.chance(4) {
			defer l.show(e)
		}
	}
	if l.ranks > 0 {
		e.rank = 1 + l.Int64N(l.ranks)
	}
	if l.removed[e.row] || e.added && slices.ContainsFunc(l.entries, func(o *entry) bool { return l.alike(o, e) }) {
		return
	}
	at := 0
	if l.chance(3) {
		at = l.IntN(len(l.entries) + 1)
	}
	l.entries = slices.Insert(l.entries, at, e)
}
