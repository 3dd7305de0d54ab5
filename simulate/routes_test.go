package simulate_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/simulate"
)

// page asks as a browser does and returns status and body.
func (s *sim) page(t *testing.T, path string) (int, string) {
	t.Helper()
	status, _, body := s.send(t, http.MethodGet, s.AccountsURL+path, nil)
	return status, body
}

// send makes a request and returns status, header and body.
func (s *sim) send(t *testing.T, method, address string, header http.Header) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(body)
}

// TestPathsAnswerAsListed asks each path of simulate.Paths in both modes.
func TestPathsAnswerAsListed(t *testing.T) {
	t.Parallel()
	for _, mode := range []simulate.Mode{simulate.Development, simulate.Extended} {
		s := start(t, func(o *simulate.Options) { o.Mode = mode })
		artist := s.Artists()[0]
		ids := map[string]string{
			"artists": artist, "albums": s.ArtistAlbums(artist)[0], "tracks": s.SavedTracks()[0].TrackID,
			"playlists": s.playlist("Road Trip"), "users": simulate.UserID,
		}
		for _, kind := range simulate.Kinds() {
			ids[string(kind)+"s"] = s.Shelf(0, kind).Entries()[0].ID
		}
		ids["chapters"] = names(s.object(t, "/audiobooks/"+ids["audiobooks"]+"/chapters")["items"])[0]
		for _, p := range simulate.Paths() {
			kind, _, _ := strings.Cut(p.Path, "/")
			path := "/" + strings.NewReplacer("{id}", ids[kind], "{list}", "tracks", "{list...}", "new-releases").Replace(p.Path)
			switch {
			case p.Path == "me/following":
				path += "?type=artist"
			case p.Path == "me/library/contains":
				path += "?uris=spotify:artist:" + artist
			case strings.HasSuffix(p.Path, "/contains"):
				path += "?ids=" + ids["tracks"]
			case p.Path == kind && ids[kind] != "":
				path += "?ids=" + ids[kind]
			}
			want := p.Extended
			if mode == simulate.Development {
				want = p.Development
			}
			if status, _, body := s.get(t, path); status != want {
				t.Errorf("%s: %s: %d %.80s, want %d", mode, path, status, body, want)
			}
			if kind == "me" && want == http.StatusOK && !strings.HasSuffix(p.Path, "/contains") {
				s.object(t, strings.Replace(path, p.Path, p.Path+"/", 1))
			}
		}
	}
}

func TestWhatIsNotSimulatedSaysSo(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for _, c := range [][2]string{{http.MethodGet, "/v1/search"}, {http.MethodPut, "/v1/me/tracks"}, {http.MethodGet, "/login"}, {http.MethodGet, "/"}} {
		status, header, body := s.send(t, c[0], s.AccountsURL+c[1], nil)
		if status != http.StatusNotImplemented || !strings.HasPrefix(header.Get("Content-Type"), "text/plain") ||
			body != "exporter simulate does not simulate "+c[0]+" "+c[1]+"\n" {
			t.Errorf("%v: %d %s", c, status, body)
		}
	}
}

func TestTokensAreReadFromTheHeader(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	ended := s.token
	s.ExpireAccess()
	s.token = s.AccessToken()
	const unusable = "Missing/invalid/expired access token"
	for header, want := range map[string]struct {
		status           int
		message, problem string
	}{
		"Bearer " + s.token: {http.StatusOK, "", ""},
		"bearer " + s.token: {http.StatusOK, "", ""},
		s.token:             {http.StatusBadRequest, "Only valid bearer authentication supported", "invalid_request"},
		"Basic " + s.token:  {http.StatusBadRequest, "Only valid bearer authentication supported", "invalid_request"},
		"Bearer ":           {http.StatusBadRequest, "Only valid bearer authentication supported", "invalid_request"},
		"":                  {http.StatusUnauthorized, unusable, "missing_token"},
		"Bearer guess":      {http.StatusUnauthorized, unusable, "invalid_token"},
		"Bearer " + ended:   {http.StatusUnauthorized, "The access token expired", "invalid_token"},
	} {
		h := http.Header{}
		if header != "" {
			h.Set("Authorization", header)
		}
		status, got, body := s.send(t, http.MethodGet, s.APIURL+"/me", h)
		if status != want.status || !strings.Contains(body, want.message) || !strings.Contains(got.Get("WWW-Authenticate"), want.problem) {
			t.Errorf("%q: %d %s %s", header, status, got.Get("WWW-Authenticate"), body)
		}
	}
}

func TestPagesOfAllSitesMayAsk(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for _, c := range []struct {
		method, path string
		status       int
		origin       string
	}{
		{http.MethodOptions, "/v1/me", http.StatusOK, "*"},
		{http.MethodGet, "/v1/me", http.StatusUnauthorized, "*"},
		{http.MethodOptions, "/api/token", http.StatusOK, "*"},
		{http.MethodPost, "/api/token", http.StatusBadRequest, "*"},
		{http.MethodGet, "/_sim/requests", http.StatusOK, ""},
	} {
		status, header, _ := s.send(t, c.method, s.AccountsURL+c.path, nil)
		if got := header.Get("Access-Control-Allow-Origin"); status != c.status || got != c.origin {
			t.Errorf("%s %s: %d, origin %q", c.method, c.path, status, got)
		}
		if allowed := header.Get("Access-Control-Allow-Headers"); c.origin != "" && !strings.Contains(allowed, "Authorization") {
			t.Errorf("%s %s allows %q", c.method, c.path, allowed)
		}
	}
	if got := s.Requests(); len(got) != 2 {
		t.Errorf("%d requests are counted, want those that are no preflight", len(got))
	}
}

