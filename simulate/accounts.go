package simulate

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// The account and the app of the simulation.
const (
	AccountID    = "aSimulated1"
	UserID       = "sam_simulated"
	ClientID     = "simulated-client"
	ClientSecret = "simulated-secret"
	RedirectURI  = "http://127.0.0.1:8888/callback"
)

// AllScopes are those that the ready-made sign-in grants.
const AllScopes = "user-library-read user-top-read user-read-recently-played user-follow-read playlist-read-private playlist-read-collaborative user-read-playback-position user-read-private"

// signInLife is how long a refresh token lives after the sign-in.
const signInLife = 182 * 24 * time.Hour

// Credentials are what a program needs to read the account.
type Credentials struct {
	ClientID, ClientSecret, RefreshToken string
}

// accounts is the Accounts service.
type accounts struct {
	options Options

	mu      sync.Mutex
	first   string           // the ready-made refresh token
	access  map[string]grant // by access token
	refresh map[string]grant // by refresh token
	codes   map[string]authorization
}

type grant struct {
	scope  string
	signed time.Time // when the user signed in
	ends   time.Time // of the access token
	user   bool      // false for client credentials
}

// authorization waits to be exchanged for tokens, once.
type authorization struct {
	grant
	redirect  string
	challenge string
	ends      time.Time
}

func newAccounts(o Options) *accounts {
	a := &accounts{
		options: o, first: "refresh-" + rand.Text(),
		access: map[string]grant{}, refresh: map[string]grant{}, codes: map[string]authorization{},
	}
	a.refresh[a.first] = grant{scope: AllScopes, signed: o.Clock(), user: true}
	return a
}

// Credentials returns a sign-in with all scopes that is ready to be used.
func (s *Server) Credentials() Credentials {
	return Credentials{ClientID: ClientID, ClientSecret: ClientSecret, RefreshToken: s.accounts.first}
}

// Revoke ends all sign-ins, as a user does who removes the app.
func (s *Server) Revoke() {
	s.accounts.mu.Lock()
	defer s.accounts.mu.Unlock()
	clear(s.accounts.refresh)
	clear(s.accounts.access)
}

// ExpireAccess ends all access tokens; refresh tokens stay.
func (s *Server) ExpireAccess() {
	s.accounts.mu.Lock()
	defer s.accounts.mu.Unlock()
	clear(s.accounts.access)
}

// GrantOnly reduces the ready-made sign-in to some scopes.
func (s *Server) GrantOnly(scopes string) {
	s.accounts.mu.Lock()
	defer s.accounts.mu.Unlock()
	g := s.accounts.refresh[s.accounts.first]
	g.scope = scopes
	s.accounts.refresh[s.accounts.first] = g
	clear(s.accounts.access)
}

// check returns the scopes of a valid access token.
func (a *accounts) check(token string) ([]string, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	g, ok := a.access[token]
	if !ok || !a.options.Clock().Before(g.ends) {
		return nil, false
	}
	return strings.Fields(g.scope), true
}

func (s *Server) routeAccounts(mux *http.ServeMux) {
	mux.HandleFunc("GET /authorize", s.accounts.consent)
	mux.HandleFunc("POST /authorize", s.accounts.decide)
	mux.HandleFunc("POST /api/token", s.accounts.token)
}

// consent shows the page on which the user agrees or not.
func (a *accounts) consent(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if problem := refuseAuthorization(q); problem != "" {
		http.Error(w, problem, http.StatusBadRequest)
		return
	}
	page := template.Must(template.New("consent").Parse(`<!doctype html><title>Simulated Spotify</title>
<h1>Simulated Spotify</h1><p>The app {{.Client}} asks for: {{.Scope}}</p>
<form method="post"><button name="answer" value="agree">Agree</button> <button name="answer" value="cancel">Cancel</button></form>`))
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	// A browser that has gone away is no concern of a simulation.
	_ = page.Execute(w, map[string]string{"Client": q.Get("client_id"), "Scope": q.Get("scope")})
}

func refuseAuthorization(q url.Values) string {
	switch {
	case q.Get("client_id") != ClientID:
		return "INVALID_CLIENT: Invalid client"
	case !registered(q.Get("redirect_uri")):
		return "INVALID_CLIENT: Insecure redirect URI"
	case q.Get("response_type") != "code":
		return "response_type must be code"
	case q.Get("code_challenge") != "" && q.Get("code_challenge_method") != "S256":
		return "code_challenge_method must be S256"
	}
	return ""
}

// registered accepts the registered address, on any port of the loopback.
func registered(redirect string) bool {
	u, err := url.Parse(redirect)
	if err != nil || u.Scheme != "http" || u.Path != "/callback" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return ip != nil && ip.IsLoopback()
}

