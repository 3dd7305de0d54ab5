package extract

import (
	"context"
	"fmt"
	"hash/maphash"

	"github.com/tracklake/tracklake/extract/listdiff"
)

// maxPasses is how often a list is read from its head before it counts as moving,
// or its total as unreliable.
const maxPasses = 3

// full makes passes over the list until one of them is confirmed.
func (r *Reading[T]) full(ctx context.Context, yield func(*Page[T], error) bool) error {
	seed := maphash.MakeSeed()
	var before uint64 // what the pass before found
	for n := 1; n <= maxPasses; n++ {
		p := &pass[T]{reading: r, yield: yield, restart: n > 1, seed: seed, seen: map[uint64]struct{}{}, inOrder: true}
		if n > 1 {
			r.refetch = true
		}
		err := p.run(ctx)
		if p.broken != nil {
			err = p.broken
		}
		if err != nil {
			r.result = listdiff.Reading{Keys: p.keys.Keys()}
			return err
		}
		r.result = p.result()
		if p.unsettled() {
			continue
		}
		settled := p.holes == r.plan.Holes
		if !settled {
			found := p.fingerprint(r.result)
			settled, before = found == before, found
		}
		if settled {
			r.result.Complete, r.result.Reason, r.result.Full = true, "", true
			return nil
		}
	}
	return nil
}

// A pass is one reading of a list from its head.
type pass[T any] struct {
	reading *Reading[T]
	yield   func(*Page[T], error) bool
	restart bool

	want   int   // entries to read
	total  int   // as the newest page said
	broken error // of the page that ended the pass
	moved  bool  // pages disagreed about the total
	shrunk bool  // a later page knew fewer entries

	keys    listdiff.Builder // in order, as long as inOrder
	inOrder bool
	later   []listdiff.Key // first seen after that
	head    []listdiff.Key // what was read again from the head on
	holes   int
	others  int // entries that seen does not hold
	// seen has hashes of the keys of a list whose keys are unique. Two keys with the
	// same hash make the count too small, and the list is read again; the count is
	// never too large.
	seen map[uint64]struct{}
	seed maphash.Seed
}

// run reads the pages.
func (p *pass[T]) run(ctx context.Context) error {
	l := &p.reading.list
	if l.Cursor != "" {
		return p.walk(ctx)
	}
	size := p.reading.client.pageSize(l.Endpoint)
	if l.Max > 0 {
		size = min(size, l.Max)
	}
	first, err := p.reading.fetch(ctx, 0, size)
	if err != nil {
		return err
	}
	if first.Total < 0 {
		return p.reading.unservedHead(first)
	}
	first.Restart = p.restart
	p.total, p.want = first.Total, l.capped(first.Total)
	if !p.take(first) {
		return errEnough
	}
	// The first page may have found out that pages are smaller than thought.
	size = min(size, p.reading.client.pageSize(l.Endpoint))
	if err := p.rest(ctx, min(p.want, max(len(first.Entries), size)), size); err != nil {
		return err
	}
	return p.rereadHead(ctx)
}

// unservedHead is the error of a list whose first entries the API does not serve.
func (r *Reading[T]) unservedHead(page *Page[T]) error {
	out := &Error{Kind: Transient, Path: r.list.Path, Message: "Spotify could not serve the beginning of the list"}
	if cause, ok := asError(page.cause); ok {
		out.Status = cause.Status
	}
	return out
}

// capped is how many of a list's entries are to be read.
func (l *List[T]) capped(total int) int {
	if l.Max > 0 {
		return min(total, l.Max)
	}
	return total
}

// rest reads all pages behind the first, concurrently.
func (p *pass[T]) rest(ctx context.Context, begin, size int) error {
	pages := (p.want - begin + size - 1) / size
	window := 2 * p.reading.client.pacer.concurrency()
	fetch := func(ctx context.Context, i int) (*Page[T], error) {
		offset := begin + i*size
		return p.reading.fetch(ctx, offset, min(size, p.want-offset))
	}
	for page, err := range ordered(ctx, pages, window, fetch) {
		if err != nil {
			return err
		}
		if !p.take(page) {
			return errEnough
		}
	}
	return nil
}

