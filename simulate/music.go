package simulate

import (
	"net/http"
	"strings"
)

// A finder appends the object that an id names, if there is one.
type finder func(s *Server, b []byte, r *http.Request, id string) ([]byte, bool)

// one serves the object that the path names.
func one(find finder) handler {
	return func(s *Server, w http.ResponseWriter, r *http.Request) {
		b, found := find(s, nil, r, r.PathValue("id"))
		if !found {
			notFound(w)
			return
		}
		writeJSON(w, http.StatusOK, b)
	}
}

// several serves the objects that the parameter ids names, in a field; null for
// what there is not.
func several(field string, most int, find finder) handler {
	return func(s *Server, w http.ResponseWriter, r *http.Request) {
		ids := strings.Split(r.URL.Query().Get("ids"), ",")
		if len(ids) > most {
			fail(w, http.StatusBadRequest, "Too many ids requested")
			return
		}
		b := []byte(`{"` + field + `":[`)
		for i, id := range ids {
			if !isID(id) {
				malformed(w)
				return
			}
			if i > 0 {
				b = append(b, ',')
			}
			var found bool
			if b, found = find(s, b, r, id); !found {
				b = append(b, `null`...)
			}
		}
		writeJSON(w, http.StatusOK, append(b, `]}`...))
	}
}

func appendArtist(s *Server, b []byte, _ *http.Request, id string) ([]byte, bool) {
	artist, found := s.world.byID[id]
	if !found {
		return b, false
	}
	return s.render.fullArtist(b, artist), true
}

func appendTrack(s *Server, b []byte, _ *http.Request, id string) ([]byte, bool) {
	p, found := s.world.songs()[id]
	if !found {
		return b, false
	}
	return s.render.track(b, p), true
}

// appendAlbum appends an album with the first page of its tracks.
func appendAlbum(s *Server, b []byte, r *http.Request, id string) ([]byte, bool) {
	p, found := s.world.albums()[id]
	if !found || s.vanished.has(id) {
		return b, false
	}
	return s.render.fullAlbum(b, p.artist, p.album, func(b []byte) []byte {
		v, track := s.tracksOf(p, 50, 0)
		v.path = "/v1/albums/" + id + "/tracks"
		return v.append(b, unasked(r), nil, track)
	}), true
}

// albumTracks lists the tracks of an album in its order.
// https://developer.spotify.com/documentation/web-api/reference/get-an-albums-tracks
func albumTracks(s *Server, w http.ResponseWriter, r *http.Request) {
	p, found := s.world.albums()[r.PathValue("id")]
	if !found || s.vanished.has(r.PathValue("id")) {
		notFound(w)
		return
	}
	if limit, offset, ok := paging(w, r, pageOfMany, 50); ok {
		v, track := s.tracksOf(p, limit, offset)
		s.page(w, r, v, track)
	}
}

// tracksOf is a page of an album's tracks, and what appends them.
func (s *Server) tracksOf(p ref, limit, offset int) (view, func([]byte, int) []byte) {
	total := s.world.artists[p.artist].albums[p.album].tracks
	v := view{limit: limit, offset: offset, rows: max(0, min(limit, total-offset)), total: total}
	return v, func(b []byte, i int) []byte {
		return s.render.simpleTrack(b, ref{p.artist, p.album, offset + i})
	}
}

// AlbumTracks lists the ids of an album's tracks; nil for an unknown album.
func (s *Server) AlbumTracks(albumID string) []string {
	p, found := s.world.albums()[albumID]
	if !found {
		return nil
	}
	var out []string
	for p.track = range s.world.artists[p.artist].albums[p.album].tracks {
		out = append(out, s.world.song(p).id)
	}
	return out
}

// popular lists up to ten tracks of an artist, the same ones every time.
func (w *world) popular(artist int) []ref {
	return cut(w.recordings(source(w.seed, "popular", artist), artist), 0, 10)
}

// popularTracks lists an artist's top tracks.
// https://developer.spotify.com/documentation/web-api/reference/get-an-artists-top-tracks
func popularTracks(s *Server, w http.ResponseWriter, r *http.Request) {
	artist, found := s.world.byID[r.PathValue("id")]
	if !found {
		notFound(w)
		return
	}
	tracks := s.world.popular(artist)
	b := items([]byte(`{"tracks":[`), nil, 0, len(tracks), func(b []byte, i int) []byte { return s.render.track(b, tracks[i]) })
	writeJSON(w, http.StatusOK, append(b, `]}`...))
}

// ArtistTopTracks lists the ids of an artist's top tracks; nil for an unknown
// artist.
func (s *Server) ArtistTopTracks(artistID string) []string {
	artist, found := s.world.byID[artistID]
	if !found {
		return nil
	}
	var out []string
	for _, p := range s.world.popular(artist) {
		out = append(out, s.world.song(p).id)
	}
	return out
}

// markets lists the countries in which Spotify is to be had.
func markets(s *Server, w http.ResponseWriter, _ *http.Request) {
	_, countries, _ := strings.Cut(strings.TrimSuffix(s.render.markets, ","), ":")
	writeJSON(w, http.StatusOK, []byte(`{"markets":`+countries+`}`))
}

// publicProfile is what everybody may know of a user.
// https://developer.spotify.com/documentation/web-api/reference/get-users-profile
func publicProfile(s *Server, w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if !s.isUser(id) {
		notFound(w)
		return
	}
	b := []byte(`{"display_name":`)
	if name := displayNameOf(id); name != "" {
		b = quote(b, name)
	} else {
		b = append(b, `null`...)
	}
	b = links(append(b, ','), "user", id)
	writeJSON(w, http.StatusOK, append(b, `"followers":{"href":null,"total":12},"images":[],"type":"user","uri":"spotify:user:`+id+`"}`...))
}

func (s *Server) isUser(id string) bool {
	for user := range s.options.Users {
		if id == UserIDOf(user) {
			return true
		}
	}
	return id == friend || id == stranger || id == spotify
}
