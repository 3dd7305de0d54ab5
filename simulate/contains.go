package simulate

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// libraryContains tells which of some URIs the user who asks has saved or
// follows.
// https://developer.spotify.com/documentation/web-api/reference/check-library-contains
func libraryContains(s *Server, w http.ResponseWriter, r *http.Request) {
	var kinds, ids []string
	for _, uri := range strings.Split(r.URL.Query().Get("uris"), ",") {
		parts := strings.Split(uri, ":")
		if len(parts) != 3 || parts[0] != "spotify" {
			fail(w, http.StatusBadRequest, "Invalid URI")
			return
		}
		kinds, ids = append(kinds, parts[1]), append(ids, parts[2])
	}
	if len(ids) > 40 {
		fail(w, http.StatusBadRequest, "Too many uris requested")
		return
	}
	writeContained(s, w, r, kinds, ids)
}

// listContains tells which of some ids are in a list of the user who asks.
// https://developer.spotify.com/documentation/web-api/reference/check-users-saved-tracks
func listContains(s *Server, w http.ResponseWriter, r *http.Request) {
	kind := strings.TrimSuffix(r.PathValue("list"), "s")
	if kind == "following" {
		kind = r.URL.Query().Get("type")
	}
	ids := strings.Split(r.URL.Query().Get("ids"), ",")
	if len(ids) > 50 {
		fail(w, http.StatusBadRequest, "Too many ids requested")
		return
	}
	for _, id := range ids {
		if !isID(id) {
			malformed(w)
			return
		}
	}
	writeContained(s, w, r, slices.Repeat([]string{kind}, len(ids)), ids)
}

func writeContained(s *Server, w http.ResponseWriter, r *http.Request, kinds, ids []string) {
	l, user := s.libraryOf(r), s.grantOf(r).user
	out := make([]string, len(ids))
	for i, id := range ids {
		has := l.contains(kinds[i], id)
		if kinds[i] == "playlist" {
			_, listed, _ := s.life.playlists().one(id)
			has = listed == user
		}
		out[i] = strconv.FormatBool(has)
	}
	writeJSON(w, http.StatusOK, []byte("["+strings.Join(out, ",")+"]"))
}

// contains tells whether something is saved or followed. The URI of an audiobook
// is a show's.
func (l *library) contains(kind, id string) bool {
	switch kind {
	case "track":
		p, known := l.world.songs()[id]
		l.mu.RLock()
		defer l.mu.RUnlock()
		return known && slices.ContainsFunc(l.saved, func(row saved) bool { return row.ref == p })
	case "artist":
		artists, _ := l.followedFrom("")
		artist, known := l.world.byID[id]
		return known && slices.Contains(artists, artist)
	case "show":
		return l.shelves[Shows].has(id) || l.shelves[Audiobooks].has(id)
	}
	f, found := l.shelves[Kind(kind)]
	return found && f.has(id)
}

func (f *Shelf) has(id string) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.find(id) >= 0
}