// decide sends the browser back with a code, or with access_denied.
func (a *accounts) decide(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if problem := refuseAuthorization(q); problem != "" {
		http.Error(w, problem, http.StatusBadRequest)
		return
	}
	back := url.Values{"state": {q.Get("state")}}
	if r.PostFormValue("answer") == "agree" {
		back.Set("code", a.newCode(q))
	} else {
		back.Set("error", "access_denied")
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
}

func (a *accounts) newCode(q url.Values) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	code := "code-" + rand.Text()
	now := a.options.Clock()
	a.codes[code] = authorization{
		grant: grant{scope: q.Get("scope"), signed: now, user: true}, redirect: q.Get("redirect_uri"),
		challenge: q.Get("code_challenge"), ends: now.Add(10 * time.Minute),
	}
	return code
}

// token serves the three grants.
// https://developer.spotify.com/documentation/web-api/tutorials/refreshing-tokens
func (a *accounts) token(w http.ResponseWriter, r *http.Request) {
	id, secret, basic := r.BasicAuth()
	if !basic {
		id = r.PostFormValue("client_id")
	}
	sameSecret := subtle.ConstantTimeCompare([]byte(secret), []byte(ClientSecret)) == 1
	if id != ClientID || basic && !sameSecret {
		refuseToken(w, "invalid_client", "Invalid client")
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch r.PostFormValue("grant_type") {
	case "refresh_token":
		a.renew(w, r.PostFormValue("refresh_token"))
	case "authorization_code":
		a.exchange(w, r, basic)
	case "client_credentials":
		a.grantApp(w, basic)
	default:
		refuseToken(w, "unsupported_grant_type", "grant_type parameter is missing or unknown")
	}
}

func (a *accounts) renew(w http.ResponseWriter, refresh string) {
	g, ok := a.refresh[refresh]
	switch {
	case !ok:
		refuseToken(w, "invalid_grant", "Refresh token revoked")
		return
	case a.options.Clock().Sub(g.signed) > signInLife:
		refuseToken(w, "invalid_grant", "Refresh token expired")
		return
	}
	next := ""
	if a.options.Rotate {
		next = "refresh-" + rand.Text()
		delete(a.refresh, refresh)
		a.refresh[next] = g
	}
	a.issue(w, g, next)
}

func (a *accounts) exchange(w http.ResponseWriter, r *http.Request, basic bool) {
	code := r.PostFormValue("code")
	c, ok := a.codes[code]
	delete(a.codes, code)
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	switch {
	case !ok || !a.options.Clock().Before(c.ends):
		refuseToken(w, "invalid_grant", "Invalid authorization code")
	case c.redirect != r.PostFormValue("redirect_uri"):
		refuseToken(w, "invalid_grant", "Invalid redirect URI")
	case c.challenge == "" && !basic:
		refuseToken(w, "invalid_request", "code_verifier or client secret required")
	case c.challenge != "" && c.challenge != base64.RawURLEncoding.EncodeToString(sum[:]):
		refuseToken(w, "invalid_grant", "code_verifier was incorrect")
	default:
		refresh := "refresh-" + rand.Text()
		a.refresh[refresh] = c.grant
		a.issue(w, c.grant, refresh)
	}
}

func (a *accounts) grantApp(w http.ResponseWriter, basic bool) {
	if !basic {
		refuseToken(w, "invalid_client", "Invalid client secret")
		return
	}
	a.issue(w, grant{}, "")
}

// issue answers with a new access token. Like the real service it sends a
// refresh token only with a new sign-in, unless tokens rotate.
func (a *accounts) issue(w http.ResponseWriter, g grant, refresh string) {
	token := "access-" + rand.Text()
	g.ends = a.options.Clock().Add(a.options.TokenLife)
	a.access[token] = g
	answer := map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": int(a.options.TokenLife.Seconds())}
	if g.user {
		answer["scope"] = g.scope
	}
	if refresh != "" {
		answer["refresh_token"] = refresh
	}
	body, err := json.Marshal(answer)
	if err != nil {
		http.Error(w, "encoding", http.StatusInternalServerError)
		return
	}
	writeJSON(w, http.StatusOK, body)
}

func refuseToken(w http.ResponseWriter, code, description string) {
	writeJSON(w, http.StatusBadRequest, []byte(`{"error":"`+code+`","error_description":"`+description+`"}`))
}

// AccessToken returns a valid access token with all scopes.
func (s *Server) AccessToken() string {
	s.accounts.mu.Lock()
	defer s.accounts.mu.Unlock()
	token := "access-" + rand.Text()
	s.accounts.access[token] = grant{scope: AllScopes, ends: s.options.Clock().Add(s.options.TokenLife), user: true}
	return token
}
