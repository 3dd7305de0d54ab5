package extract

import (
	"context"

	"github.com/tracklake/tracklake/extract/listdiff"
)

// maxRestarts is how often an incremental sync restarts because the list moved.
const maxRestarts = 2

// incremental reads only what must have changed since the list was known.
func (r *Reading[T]) incremental(ctx context.Context, yield func(*Page[T], error) bool) error {
	known := r.plan.Known.All()
	spent := 0
	for attempt := range maxRestarts + 1 {
		s := &incremental[T]{reading: r, yield: yield, restart: attempt > 0, size: r.client.pageSize(r.list.Endpoint)}
		s.diff = listdiff.New(known, s.size)
		if attempt > 0 {
			r.refetch = true
		}
		err := s.run(ctx)
		spent += s.diff.Pages()
		if err != nil {
			r.result = listdiff.Reading{Keys: listdiff.KeysOf(s.diff.Prefix()), Resumed: r.plan.Resume}
			return err
		}
		r.result = s.result(spent)
		if _, final := s.diff.Moved(); r.result.Complete || final {
			break
		}
	}
	return nil
}

// incremental is one attempt at an incremental sync.
type incremental[T any] struct {
	reading *Reading[T]
	yield   func(*Page[T], error) bool
	restart bool
	size    int
	diff    *listdiff.Diff
	checked int // pages that were read again
	last    int // position of the last of them
	// unserved: one of them was not served.
	unserved, shrunk bool
}

// run reads the pages that the comparison asks for, then those that hold
// unreadable entries.
func (s *incremental[T]) run(ctx context.Context) error {
	if err := s.compare(ctx); err != nil {
		return err
	}
	plan := s.reading.plan
	s.last = plan.RecheckAfter
	for _, offset := range s.diff.Unread(plan.RecheckAfter, plan.Recheck) {
		page, err := s.reading.ask(ctx, offset, min(s.size, s.diff.Total()-offset), 1)
		s.checked, s.last = s.checked+1, offset
		if isBadPage(err) { // it is as unreadable as before
			s.unserved = true
			continue
		}
		if err != nil {
			return err
		}
		s.reading.complete(ctx, page)
		if err := s.take(page); err != nil {
			return err
		}
	}
	return s.compare(ctx)
}

// compare reads until everything fits or the list moves.
func (s *incremental[T]) compare(ctx context.Context) error {
	for offset, n := s.diff.Next(); n > 0 && !s.shrunk; offset, n = s.diff.Next() {
		page, err := s.reading.fetch(ctx, offset, n)
		if err != nil {
			return err
		}
		if s.shrunk = s.reading.client.pageSize(s.reading.list.Endpoint) < s.size; s.shrunk {
			return nil
		}
		if err := s.take(page); err != nil {
			return err
		}
	}
	return nil
}

// take hands a page on and compares it.
func (s *incremental[T]) take(page *Page[T]) error {
	total := page.Total
	if total < 0 { // no entry of it was served
		if total = s.diff.Total(); total < 0 {
			return s.reading.unservedHead(page)
		}
	}
	page.Restart, s.restart = s.restart, false
	if !s.yield(page, nil) {
		return errEnough
	}
	s.diff.Add(listdiff.Page{Offset: page.Offset, Asked: page.Asked, Keys: page.keys(), Total: total, Joined: page.joined})
	return page.broken
}

// result is what the attempt proves.
func (s *incremental[T]) result(spent int) listdiff.Reading {
	if s.shrunk {
		return listdiff.Reading{Reason: "the page size changed"}
	}
	keys, reason := s.diff.Keys()
	if reason != "" {
		return listdiff.Reading{Reason: reason}
	}
	r := listdiff.Reading{
		Keys: listdiff.KeysOf(keys), Complete: true, Unserved: s.unserved || s.reading.unserved.Load() > 0,
		Rechecked: s.checked, RecheckedTo: s.last,
	}
	if r.Resumed = s.reading.plan.Resume; !r.Resumed {
		r.Full, r.Saved = s.diff.Full(), max(0, max(1, (len(keys)+s.size-1)/s.size)-spent)
	}
	return r
}
