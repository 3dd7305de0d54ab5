package simulate

import (
	"bytes"
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// The numbers of items on a page when the request does not say.
const (
	pageOfMany     = 20
	pageOfAlbums   = 5
	pageOfPlaylist = 100 // at the address playlists/{id}/tracks
)

// A span is the positions from…to of a list, to excluded.
type span struct{ from, to int }

// asked returns the positions that a request asks for, if it asks for a page of
// a list.
func (s *Server) asked(r *http.Request) (span, bool) {
	size := pageOfMany
	offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
	switch list := listOf(r.URL.Path); list {
	case "":
		return span{}, false
	case "artists/albums":
		size = pageOfAlbums
	case "playlists/tracks":
		size = pageOfPlaylist
	case "me/following":
		_, offset = s.libraryOf(r).followedFrom(r.URL.Query().Get("after"))
	case "me/player/recently-played":
		_, offset, _ = s.recentPlays(r)
	}
	if limit, err := strconv.Atoi(r.URL.Query().Get("limit")); err == nil {
		size = limit
	}
	return span{offset, offset + size}, true
}

// listOf names the list that a path is the address of, by the path without its
// ids; empty for no list.
func listOf(path string) string {
	parts := strings.Split(strings.TrimPrefix(path, "/v1/"), "/")
	if len(parts) == 3 && parts[0] != "me" {
		parts = []string{parts[0], parts[2]}
	}
	list := strings.Join(parts, "/")
	switch list {
	case "me/tracks", "me/top/tracks", "me/top/artists", "me/following", "me/player/recently-played", "me/playlists", "users/playlists",
		"me/albums", "me/shows", "me/episodes", "me/audiobooks", "shows/episodes", "audiobooks/chapters",
		"artists/albums", "albums/tracks", "playlists/items", "playlists/tracks":
		return list
	}
	return ""
}

// byCursor tells whether a list is paged by cursor.
func byCursor(list string) bool { return list == "me/following" || list == "me/player/recently-played" }

// positions are where the items of an answer stand in their list. Only faults
// ask for them; nil for nobody.
type positions struct {
	delivered []int
	circle    int // the position that cursors lead back to; 0: they lead on
}

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

// lead returns the position that the cursor of a page leads to, if it has one.
// to is the position behind the page, and more says whether the page has a
// cursor by rights.
func (p *positions) lead(to, total int, more bool) (int, bool) {
	if p != nil && p.circle > 0 && total > 0 {
		return min(p.circle, total), true
	}
	return to, more
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

// A view is the part of a list that an answer shows.
type view struct {
	path          string // of the list; empty: the request's
	limit, offset int
	rows, total   int
}

// page writes an offset page. An item that appends nothing is not delivered.
func (s *Server) page(w http.ResponseWriter, r *http.Request, v view, item func(b []byte, i int) []byte) {
	buffer := s.buffers.Get().(*[]byte)
	b := v.append((*buffer)[:0], r, positionsOf(r), item)
	writeJSON(w, http.StatusOK, b)
	*buffer = b
	s.buffers.Put(buffer)
}

// append appends an offset page.
func (v view) append(b []byte, r *http.Request, at *positions, item func(b []byte, i int) []byte) []byte {
	b = quote(append(b, `{"href":`...), v.address(r, v.offset))
	b = append(b, `,"items":[`...)
	b = items(b, at, v.offset, v.rows, item)
	b = fmt.Appendf(b, `],"limit":%d,"next":`, v.limit)
	b = v.link(b, r, v.offset+v.limit, v.offset+v.limit < v.total)
	b = fmt.Appendf(b, `,"offset":%d,"previous":`, v.offset)
	b = v.link(b, r, max(v.offset-v.limit, 0), v.offset > 0)
	return fmt.Appendf(b, `,"total":%d}`, v.total)
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

func (v view) link(b []byte, r *http.Request, offset int, there bool) []byte {
	if !there {
		return append(b, "null"...)
	}
	return quote(b, v.address(r, offset))
}

func (v view) address(r *http.Request, offset int) string {
	return address(r, cmp.Or(v.path, r.URL.Path), "limit", strconv.Itoa(v.limit), "offset", strconv.Itoa(offset))
}

// address is a path on the host that was asked, with the parameters of the
// request; those that are named are followed by the value that they get.
func address(r *http.Request, path string, set ...string) string {
	q := r.URL.Query()
	for pair := range slices.Chunk(set, 2) {
		q.Set(pair[0], pair[1])
	}
	return "http://" + r.Host + path + "?" + q.Encode()
}
