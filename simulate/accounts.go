package simulate

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"sync"
	"time"
)

// The first account and the apps of the simulation.
const (
	AccountID    = "aSimulated1"
	UserID       = "sam_simulated"
	ClientID     = "simulated-client"
	ClientSecret = "simulated-secret"
	// A second app, for accounts that bring their own.
	OtherClientID     = "simulated-other-client"
	OtherClientSecret = "simulated-other-secret"
	RedirectURI       = "http://127.0.0.1:8888/callback"
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
	ready   []string         // a ready-made refresh token for each user
	secrets []string         // all that must not be told
	access  map[string]grant // by access token
	refresh map[string]grant // by refresh token
	revoked map[string]bool  // refresh tokens that were good once
	codes   map[string]authorization
}

type grant struct {
	client string
	user   int // index; nobody for client credentials
	scope  string
	signed time.Time // when the user signed in
	ends   time.Time // of the access token
}

// nobody is the user of a token that belongs to the app itself.
const nobody = -1

// authorization waits to be exchanged for tokens, once.
type authorization struct {
	grant
	redirect  string
	challenge string
	ends      time.Time
}

func newAccounts(o Options) *accounts {
	a := &accounts{
		options: o, access: map[string]grant{}, refresh: map[string]grant{},
		revoked: map[string]bool{}, codes: map[string]authorization{},
		secrets: []string{ClientSecret, OtherClientSecret},
	}
	for user := range o.Users {
		a.ready = append(a.ready, a.secret("refresh-"))
		a.refresh[a.ready[user]] = grant{client: ClientID, user: user, scope: AllScopes, signed: o.Clock()}
	}
	return a
}

// secret makes a new one and remembers it.
func (a *accounts) secret(prefix string) string {
	text := prefix + rand.Text()
	a.secrets = append(a.secrets, text)
	return text
}

// secretOf returns the secret of an app.
func secretOf(client string) (string, bool) {
	switch client {
	case ClientID:
		return ClientSecret, true
	case OtherClientID:
		return OtherClientSecret, true
	}
	return "", false
}

// Secrets lists everything that nobody but its owner may see: client secrets,
// and all tokens, codes and code verifiers so far.
func (s *Server) Secrets() []string {
	s.accounts.mu.Lock()
	defer s.accounts.mu.Unlock()
	return append([]string(nil), s.accounts.secrets...)
}

// Credentials returns a sign-in of the first user with all scopes that is ready
// to be used.
func (s *Server) Credentials() Credentials { return s.CredentialsOf(0) }

// CredentialsOf returns the ready-made sign-in of a user, counted from 0.
func (s *Server) CredentialsOf(user int) Credentials {
	return Credentials{ClientID: ClientID, ClientSecret: ClientSecret, RefreshToken: s.accounts.ready[user]}
}

// Revoke ends all sign-ins, as a user does who removes the app.
func (s *Server) Revoke() {
	for user := range s.options.Users {
		s.RevokeUser(user)
	}
}

// RevokeUser ends the sign-ins of one user, counted from 0.
func (s *Server) RevokeUser(user int) {
	s.accounts.mu.Lock()
	defer s.accounts.mu.Unlock()
	for token, g := range s.accounts.refresh {
		if g.user == user {
			s.accounts.revoke(token)
		}
	}
	maps.DeleteFunc(s.accounts.access, func(_ string, g grant) bool { return g.user == user })
}

// revoke ends a refresh token; the caller holds the lock.
func (a *accounts) revoke(token string) {
	delete(a.refresh, token)
	a.revoked[token] = true
}

// ExpireAccess ends all access tokens; refresh tokens stay.
func (s *Server) ExpireAccess() {
	s.accounts.mu.Lock()
	defer s.accounts.mu.Unlock()
	for token, g := range s.accounts.access {
		g.ends = s.options.Clock()
		s.accounts.access[token] = g
	}
}

// GrantOnly reduces the ready-made sign-in to some scopes.
func (s *Server) GrantOnly(scopes string) {
	s.accounts.mu.Lock()
	defer s.accounts.mu.Unlock()
	first := s.accounts.ready[0]
	g := s.accounts.refresh[first]
	g.scope = scopes
	s.accounts.refresh[first] = g
	clear(s.accounts.access)
}

