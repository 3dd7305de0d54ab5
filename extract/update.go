package extract

import (
	"context"

	"github.com/tracklake/tracklake/extract/listdiff"
)

// maxRestarts is how often an update begins anew because the list moved.
const maxRestarts = 2

// update reads only what must have changed since the list was known.
func (r *Reading[T]) update(ctx context.Context, yield func(*Page[T], error) bool) error {
	known := r.plan.Known.All()
	spent := 0
	for attempt := range maxRestarts + 1 {
		u := &updating[T]{reading: r, yield: yield, restart: attempt > 0, size: r.client.pageSize(r.list.Endpoint)}
		u.diff = listdiff.New(known, u.size)
		if attempt > 0 {
			r.fresh = true
		}
		err := u.run(ctx)
		spent += u.diff.Pages()
		if err != nil {
			r.result = listdiff.Reading{Keys: listdiff.KeysOf(u.diff.Prefix()), Resumed: r.plan.Resume}
			return err
		}
		r.result = u.result(spent)
		if _, final := u.diff.Moved(); r.result.Complete || final {
			break
		}
	}
	return nil
}

// updating is one attempt at an update.
type updating[T any] struct {
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
func (u *updating[T]) run(ctx context.Context) error {
	if err := u.compare(ctx); err != nil {
		return err
	}
	plan := u.reading.plan
	u.last = plan.RecheckAfter
	for _, offset := range u.diff.Unread(plan.RecheckAfter, plan.Recheck) {
		page, err := u.reading.ask(ctx, offset, min(u.size, u.diff.Total()-offset), 1)
		u.checked, u.last = u.checked+1, offset
		if isBadPage(err) { // it is as unreadable as before
			u.unserved = true
			continue
		}
		if err != nil {
			return err
		}
		if err := u.take(page); err != nil {
			return err
		}
	}
	return u.compare(ctx)
}

// compare reads until everything fits or the list moves.
func (u *updating[T]) compare(ctx context.Context) error {
	for offset, n := u.diff.Next(); n > 0 && !u.shrunk; offset, n = u.diff.Next() {
		page, err := u.reading.fetch(ctx, offset, n)
		if err != nil {
			return err
		}
		if u.shrunk = u.reading.client.pageSize(u.reading.list.Endpoint) < u.size; u.shrunk {
			return nil
		}
		if err := u.take(page); err != nil {
			return err
		}
	}
	return nil
}

// take hands a page on and compares it.
func (u *updating[T]) take(page *Page[T]) error {
	total := page.Total
	if total < 0 { // no entry of it was served
		if total = u.diff.Total(); total < 0 {
			return u.reading.noBeginning(page)
		}
	}
	page.Restart, u.restart = u.restart, false
	if !u.yield(page, nil) {
		return errEnough
	}
	u.diff.Add(listdiff.Page{Offset: page.Offset, Asked: page.Asked, Keys: page.keys(), Total: total, Joined: page.joined})
	return nil
}

// result is what the update proves.
func (u *updating[T]) result(spent int) listdiff.Reading {
	if u.shrunk {
		return listdiff.Reading{Reason: "its pages became smaller"}
	}
	keys, reason := u.diff.Keys()
	if reason != "" {
		return listdiff.Reading{Reason: reason}
	}
	r := listdiff.Reading{
		Keys: listdiff.KeysOf(keys), Complete: true, Unserved: u.unserved || u.reading.unserved.Load() > 0,
		Rechecked: u.checked, RecheckedTo: u.last,
	}
	if r.Resumed = u.reading.plan.Resume; !r.Resumed {
		r.Whole, r.Saved = u.diff.Whole(), max(0, max(1, (len(keys)+u.size-1)/u.size)-spent)
	}
	return r
}
