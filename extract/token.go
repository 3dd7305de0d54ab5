package extract

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// A Token is what is kept of a sign-in. Its secret does not print.
type Token struct {
	RefreshToken string
	Scopes       []string
	SignedInAt   time.Time // when the user signed in; zero when unknown
}

// String keeps the token out of texts.
func (Token) String() string { return "[token]" }

// GoString keeps the token out of texts.
func (Token) GoString() string { return "[token]" }

// LogValue keeps the token out of logs.
func (Token) LogValue() slog.Value { return slog.StringValue("[token]") }

// MarshalJSON keeps the token out of JSON.
func (Token) MarshalJSON() ([]byte, error) { return []byte(`"[token]"`), nil }

// tokens hands out access tokens and refreshes them, one refresh at a time.
type tokens struct {
	oauth oauth2.Config
	store TokenStore
	http  *http.Client
	delay time.Duration
	turn  chan struct{} // held during a refresh

	mu        sync.Mutex
	access    string
	renewAt   time.Time
	scopes    []string
	dead      *Error // a refusal that asking again cannot change
	refreshes int
}

func newTokens(c Config, accounts *url.URL, client *http.Client) *tokens {
	// With the style left open, the library would try both, and send the
	// refresh token twice on every error.
	style := oauth2.AuthStyleInHeader
	if c.ClientSecret == "" {
		style = oauth2.AuthStyleInParams
	}
	return &tokens{
		oauth: oauth2.Config{
			ClientID: c.ClientID, ClientSecret: c.ClientSecret,
			Endpoint: oauth2.Endpoint{TokenURL: accounts.String() + "/api/token", AuthStyle: style},
		},
		store: c.Tokens, http: client, delay: c.RetryDelay, turn: make(chan struct{}, 1),
	}
}

func (t *tokens) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.refreshes
}

func (t *tokens) granted() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.scopes
}

// get returns a valid access token other than stale, which the API has
// refused. Many callers at once cause one refresh.
func (t *tokens) get(ctx context.Context, stale string) (string, error) {
	if token, err, ok := t.current(stale); ok {
		return token, err
	}
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	if token, err, ok := t.current(stale); ok { // another caller has refreshed
		return token, err
	}
	return t.refresh(ctx)
}

func (t *tokens) current(stale string) (token string, err error, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dead != nil {
		return "", t.dead, true
	}
	return t.access, nil, t.access != "" && t.access != stale && time.Now().Before(t.renewAt)
}

// refresh asks the token endpoint, a few times when it has trouble.
//
// It does not end with the request that needs it: a new refresh token that has
// come back must be kept.
func (t *tokens) refresh(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), totalTimeout)
	defer cancel()
	kept, err := t.store.Load(ctx)
	if err != nil {
		return "", fmt.Errorf("load refresh token: %w", err)
	}
	delays := newDelays(t.delay)
	for try := 1; ; try++ {
		fresh, err := t.ask(ctx, kept.RefreshToken)
		if err == nil {
			return t.keep(ctx, kept, fresh)
		}
		e, ok := asError(err)
		if ok && (e.Kind != Transient || try == maxTries) {
			e.spent = true // it was repeated here; the request must not repeat it again
		}
		if !ok || e.spent {
			return "", err
		}
		if err := sleep(ctx, delays.NextBackOff()); err != nil {
			return "", err
		}
	}
}

func (t *tokens) ask(ctx context.Context, refreshToken string) (*oauth2.Token, error) {
	if refreshToken == "" {
		return nil, t.refused(signInError("there is no refresh token"))
	}
	t.mu.Lock()
	t.refreshes++
	t.mu.Unlock()
	ctx = context.WithValue(ctx, oauth2.HTTPClient, t.http)
	fresh, err := t.oauth.TokenSource(ctx, &oauth2.Token{RefreshToken: refreshToken}).Token()
	if err != nil {
		return nil, t.refused(tokenError(ctx, err))
	}
	return fresh, nil
}

// keep stores a new refresh token before the access token is used.
func (t *tokens) keep(ctx context.Context, kept Token, fresh *oauth2.Token) (string, error) {
	scope, _ := fresh.Extra("scope").(string)
	scopes := strings.Fields(scope)
	if fresh.RefreshToken != "" && fresh.RefreshToken != kept.RefreshToken {
		next := Token{RefreshToken: fresh.RefreshToken, Scopes: scopes, SignedInAt: kept.SignedInAt}
		if err := t.store.Save(ctx, next); err != nil {
			return "", fmt.Errorf("keep the new refresh token: %w", err)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	life := time.Hour
	if !fresh.Expiry.IsZero() {
		life = time.Until(fresh.Expiry)
	}
	t.access, t.renewAt = fresh.AccessToken, time.Now().Add(life-min(time.Minute, life/2))
	if scope != "" {
		t.scopes = scopes
	}
	return t.access, nil
}

// refused remembers a refusal that is final, so that the endpoint is not asked
// again.
func (t *tokens) refused(e *Error) error {
	if e.Kind == SignIn || e.Kind == Credentials {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.dead = e
	}
	return e
}

// tokenError sorts an error of the token endpoint. The library's own text can
// hold the server's answer, and with it secrets; only known fields get through.
func tokenError(ctx context.Context, err error) *Error {
	e := &Error{Kind: Transient, Path: "/api/token"}
	if ctx.Err() != nil {
		e.Err = ctx.Err()
		return e
	}
	var answer *oauth2.RetrieveError
	if !errors.As(err, &answer) {
		e.Message = "the token endpoint could not be reached or did not answer as documented"
		return e
	}
	if answer.Response != nil {
		e.Status = answer.Response.StatusCode
	}
	switch {
	case answer.ErrorCode == "invalid_grant":
		return signInError("the sign-in has ended: the refresh token expired or was revoked")
	case answer.ErrorCode == "invalid_client":
		e.Kind, e.Message = Credentials, "Spotify does not accept the client ID or secret"
		e.Hint = "compare SPOTIFY_CLIENT_ID and SPOTIFY_CLIENT_SECRET with the dashboard (https://developer.spotify.com/dashboard)"
	case e.Status >= 300 && e.Status < 400:
		e.Kind, e.Message = Malformed, "the token endpoint redirected elsewhere, which is not followed"
	case e.Status >= 400 && e.Status < 500 && e.Status != http.StatusTooManyRequests && e.Status != http.StatusRequestTimeout:
		e.Kind, e.Message = BadRequest, "the token endpoint refused the request"
	default:
		e.Message = "the token endpoint has trouble"
	}
	return e
}

func signInError(message string) *Error {
	return &Error{
		Kind: SignIn, Path: "/api/token", Message: message,
		Hint: "sign in again and set SPOTIFY_REFRESH_TOKEN to the new refresh token (README, \"Connect your account\")",
	}
}
