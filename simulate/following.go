package simulate

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// firstFollowed lists whom a user follows at first: n artists at equal distances
// in the world, or every tenth for 0; others for each user.
func firstFollowed(w *world, user, n int) []int {
	step := 10
	if n > 0 {
		step = max(1, len(w.artists)/n)
	}
	var out []int
	for i := user % step; i < len(w.artists) && (n == 0 || len(out) < n); i += step {
		out = append(out, i)
	}
	return out
}

// followedFrom lists the followed artists in the order of the API, which is
// that of the world, and returns the position behind a cursor. An artist who is
// no longer followed still marks a place.
func (l *library) followedFrom(after string) (artists []int, from int) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if last, known := l.world.byID[after]; known {
		from, _ = slices.BinarySearch(l.followed, last+1)
	}
	return slices.Clone(l.followed), from
}

// following lists the followed artists by cursor.
// https://developer.spotify.com/documentation/web-api/reference/get-followed
func following(s *Server, w http.ResponseWriter, r *http.Request) {
	kind, after := r.URL.Query().Get("type"), r.URL.Query().Get("after")
	switch {
	case kind == "":
		fail(w, http.StatusBadRequest, "No type given")
		return
	case kind != "artist":
		fail(w, http.StatusBadRequest, "Invalid type")
		return
	case after != "" && !isID(after):
		malformed(w)
		return
	}
	limit, _, ok := paging(w, r, pageOfMany, 50)
	if !ok {
		return
	}
	artists, from := s.libraryOf(r).followedFrom(after)
	to, at := min(from+limit, len(artists)), positionsOf(r)
	next, cursor := "null", "null"
	if behind, more := at.lead(to, len(artists), to < len(artists)); more {
		last := s.world.artists[artists[behind-1]].id
		cursor = strconv.Quote(last)
		next = strconv.Quote(address(r, r.URL.Path, "limit", strconv.Itoa(limit), "after", last))
	}
	href := address(r, r.URL.Path, "limit", strconv.Itoa(limit))
	b := fmt.Appendf(nil, `{"artists":{"href":%q,"limit":%d,"next":%s,"cursors":{"after":%s},"total":%d,"items":[`, href, limit, next, cursor, len(artists))
	b = items(b, at, from, to-from, func(b []byte, i int) []byte { return s.render.fullArtist(b, artists[from+i]) })
	writeJSON(w, http.StatusOK, append(b, `]}}`...))
}

// isID tells whether a text is written as Spotify's ids are.
func isID(text string) bool {
	return len(text) == 22 && strings.Trim(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == ""
}

// FollowedArtists lists the ids of the artists whom the first user follows, in
// the order of the API.
func (s *Server) FollowedArtists() []string { return s.FollowedArtistsOf(0) }

// FollowedArtistsOf lists the ids of the artists whom a user, counted from 0,
// follows.
func (s *Server) FollowedArtistsOf(user int) []string {
	artists, _ := s.life.library(user).followedFrom("")
	out := make([]string, len(artists))
	for i, a := range artists {
		out[i] = s.world.artists[a].id
	}
	return out
}

// FollowArtist lets the first user follow an artist of the world. The artist
// stands in the list where the order of the world puts it.
func (s *Server) FollowArtist(artistID string) {
	s.changeFollowed(artistID, func(followed []int, at int, found bool, artist int) []int {
		if found {
			return followed
		}
		return slices.Insert(followed, at, artist)
	})
}

// UnfollowArtist lets the first user no longer follow an artist.
func (s *Server) UnfollowArtist(artistID string) {
	s.changeFollowed(artistID, func(followed []int, at int, found bool, _ int) []int {
		if !found {
			return followed
		}
		return slices.Delete(followed, at, at+1)
	})
}

// changeFollowed lets f replace the list of the first user. It is told where an
// artist stands or would stand; an artist who is not of the world is none.
func (s *Server) changeFollowed(artistID string, f func(followed []int, at int, found bool, artist int) []int) {
	artist, known := s.world.byID[artistID]
	if !known {
		return
	}
	l := s.life.library(0)
	l.mu.Lock()
	defer l.mu.Unlock()
	at, found := slices.BinarySearch(l.followed, artist)
	l.followed = f(l.followed, at, found, artist)
}
