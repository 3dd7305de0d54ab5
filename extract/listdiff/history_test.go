package listdiff_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tracklake/tracklake/extract/listdiff"
)

// A played history counts what its comparisons did.
type played struct{ complete, hidden int }

// play lets a history of saving, removing, saving again and saving with an old
// date go by, with a comparison after some steps and a full sync now and
// then, and keeps a table as a run would. Nothing must be taken for removed that
// is there, and comparisons that read every page must leave the truth. In a
// damaged history some entries have no row, cannot be read or are not delivered.
func play(t testing.TB, seed uint64, runs int, damaged bool) (out played) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	p := newPaged(r.IntN(400))
	if damaged {
		for range r.IntN(40) {
			p.damage(r)
		}
	}
	known := p.all()
	table := setOf(known)
	for range runs {
		for range r.IntN(6) {
			p.step(r)
			if damaged && r.IntN(8) == 0 && len(p.keys) > 0 {
				p.save(r.IntN(len(p.keys)))
				p.damage(r)
			}
		}
		c := compare(t, p, known)
		truth := p.all()
		if !c.complete() || r.IntN(7) == 0 { // in full
			known, table = truth, setOf(truth)
			continue
		}
		if len(c.keys) != len(p.keys) {
			t.Fatalf("seed %d: complete with %d keys of %d", seed, len(c.keys), len(p.keys))
		}
		there := setOf(truth)
		for _, k := range c.removed(known) {
			if there[k] && listdiff.IsEntry(k) && k != twin {
				t.Fatalf("seed %d: %s is taken for removed and is there", seed, k)
			}
			delete(table, k)
		}
		for _, k := range c.keys {
			table[k] = true
		}
		out.complete++
		if c.full && !slices.Equal(c.keys, truth) {
			t.Fatalf("seed %d: every page was read, and it is wrong", seed)
		}
		if !maps.Equal(rows(table), rows(there)) {
			out.hidden++
			if c.full {
				t.Fatalf("seed %d: every page was read, and the table is wrong", seed)
			}
		}
		known = c.keys
	}
	return out
}

// twin is the key of several entries.
const twin listdiff.Key = "twin 1"

// damage makes an entry one without a row, or one that cannot be read, or one
// that is not delivered.
func (p *paged) damage(r *rand.Rand) {
	if len(p.keys) == 0 {
		return
	}
	at := r.IntN(len(p.keys))
	if !listdiff.IsEntry(p.keys[at]) {
		return
	}
	row, rank := listdiff.Split(p.keys[at])
	switch r.IntN(6) {
	case 0:
		p.keys[at] = "!" + row + " " + rank
	case 1:
		p.keys[at] = "! 3f"
	case 2:
		p.keys[at] = "!"
	case 3:
		p.keys[at] = "~local"
	case 4:
		p.keys[at] = twin
	default:
		p.silence(at)
	}
}

// rows are those of entries that were read.
func rows(keys map[listdiff.Key]bool) map[listdiff.Key]bool {
	out := map[listdiff.Key]bool{}
	for k := range keys {
		if listdiff.IsEntry(k) {
			out[k] = true
		}
	}
	return out
}

func TestDiffOfHistories(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		damaged   bool
		histories uint64
	}{"sound": {false, 2_000}, "damaged": {true, 500}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sum played
			for seed := range tt.histories {
				one := play(t, seed, 12, tt.damaged)
				sum.complete, sum.hidden = sum.complete+one.complete, sum.hidden+one.hidden
			}
			if sum.complete < 7*int(tt.histories) || sum.hidden > sum.complete/4 {
				t.Errorf("%d complete, in %d of them something was hidden", sum.complete, sum.hidden)
			}
		})
	}
}

// TestDiffOfEntriesThatComeAndGoFromSight lets entries become unreadable or
// undelivered, and come back. A row that is there and that the comparison lacks
// may stand behind one that it could not read: there are at least as many.
func TestDiffOfEntriesThatComeAndGoFromSight(t *testing.T) {
	t.Parallel()
	complete, lacked := 0, 0
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 4))
		p := newPaged(50 + r.IntN(300))
		known := p.all()
		for range 8 {
			sound := slices.Clone(p.keys)
			for range r.IntN(6) {
				at := r.IntN(len(p.keys))
				p.keys[at] = []listdiff.Key{listdiff.UnreadableKey(sound[at]), "! 3f", "!"}[r.IntN(3)]
			}
			for range r.IntN(3) {
				p.silence(r.IntN(len(p.keys)))
			}
			c := compare(t, p, known)
			there := map[string]bool{}
			for _, k := range sound {
				there[listdiff.Row(k)] = true
			}
			if c.complete() {
				complete++
				lacked += c.lacks(t, seed, known, there)
				known = c.keys
			}
			p.keys = sound
			clear(p.silent)
			for range r.IntN(3) {
				p.step(r)
			}
			if len(p.keys) == 0 {
				break
			}
		}
	}
	if complete < 2_000 || lacked < 700 {
		t.Errorf("%d complete, and %d rows were out of sight", complete, lacked)
	}
}

// lacks counts the rows that were known, are there, and are not among the keys.
func (c comparison) lacks(t *testing.T, seed uint64, known []listdiff.Key, there map[string]bool) int {
	t.Helper()
	shown := map[string]bool{}
	hiding := 0
	for _, k := range c.keys {
		switch row := listdiff.Row(k); {
		case row != "":
			shown[row] = true
		case k == listdiff.Hole || listdiff.IsUnreadable(k):
			hiding++
		}
	}
	n := 0
	for _, k := range known {
		if row := listdiff.Row(k); row != "" && there[row] && !shown[row] {
			n++
		}
	}
	if n > hiding {
		t.Fatalf("seed %d: %d rows are lacking, and only %d entries could hide them", seed, n, hiding)
	}
	return n
}

// TestDiffOfAListThatMoves changes the list between two answers.
func TestDiffOfAListThatMoves(t *testing.T) {
	t.Parallel()
	complete, given, reasons := 0, 0, map[string]bool{}
	for seed := range uint64(3_000) {
		r := rand.New(rand.NewPCG(seed, 2))
		p := newPaged(50 + r.IntN(600))
		known := slices.Clone(p.keys)
		for range r.IntN(5) {
			p.step(r)
		}
		p.then = func(int, int) {
			if r.IntN(4) == 0 {
				for range 1 + r.IntN(3) {
					p.step(r)
				}
			}
		}
		c := compare(t, p, known)
		if !c.complete() {
			given++
			reasons[strings.Map(dropDigits, c.reason)] = true
			continue
		}
		complete++
		// What went while the list was read may count as removed or not; what is
		// still there must not.
		c.reallyRemoved(t, known, p)
	}
	if complete < 500 || given < 100 || len(reasons) < 2 {
		t.Errorf("%d complete, %d not, for %v", complete, given, reasons)
	}
}

func dropDigits(r rune) rune {
	if r >= '0' && r <= '9' {
		return -1
	}
	return r
}
