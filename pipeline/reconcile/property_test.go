package reconcile_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tracklake/tracklake/extract/listdiff"
	"github.com/tracklake/tracklake/pipeline/reconcile"
)

// A history is a library, the program that reads it, and what it made of that.
type history struct {
	library
	state *reconcile.List
	table map[string]bool
	log   []string
}

// histories are how many of each kind of library live.
const histories = 2000

// TestHistories lets libraries live at random, and demands that no row is removed
// whose entry is there, in whatever way.
func TestHistories(t *testing.T) {
	t.Parallel()
	for _, kind := range []library{
		{stable: true, ranks: 1000}, // saved tracks: when they were saved
		{stable: true, ranks: 4},    // many of them in one second
		{stable: true},
		{ranks: 4}, // discographies: the group of the album
		{},
	} {
		t.Run(fmt.Sprintf("stable=%v,ranks=%d", kind.stable, kind.ranks), func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(histories) {
				h := &history{library: kind, table: map[string]bool{}}
				h.Rand, h.at, h.removed = rand.New(rand.NewPCG(seed, 1)), now, map[string]bool{}
				if wrong := h.run(); wrong != "" {
					t.Fatalf("seed %d: %s\n%s", seed, wrong, strings.Join(h.log, "\n"))
				}
			}
		})
	}
}

// run lives through some nights and tells what went wrong.
func (h *history) run() string {
	for range h.IntN(12) {
		h.add()
	}
	if h.chance(50) { // large enough for the guard
		for range 150 {
			h.add()
		}
	}
	for range 12 {
		h.pass([]int{1, 6, 24, 24, 24, 26}[h.IntN(6)])
		if wrong := h.read(); wrong != "" {
			return wrong
		}
	}
	return ""
}

// read reads the list, applies what follows, and checks it.
func (h *history) read() string {
	in := reconcile.Input{Before: h.state, At: h.at, Stable: h.stable, AcceptRemovals: h.chance(20)}
	kind := []int{full, full, full, full, incremental, resumed}[h.IntN(6)]
	if h.chance(20) && h.single() {
		in.Before, h.forgot, kind = nil, true, full
		in.Stored = slices.Sorted(maps.Keys(h.table))
	}
	var list []listdiff.Key
	if h.fails() {
		kind, in.AcceptRemovals = full, false
	} else {
		list = h.keys()
	}
	in.Reading = reading(list, kind)
	v := reconcile.Decide(in)
	h.log = append(h.log, fmt.Sprintf("%s kind %d, accept %v, lost %v: %s -> %s, keys %s", h.at.Format("02 15h"), kind, in.AcceptRemovals, in.Before == nil,
		written(list), told(v, h.at), written(v.After.Keys.All())))
	h.state = v.After
	for _, k := range list {
		if listdiff.IsEntry(k) {
			h.table[listdiff.Row(k)] = true
		}
	}
	for _, row := range v.Removed {
		if h.has(row) {
			return row + " was removed, and is there"
		}
		delete(h.table, row)
	}
	return h.check(in.Reading)
}

// fails reports whether the list comes back empty by mistake, though not for as long
// as a day, and not when it was empty before.
func (h *history) fails() bool {
	if h.empty.IsZero() && h.chance(15) && h.state != nil && h.state.Keys.Count > 0 {
		h.empty = h.at
		return true
	}
	if h.at.Sub(h.empty) < 20*time.Hour && h.chance(2) {
		return true
	}
	h.empty = time.Time{}
	return false
}

// check compares the table with the library.
func (h *history) check(r listdiff.Reading) string {
	shown := map[string]bool{}
	for _, k := range h.state.Keys.All() {
		shown[listdiff.Row(k)] = true
	}
	pending := map[string]bool{}
	for _, k := range slices.Concat(h.state.Pending, h.state.Refused) {
		pending[listdiff.Row(k)] = true
	}
	for row := range h.table {
		if !shown[row] && !pending[row] {
			return row + " was forgotten: it is in the table, and neither in the list nor pending"
		}
	}
	if !r.Full || r.Keys.Count == 0 || r.Keys.Damaged() || len(h.state.Refused) > 0 {
		return ""
	}
	for row := range h.table {
		if !h.has(row) {
			return row + " is in the table, and a perfect reading does not show it"
		}
	}
	return ""
}
