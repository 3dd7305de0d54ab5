package extract

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// An Authorization is one attempt of a user to sign in: an authorization code with
// PKCE, and with the client secret if there is one. It never prints its secrets.
// https://developer.spotify.com/documentation/web-api/tutorials/code-pkce-flow
type Authorization struct {
	oauth    oauth2.Config
	http     *http.Client
	delay    time.Duration
	now      func() time.Time
	state    string // 130 random bits
	verifier string

	mu       sync.Mutex
	answered bool
}

// NewAuthorization prepares a sign-in to the app of c that asks for some scopes. The
// browser is sent back to redirect, which must be registered for the app.
func NewAuthorization(c Config, redirect string, scopes []string) (*Authorization, error) {
	c.complete()
	accounts, err := serviceURL("accounts", c.AccountsURL)
	if err != nil {
		return nil, err
	}
	s := &Authorization{
		oauth: oauthConfig(c, accounts), delay: c.RetryDelay, now: c.Now,
		http:  &http.Client{Transport: newTransport(1), CheckRedirect: stay, Timeout: time.Minute},
		state: rand.Text(), verifier: oauth2.GenerateVerifier(),
	}
	s.oauth.RedirectURL, s.oauth.Scopes = redirect, scopes
	return s, nil
}

// String keeps state and verifier out of texts.
func (*Authorization) String() string { return "[authorization]" }

// GoString keeps state and verifier out of texts.
func (*Authorization) GoString() string { return "[authorization]" }

// LogValue keeps state and verifier out of logs.
func (*Authorization) LogValue() slog.Value { return slog.StringValue("[authorization]") }

// URL is the address at which the user agrees.
func (s *Authorization) URL() string {
	return s.oauth.AuthCodeURL(s.state, oauth2.S256ChallengeOption(s.verifier))
}

// State is what the answer to this sign-in must bring back. An answer without it
// belongs to another sign-in.
func (s *Authorization) State() string { return s.state }

// A RefusedError says why an answer to a sign-in connects no account, and what to do
// when signing in again. Its text is safe to show: nothing that the browser brought
// is in it.
type RefusedError struct{ Message, Advice string }

func (e *RefusedError) Error() string { return e.Message }

// Hint is the next step for the user.
func (e *RefusedError) Hint() string { return e.Advice }

// Code takes the code out of what the browser brought back to the redirect
// address. Only the first answer counts.
func (s *Authorization) Code(answer url.Values) (string, error) { return s.code(answer, true) }

// PastedCode takes the code out of what a user pasted, in which the state may
// be missing. The code verifier still ties the code to this sign-in.
func (s *Authorization) PastedCode(answer url.Values) (string, error) {
	return s.code(answer, answer.Has("state"))
}

func (s *Authorization) code(answer url.Values, withState bool) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	const again = "sign in again"
	for _, name := range []string{"state", "code", "error"} {
		if len(answer[name]) > 1 {
			return "", &RefusedError{"the answer names " + name + " twice; it was not used", again}
		}
	}
	switch {
	case s.answered:
		return "", &RefusedError{"this sign-in already has an answer", again}
	case withState && subtle.ConstantTimeCompare([]byte(answer.Get("state")), []byte(s.state)) != 1:
		return "", &RefusedError{"the answer does not belong to this sign-in (its state differs); it was ignored", again + " and use only the address that is shown then"}
	}
	s.answered = true
	switch {
	case answer.Get("error") == "access_denied":
		return "", &RefusedError{"you did not agree, so nothing was connected", again + " and choose Agree"}
	case answer.Get("error") != "":
		return "", &RefusedError{"Spotify did not let you sign in (" + snippet([]byte(answer.Get("error"))) + ")", again}
	case answer.Get("code") == "":
		return "", &RefusedError{"the answer has no code", again}
	}
	return answer.Get("code"), nil
}

// Exchange turns a code into a token. A code can be exchanged once, within ten
// minutes. A failing server is asked a few times.
func (s *Authorization) Exchange(ctx context.Context, code string) (Token, error) {
	fresh, err := persist(ctx, s.delay, func(ctx context.Context) (Token, error) {
		client := context.WithValue(ctx, oauth2.HTTPClient, s.http)
		answer, err := s.oauth.Exchange(client, code, oauth2.VerifierOption(s.verifier))
		if err != nil {
			return Token{}, exchangeError(ctx, err)
		}
		now := s.now()
		return merge(Token{SignedInAt: now}, answer, now), nil
	})
	if err != nil {
		return Token{}, err
	}
	if fresh.RefreshToken == "" {
		return Token{}, &RefusedError{"Spotify sent no refresh token, so nothing was connected", "sign in again"}
	}
	if fresh.Scopes == nil { // an answer without scopes grants those asked for (RFC 6749, 5.1)
		fresh.Scopes = s.oauth.Scopes
	}
	return fresh, nil
}

// exchangeError is a tokenError in the words of a sign-in.
func exchangeError(ctx context.Context, err error) error {
	e := tokenError(ctx, err)
	if e.Kind == SignIn {
		return &RefusedError{"Spotify does not accept the code: it was used before, is older than ten minutes, or belongs to another sign-in", "sign in again"}
	}
	return e
}