// take counts a page and hands it on.
func (p *pass[T]) take(page *Page[T]) bool {
	if page.Total >= 0 && page.Total != p.total {
		p.moved, p.shrunk, p.total = true, p.shrunk || page.Total < p.total, page.Total
	}
	if page.moved { // no later page says by how much
		p.moved, p.shrunk = true, true
	}
	// Later entries are at other positions than when the pages before were read.
	p.inOrder = p.inOrder && !p.moved && page.Offset == p.keys.Count()
	for i := range page.Entries {
		first := p.remember(&page.Entries[i])
		switch {
		case p.inOrder:
			p.keys.Add(page.Entries[i].Key)
		case first:
			p.later = append(p.later, page.Entries[i].Key)
		}
	}
	p.broken = page.broken
	return p.yield(page, nil) && p.broken == nil
}

// remember counts an entry, and reports whether it was not seen before, as far as its
// key shows.
func (p *pass[T]) remember(e *Entry[T]) bool {
	before := len(p.seen)
	switch {
	case e.Key == listdiff.Hole:
		p.holes++
	case e.Reject == nil && p.reading.list.Unique:
		p.seen[maphash.String(p.seed, e.Key)] = struct{}{}
		return len(p.seen) > before
	default:
		p.others++
	}
	return true
}

// rereadHead repairs the likeliest change, entries added at the head while
// later pages were read: they have pushed as many past the end, and are
// themselves found by reading from the head until nothing is new. A list from
// which entries were removed as well is read again.
func (p *pass[T]) rereadHead(ctx context.Context) error {
	l := &p.reading.list
	if !p.moved || p.shrunk || p.holes > 0 || !l.Unique || l.Max > 0 {
		return nil
	}
	if p.total-p.want > p.keys.Count() { // what was read later may belong before what was read first
		return nil
	}
	p.reading.total.Store(int64(p.total)) // the newest answer need not have come last
	p.reading.refetch = true
	size := p.reading.client.pageSize(l.Endpoint)
	begin := p.want
	p.want = p.total
	if err := p.rest(ctx, begin, size); err != nil {
		return err
	}
	for offset := 0; offset < p.total && !p.shrunk; offset += size {
		page, err := p.reading.fetch(ctx, offset, min(size, p.total-offset))
		if err != nil {
			return err
		}
		p.shrunk = p.shrunk || page.Total >= 0 && page.Total != p.total // it moves on; another pass sees to it
		before := len(p.seen)
		others := p.others
		for i := range page.Entries {
			p.remember(&page.Entries[i])
		}
		p.others = others // they were counted when they were first read
		p.head = append(p.head, page.keys()...)
		if !p.yield(page, nil) {
			return errEnough
		}
		if len(p.seen) == before {
			break
		}
	}
	p.moved = p.shrunk
	return nil
}

// repair returns the keys of a list to which entries were added: those that were
// read again, then the others, in the order in which they were read.
func (p *pass[T]) repair(inOrder []listdiff.Key) []listdiff.Key {
	again := make(map[listdiff.Key]int, len(p.head))
	for _, k := range p.head {
		again[k]++
	}
	keys := p.head
	for _, k := range append(inOrder, p.later...) {
		if again[k] > 0 {
			again[k]--
			continue
		}
		keys = append(keys, k)
	}
	return keys
}

// count is how many different positions were accounted for.
func (p *pass[T]) count() int { return len(p.seen) + p.others + p.holes }

// unsettled reports whether the pass cannot be right.
func (p *pass[T]) unsettled() bool {
	return p.moved || p.count() != p.reading.list.capped(p.total)
}

// result is what the pass proves, until another one or the plan confirms it.
func (p *pass[T]) result() listdiff.Reading {
	r := listdiff.Reading{Keys: p.keys.Keys(), Unserved: p.reading.unserved.Load() > 0}
	if len(p.head) > 0 && !p.unsettled() {
		keys := p.repair(r.Keys.All())
		p.moved = len(keys) != p.total
		r.Keys = listdiff.KeysOf(keys)
	}
	came := p.count() - p.holes
	switch {
	case p.unsettled():
		r.Reason = fmt.Sprintf("the list changed while it was read: %d different entries came, but Spotify counts %d", came, p.total)
	case p.holes > 0:
		r.Reason = fmt.Sprintf("%d of %d entries came, and different ones in each pass", came, p.reading.list.capped(p.total))
	}
	return r
}

// fingerprint is the same for two passes that found the same.
func (p *pass[T]) fingerprint(r listdiff.Reading) uint64 {
	return maphash.String(p.seed, fmt.Sprint(p.total, "\n", r.Keys.Lines))
}
