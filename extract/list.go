package extract

import (
	"context"
	"errors"
	"iter"
	"maps"
	"net/url"
	"strconv"
	"sync/atomic"

	"github.com/tracklake/tracklake/extract/listdiff"
)

// A List describes a list with items of type T.
type List[T any] struct {
	Endpoint
	// Max ends the list after its first Max entries; 0: no limit.
	Max int
	// Key identifies entries, and names the row that an entry belongs to; see
	// [listdiff.Key]. It must accept an item in which any field is absent.
	Key func(*T) listdiff.Key
	// Unique: no two entries have the same key, so an entry that is seen twice has
	// moved.
	Unique bool
	// Check returns why an entry has no row, or "". A rowless entry is known to be
	// none of the rows; any other without a row is unreadable.
	Check func(*T) (why string, rowless bool)
	// Complete requests the rest of an item that came cut short. It returns why it could
	// not, if that concerns the item alone; an error ends the reading. It is not called
	// for entries that the plan knows. It may be nil.
	Complete func(context.Context, *Client, *T) (why string, err error)
	// Failures is how many failing answers the list may cost; then missing entries
	// are unreadable, or the reading ends. 0: no limit but that of each request.
	Failures int
}

// A Plan says how a list is to be read. The zero Plan reads every page.
type Plan struct {
	// Known are the keys of the list as it was. With Incremental or Resume, only
	// what must have changed is read.
	Known listdiff.Keys
	// Incremental: Known is the list after the last sync, even if it is empty.
	Incremental bool
	// Resume: Known is the part of the list, from its head, that an earlier run read.
	Resume bool
	// Recheck is how many pages with unreadable entries or holes are read again,
	// those behind the position RecheckAfter first.
	Recheck, RecheckAfter int
	// Holes is how many positions the list is known to lack. A reading that finds
	// as many is accepted at once, another only when it is repeated.
	Holes int
	// Mark ends the reading of a list by cursor, newest first, with the page that
	// has an entry of this rank or a lower one. 0: there is none.
	Mark int64
}

// A Reading reads one list once.
type Reading[T any] struct {
	client   *Client
	list     List[T]
	plan     Plan
	result   listdiff.Reading
	total    atomic.Int64 // as the newest page said; -1: not known yet
	failures *allowance
	unserved atomic.Int64          // pages of a list with an allowance
	known    map[listdiff.Key]bool // if the list completes its items
	// refetch: the list moved, so answers shared by other runs do not fit together
	// and are requested again.
	refetch bool
}

// Read prepares a reading. Pages are requested concurrently, at offsets computed
// here, and handed on in order; those of an incremental sync in the order in
// which they were requested.
func Read[T any](c *Client, l List[T], p Plan) *Reading[T] {
	r := &Reading[T]{client: c, list: l, plan: p, failures: newAllowance(l.Failures)}
	r.total.Store(-1)
	if l.Complete != nil {
		r.known = map[listdiff.Key]bool{}
		for _, k := range p.Known.All() {
			r.known[k] = true
		}
	}
	return r
}

// Pages reads the list. An error ends it. All goroutines have ended when the
// loop over it ends, also when it is left early. After a page with Restart set,
// what came before is void.
func (r *Reading[T]) Pages(ctx context.Context) iter.Seq2[*Page[T], error] {
	return func(yield func(*Page[T], error) bool) {
		var err error
		if r.plan.Incremental || r.plan.Resume {
			err = r.incremental(ctx, yield)
		} else {
			err = r.full(ctx, yield)
		}
		if err != nil && !errors.Is(err, errEnough) {
			yield(nil, err)
		}
	}
}

// Result returns what the reading proves. It is valid after the loop over Pages.
func (r *Reading[T]) Result() listdiff.Reading { return r.result }

// errEnough ends a reading whose receiver left the loop.
var errEnough = errors.New("enough")

// with returns the endpoint's query with additional parameters.
func (e *Endpoint) with(more map[string]string) url.Values {
	q := maps.Clone(e.Query)
	if q == nil {
		q = url.Values{}
	}
	for k, v := range more {
		q.Set(k, v)
	}
	return q
}

// ask requests one page.
func (r *Reading[T]) ask(ctx context.Context, offset, n, tries int) (*Page[T], error) {
	more := map[string]string{"limit": strconv.Itoa(n), "offset": strconv.Itoa(offset)}
	if r.list.Single {
		more = nil
	}
	page, err := r.page(ctx, more, offset, tries)
	if err != nil {
		return nil, err
	}
	page.Asked = n
	page.addHoles()
	r.total.Store(int64(page.Total))
	return page, nil
}

// complete completes the items of a page that the plan does not know. A page of which an
// item fails ends before that item, and the reading behind the page: what was completed
// is not requested again by the run that resumes it.
func (r *Reading[T]) complete(ctx context.Context, page *Page[T]) {
	if r.list.Complete == nil {
		return
	}
	for i := range page.Entries {
		e := &page.Entries[i]
		if e.Reject != nil || r.known[e.Key] {
			continue
		}
		var err error
		if e.Short, err = r.list.Complete(ctx, r.client, &e.Item); err != nil {
			page.Asked, page.Entries, page.broken = i, page.Entries[:i], err
			return
		}
	}
}

// page requests the page that parameters name.
func (r *Reading[T]) page(ctx context.Context, more map[string]string, offset, tries int) (*Page[T], error) {
	var page *Page[T]
	err := r.client.do(ctx, request{endpoint: r.list.Endpoint, query: r.list.with(more), refetch: r.refetch, tries: tries, failures: r.failures}, func(body []byte) error {
		var err error
		page, err = decodePage(body, &r.list, offset)
		return err
	})
	return page, err
}

// pageSize is the largest page that the endpoint is known to take.
func (c *Client) pageSize(e Endpoint) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if size := c.sizes[e.Bucket]; size > 0 {
		return min(size, e.Limit)
	}
	return e.Limit
}

// shrink notes that the endpoint refused a page size, and reports whether there is a
// smaller one to try.
func (c *Client) shrink(e Endpoint, refused int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.sizes[e.Bucket]; known > 0 && known < refused { // another page found out first
		return true
	}
	for _, size := range []int{50, 20, 10, 5, 1} {
		if size < refused {
			c.sizes[e.Bucket] = size
			return true
		}
	}
	return false
}
