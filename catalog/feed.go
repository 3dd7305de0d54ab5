package catalog

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/transform"
)

// batchRows is how many rows wait before they are handed on: enough to make a
// destination's work per batch small beside its work per row, and few enough
// (half a MB of saved tracks) to keep memory flat.
const batchRows = 1024

// feed is the typed side of a Feed.
type feed[T any] struct {
	resource string
	parts    []part[T]
	items    *transform.Set[T]
	rejects  *transform.Set[reject]
	// held keeps the items of a part until it is settled. Only resources of
	// several parts in one commit need it; their lists are bounded.
	entries     bool // the keys of lists are wanted
	hold        bool
	held        []T
	heldRejects []*reject
}

func openFeed[T any](s spec[T], p Params) (*Feed, error) {
	parts, err := s.Parts(p)
	if err != nil {
		return nil, fmt.Errorf("plan %s: %w", s.Name, err)
	}
	if len(parts) == 0 && !s.FanOut {
		return nil, fmt.Errorf("plan %s: %w", s.Name, errNoParts)
	}
	f := &feed[T]{resource: s.Name, parts: parts, hold: len(parts) > 1 && !s.FanOut, entries: p.Entries}
	if f.items, err = transform.NewSet(p.Memory, p.Account, s.Tables...); err != nil {
		return nil, fmt.Errorf("open %s: %w", s.Name, err)
	}
	if f.rejects, err = transform.NewSet(p.Memory, p.Account, transform.Rows[reject](rejectsTable())); err != nil {
		f.items.Release()
		return nil, fmt.Errorf("open %s: %w", s.Name, err)
	}
	return f.erase(), nil
}

func (f *feed[T]) erase() *Feed {
	out := &Feed{Read: f.read, Search: f.search, Notes: f.items.Notes, Reset: f.reset}
	for _, p := range f.parts {
		p.Max = p.List.Max
		out.Parts = append(out.Parts, p.Part)
	}
	out.Flush = func() []transform.Batch { return append(f.items.Take(1), f.rejects.Take(1)...) }
	out.Release = func() {
		f.items.Release()
		f.rejects.Release()
	}
	return out
}

func (f *feed[T]) read(ctx context.Context, c *extract.Client, i int) iter.Seq2[Step, error] {
	return func(yield func(Step, error) bool) {
		p := f.parts[i]
		reading := extract.ReadOffset(c, p.List)
		entries := &entries[T]{list: &p.List, wanted: f.entries}
		for page, err := range reading.Pages(ctx) {
			if err == nil {
				entries.add(page)
			}
			if !f.pass(p, page, err, entries.begun, yield) {
				return
			}
		}
		f.release()
		outcome := reading.Outcome()
		yield(Step{Batches: f.items.Take(batchRows), Total: outcome.Total, Outcome: &outcome, Keys: entries.settled(outcome)}, nil)
	}
}

// search reads what must have changed in a part.
func (f *feed[T]) search(ctx context.Context, c *extract.Client, i int, known []string) iter.Seq2[Step, error] {
	return func(yield func(Step, error) bool) {
		p := f.parts[i]
		reading := extract.ReadNewest(c, p.List, known)
		for page, err := range reading.Pages(ctx) {
			if !f.pass(p, page, err, func() *Keys { return keysOf(reading.Outcome().Keys) }, yield) {
				return
			}
		}
		f.release()
		found := reading.Outcome()
		yield(Step{Batches: f.items.Take(batchRows), Total: found.Total, Found: &found}, nil)
	}
}

// pass hands a page on, or the error that ended the reading and the keys that
// came before it, and tells whether to go on.
func (f *feed[T]) pass(p part[T], page *extract.Page[T], err error, begun func() *Keys, yield func(Step, error) bool) bool {
	if err != nil {
		f.drop()
		yield(Step{Keys: begun()}, fmt.Errorf("read %s: %w", f.name(p), err))
		return false
	}
	return yield(f.step(p, page), nil)
}

// entries collects the keys of a list that is read from its beginning to its
// end.
type entries[T any] struct {
	list   *extract.List[T]
	wanted bool
	broken bool // the list moved, or is read again from somewhere else
	total  int
	blocks [][]byte // the keys, a line each
	count  int
}

