package extract

import (
	"context"
	"errors"

	"github.com/tracklake/tracklake/extract/listdiff"
)

// maxUnserved is how many entries of one page the API may fail to serve before
// the rest of the page is given up as well.
const maxUnserved = 5

// A Page is a part of a list as the API sent it.
type Page[T any] struct {
	Offset int
	Asked  int // positions that were asked for
	Total  int // of the list, as this page says; -1 when none was served
	// Entries are those that came, in order, and those that the total counts although
	// the API does not serve them.
	Entries []Entry[T]
	// FieldErrors counts the values of an unexpected type, which are left out.
	FieldErrors int
	// Restart: the list is read again from its head; earlier pages are void.
	Restart bool

	next   string // cursor of the page behind it
	joined bool   // it took several answers
	moved  bool   // and the list changed between them
	cause  error  // why its first entry was not served
	broken error  // why it has no further entries, and the reading ends
}

// An Entry is one position of a list.
type Entry[T any] struct {
	Position int // in the list, from 0
	Key      listdiff.Key
	Item     T // if Reject is nil
	Reject   *Reject
	// Short says why the item could not be completed; empty: it was not tried, or worked.
	Short string

	null bool
}

// A Reject says why an entry has no row.
type Reject struct {
	Reason string
	Raw    []byte // JSON, as it was sent; nil: it was not served
}

// keys returns the keys of the page's entries.
func (p *Page[T]) keys() []listdiff.Key {
	out := make([]listdiff.Key, len(p.Entries))
	for i := range p.Entries {
		out[i] = p.Entries[i].Key
	}
	return out
}

// unservedPage stands for entries that the API could not serve.
func unservedPage[T any](offset, n int, cause error) *Page[T] {
	p := &Page[T]{Offset: offset, Asked: n, Total: -1, cause: cause}
	for i := range n {
		p.Entries = append(p.Entries, Entry[T]{
			Position: offset + i, Key: listdiff.UnreadableKey(""), Reject: &Reject{Reason: "Spotify could not serve the entry: " + cause.Error()},
		})
	}
	return p
}

// addHoles appends the holes of a page that is shorter than it should be.
func (p *Page[T]) addHoles() {
	for at := p.Offset + len(p.Entries); at < min(p.Offset+p.Asked, p.Total); at++ {
		p.Entries = append(p.Entries, Entry[T]{Position: at, Key: listdiff.Hole, Reject: &Reject{Reason: "Spotify counts the entry but does not deliver it"}})
	}
}

// fetch reads n entries from offset on, in as many requests as the API needs. A
// page that the API cannot serve is halved until the bad entries are alone.
func (r *Reading[T]) fetch(ctx context.Context, offset, n int) (*Page[T], error) {
	f := fetching[T]{reading: r}
	page, err := f.part(ctx, offset, n, 0)
	if err == nil && page.joined && page.Total >= 0 { // some may have been given up before the total was known
		page.Entries = page.Entries[:min(len(page.Entries), max(page.Total-offset, 0))]
	}
	if err != nil {
		return nil, err
	}
	r.complete(ctx, page)
	return page, nil
}

// fetching is the reading of one page that may come in several answers.
type fetching[T any] struct {
	reading  *Reading[T]
	unserved int // entries
}

// part reads a part of the page; depth counts the halvings.
func (f *fetching[T]) part(ctx context.Context, offset, n, depth int) (*Page[T], error) {
	r := f.reading
	if total := r.total.Load(); total >= 0 && int64(offset) >= total && offset > 0 {
		// The list has shrunk: there is nothing to ask for.
		return &Page[T]{Offset: offset, Asked: n, Total: int(total)}, nil
	}
	if size := r.client.pageSize(r.list.Endpoint); n > size {
		return f.split(ctx, offset, size, n-size, depth)
	}
	tries := 0
	if depth > 0 {
		tries = probeTries
	}
	page, err := r.ask(ctx, offset, n, tries)
	switch {
	case err == nil:
		return page, nil
	case (isInvalidLimit(err) || errors.Is(err, errTooLarge)) && r.client.shrink(r.list.Endpoint, n):
		return f.part(ctx, offset, n, depth)
	case !isBadPage(err):
		return nil, err
	case r.failures != nil:
		return r.giveUp(offset, n, err)
	case n == 1 || f.unserved >= maxUnserved:
		f.unserved += n
		return unservedPage[T](offset, n, err), nil
	}
	return f.split(ctx, offset, n/2, n-n/2, depth+1)
}

// giveUp counts a page of a list with an allowance as unreadable, once; a second such
// page ends the reading.
func (r *Reading[T]) giveUp(offset, n int, err error) (*Page[T], error) {
	if r.total.Load() < 0 || r.unserved.Add(1) > 1 {
		return nil, err
	}
	return unservedPage[T](offset, min(n, int(r.total.Load())-offset), err), nil
}

// split reads two parts of a page and joins them.
func (f *fetching[T]) split(ctx context.Context, offset, head, tail, depth int) (*Page[T], error) {
	a, err := f.part(ctx, offset, head, depth)
	if err != nil {
		return nil, err
	}
	// The list may end within the first part.
	if a.Total >= 0 && offset+head >= a.Total {
		return a, nil
	}
	b, err := f.part(ctx, offset+head, tail, depth)
	if err != nil {
		return nil, err
	}
	a.Asked += b.Asked
	a.Entries = append(a.Entries, b.Entries...)
	a.FieldErrors += b.FieldErrors
	a.joined = true
	a.moved = a.moved || b.moved || a.Total >= 0 && b.Total >= 0 && a.Total != b.Total
	if b.Total >= 0 {
		a.Total = b.Total
	}
	return a, nil
}

// isBadPage reports whether an error can be the fault of a single entry: the API
// answered, but with a server error, and the retry budget, which an outage
// drains, is not spent.
func isBadPage(err error) bool {
	e, ok := asError(err)
	return ok && !e.spent && e.Kind == Transient && e.Status >= 500
}
