package extract

import "time"

// DecodePage decodes a page as a reading does.
func DecodePage[T any](body []byte, l List[T], offset int) (*Page[T], error) {
	return decodePage(body, &l, offset)
}

// RetryAfter reads a Retry-After header.
func RetryAfter(header string, now time.Time) time.Duration { return retryAfter(header, now) }
