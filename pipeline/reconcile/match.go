package reconcile

import (
	"maps"
	"slices"
	"strings"

	"github.com/tracklake/tracklake/extract/listdiff"
)

// match finds the missing rows, and which of them unreadable entries may show. An
// unreadable entry is identified by its id, else by its rank, else, in a stable
// list, by its neighbours; then its key gets the id.
func (d *decision) match() {
	shown := make([]string, 0, len(d.keys)) // sorted, as a map would take three times the memory
	for _, k := range d.keys {
		shown = append(shown, listdiff.Row(k))
	}
	slices.Sort(shown)
	d.rows = d.known(func(row string) bool {
		_, found := slices.BinarySearch(shown, row)
		return !found
	})
	d.missing = slices.Sorted(maps.Keys(d.rows))
	if d.Reading.Keys.Damaged() && (d.Before != nil || len(d.Stored) > 0) {
		d.matchUnreadable()
	}
}

// known returns those of the rows that the table can have which are wanted. There
// are very many, and most of them are shown.
func (d *decision) known(wanted func(row string) bool) map[string]listdiff.Key {
	out := map[string]listdiff.Key{}
	keep := func(row string, k listdiff.Key) {
		if wanted(row) {
			out[row] = k
		}
	}
	for _, row := range d.Stored {
		keep(row, row)
	}
	d.Before.rows(keep)
	return out
}

// matchUnreadable decides which missing rows unreadable entries may show.
func (d *decision) matchUnreadable() {
	d.unclear, d.stood = map[string]bool{}, map[listdiff.Key]int{}
	for _, k := range d.keysBefore() {
		d.stood[unmarked(k)]++
	}
	d.unplaced = slices.ContainsFunc(d.missing, func(row string) bool { return !d.placed(row) })
	d.matchRanks()
	d.matchGaps()
	d.matchElsewhere()
	d.missing = slices.DeleteFunc(d.missing, func(row string) bool { return d.rows[row] == identified })
}

// placed reports whether it is known where all entries of a row stood: in the list, or
// nowhere, as its removal was proven and refused.
func (d *decision) placed(row string) bool {
	return (d.stood[unmarked(d.rows[row])] > 0 || d.refused[row]) && !d.lost[row]
}

// identified replaces the key of a row whose entry is there, though unreadable.
const identified = "identified"

// identify gives an unreadable entry what is known of its row.
func (d *decision) identify(at int, row string) {
	_, rank := listdiff.Split(d.rows[row])
	if _, own := listdiff.Split(d.keys[at]); own != "" {
		rank = own
	}
	key := row
	if rank != "" {
		key += " " + rank
	}
	d.keys[at] = listdiff.UnreadableKey(key)
	d.rows[row] = identified
}

// matchRanks identifies entries by their rank, which for some lists is the time
// at which the entry was added. Where several rows or entries have the rank, or an
// entry with it was unreadable before, or the rank of a missing row is not known, all
// of these rows are unclear.
func (d *decision) matchRanks() {
	rows := map[string][]string{}
	for _, k := range d.unmatched() {
		row, rank := listdiff.Split(k)
		rows[rank] = append(rows[rank], row)
	}
	ranked := len(rows[""]) == 0
	entries := map[listdiff.Key][]int{}
	for at, k := range d.keys {
		if isUnidentified(k) && !isAnonymous(k) {
			entries[k] = append(entries[k], at)
		}
	}
	for k, at := range entries {
		_, rank := listdiff.Split(k)
		switch candidates := rows[rank]; {
		case ranked && len(candidates) == 1 && len(at) == 1 && d.stood[k] == 0:
			d.identify(at[0], candidates[0])
		default:
			d.doubt(candidates)
			d.further = d.further || len(at) > d.stood[k]+len(candidates)
		}
	}
}

func (d *decision) doubt(rows []string) {
	for _, row := range rows {
		d.unclear[row] = true
	}
}

// isUnidentified reports whether it is not known which row an entry belongs to.
func isUnidentified(k listdiff.Key) bool {
	return listdiff.IsUnreadable(k) && listdiff.Row(k) == ""
}

// isAnonymous reports whether nothing is known of an entry but that it is there.
func isAnonymous(k listdiff.Key) bool {
	_, rank := listdiff.Split(k)
	return isUnidentified(k) && rank == ""
}

// unmarked is the key that an entry of a known row has when it can be read.
func unmarked(k listdiff.Key) listdiff.Key {
	if listdiff.Row(k) == "" {
		return k
	}
	return strings.TrimPrefix(k, listdiff.UnreadableKey(""))
}

// matchGaps matches the entries of which nothing is known. In a stable list such
// an entry may be any row that is missing between the same neighbours; elsewhere it
// may be any missing row, unless there were as many of them before.
func (d *decision) matchGaps() {
	gaps := []listdiff.Gap{{Before: d.keysBefore(), After: d.keys}}
	if d.Stable {
		gaps = listdiff.Gaps(d.keysBefore(), d.keys)
	}
	for _, g := range gaps {
		d.matchGap(g)
	}
}

