package extract_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tracklake/tracklake/extract"
)

// A paged list that a test changes, and that counts what is asked of it.
type paged struct {
	keys  []string
	next  int
	asked int
	then  func(p *paged) // before each answer
}

func newPaged(n int) *paged {
	p := &paged{}
	for range n {
		p.keys = append(p.keys, p.key())
	}
	return p
}

func (p *paged) key() string { p.next++; return fmt.Sprintf("k%d", p.next) }

func (p *paged) save(at int)   { p.keys = slices.Insert(p.keys, at, p.key()) }
func (p *paged) remove(at int) { p.keys = slices.Delete(p.keys, at, at+1) }

func (p *paged) page(_ context.Context, offset, n int) ([]string, int, error) {
	p.asked++
	if p.then != nil {
		p.then(p)
	}
	from := min(offset, len(p.keys))
	return slices.Clone(p.keys[from:min(from+n, len(p.keys))]), len(p.keys), nil
}

func find(t *testing.T, p *paged, known []string) extract.NewestOutcome {
	t.Helper()
	p.asked = 0
	out, err := extract.Search(t.Context(), known, 50, p.page)
	if err != nil {
		t.Fatal(err)
	}
	if out.Proven && len(out.Keys) != len(p.keys) && p.then == nil {
		t.Errorf("%d keys of %d", len(out.Keys), len(p.keys))
	}
	return out
}

// reallyGone checks that nothing is called gone that is there.
func reallyGone(t *testing.T, out extract.NewestOutcome, now []string) {
	t.Helper()
	there := map[string]bool{}
	for _, k := range now {
		there[k] = true
	}
	for _, k := range out.Gone {
		if there[k] {
			t.Errorf("%s is called gone and is there", k)
		}
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	times := func(n int, f func()) {
		for range n {
			f()
		}
	}
	tests := map[string]struct {
		known  int
		change func(p *paged)
		gone   int
		most   int // requests
	}{
		"unchanged":                {10_000, func(*paged) {}, 0, 1},
		"unchanged and small":      {7, func(*paged) {}, 0, 1},
		"nothing and nothing":      {0, func(*paged) {}, 0, 1},
		"one saved":                {10_000, func(p *paged) { p.save(0) }, 0, 1},
		"thirty saved":             {10_000, func(p *paged) { times(30, func() { p.save(0) }) }, 0, 1},
		"sixty saved":              {10_000, func(p *paged) { times(60, func() { p.save(0) }) }, 0, 2},
		"all new":                  {0, func(p *paged) { times(500, func() { p.save(0) }) }, 0, 10},
		"head removed":             {10_000, func(p *paged) { p.remove(0) }, 1, 1},
		"end removed":              {10_000, func(p *paged) { p.remove(9_999) }, 1, 10},
		"one removed":              {10_000, func(p *paged) { p.remove(6_789) }, 1, 11},
		"at a border of two pages": {10_000, func(p *paged) { p.remove(5_050) }, 1, 11},
		"thirty saved, two removed": {10_000, func(p *paged) {
			p.remove(8_123)
			p.remove(2_345)
			times(30, func() { p.save(0) })
		}, 2, 25},
		"removed and saved again":    {10_000, func(p *paged) { p.remove(4_444); p.save(0) }, 1, 12},
		"saved with an old date":     {10_000, func(p *paged) { p.save(7_000) }, 0, 11},
		"a hundred in a row removed": {10_000, func(p *paged) { p.keys = slices.Delete(p.keys, 5_000, 5_100) }, 100, 20},
		"all removed":                {500, func(p *paged) { p.keys = nil }, 500, 1},
		"all but one removed":        {500, func(p *paged) { p.keys = p.keys[250:251] }, 499, 1},
		"every tenth removed":        {5_000, func(p *paged) { times(500, func() { p.keys = slices.Delete(p.keys, len(p.keys)/3, len(p.keys)/3+1) }) }, 500, 95},
		"all exchanged":              {500, func(p *paged) { p.keys = newPaged(0).keys; p.next = 9000; times(500, func() { p.save(0) }) }, 0, 30},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPaged(tt.known)
			known := slices.Clone(p.keys)
			tt.change(p)
			out := find(t, p, known)
			if p.asked > tt.most {
				t.Errorf("%d requests, want at most %d", p.asked, tt.most)
			}
			reallyGone(t, out, p.keys)
			if name == "all exchanged" {
				return // too much for one answer to prove; it is read whole instead
			}
			if !out.Proven || !slices.Equal(out.Keys, p.keys) || len(out.Gone) != tt.gone {
				t.Errorf("proven %v (%s), %d keys of %d, %d gone, want %d", out.Proven, out.Reason, len(out.Keys), len(p.keys), len(out.Gone), tt.gone)
			}
		})
	}
}

