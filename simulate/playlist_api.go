package simulate

import (
	"net/http"
	"slices"
	"strings"
)

// myPlaylists lists what the user owns and follows. As in recordings, the
// addresses of its pages are those of the user's public profile, which
// development apps may not ask.
// https://developer.spotify.com/documentation/web-api/reference/get-a-list-of-current-users-playlists
func myPlaylists(s *Server, w http.ResponseWriter, r *http.Request) {
	limit, offset, ok := paging(w, r, pageOfMany, 50)
	if !ok {
		return
	}
	if offset > 100_000 {
		fail(w, http.StatusBadRequest, "Invalid offset")
		return
	}
	g := s.grantOf(r)
	rows, total := s.life.playlists().page(g.user, offset, limit, slices.Contains(strings.Fields(g.scope), "playlist-read-collaborative"))
	v := view{path: "/v1/users/" + UserIDOf(g.user) + "/playlists", limit: limit, offset: offset, rows: len(rows), total: total}
	s.page(w, r, v, func(b []byte, i int) []byte {
		if rows[i].hidden {
			return b
		}
		return s.render.listedPlaylist(b, rows[i])
	})
}

// userPlaylists is the list of the user who asks by its other address; those of
// others are not simulated.
func userPlaylists(s *Server, w http.ResponseWriter, r *http.Request) {
	if r.PathValue("id") != UserIDOf(s.grantOf(r).user) {
		notSimulated(w, r)
		return
	}
	myPlaylists(s, w, r)
}

// playlistOf returns the playlist that a request names, and the status that
// asking for its items has.
func (s *Server) playlistOf(r *http.Request) (p playlist, status int) {
	p, listed, found := s.life.playlists().one(r.PathValue("id"))
	user := s.grantOf(r).user
	switch {
	case !found, s.options.Mode == Development && p.owner == spotify:
		return p, http.StatusNotFound
	case p.forbidden:
		return p, http.StatusForbidden
	case p.owner == UserIDOf(user), p.collaborative && listed == user, p.public && s.options.Mode == Extended:
		return p, http.StatusOK
	}
	return p, http.StatusForbidden
}

// playlistItems lists the items of a playlist in its order. It takes 100 at
// once, although the documentation says 50.
// https://developer.spotify.com/documentation/web-api/reference/get-playlists-items
func playlistItems(s *Server, w http.ResponseWriter, r *http.Request) {
	s.itemsOf(w, r, pageOfMany, s.render.itemFields())
}

// playlistTracks is what playlistItems was before 2026.
func playlistTracks(s *Server, w http.ResponseWriter, r *http.Request) {
	s.itemsOf(w, r, pageOfPlaylist, []string{"track"})
}

func (s *Server) itemsOf(w http.ResponseWriter, r *http.Request, standard int, fields []string) {
	p, status := s.playlistOf(r)
	switch status {
	case http.StatusNotFound:
		notFound(w)
		return
	case http.StatusForbidden:
		forbidden(w)
		return
	}
	limit, offset, ok := paging(w, r, standard, pageOfPlaylist)
	if !ok {
		return
	}
	v, item := s.itemView(r, p, limit, offset, fields)
	s.page(w, r, v, item)
}

// itemView is a page of a playlist's items, which have their object in some
// fields.
func (s *Server) itemView(r *http.Request, p playlist, limit, offset int, fields []string) (view, func([]byte, int) []byte) {
	rows := cut(p.entries, offset, limit)
	episodes := slices.Contains(strings.Split(r.URL.Query().Get("additional_types"), ","), "episode")
	return view{limit: limit, offset: offset, rows: len(rows), total: len(p.entries)}, func(b []byte, i int) []byte {
		if rows[i].hidden {
			return b
		}
		return s.render.item(b, rows[i], fields, episodes)
	}
}

// onePlaylist is a playlist with the first page of its items, or without them
// where the user may not read them.
// https://developer.spotify.com/documentation/web-api/reference/get-playlist
func onePlaylist(s *Server, w http.ResponseWriter, r *http.Request) {
	p, status := s.playlistOf(r)
	if status == http.StatusNotFound {
		notFound(w)
		return
	}
	followers := []byte(`"followers":{"href":null,"total":3},`)
	writeJSON(w, http.StatusOK, s.render.playlist(nil, p, func(b []byte, field string) []byte {
		b, followers = append(b, followers...), nil
		if status != http.StatusOK {
			return b
		}
		v, item := s.itemView(r, p, pageOfPlaylist, 0, s.render.itemFields())
		v.path = r.URL.Path + "/" + field
		return append(v.append(append(b, `"`+field+`":`...), r, nil, item), ',')
	}))
}
