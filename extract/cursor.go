package extract

import (
	"context"
	"strconv"

	"github.com/tracklake/tracklake/extract/listdiff"
)

// walk reads a list in which each page names the next one. It ends with the list, with
// the last entry that is wanted, or at the plan's mark.
func (p *pass[T]) walk(ctx context.Context) error {
	l := &p.reading.list
	asked := map[string]bool{}
	for cursor := ""; !asked[cursor]; {
		asked[cursor] = true
		page, err := p.reading.askCursor(ctx, cursor, p.keys.Count())
		if err != nil {
			return err
		}
		p.reading.complete(ctx, page)
		if cursor == "" {
			page.Restart, p.total = p.restart, page.Total
		}
		if !p.take(page) {
			return errEnough
		}
		if cursor = page.next; cursor == "" || len(page.Entries) == 0 || p.reached(page) {
			return p.endWalk()
		}
	}
	return &Error{Kind: Malformed, Path: l.Path, Message: "the list's pages link to each other in a circle"}
}

// reached reports whether no entry that is wanted can follow a page.
func (p *pass[T]) reached(page *Page[T]) bool {
	if most := p.reading.list.Max; most > 0 && p.keys.Count() >= most {
		return true
	}
	for i := range page.Entries {
		if at := listdiff.Rank(page.Entries[i].Key); at > 0 && at <= p.reading.plan.Mark {
			return true
		}
	}
	return false
}

// endWalk accounts for the entries that the API counts and did not deliver.
func (p *pass[T]) endWalk() error {
	l := &p.reading.list
	if l.NoTotal {
		p.total = p.count()
		return nil
	}
	last := &Page[T]{Offset: p.keys.Count(), Asked: max(0, l.capped(p.total)-p.count()), Total: p.total}
	last.Total = last.Offset + last.Asked
	last.addHoles()
	last.Total = p.total
	if len(last.Entries) > 0 && !p.take(last) {
		return errEnough
	}
	return nil
}

// askCursor requests the page at a cursor; the empty one is that of the first page.
func (r *Reading[T]) askCursor(ctx context.Context, cursor string, offset int) (*Page[T], error) {
	for {
		size := r.client.pageSize(r.list.Endpoint)
		if r.list.Max > 0 {
			size = min(size, r.list.Max)
		}
		more := map[string]string{"limit": strconv.Itoa(size)}
		if cursor != "" {
			more[r.list.Cursor] = cursor
		}
		page, err := r.page(ctx, more, offset, 0)
		if err != nil && isInvalidLimit(err) && r.client.shrink(r.list.Endpoint, size) {
			continue
		}
		return page, err
	}
}
