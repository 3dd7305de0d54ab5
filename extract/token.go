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
	"golang.org/x/oauth2/clientcredentials"
)

// A Token is what is kept of a sign-in. Its secrets do not print.
type Token struct {
	RefreshToken string
	Scopes       []string
	SignedInAt   time.Time // when the user signed in; zero when unknown
	AccessToken  string    // the newest one; may be empty
	RenewAt      time.Time // when it is no longer used, a little before it ends
}

// Usable reports whether the access token can be used: it is there, it is not
// the stale one that the API refused, and it is not about to end.
func (t Token) Usable(stale string, now time.Time) bool {
	return t.AccessToken != "" && t.AccessToken != stale && now.Before(t.RenewAt)
}

// String keeps the token out of texts.
func (Token) String() string { return "[token]" }

// GoString keeps the token out of texts.
func (Token) GoString() string { return "[token]" }

// LogValue keeps the token out of logs.
func (Token) LogValue() slog.Value { return slog.StringValue("[token]") }

// MarshalJSON keeps the token out of JSON.
func (Token) MarshalJSON() ([]byte, error) { return []byte(`"[token]"`), nil }

// A TokenStore keeps the token of one account between runs.
type TokenStore interface {
	// Renew returns the kept token if it is usable (see [Token.Usable]).
	// Otherwise it calls ask with what is kept, and keeps what that returns
	// durably before it returns it. Meanwhile no other goroutine or process
	// renews the same account: many callers cause one request. An error of
	// ask, which is returned as it is, leaves the kept token as it was.
	Renew(ctx context.Context, stale string, ask func(context.Context, Token) (Token, error)) (Token, error)
}

// tokens hands out access tokens and refreshes them, one refresh at a time.
type tokens struct {
	oauth oauth2.Config
	store TokenStore // nil: the app's own token, without a user
	http  *http.Client
	delay time.Duration
	now   func() time.Time
	// notice reports a wait; its result ends it
	notice func(what string) func()
	turn   chan struct{} // held during a refresh

	mu        sync.Mutex
	token     Token
	scoped    bool   // the scopes of token are known
	dead      *Error // an error that another try cannot change
	refreshes int
}

func newTokens(c Config, accounts *url.URL, client *http.Client) *tokens {
	return &tokens{
		oauth: oauthConfig(c, accounts), store: c.Tokens, http: client,
		delay: c.RetryDelay, now: c.Now, turn: make(chan struct{}, 1),
	}
}

func oauthConfig(c Config, accounts *url.URL) oauth2.Config {
	// With the style left open, the library would try both, and send the
	// refresh token twice on every error.
	style := oauth2.AuthStyleInHeader
	if c.ClientSecret == "" {
		style = oauth2.AuthStyleInParams
	}
	return oauth2.Config{
		ClientID: c.ClientID, ClientSecret: c.ClientSecret,
		Endpoint: oauth2.Endpoint{
			AuthURL: accounts.String() + "/authorize", TokenURL: accounts.String() + "/api/token", AuthStyle: style,
		},
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
	if !t.scoped {
		return nil
	}
	return t.token.Scopes
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
	return t.renew(ctx, stale)
}

func (t *tokens) current(stale string) (token string, err error, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dead != nil {
		return "", t.dead, true
	}
	return t.token.AccessToken, nil, t.token.Usable(stale, t.now())
}

// renew takes the token from the store, which asks the token endpoint if it
// must. It ends graceTime after the request that needs it: a new refresh token
// that has come back must be kept.
func (t *tokens) renew(ctx context.Context, stale string) (string, error) {
	lasting, cancel := context.WithTimeout(context.WithoutCancel(ctx), totalTimeout)
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(graceTime, cancel) })()
	fresh, err := t.ask(lasting, stale)
	if err != nil {
		return "", t.remember(err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.token, t.scoped = fresh, t.scoped || fresh.Scopes != nil
	return fresh.AccessToken, nil
}

func (t *tokens) ask(ctx context.Context, stale string) (Token, error) {
	if t.store == nil {
		defer t.notice("Spotify's token endpoint")()
		return t.persist(ctx, t.askForApp)
	}
	fresh, err := t.store.Renew(ctx, stale, func(ctx context.Context, kept Token) (Token, error) {
		return t.persist(ctx, func(ctx context.Context) (Token, error) { return t.refresh(ctx, kept) })
	})
	if _, ok := asError(err); err != nil && !ok {
		return Token{}, fmt.Errorf("renew the access token: %w", err)
	}
	return fresh, err
}

// persist asks a few times when the token endpoint is failing.
func (t *tokens) persist(ctx context.Context, ask func(context.Context) (Token, error)) (Token, error) {
	return persist(ctx, t.delay, func(ctx context.Context) (Token, error) {
		t.mu.Lock()
		t.refreshes++
		t.mu.Unlock()
		return ask(ctx)
	})
}

func persist(ctx context.Context, first time.Duration, ask func(context.Context) (Token, error)) (Token, error) {
	delays := newDelays(first)
	for try := 1; ; try++ {
		fresh, err := ask(ctx)
		if err == nil {
			return fresh, nil
		}
		e, ok := asError(err)
		if ok && (e.Kind != Transient || try == maxTries) {
			e.spent = true // it was repeated here; the request must not repeat it again
		}
		if !ok || e.spent {
			return Token{}, err
		}
		switch cause := sleep(ctx, delays.NextBackOff()); {
		case errors.Is(cause, context.DeadlineExceeded):
			e.spent = true
			return Token{}, e
		case cause != nil:
			return Token{}, cause
		}
	}
}

// refresh exchanges the refresh token. An answer without a new one keeps it.
func (t *tokens) refresh(ctx context.Context, kept Token) (Token, error) {
	if kept.RefreshToken == "" {
		return Token{}, signInError("there is no refresh token")
	}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, t.http)
	fresh, err := t.oauth.TokenSource(ctx, &oauth2.Token{RefreshToken: kept.RefreshToken}).Token()
	if err != nil {
		return Token{}, tokenError(ctx, err)
	}
	return merge(kept, fresh, t.now()), nil
}

