package simulate_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/simulate"
)

// sim is a running simulation and a signed-in way to ask it.
type sim struct {
	*simulate.Server
	*simulate.Running
	token string
}

func start(t *testing.T, change func(*simulate.Options)) *sim {
	t.Helper()
	o := simulate.DefaultOptions()
	o.SavedTracks, o.TopTracks, o.Artists = 130, 30, 20
	if change != nil {
		change(&o)
	}
	server, err := simulate.New(o)
	if err != nil {
		t.Fatal(err)
	}
	running, err := server.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { running.Close() })
	return &sim{server, running, server.AccessToken()}
}

// get asks the Web API and returns status, header and body; what went wrong
// stands behind what had arrived of it.
func (s *sim) get(t *testing.T, path string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.APIURL+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	resp, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(r)
	if err != nil {
		return 0, nil, err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp.StatusCode, resp.Header, string(body) + err.Error()
	}
	return resp.StatusCode, resp.Header, string(body)
}

func (s *sim) object(t *testing.T, path string) map[string]any {
	t.Helper()
	status, _, body := s.get(t, path)
	var out map[string]any
	if err := json.Unmarshal([]byte(body), &out); err != nil || status != http.StatusOK {
		t.Fatalf("%s: %d %v %.200s", path, status, err, body)
	}
	return out
}

