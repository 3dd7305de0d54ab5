package simulate_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tracklake/tracklake/simulate"
)

// ask posts to the token endpoint, as the app with a secret if there is one.
func (s *sim) ask(t *testing.T, secret string, form url.Values) map[string]any {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.AccountsURL+"/api/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if secret != "" {
		r.SetBasicAuth(simulate.ClientID, secret)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	out := map[string]any{}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		t.Fatal(err)
	}
	if refused := out["error"] != nil; refused != (resp.StatusCode == http.StatusBadRequest) {
		t.Errorf("status %d of %v", resp.StatusCode, out)
	}
	return out
}

func renewal(token string) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
}

func TestTokensAreRenewed(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	first := s.Credentials().RefreshToken
	got := s.ask(t, simulate.ClientSecret, renewal(first))
	if got["refresh_token"] != nil || got["scope"] != simulate.AllScopes || got["expires_in"] != 3600.0 || got["token_type"] != "Bearer" {
		t.Errorf("granted %v", got)
	}
	s.token = got["access_token"].(string)
	s.object(t, "/me/tracks")
	s.ExpireAccess()
	if status, header, body := s.get(t, "/me"); status != http.StatusUnauthorized || header.Get("WWW-Authenticate") == "" {
		t.Errorf("an ended token: %d %s", status, body)
	}
	s.GrantOnly("user-top-read")
	s.token = s.ask(t, simulate.ClientSecret, renewal(first))["access_token"].(string)
	s.object(t, "/me/top/tracks")
	if status, _, body := s.get(t, "/me/tracks"); status != http.StatusForbidden || !strings.Contains(body, "scope") {
		t.Errorf("a scope that was not granted: %d %s", status, body)
	}
	s.Revoke()
	if got := s.ask(t, simulate.ClientSecret, renewal(first)); got["error_description"] != "Refresh token revoked" {
		t.Errorf("a revoked token: %v", got)
	}
}

func TestRefreshTokensRotateWhereTold(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *simulate.Options) { o.Rotate = true })
	first := s.Credentials().RefreshToken
	next, _ := s.ask(t, simulate.ClientSecret, renewal(first))["refresh_token"].(string)
	if next == "" || next == first {
		t.Fatalf("the next refresh token is %q", next)
	}
	if got := s.ask(t, simulate.ClientSecret, renewal(first)); got["error"] != "invalid_grant" {
		t.Errorf("the token before it: %v", got)
	}
	if got := s.ask(t, simulate.ClientSecret, renewal(next)); got["access_token"] == nil {
		t.Errorf("the next token: %v", got)
	}
}

func TestTokensEnd(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	s := start(t, func(o *simulate.Options) { o.Clock = func() time.Time { return now } })
	now = now.Add(time.Hour - time.Second)
	s.object(t, "/me")
	now = now.Add(time.Second)
	if status, _, body := s.get(t, "/me"); status != http.StatusUnauthorized {
		t.Errorf("after an hour: %d %s", status, body)
	}
	now = now.Add(183 * 24 * time.Hour)
	if got := s.ask(t, simulate.ClientSecret, renewal(s.Credentials().RefreshToken)); got["error_description"] != "Refresh token expired" {
		t.Errorf("after half a year: %v", got)
	}
}

func TestAppsAreKnownByTheirSecret(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	app := url.Values{"grant_type": {"client_credentials"}, "client_id": {simulate.ClientID}}
	got := s.ask(t, simulate.ClientSecret, app)
	if got["scope"] != nil || got["refresh_token"] != nil {
		t.Errorf("granted %v", got)
	}
	s.token = got["access_token"].(string)
	s.object(t, "/artists/"+s.Artists()[0])
	if status, _, _ := s.get(t, "/me/tracks"); status != http.StatusUnauthorized {
		t.Errorf("an app reads the library: %d", status)
	}
	first := s.Credentials().RefreshToken
	for name, c := range map[string]struct {
		secret string
		form   url.Values
		want   string
	}{
		"no secret":                  {"", app, "invalid_client"},
		"a wrong secret":             {"guess", renewal(first), "invalid_client"},
		"a wrong secret in the body": {"", url.Values{"grant_type": {"client_credentials"}, "client_id": {simulate.ClientID}, "client_secret": {"guess"}}, "invalid_client"},
		"no client":                  {"", renewal(first), "invalid_client"},
		"an unknown token":           {simulate.ClientSecret, renewal("refresh-guess"), "invalid_grant"},
		"no token":                   {simulate.ClientSecret, renewal(""), "invalid_request"},
		"no grant":                   {simulate.ClientSecret, url.Values{}, "unsupported_grant_type"},
	} {
		if got := s.ask(t, c.secret, c.form); got["error"] != c.want {
			t.Errorf("%s: %v, want %s", name, got, c.want)
		}
	}
}