// askForApp asks for a token of the app.
// https://developer.spotify.com/documentation/web-api/tutorials/client-credentials-flow
func (t *tokens) askForApp(ctx context.Context) (Token, error) {
	c := clientcredentials.Config{
		ClientID: t.oauth.ClientID, ClientSecret: t.oauth.ClientSecret,
		TokenURL: t.oauth.Endpoint.TokenURL, AuthStyle: t.oauth.Endpoint.AuthStyle,
	}
	fresh, err := c.Token(context.WithValue(ctx, oauth2.HTTPClient, t.http))
	if err != nil {
		return Token{}, tokenError(ctx, err)
	}
	return merge(Token{}, fresh, t.now()), nil
}

// merge completes what is kept by what came back.
func merge(kept Token, fresh *oauth2.Token, now time.Time) Token {
	life := time.Hour
	if !fresh.Expiry.IsZero() {
		life = time.Until(fresh.Expiry)
	}
	kept.AccessToken, kept.RenewAt = fresh.AccessToken, now.Add(life-min(time.Minute, life/2))
	if fresh.RefreshToken != "" {
		kept.RefreshToken = fresh.RefreshToken
	}
	if scope, ok := fresh.Extra("scope").(string); ok && scope != "" {
		kept.Scopes = strings.Fields(scope)
	}
	return kept
}

// remember notes a refusal that is final, so that the endpoint is not asked
// again.
func (t *tokens) remember(err error) error {
	if e, ok := asError(err); ok && (e.Kind == SignIn || e.Kind == Credentials) {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.dead = e
	}
	return err
}

// Refusal is the refusal after which the client asks the token endpoint no more,
// or nil. What is kept may be another sign-in since: a new client asks again.
func (c *Client) Refusal() *Error {
	c.tokens.mu.Lock()
	defer c.tokens.mu.Unlock()
	return c.tokens.dead
}

// tokenError sorts an error of the token endpoint. The library's own text can
// hold the server's answer, and with it secrets; only known fields get through.
func tokenError(ctx context.Context, err error) *Error {
	e := &Error{Kind: Transient, Path: "/api/token"}
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		e.Message, e.Advice = "the token endpoint did not answer", adviceTrouble
		return e
	case ctx.Err() != nil:
		e.Err = ctx.Err()
		return e
	}
	var answer *oauth2.RetrieveError
	var unanswered *url.Error
	switch {
	case errors.As(err, &unanswered):
		t := troubleOf(err, accountsVariable)
		e.Message, e.Advice, e.Err, e.spent = "the token endpoint could not be reached: "+t.why, t.advice, t.err, t.final
		return e
	case !errors.As(err, &answer):
		e.Message, e.Advice = "the token endpoint did not answer as documented", fmt.Sprintf(advicePortal, accountsVariable)
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
		e.Advice = "compare SPOTIFY_CLIENT_ID and SPOTIFY_CLIENT_SECRET with the dashboard (https://developer.spotify.com/dashboard)"
	case e.Status >= 300 && e.Status < 400:
		e.Kind, e.Message = Malformed, "the token endpoint redirected to another address; redirects are not followed"
		e.Advice = fmt.Sprintf(advicePortal, accountsVariable)
	case e.Status >= 400 && e.Status < 500 && e.Status != http.StatusTooManyRequests && e.Status != http.StatusRequestTimeout:
		e.Kind, e.Message = BadRequest, "the token endpoint refused the request"
	default:
		e.Message, e.Advice = "the token endpoint is failing", adviceTrouble
	}
	return e
}

func signInError(message string) *Error {
	return &Error{Kind: SignIn, Path: "/api/token", Message: message, Advice: "sign in again"}
}