func keys(m any) []string {
	var out []string
	for k := range m.(map[string]any) {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func TestPages(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	page := s.object(t, "/me/tracks?limit=50&offset=100")
	if n := len(page["items"].([]any)); n != 30 || page["total"] != 130.0 || page["next"] != nil || page["previous"] == nil {
		t.Errorf("%d items, total %v, next %v", n, page["total"], page["next"])
	}
	if n := len(s.object(t, "/me/tracks?offset=500")["items"].([]any)); n != 0 {
		t.Errorf("%d items behind the end", n)
	}
	for path, want := range map[string]string{
		"/me/tracks?limit=51":                             "Invalid limit",
		"/me/tracks?limit=0":                              "Invalid limit",
		"/me/tracks?limit=x":                              "Invalid limit",
		"/me/tracks?offset=-1":                            "Invalid offset",
		"/me/top/tracks?limit=51":                         "Invalid limit",
		"/me/top/tracks?time_range=ever":                  "Invalid time range",
		"/artists/" + s.Artists()[0] + "/albums?limit=11": "Invalid limit",
		"/artists/unknown/albums":                         "Invalid base62 id",
		"/artists/0000000000000000000000/albums":          "Resource not found",
	} {
		if status, _, body := s.get(t, path); status < 400 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}

func TestFieldsOfBothModes(t *testing.T) {
	t.Parallel()
	development := []string{"album", "artists", "disc_number", "duration_ms", "explicit", "external_ids", "external_urls", "href", "id", "is_local", "is_playable", "name", "track_number", "type", "uri"}
	for mode, extra := range map[simulate.Mode][]string{simulate.Development: nil, simulate.Extended: {"available_markets", "popularity", "preview_url"}} {
		s := start(t, func(o *simulate.Options) { o.Mode = mode })
		for _, item := range s.object(t, "/me/tracks?limit=20")["items"].([]any) {
			got := slices.DeleteFunc(keys(item.(map[string]any)["track"]), func(k string) bool { return k == "linked_from" })
			want := append(slices.Clone(development), extra...)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%s: %s", mode, diff)
			}
		}
	}
}

func TestFieldsOfAlbumsAndArtists(t *testing.T) {
	t.Parallel()
	album := []string{"album_type", "artists", "external_urls", "href", "id", "images", "is_playable", "name", "release_date", "release_date_precision", "total_tracks", "type", "uri"}
	artist := []string{"external_urls", "href", "id", "images", "name", "type", "uri"}
	tests := map[simulate.Mode]struct{ listed, onTrack, artist []string }{
		simulate.Development: {},
		simulate.Extended: {
			listed: []string{"album_group", "available_markets"}, onTrack: []string{"available_markets"},
			artist: []string{"followers", "genres", "popularity"},
		},
	}
	for mode, extra := range tests {
		s := start(t, func(o *simulate.Options) { o.Mode = mode })
		path := "/artists/" + s.Artists()[0]
		listed := s.object(t, path+"/albums?limit=1")["items"].([]any)[0]
		saved := s.object(t, "/me/tracks?limit=1")["items"].([]any)[0].(map[string]any)["track"].(map[string]any)
		for name, c := range map[string]struct {
			object any
			base   []string
			extra  []string
		}{
			"listed album":      {listed, album, extra.listed},
			"album of a track":  {saved["album"], album, extra.onTrack},
			"artist":            {s.object(t, path), artist, extra.artist},
			"artist of a track": {saved["artists"].([]any)[0], []string{"external_urls", "href", "id", "name", "type", "uri"}, nil},
		} {
			if diff := cmp.Diff(slices.Sorted(slices.Values(append(slices.Clone(c.base), c.extra...))), keys(c.object)); diff != "" {
				t.Errorf("%s, %s: %s", mode, name, diff)
			}
		}
	}
}

// TestPagesFollowEachOther walks a list by its next links, as programs do.
func TestPagesFollowEachOther(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	var got []string
	for path := "/me/tracks?limit=37"; path != ""; {
		page := s.object(t, path)
		for _, item := range page["items"].([]any) {
			got = append(got, item.(map[string]any)["track"].(map[string]any)["id"].(string))
		}
		next, _ := page["next"].(string)
		path = strings.TrimPrefix(next, s.APIURL)
	}
	var want []string
	for _, track := range s.SavedTracks() {
		want = append(want, track.TrackID)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheSameSeedMakesTheSameWorld(t *testing.T) {
	t.Parallel()
	a, b := start(t, nil), start(t, nil)
	other := start(t, func(o *simulate.Options) { o.Seed = 2 })
	if diff := cmp.Diff(a.SavedTracks(), b.SavedTracks()); diff != "" {
		t.Error(diff)
	}
	if cmp.Equal(a.SavedTracks(), other.SavedTracks()) {
		t.Error("another seed makes the same library")
	}
	seen := map[string]bool{}
	for _, s := range a.SavedTracks() {
		if seen[s.TrackID] || len(s.TrackID) != 22 {
			t.Errorf("track %s stands twice or is no id", s.TrackID)
		}
		seen[s.TrackID] = true
	}
}

func TestRateLimitAndQuota(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	s := start(t, func(o *simulate.Options) {
		o.RateLimit, o.Quota, o.Clock, o.TokenLife = 5, map[string]int{"artists/albums": 2}, func() time.Time { return now }, 1000*time.Hour
	})
	albums := "/artists/" + s.Artists()[0] + "/albums"
	for range 2 {
		s.object(t, albums)
	}
	if status, header, body := s.get(t, albums); status != 429 || !strings.Contains(body, "QUOTA_EXCEEDED") || len(header.Get("Retry-After")) < 5 {
		t.Errorf("%d %s %s", status, header.Get("Retry-After"), body)
	}
	for range 3 {
		s.object(t, "/me")
	}
	if status, header, body := s.get(t, "/me"); status != 429 || strings.Contains(body, "QUOTA") || header.Get("Retry-After") != "30" {
		t.Errorf("%d %s %s", status, header.Get("Retry-After"), body)
	}
	now = now.Add(24 * time.Hour)
	s.object(t, albums)
}

func (s *sim) grant(t *testing.T, form url.Values) map[string]any {
	t.Helper()
	resp, err := http.PostForm(s.AccountsURL+"/api/token", form)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSignInWithPKCE(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	verifier := strings.Repeat("v", 64)
	sum := sha256.Sum256([]byte(verifier))
	authorize := s.AccountsURL + "/authorize?" + url.Values{
		"client_id": {simulate.ClientID}, "response_type": {"code"}, "redirect_uri": {simulate.RedirectURI}, "state": {"st<ate"},
		"scope": {"user-library-read"}, "code_challenge_method": {"S256"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])},
	}.Encode()
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := browser.PostForm(authorize, url.Values{"answer": {"agree"}})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	back, err := resp.Location()
	if err != nil || back.Query().Get("state") != "st<ate" {
		t.Fatalf("sent back to %v, %v", back, err)
	}
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")}, "redirect_uri": {simulate.RedirectURI},
		"client_id": {simulate.ClientID}, "code_verifier": {verifier},
	}
	if got := s.grant(t, form); got["refresh_token"] == nil || got["scope"] != "user-library-read" {
		t.Errorf("granted %v", got)
	}
	if got := s.grant(t, form); got["error"] != "invalid_grant" {
		t.Errorf("a code used twice: %v", got)
	}
	if resp, err = browser.PostForm(authorize, url.Values{"answer": {"cancel"}}); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if back, err = resp.Location(); err != nil || back.Query().Get("error") != "access_denied" {
		t.Errorf("sent back to %v", back)
	}
}

func TestControls(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for method, path := range map[string]string{http.MethodPost: "/_sim/library?save=3", http.MethodDelete: "/_sim/faults"} {
		r, err := http.NewRequestWithContext(t.Context(), method, s.AccountsURL+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil || resp.StatusCode != http.StatusNoContent {
			t.Errorf("%s %s: %v %v", method, path, resp, err)
		}
		resp.Body.Close()
	}
	if n := len(s.SavedTracks()); n != 133 {
		t.Errorf("%d tracks", n)
	}
}
