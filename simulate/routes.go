package simulate

import (
	"cmp"
	"net/http"
	"strings"
)

// A handler answers a request whose token is good for it.
type handler func(*Server, http.ResponseWriter, *http.Request)

// A route is a path of the Web API, read with GET.
type route struct {
	path   string  // below /v1/
	bucket string  // in which its requests are counted; empty: the path without ids
	scope  string  // all that it needs, with spaces between
	old    bool    // development apps are refused since 2026
	serve  handler // nil: not simulated
}

func routes() []route {
	const library, playlists = "user-library-read", "playlist-read-private"
	return []route{
		{path: "me", serve: profile},
		{path: "me/tracks", scope: library, serve: savedTracks},
		{path: "me/top/tracks", bucket: "me/top", scope: "user-top-read", serve: topTracks},
		{path: "me/top/artists", bucket: "me/top", scope: "user-top-read", serve: topArtists},
		{path: "me/following", scope: "user-follow-read", serve: following},
		{path: "me/player/recently-played", scope: "user-read-recently-played", serve: recentlyPlayed},
		{path: "me/albums", scope: library, serve: shelf(Albums, appendAlbum)},
		{path: "me/shows", scope: library, serve: shelf(Shows, appendShow)},
		{path: "me/episodes", scope: library + " " + playback, serve: shelf(Episodes, appendEpisode)},
		{path: "me/audiobooks", scope: library, serve: shelf(Audiobooks, appendAudiobook)},
		{path: "me/library/contains", scope: library + " user-follow-read " + playlists, serve: libraryContains},
		{path: "me/playlists", scope: playlists, serve: myPlaylists},
		{path: "playlists/{id}", scope: playlists, serve: onePlaylist},
		{path: "playlists/{id}/items", scope: playlists, serve: playlistItems},
		{path: "artists/{id}", serve: one(appendArtist)},
		{path: "artists/{id}/albums", serve: artistAlbums},
		{path: "albums/{id}", serve: one(appendAlbum)},
		{path: "albums/{id}/tracks", serve: albumTracks},
		{path: "tracks/{id}", serve: one(appendTrack)},
		{path: "shows/{id}", serve: one(withParts(appendShow, "episodes", episodesOf))},
		{path: "shows/{id}/episodes", serve: parts(episodesOf)},
		{path: "episodes/{id}", serve: one(appendEpisode)},
		{path: "audiobooks/{id}", serve: one(withParts(appendAudiobook, "chapters", chaptersOf))},
		{path: "audiobooks/{id}/chapters", serve: parts(chaptersOf)},
		{path: "chapters/{id}", serve: one(appendChapter)},
		{path: "artists", old: true, serve: several("artists", 50, appendArtist)},
		{path: "albums", old: true, serve: several("albums", 20, appendAlbum)},
		{path: "tracks", old: true, serve: several("tracks", 50, appendTrack)},
		{path: "artists/{id}/top-tracks", old: true, serve: popularTracks},
		{path: "markets", old: true, serve: markets},
		{path: "users/{id}", old: true, serve: publicProfile},
		{path: "users/{id}/playlists", bucket: "me/playlists", scope: playlists, old: true, serve: userPlaylists},
		{path: "playlists/{id}/tracks", bucket: "playlists/items", scope: playlists, old: true, serve: playlistTracks},
		{path: "artists/{id}/related-artists", old: true},
		{path: "shows", old: true, serve: several("shows", 50, appendShow)},
		{path: "episodes", old: true, serve: several("episodes", 50, appendEpisode)},
		{path: "audiobooks", old: true, serve: several("audiobooks", 50, appendAudiobook)},
		{path: "chapters", old: true, serve: several("chapters", 50, appendChapter)},
		{path: "me/{list}/contains", scope: library, old: true, serve: listContains},
		{path: "browse/{list...}", old: true},
	}
}

// routeAPI serves the Web API.
func (s *Server) routeAPI(mux *http.ServeMux) {
	for _, route := range routes() {
		mux.HandleFunc("GET /v1/"+route.path, s.handle(route))
	}
}

func (s *Server) handle(route route) http.HandlerFunc {
	switch {
	case route.old && s.options.Mode == Development:
		return s.signed("removed", "", func(w http.ResponseWriter, _ *http.Request) { forbidden(w) })
	case route.serve == nil:
		return notSimulated
	}
	bucket := cmp.Or(route.bucket, strings.ReplaceAll(strings.TrimSuffix(route.path, "/{id}"), "/{id}/", "/"))
	return s.signed(bucket, route.scope, func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("id")
		if id != "" && !strings.HasPrefix(route.path, "users/") && !isID(id) {
			malformed(w)
			return
		}
		route.serve(s, w, r)
	})
}

// notSimulated tells that the simulation lacks something, in plain text, so that
// no client takes it for an answer of Spotify's.
func notSimulated(w http.ResponseWriter, r *http.Request) {
	http.Error(w, "exporter simulate does not simulate "+r.Method+" "+r.URL.Path, http.StatusNotImplemented)
}

func malformed(w http.ResponseWriter) { fail(w, http.StatusBadRequest, "Invalid base62 id") }

// A Path is one of the Web API's that is read with GET.
type Path struct {
	Path  string // below /v1/
	Scope string // those that it needs, with spaces between; empty: none
	// What apps get there: 200, 403 (refused, as by Spotify since 2026) or 501
	// (not simulated).
	Development, Extended int
}

// Paths lists the paths that the simulation knows. All others answer 501.
func Paths() []Path {
	var out []Path
	for _, route := range routes() {
		p := Path{Path: route.path, Scope: route.scope, Extended: http.StatusOK}
		if route.serve == nil {
			p.Extended = http.StatusNotImplemented
		}
		p.Development = p.Extended
		if route.old {
			p.Development = http.StatusForbidden
		}
		out = append(out, p)
	}
	return out
}