func TestSearchOfAListInAnotherOrder(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(k []string) []string
		most   int // requests
	}{
		"two neighbours exchanged": {func(k []string) []string { k[3], k[4] = k[4], k[3]; return k }, 1},
		"moved from end to head":   {func(k []string) []string { return slices.Insert(k[:len(k)-1], 0, k[len(k)-1]) }, 5},
		"moved from the middle, and one new": {func(k []string) []string {
			x := k[len(k)/2]
			return slices.Insert(slices.Delete(k, len(k)/2, len(k)/2+1), 0, x, "new")
		}, 6},
		"moved into the middle": {func(k []string) []string {
			x := k[2]
			return slices.Insert(slices.Delete(k, 2, 3), 300, x)
		}, 6},
		"the other way round": {func(k []string) []string { slices.Reverse(k); return k }, 10},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPaged(500)
			known := slices.Clone(p.keys)
			p.keys = tt.change(p.keys)
			out := find(t, p, known)
			if p.asked > tt.most {
				t.Errorf("%d requests, want at most %d", p.asked, tt.most)
			}
			reallyGone(t, out, p.keys)
			if out.Proven && !slices.Equal(out.Keys, p.keys) || !out.Proven && name != "the other way round" {
				t.Errorf("proven %v: %s", out.Proven, out.Reason)
			}
		})
	}
}

// A played history counts what its searches did.
type played struct{ proven, hidden int }

// play lets a history of saving, removing, saving again and saving with an old
// date go by, with a search after some steps and a whole reading now and then,
// and keeps a table as a run would. Searches must mark nothing as removed that is
// there, and those that saw every page must leave the truth.
func play(t testing.TB, seed uint64, runs int) (out played) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	p := newPaged(r.IntN(400))
	known := slices.Clone(p.keys)
	table := setOf(known)
	for range runs {
		for range r.IntN(6) {
			p.step(r)
		}
		found, err := extract.Search(context.Background(), known, 50, p.page)
		if err != nil {
			t.Fatal(err)
		}
		truth := setOf(p.keys)
		if !found.Proven || r.IntN(7) == 0 { // read whole
			known, table = slices.Clone(p.keys), truth
			continue
		}
		for _, k := range found.Gone {
			if truth[k] {
				t.Fatalf("seed %d: %s is called gone and is there", seed, k)
			}
			delete(table, k)
		}
		for _, k := range found.Keys {
			table[k] = true
		}
		out.proven++
		if !maps.Equal(table, truth) {
			out.hidden++
			if found.Whole {
				t.Fatalf("seed %d: it was read whole, and is wrong", seed)
			}
		}
		known = found.Keys
	}
	return out
}

func setOf(keys []string) map[string]bool {
	out := map[string]bool{}
	for _, k := range keys {
		out[k] = true
	}
	return out
}

func TestSearchOfHistories(t *testing.T) {
	t.Parallel()
	var sum played
	for seed := range uint64(2_000) {
		one := play(t, seed, 12)
		sum.proven, sum.hidden = sum.proven+one.proven, sum.hidden+one.hidden
	}
	if sum.proven < 15_000 || sum.hidden > sum.proven/4 {
		t.Errorf("%d proven, in %d of them something was hidden", sum.proven, sum.hidden)
	}
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

// TestSearchOfAListThatMoves changes the list between two answers.
func TestSearchOfAListThatMoves(t *testing.T) {
	t.Parallel()
	proven, given := 0, 0
	for seed := range uint64(3_000) {
		r := rand.New(rand.NewPCG(seed, 2))
		p := newPaged(50 + r.IntN(600))
		known := slices.Clone(p.keys)
		for range r.IntN(5) {
			p.step(r)
		}
		ever := map[string]bool{}
		p.then = func(p *paged) {
			if r.IntN(4) == 0 {
				for range 1 + r.IntN(3) {
					p.step(r)
				}
			}
			for _, k := range p.keys {
				ever[k] = true
			}
		}
		out := find(t, p, known)
		if !out.Proven {
			given++
			continue
		}
		proven++
		// What went while the list was read may be called gone or not; what is
		// still there must not.
		reallyGone(t, out, p.keys)
	}
	if proven < 500 || given < 100 {
		t.Errorf("%d proven, %d not", proven, given)
	}
}