// names are the ids of some objects, null for null.
func names(objects any) []string {
	var out []string
	for _, o := range objects.([]any) {
		id := "null"
		if m, ok := o.(map[string]any); ok {
			id = m["id"].(string)
		}
		out = append(out, id)
	}
	return out
}

func TestObjectsOfExtendedApps(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *simulate.Options) { o.Mode = simulate.Extended })
	artist := s.Artists()[3]
	albums, tracks := s.ArtistAlbums(artist), s.ArtistTopTracks(artist)
	for kind, ids := range map[string][]string{"artists": s.Artists()[:2], "albums": albums[:1], "tracks": tracks} {
		want := append([]string{unknownID}, ids...)
		got := names(s.object(t, "/"+kind+"?ids="+strings.Join(want, ","))[kind])
		want[0] = "null"
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", kind, diff)
		}
		if one := s.object(t, "/"+kind+"/"+ids[0]); one["id"] != ids[0] {
			t.Errorf("%s: %v", kind, one["id"])
		}
		for path, want := range map[string]int{
			"": 400, "?ids=short": 400, "?ids=" + strings.Repeat(unknownID+",", 50) + unknownID: 400, "/short": 400, "/" + unknownID: 404,
		} {
			if status, _, body := s.get(t, "/"+kind+path); status != want {
				t.Errorf("/%s%s: %d %s", kind, path, status, body)
			}
		}
	}
	if diff := cmp.Diff(tracks, names(s.object(t, "/artists/"+artist+"/top-tracks")["tracks"])); diff != "" || len(tracks) != 10 {
		t.Errorf("%d top tracks: %s", len(tracks), diff)
	}
	inside := s.object(t, "/albums/"+albums[0])["tracks"].(map[string]any)
	if diff := cmp.Diff(s.AlbumTracks(albums[0]), names(inside["items"])); diff != "" {
		t.Error(diff)
	}
	if n := len(s.object(t, "/markets")["markets"].([]any)); n != 184 {
		t.Errorf("%d markets", n)
	}
	if user := s.object(t, "/users/"+simulate.UserID); user["display_name"] != simulate.DisplayName(0) || user["account_id"] != nil {
		t.Errorf("%v", user)
	}
	if status, _, _ := s.get(t, "/users/nobody"); status != http.StatusNotFound {
		t.Errorf("an unknown user: %d", status)
	}
	s.object(t, "/artists/"+artist+"/albums?limit=50")
	if status, _, _ := s.get(t, "/artists/"+artist+"/albums?limit=51"); status != http.StatusBadRequest {
		t.Errorf("51 albums: %d", status)
	}
}

// TestTracksOfAlbumsHaveFewerFields compares them with full ones.
func TestTracksOfAlbumsHaveFewerFields(t *testing.T) {
	t.Parallel()
	for mode, missing := range map[simulate.Mode][]string{
		simulate.Development: {"album", "external_ids"}, simulate.Extended: {"album", "external_ids", "popularity"},
	} {
		s := start(t, func(o *simulate.Options) { o.Mode = mode })
		listed := s.object(t, "/albums/"+s.longAlbum()+"/tracks?limit=1")["items"].([]any)[0].(map[string]any)
		full := s.object(t, "/tracks/"+listed["id"].(string))
		for _, name := range missing {
			if full[name] == nil {
				t.Errorf("%s: a full track has no %s", mode, name)
			}
			delete(full, name)
		}
		if diff := cmp.Diff(full, listed); diff != "" {
			t.Errorf("%s: %s", mode, diff)
		}
	}
}

// TestTopArtists compares the ranking with the tracks that it comes from.
func TestTopArtists(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for _, timeRange := range []string{"short_term", "long_term"} {
		got, want := list{path: "/me/top/artists?limit=3&time_range=" + timeRange}.field(t, s, "id"), s.TopArtists(timeRange)
		if diff := cmp.Diff(want, got); diff != "" || len(want) < 4 {
			t.Errorf("%s: %v %s", timeRange, want, diff)
		}
		tracks := map[string]int{}
		for _, item := range s.object(t, "/me/top/tracks?limit=50&time_range="+timeRange)["items"].([]any) {
			tracks[names(item.(map[string]any)["artists"])[0]]++
		}
		falling := slices.IsSortedFunc(got, func(a, b string) int { return tracks[b] - tracks[a] })
		if !falling || len(tracks) != len(got) || tracks[got[0]] == tracks[got[len(got)-1]] {
			t.Errorf("%s: %v with %v", timeRange, got, tracks)
		}
	}
}
