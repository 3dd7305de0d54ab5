package simulate

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// routeAPI serves the Web API.
func (s *Server) routeAPI(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/me", s.signed("me", "", s.me))
	mux.HandleFunc("GET /v1/me/tracks", s.signed("me/tracks", "user-library-read", s.savedTracks))
	mux.HandleFunc("GET /v1/me/top/tracks", s.signed("me/top", "user-top-read", s.topTracks))
	mux.HandleFunc("GET /v1/me/following", s.signed("me/following", "user-follow-read", s.following))
	mux.HandleFunc("GET /v1/me/player/recently-played", s.signed("me/player/recently-played", "user-read-recently-played", s.recentlyPlayed))
	s.routePlaylists(mux)
	mux.HandleFunc("GET /v1/artists/{id}", s.signed("artists", "", s.oneArtist))
	mux.HandleFunc("GET /v1/artists/{id}/albums", s.signed("artists/albums", "", s.artistAlbums))
	for _, removed := range []string{
		"/v1/artists", "/v1/albums", "/v1/tracks", "/v1/artists/{id}/top-tracks", "/v1/artists/{id}/related-artists",
		"/v1/markets", "/v1/users/{id}", "/v1/me/tracks/contains",
	} {
		mux.HandleFunc("GET "+removed, s.signed("removed", "", forbidden))
	}
	mux.HandleFunc("/v1/", s.signed("unknown", "", func(w http.ResponseWriter, _ *http.Request) {
		fail(w, http.StatusNotFound, "Service not found")
	}))
}

// signed checks the token, the scope, the rate limit and the quota.
func (s *Server) signed(bucket, scope string, serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		g, ok := s.accounts.check(bearer(r))
		switch {
		case !ok:
			w.Header().Set("WWW-Authenticate", `Bearer realm="spotify", error="invalid_token"`)
			fail(w, http.StatusUnauthorized, "The access token expired")
		case !s.limits[g.client].admit(w, bucket):
		case g.user == nobody && strings.HasPrefix(bucket, "me"):
			fail(w, http.StatusUnauthorized, "Valid user authentication required")
		case scope != "" && !slices.Contains(strings.Fields(g.scope), scope):
			fail(w, http.StatusForbidden, "Insufficient client scope")
		default:
			serve(w, r.WithContext(context.WithValue(r.Context(), grantKey{}, g)))
		}
	}
}

func bearer(r *http.Request) string {
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}

// grantKey carries what the token of a request grants.
type grantKey struct{}

// grantOf returns what the token of a request grants.
func (s *Server) grantOf(r *http.Request) grant {
	if g, ok := r.Context().Value(grantKey{}).(grant); ok {
		return g
	}
	g, _ := s.accounts.check(bearer(r)) // a fault looks at it before the API does
	return g
}

// libraryOf returns the library of the user who asks.
func (s *Server) libraryOf(r *http.Request) *library {
	if user := s.grantOf(r).user; user != nobody {
		return s.libraries[user]
	}
	return s.library
}

func forbidden(w http.ResponseWriter, _ *http.Request) {
	fail(w, http.StatusForbidden, "Forbidden")
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

// me is the profile.
// https://developer.spotify.com/documentation/web-api/reference/get-current-users-profile
func (s *Server) me(w http.ResponseWriter, r *http.Request) {
	user := s.grantOf(r).user
	id := UserIDOf(user)
	b := []byte(`{"account_id":"` + AccountIDOf(user) + `","display_name":"` + DisplayName(user) + `","external_urls":{"spotify":"https://open.spotify.com/user/` + id + `"},`)
	if s.options.Mode == Extended {
		b = append(b, `"country":"SE","product":"premium","explicit_content":{"filter_enabled":false,"filter_locked":false},"followers":{"href":null,"total":12},`...)
	}
	b = append(b, `"href":"https://api.spotify.com/v1/users/`+id+`","id":"`+id+`","images":[],"type":"user","uri":"spotify:user:`+id+`"}`...)
	writeJSON(w, http.StatusOK, b)
}

// savedTracks is the library, newest first.
// https://developer.spotify.com/documentation/web-api/reference/get-users-saved-tracks
func (s *Server) savedTracks(w http.ResponseWriter, r *http.Request) {
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
func (s *Server) topTracks(w http.ResponseWriter, r *http.Request) {
	timeRange := r.URL.Query().Get("time_range")
	if timeRange == "" {
		timeRange = "medium_term"
	}
	if !slices.Contains(timeRanges(), timeRange) {
		fail(w, http.StatusBadRequest, "Invalid time range")
		return
	}
	limit, offset, ok := paging(w, r, pageOfMany, 50)
	if !ok {
		return
	}
	all := s.libraryOf(r).top[timeRange]
	rows := cut(all, offset, limit)
	s.page(w, r, view{limit: limit, offset: offset, rows: len(rows), total: len(all)}, func(b []byte, i int) []byte {
		return s.render.track(b, rows[i])
	})
}

// artistAlbums is a discography, group by group.
// https://developer.spotify.com/documentation/web-api/reference/get-an-artists-albums
func (s *Server) artistAlbums(w http.ResponseWriter, r *http.Request) {
	artist, ok := s.world.byID[r.PathValue("id")]
	if !ok {
		fail(w, http.StatusNotFound, "Resource not found")
		return
	}
	limit, offset, ok := paging(w, r, pageOfAlbums, 10)
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

// oneArtist is an artist on its own.
// https://developer.spotify.com/documentation/web-api/reference/get-an-artist
func (s *Server) oneArtist(w http.ResponseWriter, r *http.Request) {
	artist, ok := s.world.byID[r.PathValue("id")]
	if !ok {
		fail(w, http.StatusNotFound, "Resource not found")
		return
	}
	writeJSON(w, http.StatusOK, s.render.fullArtist(nil, artist))
}
