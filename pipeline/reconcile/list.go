package reconcile

import (
	"slices"
	"strings"
	"time"

	"github.com/tracklake/tracklake/extract/listdiff"
)

// A Reason says why removals are pending.
type Reason string

// The reasons, in the order in which they are reported.
const (
	// Empty: a list that had rows came back empty.
	Empty Reason = "empty"
	// Unreadable: entries that could not be read may be those of the rows.
	Unreadable Reason = "unreadable"
	// Holes: Spotify counts more entries than it delivers, which it did not do
	// before.
	Holes Reason = "holes"
	// Resumed: the list was read in several runs, and may have moved in between.
	Resumed Reason = "resumed"
	// Unread: the entries may have moved to pages that were not read.
	Unread Reason = "unread"
)

// aDayLater is how long after a doubtful reading another one confirms it: less
// than a day, as a nightly run does not come to the minute.
const aDayLater = 20 * time.Hour

// An Input is what is known of a list and what a reading found.
type Input struct {
	// Before is the state of the last run; nil: there is none.
	Before *List
	// Stored are further rows that the table may have: all of the list's where
	// there is no state, else those of the reading that is resumed.
	Stored []string
	// Reading is complete.
	Reading listdiff.Reading
	Query   string
	At      time.Time
	// Stable lists keep their entries in order.
	Stable bool
	// AcceptRemovals accepts removals however many they are, and after the first
	// reading that is empty or resumed, but not those that unreadable entries or holes
	// leave open.
	AcceptRemovals bool
}

// A Verdict is what follows from a reading.
type Verdict struct {
	// Removed are the rows to mark as removed, in order.
	Removed []string
	// Doubt: the sync was incremental and leaves more open than before; a full sync
	// may decide it.
	Doubt bool
	// After is the state to keep, with what is open; see [List.Open].
	After *List
}

// Decide returns what a complete reading of a list proves.
func Decide(in Input) Verdict {
	if in.unchanged() || in.first() {
		return Verdict{After: in.next()}
	}
	d := &decision{Input: in, verdict: Verdict{After: in.next()}}
	if in.Reading.Resumed {
		d.stored = rowSet(in.Stored)
	}
	if in.Before != nil {
		d.pending, d.refused, d.lost = rowSet(in.Before.Pending), rowSet(in.Before.Refused), rowSet(in.Before.Lost)
	}
	d.keys = in.Reading.Keys.All()
	d.match()
	d.decide()
	d.finish()
	return d.verdict
}

// unchanged reports whether the list is as it was, and nothing about it is open.
func (in Input) unchanged() bool {
	b := in.Before
	return b != nil && len(b.Pending)+len(b.Refused)+len(in.Stored) == 0 && b.Keys.Lines == in.Reading.Keys.Lines && b.Keys.Count > 0 && !b.Keys.Damaged()
}

// first reports whether nothing is known that the list could be compared with, and
// all of its entries are there.
func (in Input) first() bool {
	return in.Before == nil && len(in.Stored) == 0 && !in.Reading.Keys.Damaged()
}

// next is the list's new state without what is decided.
func (in Input) next() *List {
	next := &List{FullAt: in.At, Query: in.Query, Keys: in.Reading.Keys}
	if b := in.Before; b != nil {
		next.RecheckedAt, next.RecheckedTo = b.RecheckedAt, b.RecheckedTo
		if !in.Reading.Full {
			next.FullAt = b.FullAt
		}
	}
	if in.Reading.Resumed {
		next.FullAt = in.At
	}
	if in.Reading.Full || in.Reading.Rechecked > 0 {
		next.RecheckedAt, next.RecheckedTo = in.At, in.Reading.RecheckedTo
	}
	return next
}

// decision is the work of Decide.
type decision struct {
	Input
	verdict Verdict
	keys    []listdiff.Key
	rows    map[string]listdiff.Key // that the table can have and no entry shows, with their keys as far as known
	stored  map[string]bool         // rows that the table may have besides, of a reading that was resumed
	pending map[string]bool         // rows whose removal was pending before
	refused map[string]bool         // rows whose removal was refused before
	lost    map[string]bool         // rows of which an entry was lost before
	missing []string                // rows that no entry shows, in order

	// Of lists with unreadable entries:
	stood    map[listdiff.Key]int // keys of the list before, and how often
	unclear  map[string]bool      // missing rows that unreadable entries may show
	unplaced bool                 // of a missing row it is not known where it stood
	further  bool                 // an unidentified entry has come

	// Of lists with holes:
	newHoles   bool // they were not there a day ago
	movedHoles bool // one may be another row's than before
}

// decide sorts out the missing rows.
func (d *decision) decide() {
	if len(d.missing) == 0 {
		return
	}
	d.judgeHoles()
	after := d.verdict.After
	for _, row := range d.missing {
		if why := d.doubtOf(row); why != "" {
			after.Pending = append(after.Pending, unmarked(d.rows[row]))
			d.blame(why)
			continue
		}
		d.verdict.Removed = append(d.verdict.Removed, row)
	}
	if !d.AcceptRemovals {
		d.refuse()
	}
}

