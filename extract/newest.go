package extract

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
)

// maxRestarts is how often a search begins anew because the list moved.
const maxRestarts = 2

// A NewestReading reads of a list only what must have changed since it was last
// known whole. It works best for lists to which is added at the head.
//
// The list is compared with what was known as two sequences of keys: the search
// reads the head, then looks, by halving, for the places where entries came or
// went, until the totals agree. What lies between two places that fit is taken
// as unchanged, so an entry that came and one that went between the same two
// places hide each other. Nothing is called gone unless a single answer shows
// its neighbours without it.
type NewestReading[T any] struct {
	client  *Client
	list    List[T]
	known   []string
	outcome NewestOutcome
}

// A NewestOutcome tells how the search went.
type NewestOutcome struct {
	// Proven: the totals agree after all differences were found. Otherwise
	// nothing below means anything, and the list is to be read whole.
	Proven bool
	Reason string // why not proven, for people
	Total  int    // entries of the list, as the API said last
	// Keys are those of all entries as they are now, in order; after an error,
	// of those from the beginning that were found before.
	Keys   []string
	Gone   []string // keys that were known and are no longer there, each once
	Whole  bool     // every page was read, so that nothing can be hidden
	Spared int      // requests that a whole reading would have cost in addition
}

// ReadNewest prepares a reading. known are the keys of the list's entries, in
// order, as they were; see [Page.Keys]. The list needs a Key or a Name.
func ReadNewest[T any](c *Client, l List[T], known []string) *NewestReading[T] {
	return &NewestReading[T]{client: c, list: l, known: known}
}

// Outcome tells how the search went; valid after the loop over Pages.
func (r *NewestReading[T]) Outcome() NewestOutcome { return r.outcome }

// Pages yields the pages that were read, in the order in which they were asked
// for. After a page with Restart set, what came before is void.
func (r *NewestReading[T]) Pages(ctx context.Context) func(yield func(*Page[T], error) bool) {
	return func(yield func(*Page[T], error) bool) {
		l := &look[T]{reading: ReadOffset(r.client, r.list), yield: yield}
		found, err := search(ctx, r.known, l)
		r.outcome = found
		if err != nil && !errors.Is(err, errEnough) {
			yield(nil, err)
		}
	}
}

// A look is where a search of a list of the API gets its answers from.
type look[T any] struct {
	reading *Reading[T]
	yield   func(*Page[T], error) bool
	attempt int // of the last answer
}

// size is that of the largest page.
func (l *look[T]) size() int { return l.reading.client.pageSize(l.reading.list.Endpoint) }

// at reads a page, as one answer: parts of a page that were read one after the
// other prove nothing about what stands between them.
func (l *look[T]) at(ctx context.Context, attempt, offset, n int) (sighting, error) {
	if attempt > 0 { // the list has moved
		ctx = fresh(ctx)
	}
	more := map[string]string{"limit": strconv.Itoa(n), "offset": strconv.Itoa(offset)}
	page, err := l.reading.ask(ctx, more, offset, true, 0)
	switch {
	case err == nil:
	case isInvalidLimit(err) && l.reading.client.shrink(l.reading.list.Endpoint, n):
		return sighting{unfit: "its pages became smaller"}, nil
	case isBadPage(err):
		return sighting{unfit: "Spotify could not serve a page of it", always: true}, nil
	default:
		return sighting{}, err
	}
	page.Restart, l.attempt = attempt > l.attempt, attempt
	if !l.yield(page, nil) {
		return sighting{}, errEnough
	}
	return sighting{offset: offset, keys: page.Keys(&l.reading.list), total: page.Total}, nil
}

// errEnough ends a search whose receiver has had enough.
var errEnough = errors.New("enough")

// Keys returns the identities of the page's entries, in order: the list's name
// or key for items, a hash of the JSON for rejects.
func (p *Page[T]) Keys(l *List[T]) []string {
	out := make([]string, 0, len(p.Items)+len(p.Rejects))
	item := 0
	rejects := p.Rejects
	for position := p.Offset; item < len(p.Items) || len(rejects) > 0; position++ {
		if len(rejects) > 0 && (rejects[0].Position <= position || item == len(p.Items)) {
			sum := sha256.Sum256(rejects[0].Raw)
			out = append(out, rejectMark+base64.RawURLEncoding.EncodeToString(sum[:12]))
			rejects = rejects[1:]
			continue
		}
		out = append(out, l.name(&p.Items[item]))
		item++
	}
	return out
}

func (l *List[T]) name(item *T) string {
	if l.Name != nil {
		return l.Name(item)
	}
	return l.Key(item)
}

// rejectMark begins the key of an entry that could not be kept.
const rejectMark = "!"

// IsReject tells whether a key is that of an entry that could not be kept.
func IsReject(key string) bool { return len(key) > 0 && key[:1] == rejectMark }
