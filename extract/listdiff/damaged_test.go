package listdiff_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/tracklake/tracklake/extract/listdiff"
)

// unreadableKeys are those of entries that could not be read, from the one of
// which everything is known to the one of which nothing is.
func unreadableKeys() []listdiff.Key { return []listdiff.Key{"!id 3f", "! 3f", "!id", "!", "!"} }

// TestDiffOfADamagedList has entries without a row, and some that could not be
// read or were not delivered.
func TestDiffOfADamagedList(t *testing.T) {
	t.Parallel()
	const all = 201 // pages
	damage := map[string]struct {
		of   func(p *paged)
		most int // requests when one is saved
	}{
		"unreadable at the end of the head":   {func(p *paged) { copy(p.keys[45:], unreadableKeys()) }, 1},
		"unreadable at its beginning":         {func(p *paged) { copy(p.keys, unreadableKeys()) }, 1},
		"unreadable around its end":           {func(p *paged) { copy(p.keys[48:], unreadableKeys()) }, 1},
		"unreadable here and there":           {func(p *paged) { p.mark(7, "!") }, 1},
		"unreadable, every one of them":       {func(p *paged) { p.mark(1, "! 3f") }, all},
		"unreadable at the end of the list":   {func(p *paged) { copy(p.keys[len(p.keys)-5:], unreadableKeys()) }, 1},
		"rowless, all the same":               {func(p *paged) { p.mark(3, "~same") }, 1},
		"rowless around the end of the head":  {func(p *paged) { copy(p.keys[48:], []listdiff.Key{"~a", "~b", "~a", "~a"}) }, 1},
		"holes at the end of the head":        {func(p *paged) { p.silence(10, 11, 12) }, 8},
		"a hole in each page":                 {func(p *paged) { p.silenceEvery(50) }, all},
		"an empty head":                       {func(p *paged) { p.silence(seq(0, 50)...) }, 9},
		"holes and unreadables in the head":   {func(p *paged) { copy(p.keys[45:], unreadableKeys()); p.silence(1, 2) }, 8},
		"the same entry all over the place":   {func(p *paged) { p.mark(2, "twin 1") }, 1},
		"the same entry at the end of a page": {func(p *paged) { copy(p.keys[47:], []listdiff.Key{"twin 1", "twin 1", "twin 1"}) }, 1},
	}
	for name, tt := range damage {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPaged(10_000)
			tt.of(p)
			known := p.all()
			if c := compare(t, p, known); !c.complete() || !slices.Equal(c.keys, known) || len(p.asked) != 1 {
				t.Errorf("unchanged: %q after pages at %v", c.reason, p.asked)
			}
			p.save(0)
			c := compare(t, p, known)
			if !c.complete() || len(c.removed(known)) > 0 || len(c.keys) != len(p.keys) || c.keys[0] != p.keys[0] || len(p.asked) > tt.most {
				t.Errorf("one saved: %q, %d keys, %d removed; pages at %v", c.reason, len(c.keys), len(c.removed(known)), p.asked)
			}
			known = p.all()
			at := slices.Index(p.keys, keyOf(5_003))
			if at < 0 {
				return // no entry is like no other
			}
			p.remove(at)
			c = compare(t, p, known)
			if want := []listdiff.Key{keyOf(5_003)}; !c.complete() || !slices.Equal(c.removed(known), want) || len(p.asked) > all+1 {
				t.Errorf("one removed: %q, %v removed, want %v; pages at %v", c.reason, c.removed(known), want, p.asked)
			}
		})
	}
}

// mark gives every n-th entry one key.
func (p *paged) mark(n int, k listdiff.Key) {
	for i := 0; i < len(p.keys); i += n {
		p.keys[i] = k
	}
}

func (p *paged) silence(at ...int) {
	for _, i := range at {
		p.silent[p.keys[i]] = true
	}
}

func (p *paged) silenceEvery(n int) {
	for i := 0; i < len(p.keys); i += n {
		p.silence(i)
	}
}

func seq(from, to int) []int {
	var out []int
	for i := from; i < to; i++ {
		out = append(out, i)
	}
	return out
}

// TestDiffOfEntriesThatBecomeUnreadable reads a page in which entries that were
// known cannot be read any more, and again when they can.
func TestDiffOfEntriesThatBecomeUnreadable(t *testing.T) {
	t.Parallel()
	for _, at := range []int{0, 20, 45} {
		for _, joined := range []bool{false, true} {
			p := newPaged(1_000)
			sound := slices.Clone(p.keys)
			copy(p.keys[at:], unreadableKeys())
			p.joined = joined
			c := compare(t, p, sound)
			if !c.complete() || !slices.Equal(c.keys, p.keys) || len(p.asked) > 5 {
				t.Errorf("at %d, joined %v: %q after pages at %v", at, joined, c.reason, p.asked)
			}
			damaged := p.keys
			p.keys = sound
			p.joined = false
			c = compare(t, p, damaged)
			if !c.complete() || !slices.Equal(c.keys, sound) || len(p.asked) > 6 {
				t.Errorf("readable again at %d: %q after pages at %v", at, c.reason, p.asked)
			}
		}
	}
}

