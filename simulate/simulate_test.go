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

// get asks the Web API and returns status, header and body.
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
		return resp.StatusCode, resp.Header, err.Error()
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
		"/artists/" + s.Artists()[0] + "/albums?limit=11": "Invalid limit",
		"/artists/unknown/albums":                         "Resource not found",
		"/users/x":                                        "Forbidden",
		"/nowhere":                                        "Service not found",
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
		if _, there := s.object(t, "/artists/"+s.Artists()[0])["genres"]; there != (mode == simulate.Extended) {
			t.Errorf("%s: genres %v", mode, there)
		}
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

func TestFaultsAreParsedAndServed(t *testing.T) {
	t.Parallel()
	want := map[string]int{
		"rate": 429, "quota": 429, "status:arg=503": 503, "html": 200, "empty": 200, "braces": 200, "null": 200, "expire": 401,
		"premium": 403, "unlisted": 403, "scope": 403, "baditem:arg=0": 500, "limit:arg=1": 400, "redirect": 302, "reset": 0,
		"truncate:arg=50": 200, "trailing": 200, "stall:arg=5": 200, "foreign": 200, "bomb:arg=1": 200, "total:arg=2": 200, "revoked": 200, "client": 200,
	}
	s := start(t, nil)
	for _, k := range simulate.FaultKinds() {
		found := false
		for text, status := range want {
			f, err := simulate.ParseFault(text)
			if err != nil {
				t.Fatal(err)
			}
			if f.Kind != k.Name {
				continue
			}
			found = true
			remove := s.Inject(f)
			if got, _, body := s.get(t, "/me/tracks?limit=50"); got != status {
				t.Errorf("%s: status %d, want %d: %.80s", text, got, status, body)
			}
			remove()
		}
		if !found {
			t.Errorf("fault %s is not tested", k.Name)
		}
	}
	for _, bad := range []string{"nothing", "rate:arg=x", "rate:what=1"} {
		if _, err := simulate.ParseFault(bad); err == nil {
			t.Errorf("%s is accepted", bad)
		}
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
