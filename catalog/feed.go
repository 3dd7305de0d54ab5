package catalog

import (
	"context"
	"fmt"
	"hash/maphash"
	"iter"
	"time"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/listdiff"
	"github.com/tracklake/tracklake/transform"
)

// batchRows is how many rows wait before they are handed on: enough to make a
// destination's work per batch small beside its work per row, and few enough
// (half a MB of saved tracks) to keep memory flat.
const batchRows = 1024

// A Feed reads a resource part by part: one part for a simple list, one for
// each time range or parent otherwise.
type Feed struct {
	Parts []Part
	// Read prepares the reading of a part. Parts may be read concurrently.
	Read func(c *extract.Client, part int, plan extract.Plan) Reading
	// Append turns what a step brought into rows, and returns those of full
	// batches, which the receiver releases. Append, Flush and Reset are used by
	// one goroutine at a time; the steps of a part are appended together. After
	// one that restarts the part, Reset comes first.
	Append func(Step) []transform.Batch
	// Parents are the entries of a step, as other resources have them for parents.
	Parents func(Step) []Parent
	// Holds asks whether the account may still have any of some rows that an incremental
	// sync did not find; nil: the API cannot tell.
	Holds func(ctx context.Context, c *extract.Client, rows []string) (bool, error)
	// Renewed returns the scopes of further tables of which all rows were appended since
	// it was last called: any other row there is gone.
	Renewed func() []Scope
	// Gap returns the row that says when entries may be missing: between the newest
	// stored before and the oldest that was read. Nil: the resource has no such table.
	Gap func(from, to time.Time) []transform.Batch
	// Flush returns the rows that wait for a fuller batch.
	Flush func() []transform.Batch
	// Reset drops the rows that wait. It goes with dropping what Append has
	// returned before.
	Reset func()
	// Notes returns what had to be changed so far to make the rows storable.
	Notes func() transform.Notes
	// Release frees the feed's buffers.
	Release func()
}

// A Reading reads one part. Steps yields what arrived, page by page; Result is
// what it proves, valid after the loop.
type Reading struct {
	Steps  func(context.Context) iter.Seq2[Step, error]
	Result func() listdiff.Reading
}

// A Step is what one page brought.
type Step struct {
	// Restart says that the list is read again: rows of this part that came before
	// are void.
	Restart     bool
	Items       int // entries of the page, rejects included
	Total       int // entries of the list, as the API says now; -1: it did not
	Rejects     int
	Short       int // items that came cut short and could not be completed; rejects as well
	FieldErrors int // values of an unexpected type, which became NULL

	part int
	page any // *extract.Page[T]
}

// A gap is a stretch of time of which entries may be missing.
type gap struct{ from, to time.Time }

// feed is the typed side of a Feed.
type feed[T any] struct {
	job     string
	spec    spec[T]
	parts   []part[T]
	plans   []extract.Plan // with which the parts are read
	items   *transform.Set[T]
	rejects *transform.Set[reject]
	gaps    *transform.Set[gap] // nil: the list shows all that there is
	further []furtherRows[T]
	sets    []rowSet // all of them

	part   int // whose steps are appended
	ranked *ranks
}

func openFeed[T any](s spec[T], p Params) (*Feed, error) {
	parts := s.parts(p)
	f := &feed[T]{job: p.Job, spec: s, parts: parts, plans: make([]extract.Plan, len(parts)), part: -1}
	if err := f.open(p); err != nil {
		f.release()
		return nil, fmt.Errorf("open %s: %w", s.Name, err)
	}
	return f.erase(), nil
}

// open opens the builders of all tables.
func (f *feed[T]) open(p Params) (err error) {
	if f.items, err = transform.NewSet(p.Memory, p.Account, f.spec.Table); err != nil {
		return err
	}
	f.sets = append(f.sets, f.items)
	for _, a := range f.spec.Also {
		rows, err := a.open(p)
		if err != nil {
			return err
		}
		f.further, f.sets = append(f.further, rows), append(f.sets, rows)
	}
	if f.rejects, err = transform.NewSet(p.Memory, p.Account, rejectsTable()); err != nil {
		return err
	}
	f.sets = append(f.sets, f.rejects)
	if f.spec.Gaps != nil {
		if f.gaps, err = transform.NewSet(p.Memory, p.Account, *f.spec.Gaps); err != nil {
			return err
		}
		f.sets = append(f.sets, f.gaps)
	}
	return nil
}

func (f *feed[T]) erase() *Feed {
	out := &Feed{
		Read: f.read, Append: f.append, Parents: f.asParents, Renewed: f.renewed, Notes: f.notes, Reset: f.reset, Release: f.release,
		Flush: func() []transform.Batch { return f.take(1) }, Holds: f.spec.Holds,
	}
	for _, p := range f.parts {
		out.Parts = append(out.Parts, p.Part)
	}
	if f.gaps != nil {
		out.Gap = func(from, to time.Time) []transform.Batch {
			f.gaps.Append(&gap{from, to})
			return f.gaps.Take(1)
		}
	}
	return out
}