// check returns what an access token grants, and whether it has ended; known is
// false for a token that was never issued or has been revoked.
func (a *accounts) check(token string) (g grant, known, ended bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	g, known = a.access[token]
	return g, known, !a.options.Clock().Before(g.ends)
}

func (s *Server) routeAccounts(mux *http.ServeMux) {
	mux.HandleFunc("GET /authorize", s.accounts.consent)
	mux.HandleFunc("POST /authorize", s.accounts.decide)
	mux.HandleFunc("POST /api/token", s.accounts.token)
}

// token serves the three grants.
// https://developer.spotify.com/documentation/web-api/tutorials/refreshing-tokens
func (a *accounts) token(w http.ResponseWriter, r *http.Request) {
	id, secret, confidential := r.BasicAuth()
	if !confidential {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
		confidential = secret != ""
	}
	want, known := secretOf(id)
	if !known || confidential && subtle.ConstantTimeCompare([]byte(secret), []byte(want)) != 1 {
		refuseToken(w, "invalid_client", "Invalid client")
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch r.PostFormValue("grant_type") {
	case "refresh_token":
		a.renew(w, id, r.PostFormValue("refresh_token"))
	case "authorization_code":
		a.exchange(w, r, id, confidential)
	case "client_credentials":
		a.grantApp(w, id, confidential)
	default:
		refuseToken(w, "unsupported_grant_type", "grant_type parameter is missing or unknown")
	}
}

func (a *accounts) renew(w http.ResponseWriter, client, refresh string) {
	g, ok := a.refresh[refresh]
	switch {
	case refresh == "":
		refuseToken(w, "invalid_request", "refresh_token must be supplied")
		return
	case a.revoked[refresh]:
		refuseToken(w, "invalid_grant", "Refresh token revoked")
		return
	case !ok || g.client != client:
		refuseToken(w, "invalid_grant", "Invalid refresh token")
		return
	case a.options.Clock().Sub(g.signed) > signInLife:
		refuseToken(w, "invalid_grant", "Refresh token expired")
		return
	}
	next := ""
	if a.options.Rotate {
		next = a.secret("refresh-")
		a.revoke(refresh)
		a.refresh[next] = g
	}
	a.issue(w, g, next)
}

func (a *accounts) exchange(w http.ResponseWriter, r *http.Request, client string, confidential bool) {
	code, verifier := r.PostFormValue("code"), r.PostFormValue("code_verifier")
	if verifier != "" {
		a.secrets = append(a.secrets, verifier)
	}
	c, ok := a.codes[code]
	delete(a.codes, code)
	sum := sha256.Sum256([]byte(verifier))
	switch {
	case !ok || c.client != client || !a.options.Clock().Before(c.ends):
		refuseToken(w, "invalid_grant", "Invalid authorization code")
	case c.redirect != r.PostFormValue("redirect_uri"):
		refuseToken(w, "invalid_grant", "Invalid redirect URI")
	case c.challenge == "" && !confidential:
		refuseToken(w, "invalid_request", "code_verifier or client secret required")
	case c.challenge != "" && c.challenge != base64.RawURLEncoding.EncodeToString(sum[:]):
		refuseToken(w, "invalid_grant", "code_verifier was incorrect")
	default:
		refresh := a.secret("refresh-")
		a.refresh[refresh] = c.grant
		a.issue(w, c.grant, refresh)
	}
}

func (a *accounts) grantApp(w http.ResponseWriter, client string, confidential bool) {
	if !confidential {
		refuseToken(w, "invalid_client", "Invalid client secret")
		return
	}
	a.issue(w, grant{client: client, user: nobody}, "")
}

// issue answers with a new access token. Like the real service it sends a
// refresh token only with a new sign-in, unless tokens rotate.
func (a *accounts) issue(w http.ResponseWriter, g grant, refresh string) {
	token := a.secret("access-")
	g.ends = a.options.Clock().Add(a.options.TokenLife)
	a.access[token] = g
	answer := map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": int(a.options.TokenLife.Seconds())}
	if g.user != nobody {
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

// AccessToken returns a valid access token of the first user with all scopes.
func (s *Server) AccessToken() string {
	s.accounts.mu.Lock()
	defer s.accounts.mu.Unlock()
	token := s.accounts.secret("access-")
	s.accounts.access[token] = grant{client: ClientID, scope: AllScopes, ends: s.options.Clock().Add(s.options.TokenLife)}
	return token
}
