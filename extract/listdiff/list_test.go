package listdiff_test

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/tracklake/tracklake/extract/listdiff"
)

const pageSize = 50

// A paged list that a test changes, and that counts what is asked of it.
type paged struct {
	keys   []listdiff.Key
	next   int
	asked  []int               // offsets
	joined bool                // every page takes several answers
	silent map[string]bool     // keys that are counted and not delivered
	then   func(offset, n int) // before each answer
}

func newPaged(n int) *paged {
	p := &paged{silent: map[string]bool{}}
	for range n {
		p.keys = append(p.keys, p.key())
	}
	return p
}

func (p *paged) key() listdiff.Key {
	p.next++
	return keyOf(p.next)
}

func keyOf(n int) listdiff.Key { return listdiff.NewKey("k"+strconv.Itoa(n), int64(1_000_000+n)) }

func (p *paged) save(at int)   { p.keys = slices.Insert(p.keys, at, p.key()) }
func (p *paged) remove(at int) { p.keys = slices.Delete(p.keys, at, at+1) }

// page answers a request. Holes stand at the end of a page.
func (p *paged) page(offset, n int) listdiff.Page {
	p.asked = append(p.asked, offset)
	if p.then != nil {
		p.then(offset, n)
	}
	from := min(offset, len(p.keys))
	to := min(from+n, len(p.keys))
	out := listdiff.Page{Offset: offset, Asked: n, Total: len(p.keys), Joined: p.joined}
	for _, k := range p.keys[from:to] {
		if !p.silent[k] {
			out.Keys = append(out.Keys, k)
		}
	}
	for len(out.Keys) < to-from {
		out.Keys = append(out.Keys, listdiff.Hole)
	}
	return out
}

// all is the list as a reading of every page finds it.
func (p *paged) all() []listdiff.Key {
	q := &paged{keys: p.keys, silent: p.silent}
	var out []listdiff.Key
	for offset := 0; offset < len(p.keys); offset += pageSize {
		out = append(out, q.page(offset, pageSize).Keys...)
	}
	return out
}

// A comparison is what came of comparing a list with what was known.
type comparison struct {
	keys     []listdiff.Key
	reason   string // why it is not complete
	full     bool
	diff     *listdiff.Diff
	restarts int
}

func (c comparison) complete() bool { return c.reason == "" }

// compare reads as an incremental sync does: it restarts when the list moves.
func compare(t testing.TB, p *paged, known []listdiff.Key) (c comparison) {
	t.Helper()
	p.asked = nil
	for c.restarts = range 3 {
		c.diff = listdiff.New(known, pageSize)
		fill(t, c.diff, p)
		c.keys, c.reason = c.diff.Keys()
		c.full = c.diff.Full()
		if _, final := c.diff.Moved(); c.complete() || final {
			break
		}
	}
	return c
}

// fill reads what a comparison asks for.
func fill(t testing.TB, d *listdiff.Diff, p *paged) {
	t.Helper()
	for offset, n := d.Next(); n > 0; offset, n = d.Next() {
		if d.Add(p.page(offset, n)); d.Pages() > 1_000 {
			t.Fatalf("it asks for ever, now for %d at %d", n, offset)
		}
	}
}

// removed lists the keys that were known and are not in the list any more.
func (c comparison) removed(known []listdiff.Key) []listdiff.Key {
	there := setOf(c.keys)
	var out []listdiff.Key
	for _, k := range known {
		if !there[k] {
			out = append(out, k)
		}
	}
	return out
}

// reallyRemoved checks that nothing counts as removed that is there.
func (c comparison) reallyRemoved(t *testing.T, known []listdiff.Key, p *paged) {
	t.Helper()
	if !c.complete() {
		return
	}
	there := setOf(p.keys)
	for _, k := range c.removed(known) {
		if there[k] {
			t.Errorf("%s counts as removed and is there", k)
		}
	}
}

func setOf(keys []listdiff.Key) map[listdiff.Key]bool {
	out := map[listdiff.Key]bool{}
	for _, k := range keys {
		out[k] = true
	}
	return out
}

// step changes the list once.
func (p *paged) step(r *rand.Rand) {
	switch n := len(p.keys); {
	case n == 0 || r.IntN(3) == 0:
		p.save(0)
	case r.IntN(3) == 0:
		p.save(r.IntN(n + 1))
	case r.IntN(4) == 0: // saved again: another time, another key
		p.remove(r.IntN(n))
		p.save(0)
	default:
		p.remove(r.IntN(n))
	}
}