func (d *decision) keysBefore() []listdiff.Key {
	if d.Before == nil {
		return nil
	}
	return d.Before.Keys.All()
}

// matchGap matches the entries of one gap.
func (d *decision) matchGap(g listdiff.Gap) {
	b := d.before(g)
	var entries []int
	came := 0
	for i, k := range g.After {
		if isAnonymous(k) {
			entries = append(entries, g.At+i)
		}
	}
	for _, k := range arrivals(g.Before, g.After) {
		if k != listdiff.Hole && !isAnonymous(k) {
			came++
		}
	}
	d.further = d.further || len(entries) > b.others-b.still+len(b.missing)
	if len(entries) == 0 {
		return
	}
	if d.Stable && !d.unplaced && !d.otherHoles() && b.others+came == 0 && len(entries) == len(b.missing) {
		for i, row := range b.missing {
			d.identify(entries[i], row)
		}
		return
	}
	d.doubt(b.hidden)
	// What came may be what was unreadable before.
	if d.Stable || len(entries) > max(0, min(b.anonymous, len(entries))-came) {
		d.doubt(b.missing)
	}
}

// A stretch is what stood in a gap before.
type stretch struct {
	missing   []string // rows
	hidden    []string // of these, those whose entries were unreadable
	anonymous int      // entries
	others    int      // these, and further ones without a row that may be unreadable now
	still     int      // of the others, those that are what they were
}

func (d *decision) before(g listdiff.Gap) stretch {
	var s stretch
	for _, k := range g.Before {
		row := listdiff.Row(k)
		switch {
		case isAnonymous(k):
			s.anonymous++
			s.others++
		case k == listdiff.Hole:
		case row == "" && (isUnidentified(k) || !slices.Contains(g.After, k)):
			s.others++
			if slices.Contains(g.After, k) {
				s.still++
			}
		case row != "" && d.isMissing(row) && d.rows[row] != identified:
			s.missing = append(s.missing, row)
			if listdiff.IsUnreadable(k) {
				s.hidden = append(s.hidden, row)
			}
		}
	}
	return s
}

// unmatched lists the earlier entries that are not found any more, of rows that are missing or that
// other entries show.
func (d *decision) unmatched() []listdiff.Key {
	before := d.keysBefore()
	if d.Before != nil {
		before = slices.Concat(before, d.Before.Pending, d.Before.Refused, d.Before.Lost)
	}
	var out []listdiff.Key
	listed := map[string]bool{}
	for _, k := range arrivals(d.keys, before) {
		if row := listdiff.Row(k); row != "" {
			listed[row] = true
			out = append(out, unmarked(k))
		}
	}
	for _, row := range d.missing {
		if !listed[row] && d.rows[row] != identified {
			out = append(out, d.rows[row])
		}
	}
	return out
}

// rememberLost remembers unmatched entries of rows that have others, in the list or
// pending: when those disappear as well, an unidentified entry may be the lost one.
func (d *decision) rememberLost() {
	after := d.verdict.After
	told, removed := map[listdiff.Key]int{}, rowSet(d.verdict.Removed)
	for _, k := range slices.Concat(after.Pending, after.Refused) {
		told[k]++
	}
	for _, k := range d.unmatched() {
		if told[k]--; told[k] < 0 && !removed[listdiff.Row(k)] {
			after.Lost = append(after.Lost, k)
		}
	}
	slices.Sort(after.Lost)
}

// isMissing reports whether no entry shows a row.
func (d *decision) isMissing(row string) bool {
	_, found := slices.BinarySearch(d.missing, row)
	return found
}

// matchElsewhere finds what else unidentified entries may be. One that has come since
// the last full sync may be a row whose entry was removed and added again.
// And of rows whose removal was pending, or of which nothing was remembered, it is
// not known where they stood: they may be any entry.
func (d *decision) matchElsewhere() {
	if !slices.ContainsFunc(d.keys, isUnidentified) {
		return
	}
	d.further = d.further || d.Before != nil && d.Before.Came
	d.verdict.After.Came = d.further && !d.Reading.Full
	for _, row := range d.missing {
		if d.rows[row] != identified && (d.further || !d.placed(row)) {
			d.unclear[row] = true
		}
	}
}

// arrivals lists the keys that one list has more often than another had before. An
// entry of a known row counts as the same whether it could be read or not.
func arrivals(before, after []listdiff.Key) []listdiff.Key {
	had := map[listdiff.Key]int{}
	for _, k := range before {
		had[unmarked(k)]++
	}
	var out []listdiff.Key
	for _, k := range after {
		had[unmarked(k)]--
		if had[unmarked(k)] < 0 {
			out = append(out, k)
		}
	}
	return out
}