// TestDiffOfOverlappingPagesWithHoles removes the first entry of a page with an
// undelivered one: two pages show it, and the hole in two places.
func TestDiffOfOverlappingPagesWithHoles(t *testing.T) {
	t.Parallel()
	p := newPaged(1_000)
	p.silence(60)
	known := p.all()
	p.remove(50)
	c := compare(t, p, known)
	if !c.complete() || !slices.Equal(c.removed(known), []listdiff.Key{keyOf(51)}) || !slices.Contains(p.asked, 49) {
		t.Errorf("%q, %v removed after pages at %v", c.reason, c.removed(known), p.asked)
	}
}

// TestARecheckThatFindsNothingNew asks for no other page, wherever in the page
// the unreadable entries stand.
func TestARecheckThatFindsNothingNew(t *testing.T) {
	t.Parallel()
	for _, at := range []int{500, 520, 545} {
		p := newPaged(1_000)
		copy(p.keys[at:], unreadableKeys())
		d := listdiff.New(p.keys, pageSize)
		fill(t, d, p)
		d.Add(p.page(500, 50))
		if offset, n := d.Next(); n != 0 {
			t.Errorf("unreadable at %d: it asks for %d at %d", at, n, offset)
		}
	}
}

// TestUnread reads some of the pages that hold unreadable entries or holes.
func TestUnread(t *testing.T) {
	t.Parallel()
	p := newPaged(1_000)
	for _, at := range []int{3, 160, 199, 200, 649, 990} { // on pages 0, 150, 200, 600 and 950
		p.keys[at] = "! 3f"
	}
	p.silence(420)           // on page 400
	p.keys[500] = "~rowless" // neither
	p.keys[700] = "!id 3f"   // on page 700
	p.keys[749] = "!id2 3f"  // again
	p.keys[800], p.keys[850] = "twin 1", "twin 1"
	known := p.all()
	tests := []struct {
		after, n int
		want     []int
	}{
		{0, 10, []int{150, 200, 400, 600, 700, 950}},
		{0, 2, []int{150, 200}},
		{150, 2, []int{200, 400}},
		{199, 2, []int{200, 400}},
		{400, 2, []int{600, 700}},
		{700, 3, []int{950, 150, 200}},
		{950, 2, []int{150, 200}},
		{400, 6, []int{600, 700, 950, 150, 200, 400}},
		{5_000, 1, []int{150}},
		{0, 0, nil},
	}
	for _, tt := range tests {
		d := listdiff.New(known, pageSize)
		if got := d.Unread(tt.after, tt.n); len(got) > 0 {
			t.Errorf("before any page: %v", got)
		}
		fill(t, d, p)
		if got := d.Unread(tt.after, tt.n); !slices.Equal(got, tt.want) {
			t.Errorf("%d behind %d: pages at %v, want %v", tt.n, tt.after, got, tt.want)
		}
	}
	d := listdiff.New(known, pageSize)
	fill(t, d, p)
	d.Add(p.page(400, 50))
	if got, want := d.Unread(200, 2), []int{600, 700}; !slices.Equal(got, want) {
		t.Errorf("after one of them was read: pages at %v, want %v", got, want)
	}
	d.Add(listdiff.Page{Offset: 600, Asked: 50, Total: 999})
	if got := d.Unread(0, 10); len(got) > 0 {
		t.Errorf("of a list that moved: %v", got)
	}
}

// TestARecheckBringsOtherPages reads a page again whose entries have come and
// removed since.
func TestARecheckBringsOtherPages(t *testing.T) {
	t.Parallel()
	p := newPaged(1_000)
	p.keys[520] = "! 3f"
	known := slices.Clone(p.keys)
	p.keys[520] = "k521 3f"
	p.remove(510)
	p.save(300) // it hides that entry 510 went
	d := listdiff.New(known, pageSize)
	fill(t, d, p)
	if keys, reason := d.Keys(); reason != "" || !slices.Equal(keys, known) {
		t.Fatalf("%q; the two are to hide each other", reason)
	}
	d.Add(p.page(500, 50))
	fill(t, d, p)
	if keys, reason := d.Keys(); reason != "" || !slices.Equal(keys, p.keys) {
		t.Errorf("%q, pages at %v", reason, p.asked)
	}
	if fmt.Sprint(d.Pages()) != fmt.Sprint(len(p.asked)) || d.Total() != 1_000 || d.Full() {
		t.Errorf("%d pages of %d, total %d, whole %v", d.Pages(), len(p.asked), d.Total(), d.Full())
	}
}
