package simulate

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// grantKey carries what the token of a request grants.
type grantKey struct{}

// grantOf returns what the token of a request grants.
func (s *Server) grantOf(r *http.Request) grant {
	if g, ok := r.Context().Value(grantKey{}).(grant); ok {
		return g
	}
	g, _ := s.authenticate(r) // a fault looks at it before the API does
	return g
}

// libraryOf returns the library of the user who asks.
func (s *Server) libraryOf(r *http.Request) *library {
	if user := s.grantOf(r).user; user != nobody {
		return s.life.library(user)
	}
	return s.life.library(0)
}

func forbidden(w http.ResponseWriter) {
	fail(w, http.StatusForbidden, "Forbidden")
}

func notFound(w http.ResponseWriter) {
	fail(w, http.StatusNotFound, "Resource not found")
}

// fail answers with an error in the Web API's shape.
func fail(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, fmt.Appendf(nil, `{"error":{"status":%d,"message":%q}}`, status, message))
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	// A client that has gone away is no concern of a simulation.
	_, _ = w.Write(body)
}

// profile tells of the user who asks. Development apps get what is documented.
// https://developer.spotify.com/documentation/web-api/reference/get-current-users-profile
func profile(s *Server, w http.ResponseWriter, r *http.Request) {
	g := s.grantOf(r)
	id := UserIDOf(g.user)
	b := []byte(`{"account_id":"` + AccountIDOf(g.user) + `","display_name":"` + DisplayName(g.user) + `",`)
	if s.options.Mode == Extended {
		b = append(b, `"followers":{"href":null,"total":12},`...)
		if g.allows("user-read-private") {
			b = append(b, `"country":"SE","product":"premium","explicit_content":{"filter_enabled":false,"filter_locked":false},`...)
		}
		if g.allows("user-read-email") {
			b = append(b, `"email":"`+id+`@example.com",`...)
		}
	}
	b = links(b, "user", id)
	b = append(b, `"images":[`...)
	if g.user == 0 { // others have none
		b = append(b, `{"height":300,"url":"https://i.scdn.co/image/`+id+`","width":300},{"height":64,"url":"https://i.scdn.co/image/`+id+`-64","width":64}`...)
	}
	writeJSON(w, http.StatusOK, append(b, `],"type":"user","uri":"spotify:user:`+id+`"}`...))
}

// savedTracks is the library, newest first.
// https://developer.spotify.com/documentation/web-api/reference/get-users-saved-tracks
func savedTracks(s *Server, w http.ResponseWriter, r *http.Request) {
	limit, offset, ok := paging(w, r, pageOfMany, 50)
	if !ok {
		return
	}
	rows, total := s.libraryOf(r).page(offset, limit)
	s.page(w, r, view{limit: limit, offset: offset, rows: len(rows), total: total}, func(b []byte, i int) []byte {
		if rows[i].hidden {
			return b
		}
		return s.render.saved(b, rows[i])
	})
}

// topTracks is the ranking of a time range.
// https://developer.spotify.com/documentation/web-api/reference/get-users-top-artists-and-tracks
func topTracks(s *Server, w http.ResponseWriter, r *http.Request) {
	s.ranking(w, r, func(l *library, timeRange string) (int, func([]byte, int) []byte) {
		tracks := l.top[timeRange]
		return len(tracks), func(b []byte, i int) []byte { return s.render.track(b, tracks[i]) }
	})
}

// topArtists is the ranking of those whom the top tracks are by.
func topArtists(s *Server, w http.ResponseWriter, r *http.Request) {
	s.ranking(w, r, func(l *library, timeRange string) (int, func([]byte, int) []byte) {
		artists := l.ranked[timeRange]
		return len(artists), func(b []byte, i int) []byte { return s.render.fullArtist(b, artists[i]) }
	})
}

// ranking writes a page of a ranking. of returns how long it is and what appends
// the entry at a position.
func (s *Server) ranking(w http.ResponseWriter, r *http.Request, of func(*library, string) (int, func([]byte, int) []byte)) {
	timeRange := cmp.Or(r.URL.Query().Get("time_range"), "medium_term")
	if !slices.Contains(timeRanges(), timeRange) {
		fail(w, http.StatusBadRequest, "Invalid time range")
		return
	}
	limit, offset, ok := paging(w, r, pageOfMany, 50)
	if !ok {
		return
	}
	total, entry := of(s.libraryOf(r), timeRange)
	rows := max(0, min(limit, total-offset))
	s.page(w, r, view{limit: limit, offset: offset, rows: rows, total: total}, func(b []byte, i int) []byte {
		return entry(b, offset+i)
	})
}

// artistAlbums is a discography, group by group.
// https://developer.spotify.com/documentation/web-api/reference/get-an-artists-albums
func artistAlbums(s *Server, w http.ResponseWriter, r *http.Request) {
	artist, ok := s.world.byID[r.PathValue("id")]
	if !ok {
		notFound(w)
		return
	}
	most := 10
	if s.options.Mode == Extended {
		most = 50
	}
	limit, offset, ok := paging(w, r, pageOfAlbums, most)
	if !ok {
		return
	}
	var groups []string
	if text := r.URL.Query().Get("include_groups"); text != "" {
		groups = strings.Split(text, ",")
	}
	rows, total := s.albums.page(artist, offset, limit, groups)
	s.page(w, r, view{limit: limit, offset: offset, rows: len(rows), total: total}, func(b []byte, i int) []byte {
		if rows[i].hidden {
			return b
		}
		return s.render.listed(b, rows[i])
	})
}