// blockSize is how large blocks of keys are: many small texts that live long,
// among very many that do not, would tear the heap to pieces.
const blockSize = 256 << 10

func (e *entries[T]) add(page *extract.Page[T]) {
	if page.Restart {
		e.blocks, e.count, e.broken = nil, 0, false
	}
	if page.Offset == 0 && e.count == 0 {
		e.total = page.Total
	}
	// What follows stands elsewhere than it did when the pages before were read.
	e.broken = e.broken || page.Offset != e.count || page.Total != e.total || page.Torn
	if !e.wanted || e.broken {
		return
	}
	for _, key := range page.Keys(e.list) {
		last := len(e.blocks) - 1
		if last < 0 || len(e.blocks[last])+len(key)+1 > cap(e.blocks[last]) {
			e.blocks = append(e.blocks, make([]byte, 0, max(blockSize, len(key)+1)))
			last++
		}
		e.blocks[last] = append(append(e.blocks[last], key...), '\n')
		e.count++
	}
}

// begun returns the keys from the beginning on, of a reading that was cut off:
// as far as the list held still.
func (e *entries[T]) begun() *Keys {
	if !e.wanted || e.count == 0 {
		return nil
	}
	return e.all()
}

// all returns the keys, and forgets them: they are large.
func (e *entries[T]) all() *Keys {
	var lines strings.Builder
	size := 0
	for _, block := range e.blocks {
		size += len(block)
	}
	lines.Grow(size)
	for _, block := range e.blocks {
		lines.Write(block)
	}
	e.blocks = nil
	return &Keys{Lines: strings.TrimSuffix(lines.String(), "\n"), Count: e.count}
}

// settled returns the keys if they are those of the whole list.
func (e *entries[T]) settled(o extract.Outcome) *Keys {
	if !e.wanted || e.broken || !o.Complete || e.count != o.Total {
		return nil
	}
	return e.all()
}

// step turns a page into rows.
func (f *feed[T]) step(p part[T], page *extract.Page[T]) Step {
	s := Step{
		Restart: page.Restart, Total: page.Total,
		Items: len(page.Items) + len(page.Rejects), Rejects: len(page.Rejects),
	}
	if page.Restart {
		f.restart()
	}
	f.adopt(p, page)
	for _, r := range page.Rejects {
		f.heldRejects = append(f.heldRejects, newReject(f.resource, p.Name, r))
	}
	if !f.hold {
		f.releaseRejects()
	}
	s.Batches = append(f.items.Take(batchRows), f.rejects.Take(batchRows)...)
	return s
}

func (f *feed[T]) restart() {
	if f.hold {
		f.drop()
		return
	}
	f.reset()
}

func (f *feed[T]) reset() {
	f.drop()
	f.items.Reset()
	f.rejects.Reset()
}

// adopt appends the page's items, each with the position it has in the list.
func (f *feed[T]) adopt(p part[T], page *extract.Page[T]) {
	taken := map[int]bool{}
	for _, r := range page.Rejects {
		taken[r.Position] = true
	}
	position := page.Offset
	for i := range page.Items {
		for taken[position] {
			position++
		}
		item := &page.Items[i]
		if p.Adopt != nil {
			p.Adopt(item, position)
		}
		if f.hold {
			f.held = append(f.held, *item)
		} else {
			f.items.Append(item)
		}
		position++
	}
}

// release appends what was held back of a part that is settled.
func (f *feed[T]) release() {
	for i := range f.held {
		f.items.Append(&f.held[i])
	}
	f.releaseRejects()
	f.drop()
}

func (f *feed[T]) releaseRejects() {
	for _, r := range f.heldRejects {
		f.rejects.Append(r)
	}
	f.heldRejects = f.heldRejects[:0]
}

// drop forgets what was held back of a part.
func (f *feed[T]) drop() { f.held, f.heldRejects = nil, nil }

func (f *feed[T]) name(p part[T]) string {
	if p.Name == "" {
		return f.resource
	}
	return f.resource + " " + p.Name
}
