package extract

import (
	"context"
	"time"
)

// DecodePage decodes a page as a reading does.
func DecodePage[T any](body []byte, l List[T]) (*Page[T], error) {
	return decodePage(body, &l, 0, true)
}

// RetryAfter reads a Retry-After header.
func RetryAfter(header string, now time.Time) time.Duration { return retryAfter(header, now) }

// Search runs the search of a newest-first list over pages of a test.
func Search(ctx context.Context, known []string, size int, page func(ctx context.Context, offset, n int) ([]string, int, error)) (NewestOutcome, error) {
	return search(ctx, known, pages{size, page})
}

// pages are a source for tests.
type pages struct {
	most int
	page func(ctx context.Context, offset, n int) ([]string, int, error)
}

func (p pages) size() int { return p.most }

func (p pages) at(ctx context.Context, _, offset, n int) (sighting, error) {
	keys, total, err := p.page(ctx, offset, n)
	return sighting{offset: offset, keys: keys, total: total}, err
}