// refuse refuses removals that are too many at once, and those that were refused
// before: only the user can accept them.
func (d *decision) refuse() {
	all := d.verdict.Removed
	tooMany := TooMany(len(all), d.present()+len(all))
	d.verdict.Removed = nil
	for _, row := range all {
		if tooMany || d.refused[row] {
			d.verdict.After.Refused = append(d.verdict.After.Refused, unmarked(d.rows[row]))
		} else {
			d.verdict.Removed = append(d.verdict.Removed, row)
		}
	}
}

// blame keeps the reason that comes first.
func (d *decision) blame(why Reason) {
	order := []Reason{Empty, Unreadable, Holes, Resumed, Unread}
	have := &d.verdict.After.Why
	if *have == "" || slices.Index(order, why) < slices.Index(order, *have) {
		*have = why
	}
}

// doubtOf returns why the removal of a missing row is not proven, or "".
func (d *decision) doubtOf(row string) Reason {
	switch {
	case d.unclear[row]:
		return Unreadable
	case d.newHoles, d.movedHoles && !d.waited(row):
		return Holes
	case d.refused[row], d.AcceptRemovals && (d.Reading.Full || d.Reading.Resumed):
		return ""
	case d.newlyEmpty():
		return Empty
	case d.Reading.Resumed && !d.pending[row] && !(d.Stable && d.stored[row]):
		return Resumed
	case d.Reading.Full || d.Reading.Resumed:
		return ""
	case d.pending[row]:
		return d.Before.Why
	case !d.Stable:
		return Unread
	}
	return ""
}

// judgeHoles reports whether missing rows may stand in holes. A row is removed if it
// was missing a day ago already, when there were as many holes.
func (d *decision) judgeHoles() {
	holes, b := d.Reading.Keys.Holes(), d.Before
	if holes == 0 {
		return
	}
	d.newHoles = b == nil || b.Keys.Holes() != holes || d.At.Sub(b.HolesAt) < aDayLater
	d.movedHoles = slices.ContainsFunc(d.missing, func(row string) bool { return !d.waited(row) })
}

// waited reports whether a row has been pending because of holes.
func (d *decision) waited(row string) bool { return d.pending[row] && d.Before.Why == Holes }

// newlyEmpty reports whether the list is empty and was not a day ago.
func (d *decision) newlyEmpty() bool {
	return len(d.keys) == 0 && (d.Before == nil || d.Before.EmptyAt.IsZero() || d.At.Sub(d.Before.EmptyAt) < aDayLater)
}

// present counts the rows that entries show.
func (d *decision) present() int {
	seen := map[string]bool{}
	for _, k := range d.keys {
		if listdiff.IsEntry(k) {
			seen[listdiff.Row(k)] = true
		}
	}
	return len(seen)
}

// finish completes the verdict and the state.
func (d *decision) finish() {
	v, after, before := &d.verdict, d.verdict.After, d.Before
	if after.Keys.Damaged() { // some of them may be identified now
		after.Keys = listdiff.KeysOf(d.keys)
	}
	unreadables := unreadable(d.keys)
	after.Hidden = d.hidden(unreadables)
	if len(d.keys) == 0 || after.Keys.Holes() > 0 || slices.ContainsFunc(unreadables, isUnidentified) {
		d.rememberLost()
	}
	if holes := after.Keys.Holes(); holes > 0 {
		after.HolesAt = d.At
		if before != nil && before.Keys.Holes() == holes && !d.movedHoles {
			after.HolesAt = before.HolesAt
		}
	}
	if len(d.keys) == 0 && len(d.rows) > 0 {
		after.EmptyAt = d.At
		if before != nil && !before.EmptyAt.IsZero() {
			after.EmptyAt = before.EmptyAt
		}
	}
	if len(unreadables) > 0 {
		after.UnreadableAt = d.At
		if before != nil && slices.Equal(unreadable(before.Keys.All()), unreadables) && slices.Equal(before.Pending, after.Pending) {
			after.UnreadableAt = before.UnreadableAt
		}
	}
	v.Doubt = !d.Reading.Full && !d.Reading.Resumed && (d.otherHoles() || slices.ContainsFunc(slices.Concat(after.Pending, after.Refused), func(k listdiff.Key) bool {
		return !d.pending[listdiff.Row(k)] && !d.refused[listdiff.Row(k)]
	}))
}

// hidden counts the rows that have only unreadable entries.
func (d *decision) hidden(unreadables []listdiff.Key) int {
	if len(unreadables) == 0 {
		return 0
	}
	hidden := rowSet(unreadables)
	rows := d.known(func(row string) bool { return hidden[row] })
	for _, k := range d.keys {
		if len(rows) > 0 && listdiff.IsEntry(k) {
			delete(rows, listdiff.Row(k))
		}
	}
	return len(rows)
}

// otherHoles reports whether there are more or fewer holes than before.
func (d *decision) otherHoles() bool {
	return d.Before != nil && d.Before.Keys.Holes() != d.Reading.Keys.Holes()
}

// unreadable lists the keys of the entries that could not be read, in order.
func unreadable(keys []listdiff.Key) []listdiff.Key {
	var out []listdiff.Key
	for _, k := range keys {
		if listdiff.IsUnreadable(k) {
			out = append(out, k)
		}
	}
	slices.SortFunc(out, strings.Compare)
	return out
}

// TooMany reports whether removing this many of rows is refused: a mass removal is more likely a fault of the API than a user's clean-up.
func TooMany(removals, rows int) bool {
	return removals > 50 && removals*5 > rows
}
