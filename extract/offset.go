package extract

import (
	"context"
	"fmt"
	"hash/maphash"
	"strconv"
)

const (
	maxPasses  = 3 // readings from the beginning before a list counts as restless
	maxSkipped = 5 // items that the API cannot serve before it counts as an outage
	maxEmpty   = 5 // pages without items before the total counts as false
)

// byOffset reads passes over the list until one of them fits.
func (r *Reading[T]) byOffset(ctx context.Context, yield func(*Page[T], error) bool) {
	for n := 1; n <= maxPasses; n++ {
		p := &pass[T]{reading: r, yield: yield, restart: n > 1, seed: maphash.MakeSeed(), seen: map[uint64]struct{}{}}
		r.outcome.Passes = n
		if n > 1 {
			ctx = fresh(ctx)
		}
		more, err := p.run(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		if !more || p.settled(&r.outcome) {
			return
		}
	}
}

// A pass is one reading of a list from its beginning.
type pass[T any] struct {
	reading *Reading[T]
	yield   func(*Page[T], error) bool
	restart bool

	want   int  // items to read
	total  int  // as the newest page said
	moved  bool // pages disagreed about the total
	shrunk bool // a later page knew fewer items
	empty  int  // pages without items
	// seen holds hashes of keys. Two keys of one hash would make the count too
	// small, and the list be read again; never the other way round.
	seen      map[uint64]struct{}
	seed      maphash.Seed
	delivered int // items and rejects
	rejects   int
	skipped   []Skip
}

// run reads the pages. It returns false when the receiver has had enough.
func (p *pass[T]) run(ctx context.Context) (bool, error) {
	l := &p.reading.list
	size := p.reading.client.pageSize(l.Endpoint)
	if l.Max > 0 {
		size = min(size, l.Max)
	}
	first, err := p.reading.fetch(ctx, 0, size, 0)
	if err != nil {
		return false, err
	}
	if first.Total < 0 { // not one item of the first page could be read
		return false, first.skipped[0].Err
	}
	first.Restart = p.restart
	p.want = first.Total
	if l.Max > 0 {
		p.want = min(p.want, l.Max)
	}
	p.total = first.Total
	if !p.take(first) {
		return false, nil
	}
	// The first page may have found out that pages are smaller than thought.
	size = min(size, p.reading.client.pageSize(l.Endpoint))
	begin := min(p.want, max(first.len(), size))
	if more, err := p.rest(ctx, begin, size); !more || err != nil {
		return false, err
	}
	return p.rereadHead(ctx)
}

// rest reads all pages behind the first, side by side.
func (p *pass[T]) rest(ctx context.Context, begin, size int) (bool, error) {
	pages := (p.want - begin + size - 1) / size
	window := 2 * p.reading.client.pacer.concurrency()
	fetch := func(ctx context.Context, i int) (*Page[T], error) {
		offset := begin + i*size
		return p.reading.fetch(ctx, offset, min(size, p.want-offset), 0)
	}
	for page, err := range ordered(ctx, pages, window, fetch) {
		if err != nil {
			return false, err
		}
		if !p.take(page) {
			return false, nil
		}
		if len(p.skipped) > maxSkipped {
			return false, p.skipped[0].Err
		}
		if p.empty > maxEmpty {
			return false, &Error{Kind: Malformed, Path: p.reading.list.Path, Message: fmt.Sprintf("the list is said to have %d items, but its pages are empty", p.total)}
		}
	}
	return true, nil
}

// take counts a page and hands it on.
func (p *pass[T]) take(page *Page[T]) bool {
	if page.Total >= 0 && page.Total != p.total {
		p.moved, p.shrunk, p.total = true, p.shrunk || page.Total < p.total, page.Total
	}
	if page.Torn { // by how much, no later page tells
		p.moved, p.shrunk = true, true
	}
	if page.len() == 0 && page.Offset < page.Total {
		p.empty++
	}
	p.delivered += len(page.Items) + len(page.Rejects)
	p.rejects += len(page.Rejects)
	p.skipped = append(p.skipped, page.skipped...)
	p.remember(page)
	return p.yield(page, nil)
}

// remember notes the keys of a page and returns how many were new.
func (p *pass[T]) remember(page *Page[T]) int {
	if p.reading.list.Key == nil {
		return 0
	}
	before := len(p.seen)
	for i := range page.Items {
		p.seen[maphash.String(p.seed, p.reading.list.Key(&page.Items[i]))] = struct{}{}
	}
	return len(p.seen) - before
}

// count is how many different items were read or found to be unreadable.
func (p *pass[T]) count() int {
	if p.reading.list.Key == nil {
		return p.delivered + len(p.skipped)
	}
	return len(p.seen) + p.rejects + len(p.skipped)
}

// fits tells whether what was read is the whole list.
func (p *pass[T]) fits() bool {
	want := p.total
	if l := p.reading.list.Max; l > 0 {
		want = min(want, l)
	}
	return p.count() == want
}

// rereadHead mends the likeliest disturbance, items added at the head while
// later pages were read: they have pushed as many over the end, and are
// themselves found by reading from the head until nothing is new. A list from
// which something was taken as well is read anew.
func (p *pass[T]) rereadHead(ctx context.Context) (bool, error) {
	l := &p.reading.list
	if !p.moved || p.shrunk || l.Key == nil || l.Max > 0 {
		return true, nil
	}
	ctx = fresh(ctx)
	size := p.reading.client.pageSize(l.Endpoint)
	begin := p.want
	p.want = p.total
	if more, err := p.rest(ctx, begin, size); !more || err != nil {
		return false, err
	}
	for offset := 0; offset < p.total && !p.shrunk; offset += size {
		page, err := p.reading.fetch(ctx, offset, min(size, p.total-offset), 0)
		if err != nil {
			return false, err
		}
		if page.Total >= 0 && page.Total != p.total {
			p.shrunk = true // it moves on; another pass sees to it
		}
		added := p.remember(page)
		page.Rejects = nil // they were counted and handed on when first read
		if !p.yield(page, nil) {
			return false, nil
		}
		if added == 0 {
			break
		}
	}
	p.moved = p.shrunk || !p.fits()
	return true, nil
}

// settled fills in the outcome and tells whether another pass is pointless.
func (p *pass[T]) settled(o *Outcome) bool {
	o.Total, o.Distinct, o.Skipped = p.total, p.count(), p.skipped
	if p.moved || !p.fits() {
		o.Reason = fmt.Sprintf("the list would not hold still while it was read: %d different items came, and Spotify counts %d", o.Distinct-len(o.Skipped), o.Total)
		return false
	}
	o.Reason = ""
	if len(o.Skipped) > 0 {
		o.Reason = fmt.Sprintf("Spotify could not serve %d of %d items (%v)", len(o.Skipped), o.Total, o.Skipped[0].Err)
	}
	o.Complete = len(o.Skipped) == 0
	return true
}

func (p *Page[T]) len() int { return len(p.Items) + len(p.Rejects) + len(p.skipped) }

// fetch reads n items from offset on, in as many requests as the API needs. A
// page that the API cannot serve is halved until the bad item is alone; depth
// counts the halvings.
func (r *Reading[T]) fetch(ctx context.Context, offset, n, depth int) (*Page[T], error) {
	if total := r.total.Load(); total >= 0 && int64(offset) >= total && offset > 0 {
		// The list has shrunk: there is nothing to ask for.
		return &Page[T]{Offset: offset, Total: int(total)}, nil
	}
	size := r.client.pageSize(r.list.Endpoint)
	if n > size {
		return r.split(ctx, offset, size, n-size, depth)
	}
	tries := 0
	if depth > 0 {
		tries = probeTries
	}
	more := map[string]string{"limit": strconv.Itoa(n), "offset": strconv.Itoa(offset)}
	page, err := r.ask(ctx, more, offset, true, tries)
	switch {
	case err == nil:
		return page, nil
	case isInvalidLimit(err) && r.client.shrink(r.list.Endpoint, n):
		return r.fetch(ctx, offset, n, depth)
	case !isBadPage(err):
		return nil, err
	case n == 1:
		return &Page[T]{Offset: offset, Total: -1, skipped: []Skip{{Offset: offset, Err: err}}}, nil
	}
	return r.split(ctx, offset, n/2, n-n/2, depth+1)
}

// split reads two parts of a page and joins them.
func (r *Reading[T]) split(ctx context.Context, offset, head, tail, depth int) (*Page[T], error) {
	a, err := r.fetch(ctx, offset, head, depth)
	if err != nil {
		return nil, err
	}
	if len(a.skipped) > maxSkipped {
		return nil, a.skipped[0].Err
	}
	// The list may end within the first part.
	if a.Total >= 0 && offset+head >= a.Total {
		return a, nil
	}
	b, err := r.fetch(ctx, offset+head, tail, depth)
	if err != nil {
		return nil, err
	}
	a.Items = append(a.Items, b.Items...)
	a.Rejects = append(a.Rejects, b.Rejects...)
	a.skipped = append(a.skipped, b.skipped...)
	a.Torn = a.Torn || b.Torn || a.Total >= 0 && b.Total >= 0 && a.Total != b.Total
	if b.Total >= 0 {
		a.Total = b.Total
	}
	return a, nil
}

// isBadPage tells whether an error can be the fault of a single item: the API
// answered, but with a server error, and the retry budget, which an outage
// drains, is not spent.
func isBadPage(err error) bool {
	e, ok := asError(err)
	return ok && !e.spent && e.Kind == Transient && e.Status >= 500
}
