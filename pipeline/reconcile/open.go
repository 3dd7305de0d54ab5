package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// An Open says what a list leaves open, for the run's status and message.
type Open struct {
	Entries    int // of the list
	Unreadable int // of these
	Holes      int // of these
	Pending    int // rows that were not seen, and are not removed
	Refused    int // of these, because they are too many
	Why        Reason
	// Standing: the unreadable entries, and the rows that they may be, have been
	// the same for seven nights.
	Standing bool
}

// Open returns what the list leaves open at a time.
func (l *List) Open(at time.Time) Open {
	if l == nil {
		return Open{}
	}
	o := Open{Entries: l.Keys.Count, Pending: len(l.Pending) + len(l.Refused) + l.Hidden, Refused: len(l.Refused), Why: l.Why}
	_, o.Unreadable, o.Holes = l.Keys.Kinds()
	o.Standing = o.Unreadable > 0 && Standing(l.UnreadableAt, at) && o.Refused == 0 && (len(l.Pending) == 0 || l.Why == Unreadable)
	return o
}

// Incomplete reports whether a run that leaves this open is incomplete. Entries that
// have been unreadable for seven nights count as unreadable for good; their rows
// still stay.
func (o Open) Incomplete() bool { return (o.Unreadable > 0 || o.Pending > 0) && !o.Standing }

// String says what is open; "" if nothing is.
func (o Open) String() string {
	var parts []string
	if o.Unreadable > 0 {
		parts = append(parts, fmt.Sprintf("%d of %s could not be read", o.Unreadable, counted(o.Entries, "entry", "entries")))
	}
	if o.Refused > 0 {
		parts = append(parts, fmt.Sprintf("refused to remove %d of %d rows (limit 20 %%); nothing was removed", o.Refused, o.Entries+o.Refused))
	}
	if n := o.Pending - o.Refused; n > 0 {
		parts = append(parts, o.pending(n))
	}
	return strings.Join(parts, "; ")
}

// pending says that n removals are pending, and why.
func (o Open) pending(n int) string {
	switch o.Why {
	case Empty:
		return "the list came back empty; " + kept(n, "row") + " until a reading on a later day agrees"
	case Holes:
		return fmt.Sprintf("Spotify counts %s and delivered %d; %s until a reading on a later day agrees", counted(o.Entries, "entry", "entries"), o.Entries-o.Holes, kept(n, "missing row"))
	case Resumed:
		return "the list was read in several runs; " + kept(n, "missing row") + " until another reading agrees"
	case Unread:
		return kept(n, "missing row") + ", as the entries may stand on pages that were not read"
	case Unreadable:
	}
	return kept(n, "row", "that may be among them")
}

// kept says that rows are kept.
func kept(n int, noun string, which ...string) string {
	verb := "are kept"
	if n == 1 {
		verb = "is kept"
	}
	return strings.Join(slices.Concat([]string{counted(n, noun, noun+"s")}, which, []string{verb}), " ")
}

// counted writes how many there are of something.
func counted(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}