func TestASecretMayStandInTheBody(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for _, form := range []url.Values{
		{"grant_type": {"client_credentials"}},
		renewal(s.Credentials().RefreshToken),
		{"grant_type": {"authorization_code"}, "code": {s.code(t, "")}, "redirect_uri": {simulate.RedirectURI}},
	} {
		form.Set("client_id", simulate.ClientID)
		form.Set("client_secret", simulate.ClientSecret)
		if got := s.ask(t, "", form); got["access_token"] == nil {
			t.Errorf("%s: %v", form.Get("grant_type"), got)
		}
	}
}

func TestRefreshTokensAreToldApart(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *simulate.Options) { o.Rotate = true })
	first := s.Credentials().RefreshToken
	s.ask(t, simulate.ClientSecret, renewal(first))
	for token, want := range map[string]string{
		first: "Refresh token revoked", "garbage": "Invalid refresh token", "": "refresh_token must be supplied",
	} {
		if got := s.ask(t, simulate.ClientSecret, renewal(token)); got["error_description"] != want {
			t.Errorf("%q: %v, want %s", token, got, want)
		}
	}
}

func TestRedirectsMustBeRegistered(t *testing.T) {
	t.Parallel()
	const insecure, invalid = "Insecure redirect URI", "Invalid redirect URI"
	s := start(t, func(o *simulate.Options) {
		o.RedirectURIs = []string{"http://127.0.0.1/callback", "http://[::1]/callback", "http://127.0.0.1:8888/exact", "https://example.test/back"}
	})
	for redirect, want := range map[string]string{
		"http://127.0.0.1/callback":       "",
		"http://127.0.0.1:1/callback":     "",
		"http://[::1]:1/callback":         "",
		"http://127.0.0.1:8888/exact":     "",
		"https://example.test/back":       "",
		"http://127.0.0.1:8889/exact":     invalid,
		"http://127.0.0.1:8888/exact/":    invalid,
		"http://127.0.0.1:8888/Exact":     invalid,
		"http://127.0.0.1:8888/exact?a=b": invalid,
		"http://127.0.0.1/exact":          invalid,
		"https://example.test:8443/back":  invalid,
		"https://example.test/":           invalid,
		"https://127.0.0.1/callback":      invalid,
		"http://127.0.0.2/callback":       insecure,
		"http://localhost/callback":       insecure,
		"http://localhost:8888/callback":  insecure,
		"http://example.test/back":        insecure,
		"":                                insecure,
	} {
		q := url.Values{"client_id": {simulate.ClientID}, "response_type": {"code"}, "redirect_uri": {redirect}}
		status, body := s.page(t, "/authorize?"+q.Encode())
		if (want == "") != (status == http.StatusOK) || !strings.Contains(body, want) {
			t.Errorf("%q: %d %.80s, want %q", redirect, status, body, want)
		}
	}
	if _, err := simulate.New(simulate.Options{RedirectURIs: []string{"http://localhost/callback"}}); err == nil {
		t.Error("localhost can be registered")
	}
}

// code signs in on the consent page and returns the code that comes back.
func (s *sim) code(t *testing.T, challenge string) string {
	t.Helper()
	q := url.Values{
		"client_id": {simulate.ClientID}, "response_type": {"code"}, "redirect_uri": {simulate.RedirectURI}, "scope": {"user-top-read"},
	}
	if challenge != "" {
		q.Set("code_challenge_method", "S256")
		q.Set("code_challenge", challenge)
	}
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := browser.PostForm(s.AccountsURL+"/authorize?"+q.Encode(), url.Values{"answer": {"agree"}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		t.Fatal(err)
	}
	return back.Query().Get("code")
}

func TestCodesAreRefused(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	s := start(t, func(o *simulate.Options) { o.Clock = func() time.Time { return now } })
	verifier := strings.Repeat("v", 64)
	sum := sha256.Sum256([]byte(verifier))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	tests := map[string]struct {
		challenge, secret string
		change            url.Values
		later             time.Duration
		want              any
	}{
		"a verifier that fits":   {challenge, "", nil, 0, nil},
		"a secret alone":         {"", simulate.ClientSecret, nil, 0, nil},
		"another verifier":       {challenge, "", url.Values{"code_verifier": {"w"}}, 0, "invalid_grant"},
		"another address":        {challenge, "", url.Values{"redirect_uri": {"http://127.0.0.1:1/callback"}}, 0, "invalid_grant"},
		"no verifier, no secret": {"", "", nil, 0, "invalid_request"},
		"too late":               {challenge, "", nil, 11 * time.Minute, "invalid_grant"},
	}
	for name, c := range tests {
		form := url.Values{
			"grant_type": {"authorization_code"}, "code": {s.code(t, c.challenge)}, "client_id": {simulate.ClientID},
			"redirect_uri": {simulate.RedirectURI}, "code_verifier": {verifier},
		}
		maps.Copy(form, c.change)
		now = now.Add(c.later)
		if got := s.ask(t, c.secret, form); got["error"] != c.want {
			t.Errorf("%s: %v, want error %v", name, got, c.want)
		}
	}
}
