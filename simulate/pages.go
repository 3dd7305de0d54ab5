package simulate

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
)

// The numbers of items on a page when the request does not say.
const (
	pageOfMany   = 20
	pageOfAlbums = 5
)

// A span is the positions from…to of a list, to excluded.
type span struct{ from, to int }

// asked returns the positions that a request asks for, if it asks for a page of
// a list.
func (s *Server) asked(r *http.Request) (span, bool) {
	size, offset := pageOfMany, 0
	switch path := r.URL.Path; {
	case path == "/v1/me/tracks", path == "/v1/me/top/tracks":
		offset, _ = strconv.Atoi(r.URL.Query().Get("offset"))
	case path == "/v1/me/following":
		offset = s.followedAfter(r)
	case strings.HasPrefix(path, "/v1/artists/") && strings.HasSuffix(path, "/albums"):
		size = pageOfAlbums
		offset, _ = strconv.Atoi(r.URL.Query().Get("offset"))
	default:
		return span{}, false
	}
	if limit, err := strconv.Atoi(r.URL.Query().Get("limit")); err == nil {
		size = limit
	}
	return span{offset, offset + size}, true
}

// positions are where the items of an answer stand in their list. Only faults
// ask for them; nil for nobody.
type positions struct{ delivered []int }

// positionsKey carries the positions of the answer to a request.
type positionsKey struct{}

func positionsOf(r *http.Request) *positions {
	at, _ := r.Context().Value(positionsKey{}).(*positions)
	return at
}

func (p *positions) deliver(position int) {
	if p != nil {
		p.delivered = append(p.delivered, position)
	}
}

// newPageBuffers lets pages of 100 kB be built without a new buffer each.
func newPageBuffers() *sync.Pool { return &sync.Pool{New: func() any { return new([]byte) }} }

func cut[T any](all []T, offset, limit int) []T {
	from := min(offset, len(all))
	return all[from:min(from+limit, len(all))]
}

// paging reads limit and offset and refuses those that are out of bounds.
func paging(w http.ResponseWriter, r *http.Request, standard, most int) (limit, offset int, ok bool) {
	limit, offset = standard, 0
	var err error
	if v := r.URL.Query().Get("limit"); v != "" {
		if limit, err = strconv.Atoi(v); err != nil || limit < 1 || limit > most {
			fail(w, http.StatusBadRequest, "Invalid limit")
			return 0, 0, false
		}
	}
	if v := r.URL.Query().Get("offset"); v != "" {
		if offset, err = strconv.Atoi(v); err != nil || offset < 0 {
			fail(w, http.StatusBadRequest, "Invalid offset")
			return 0, 0, false
		}
	}
	return limit, offset, true
}

// page writes an offset page of n items. An item that appends nothing is not
// delivered.
func (s *Server) page(w http.ResponseWriter, r *http.Request, limit, offset, total, n int, item func(b []byte, i int) []byte) {
	buffer := s.buffers.Get().(*[]byte)
	b := append((*buffer)[:0], `{"href":`...)
	b = quote(b, selfURL(r, limit, offset))
	b = append(b, `,"items":[`...)
	b = items(b, positionsOf(r), offset, n, item)
	b = fmt.Appendf(b, `],"limit":%d,"next":`, limit)
	b = link(b, r, limit, offset+limit, offset+limit < total)
	b = fmt.Appendf(b, `,"offset":%d,"previous":`, offset)
	b = link(b, r, limit, max(offset-limit, 0), offset > 0)
	b = fmt.Appendf(b, `,"total":%d}`, total)
	writeJSON(w, http.StatusOK, b)
	*buffer = b
	s.buffers.Put(buffer)
}

// items appends n items with commas between those that are delivered.
func items(b []byte, at *positions, offset, n int, item func(b []byte, i int) []byte) []byte {
	end := len(b)
	for i := range n {
		if len(b) > end {
			b = append(b, ',')
		}
		start := len(b)
		if b = item(b, i); len(b) == start {
			b = bytes.TrimSuffix(b, []byte{','})
			continue
		}
		at.deliver(offset + i)
	}
	return b
}

func link(b []byte, r *http.Request, limit, offset int, there bool) []byte {
	if !there {
		return append(b, "null"...)
	}
	return quote(b, selfURL(r, limit, offset))
}

// selfURL is the address of a page, on the host that was asked.
func selfURL(r *http.Request, limit, offset int) string {
	q := url.Values{}
	for k, v := range r.URL.Query() {
		q[k] = v
	}
	q.Set("limit", strconv.Itoa(limit))
	if offset >= 0 {
		q.Set("offset", strconv.Itoa(offset))
	}
	return "http://" + r.Host + r.URL.Path + "?" + q.Encode()
}