// take returns the rows of each table that wait if there are at least n.
func (f *feed[T]) take(n int) []transform.Batch {
	var out []transform.Batch
	for _, s := range f.sets {
		out = append(out, s.Take(n)...)
	}
	return out
}

func (f *feed[T]) renewed() []Scope {
	var out []Scope
	for _, rows := range f.further {
		out = append(out, rows.renewed()...)
	}
	return out
}

func (f *feed[T]) notes() transform.Notes {
	var out transform.Notes
	for _, s := range f.sets {
		out.Replaced += s.Notes().Replaced
	}
	return out
}

func (f *feed[T]) release() {
	for _, s := range f.sets {
		s.Release()
	}
}

func (f *feed[T]) read(c *extract.Client, i int, plan extract.Plan) Reading {
	p := f.parts[i]
	f.plans[i] = plan
	reading := extract.Read(c, p.List, plan)
	return Reading{
		Result: reading.Result,
		Steps: func(ctx context.Context) iter.Seq2[Step, error] {
			return func(yield func(Step, error) bool) {
				for page, err := range reading.Pages(ctx) {
					if err != nil {
						yield(Step{}, fmt.Errorf("read %s: %w", f.name(p), err))
						return
					}
					if !yield(newStep(i, page), nil) {
						return
					}
				}
			}
		},
	}
}

func newStep[T any](part int, page *extract.Page[T]) Step {
	s := Step{Restart: page.Restart, Total: page.Total, FieldErrors: page.FieldErrors, part: part, page: page}
	for i := range page.Entries {
		switch e := &page.Entries[i]; {
		case e.Reject == nil:
			s.Items++
			if e.Short != "" {
				s.Short++
				s.Rejects++
			}
		case e.Reject.Raw != nil:
			s.Items++
			s.Rejects++
		}
	}
	return s
}

// append turns a page into rows.
func (f *feed[T]) append(s Step) []transform.Batch {
	if f.part != s.part {
		f.part, f.ranked = s.part, newRanks(f.plans[s.part].Known)
	}
	p, page := f.parts[s.part], s.page.(*extract.Page[T])
	for i := range page.Entries {
		e := &page.Entries[i]
		switch {
		case e.Reject == nil && (p.Mode != Snapshot || f.ranked.leads(e.Key)):
			p.adopt(&e.Item, e.Position)
			f.add(p.Name, e)
		case e.Reject != nil && e.Reject.Raw != nil:
			f.rejects.Append(newReject(f.job, f.spec.Name, p.Name, *e.Reject))
		}
	}
	return f.take(batchRows)
}

// add appends the rows of an entry.
func (f *feed[T]) add(list string, e *extract.Entry[T]) {
	f.items.Append(&e.Item)
	row := listdiff.Row(e.Key)
	for _, rows := range f.further {
		rows.add(&e.Item, row)
	}
	if e.Short != "" {
		f.rejects.Append(newReject(f.job, f.spec.Name, list, extract.Reject{Reason: e.Short, Raw: shortRaw(row)}))
	}
}

// asParents lists the entries of a page for resources that have them as parents.
func (f *feed[T]) asParents(s Step) []Parent {
	var out []Parent
	page := s.page.(*extract.Page[T])
	for i := range page.Entries {
		if e := &page.Entries[i]; e.Reject == nil && f.spec.AsParent != nil {
			out = append(out, f.spec.AsParent(&e.Item))
		}
	}
	return out
}

func (f *feed[T]) reset() {
	for _, s := range f.sets {
		s.Reset()
	}
	f.part = -1
}

func (f *feed[T]) name(p part[T]) string {
	if p.Name == "" {
		return f.spec.Name
	}
	return f.spec.Name + " " + p.Name
}

// ranks decides which of several entries of one row counts. It remembers the rows
// that have several entries, and those that it was asked about.
type ranks struct {
	digest keyDigest
	best   map[[2]uint64]int64 // by the digest of the row
}

// A keyDigest stands for keys by 128 bits of hash: a library has too many for their
// text to be kept.
type keyDigest struct{ a, b maphash.Seed }

func newKeyDigest() keyDigest { return keyDigest{maphash.MakeSeed(), maphash.MakeSeed()} }

func (d keyDigest) sum(key string) [2]uint64 {
	return [2]uint64{maphash.String(d.a, key), maphash.String(d.b, key)}
}

// newRanks begins with a list as it was known, of which an update does not read
// every entry.
func newRanks(known listdiff.Keys) *ranks {
	r := &ranks{digest: newKeyDigest(), best: map[[2]uint64]int64{}}
	last := map[string]int64{}
	for _, k := range known.All() {
		row := listdiff.Row(k)
		if rank, twice := last[row]; twice {
			r.best[r.digest.sum(row)] = max(rank, listdiff.Rank(k))
		}
		last[row] = max(last[row], listdiff.Rank(k))
	}
	return r
}

// leads reports whether an entry is the best of its row so far. One that is read a
// second time is.
func (r *ranks) leads(k listdiff.Key) bool {
	row, rank := r.digest.sum(listdiff.Row(k)), listdiff.Rank(k)
	if best, seen := r.best[row]; seen && best > rank {
		return false
	}
	r.best[row] = rank
	return true
}
