package extract

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"net/url"
	"strconv"
	"sync/atomic"
)

// A List describes what to read of a list with items of type T.
type List[T any] struct {
	Endpoint
	// Max ends the reading after the first Max items; 0 reads all.
	Max int
	// Key is the identity of an item. With it the number of different items
	// is compared with the total; without, only their number is.
	Key func(*T) string
	// Name tells entries apart for [ReadNewest], where Key must not be given.
	Name func(*T) string
	// Check tells why an item cannot be kept, or returns nothing.
	Check func(*T) string
}

// An Outcome tells how the reading of a list went.
type Outcome struct {
	// Complete: every item of the list was read, and the list held still.
	Complete bool
	Reason   string // why not complete, for people
	Total    int    // items of the list, as the API said last
	Distinct int    // different items that were read, rejects included
	Skipped  []Skip
	Passes   int    // readings from the beginning that it took
	Cursor   string // of a cursor list: where the next reading begins
}

// A Skip is an item that the API could not serve.
type Skip struct {
	Offset int
	Err    error
}

// A Reading reads one list once.
type Reading[T any] struct {
	client  *Client
	list    List[T]
	outcome Outcome
	pages   func(ctx context.Context, yield func(*Page[T], error) bool)
	total   atomic.Int64 // as the newest page said; -1: not known yet
}

// ReadOffset prepares the reading of a list that is paged by offset. Pages are
// requested side by side, at offsets computed here, and handed on in order.
func ReadOffset[T any](c *Client, l List[T]) *Reading[T] {
	r := &Reading[T]{client: c, list: l}
	r.total.Store(-1)
	r.pages = r.byOffset
	return r
}

// ReadCursor prepares the reading of a list that is paged by a cursor: param
// is the query parameter that takes it ("after" or "before"), start its first
// value, empty for the beginning.
func ReadCursor[T any](c *Client, l List[T], param, start string) *Reading[T] {
	r := &Reading[T]{client: c, list: l}
	r.pages = func(ctx context.Context, yield func(*Page[T], error) bool) {
		r.byCursor(ctx, param, start, yield)
	}
	return r
}

// Pages reads the list. An error ends it. All goroutines have ended when the
// loop over it ends, also when it is left early.
func (r *Reading[T]) Pages(ctx context.Context) iter.Seq2[*Page[T], error] {
	return func(yield func(*Page[T], error) bool) { r.pages(ctx, yield) }
}

// Outcome tells how the reading went; valid after the loop over Pages.
func (r *Reading[T]) Outcome() Outcome { return r.outcome }

// query returns the list's query with some parameters more.
func (l *List[T]) query(more map[string]string) url.Values {
	q := maps.Clone(l.Query)
	if q == nil {
		q = url.Values{}
	}
	for k, v := range more {
		q.Set(k, v)
	}
	return q
}

// byCursor reads page by page: each tells where the next begins.
func (r *Reading[T]) byCursor(ctx context.Context, param, cursor string, yield func(*Page[T], error) bool) {
	r.outcome = Outcome{Passes: 1, Cursor: cursor}
	seen := map[string]bool{}
	used := map[string]bool{}
	read, rejects, needTotal := 0, 0, r.list.Wrap != ""
	for {
		page, err := r.cursorPage(ctx, param, cursor, read, needTotal)
		if err != nil {
			yield(nil, err)
			return
		}
		read += page.len()
		rejects += len(page.Rejects)
		for i := range page.Items {
			if r.list.Key != nil {
				seen[r.list.Key(&page.Items[i])] = true
			}
		}
		r.outcome.Total = max(page.Total, 0)
		if !yield(page, nil) {
			return
		}
		next := page.cursors.After
		if param == "before" {
			next = page.cursors.Before
		}
		if !page.more || next == nil || *next == "" {
			break
		}
		used[cursor] = true
		if used[*next] {
			yield(nil, &Error{Kind: Malformed, Path: r.list.Path, Message: "the list leads back to a page that was read before"})
			return
		}
		cursor = *next
		r.outcome.Cursor = cursor
	}
	r.settleCursor(read, len(seen)+rejects)
}

func (r *Reading[T]) settleCursor(read, distinct int) {
	o := &r.outcome
	o.Distinct = read
	if r.list.Key != nil {
		o.Distinct = distinct
	}
	o.Complete = r.list.Wrap == "" || o.Distinct >= o.Total
	if !o.Complete {
		o.Reason = fmt.Sprintf("%d of %d items came", o.Distinct, o.Total)
	}
}

func (r *Reading[T]) cursorPage(ctx context.Context, param, cursor string, offset int, needTotal bool) (*Page[T], error) {
	for {
		size := r.client.pageSize(r.list.Endpoint)
		more := map[string]string{"limit": strconv.Itoa(size)}
		if cursor != "" {
			more[param] = cursor
		}
		page, err := r.ask(ctx, more, offset, needTotal, 0)
		if err == nil || !isInvalidLimit(err) || !r.client.shrink(r.list.Endpoint, size) {
			return page, err
		}
	}
}

// ask requests one page.
func (r *Reading[T]) ask(ctx context.Context, more map[string]string, offset int, needTotal bool, tries int) (*Page[T], error) {
	var page *Page[T]
	err := r.client.do(ctx, request{endpoint: r.list.Endpoint, query: r.list.query(more), tries: tries}, func(body []byte) error {
		var err error
		page, err = decodePage(body, &r.list, offset, needTotal)
		return err
	})
	if err == nil && page.Total >= 0 {
		r.total.Store(int64(page.Total))
	}
	return page, err
}

// pageSize is the largest page that the endpoint is known to take.
func (c *Client) pageSize(e Endpoint) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if size := c.sizes[e.Family]; size > 0 {
		return min(size, e.Limit)
	}
	return e.Limit
}

// shrink notes that the endpoint did not take pages of a size, and tells
// whether there is a smaller one to try.
func (c *Client) shrink(e Endpoint, refused int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.sizes[e.Family]; known > 0 && known < refused { // another page found out first
		return true
	}
	for _, size := range []int{50, 20, 10, 5, 1} {
		if size < refused {
			c.sizes[e.Family] = size
			return true
		}
	}
	return false
}
