package reconcile

import (
	"time"

	"github.com/tracklake/tracklake/extract/listdiff"
)

// A Stored is what is remembered of a list that is replaced as a whole: a ranking,
// or the items of a playlist.
type Stored struct {
	// Version is the version of the list that is stored: the day of a ranking, the
	// snapshot of a playlist.
	Version string `json:"version"`
	Places  int    `json:"places"` // with a row
	Holes   int    `json:"holes,omitempty"`
	// Unreadable counts the places that could not be read, as many since
	// UnreadableAt.
	Unreadable   int       `json:"unreadable,omitempty"`
	UnreadableAt time.Time `json:"unreadable_at,omitzero"`
	// EmptyAt is when a list that has rows first came back empty.
	EmptyAt time.Time `json:"empty_at,omitzero"`
}

// A ReplaceInput is what decides the replacement of a list.
type ReplaceInput struct {
	Before  *Stored // nil: nothing is stored
	Reading listdiff.Reading
	Version string // of what was read
	// Dated: each version has rows of its own, so that a new one replaces none.
	Dated bool
	At    time.Time
	// AcceptRemovals accepts an empty list at once.
	AcceptRemovals bool
}

// A Replacement is what follows from reading a list that is replaced as a whole.
type Replacement struct {
	// Replace: the reading replaces what is stored. Otherwise that stays.
	Replace bool
	Open    Open // what the list leaves open
	After   *Stored
}

// DecideReplacement decides whether a reading replaces what is stored. Two readings are
// never mixed: an entry can be at different places in them. Stored rows of the same
// version stay if they have more places. Stored rows of another version stay if the
// reading is incomplete, or empty for the first time, unless each version has rows of
// its own.
func DecideReplacement(in ReplaceInput) Replacement {
	next := &Stored{Version: in.Version, UnreadableAt: in.At}
	next.Places, next.Unreadable, next.Holes = in.Reading.Keys.Kinds()
	if in.Before == nil {
		return replaced(in, next, in.Dated || in.Reading.Complete)
	}
	if in.Before.Unreadable == next.Unreadable {
		next.UnreadableAt = in.Before.UnreadableAt
	}
	newer := in.Before.Version != in.Version
	switch {
	case newer && in.Dated:
		return replaced(in, next, true)
	case !in.Reading.Complete:
		return replaced(in, next, false)
	case newer && next.Places == 0 && in.Before.Places > 0 && !in.confirmed():
		return in.empty()
	}
	return replaced(in, next, newer || next.Places >= in.Before.Places)
}

// replaced returns what a reading leaves open, whether or not it replaces the list.
func replaced(in ReplaceInput, next *Stored, replace bool) Replacement {
	out := Replacement{Replace: replace, After: next, Open: next.Open(in.At)}
	switch {
	case replace:
	case in.Dated:
		next.Places = in.Before.Places
	default:
		out.After = in.Before
	}
	return out
}

// confirmed reports whether an earlier reading, at least on the day before, has found
// the list empty as well.
func (in *ReplaceInput) confirmed() bool {
	return in.AcceptRemovals || !in.Before.EmptyAt.IsZero() && in.At.Sub(in.Before.EmptyAt) >= aDayLater
}

// empty keeps what is stored until another reading finds the list empty.
func (in *ReplaceInput) empty() Replacement {
	kept := *in.Before
	if kept.EmptyAt.IsZero() {
		kept.EmptyAt = in.At
	}
	return Replacement{After: &kept, Open: kept.Open(in.At)}
}

// Open returns what the list leaves open at a time.
func (s *Stored) Open(at time.Time) Open {
	o := Open{Entries: s.Places + s.Unreadable + s.Holes, Unreadable: s.Unreadable, Holes: s.Holes}
	if !s.EmptyAt.IsZero() {
		o.Entries, o.Pending, o.Why = 0, s.Places, Empty
	}
	o.Standing = o.Unreadable > 0 && o.Pending == 0 && Standing(s.UnreadableAt, at)
	return o
}
