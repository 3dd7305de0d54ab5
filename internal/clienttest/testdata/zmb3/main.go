// Program zmb3 signs in with github.com/zmb3/spotify and walks all lists; see
// ../../clients_test.go.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/zmb3/spotify/v2"
	spotifyauth "github.com/zmb3/spotify/v2/auth"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// A task says what to read, and where.
type task struct {
	API          string
	Accounts     string
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	RedirectURI  string `json:"redirect_uri"`
	Scopes       string
	Artist       spotify.ID
	Album        spotify.ID
	Track        spotify.ID
	Playlists    []spotify.ID
	User         spotify.ID
}

// A result is what a list holds, or how Spotify refuses it.
type result struct {
	IDs     []string `json:"ids,omitempty"`
	Refused string   `json:"refused,omitempty"`
}

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	var t task
	if err := json.Unmarshal([]byte(os.Args[1]), &t); err != nil {
		return err
	}
	// The client has no setting for the Accounts service: its transport sends
	// what is meant for that on.
	ctx = context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Transport: t})
	users, err := t.signIns(ctx)
	if err != nil {
		return err
	}
	app := &clientcredentials.Config{ClientID: t.ClientID, ClientSecret: t.ClientSecret, TokenURL: spotifyauth.TokenURL}
	out := map[string]result{}
	for name, client := range users {
		if out[name], err = read(me(ctx, client)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	artist, err := t.client(app.Client(ctx)).GetArtist(ctx, t.Artist)
	if err != nil {
		return fmt.Errorf("sign in as an app: %w", err)
	}
	out["signed in as an app"] = result{IDs: []string{string(artist.ID)}}
	for name, ids := range t.lists(ctx, users["renewed"]) {
		if out[name], err = read(ids); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

// RoundTrip sends requests for the Accounts service to the simulation.
func (t task) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == "accounts.spotify.com" {
		u, err := url.Parse(t.Accounts)
		if err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.URL.Scheme, r.URL.Host, r.Host = u.Scheme, u.Host, u.Host
	}
	return http.DefaultTransport.RoundTrip(r)
}

func (t task) client(c *http.Client) *spotify.Client {
	return spotify.New(c, spotify.WithBaseURL(t.API+"/"))
}

// signIns signs in with a secret, with PKCE, and with a refresh token.
func (t task) signIns(ctx context.Context) (map[string]*spotify.Client, error) {
	options := []spotifyauth.AuthenticatorOption{
		spotifyauth.WithClientID(t.ClientID), spotifyauth.WithRedirectURL(t.RedirectURI), spotifyauth.WithScopes(strings.Fields(t.Scopes)...),
	}
	public, secret := spotifyauth.New(options...), spotifyauth.New(append(options, spotifyauth.WithClientSecret(t.ClientSecret))...)
	verifier := oauth2.GenerateVerifier()
	byPKCE, err := t.signIn(ctx, public, []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(verifier)}, oauth2.VerifierOption(verifier))
	if err != nil {
		return nil, fmt.Errorf("sign in with PKCE: %w", err)
	}
	byCode, err := t.signIn(ctx, secret, nil)
	if err != nil {
		return nil, fmt.Errorf("sign in with a code: %w", err)
	}
	renewed, err := secret.RefreshToken(ctx, &oauth2.Token{RefreshToken: byCode.RefreshToken})
	if err != nil {
		return nil, fmt.Errorf("renew: %w", err)
	}
	return map[string]*spotify.Client{
		"signed in with PKCE":   t.client(public.Client(ctx, byPKCE)),
		"signed in with a code": t.client(secret.Client(ctx, byCode)),
		"renewed":               t.client(secret.Client(ctx, renewed)),
	}, nil
}

// signIn agrees on the consent page and exchanges the code that comes back.
func (t task) signIn(ctx context.Context, auth *spotifyauth.Authenticator, ask []oauth2.AuthCodeOption, exchange ...oauth2.AuthCodeOption) (*oauth2.Token, error) {
	browser := &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := browser.PostForm(auth.AuthURL("state", ask...), url.Values{"answer": {"agree"}})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		return nil, err
	}
	return auth.Token(ctx, "state", &http.Request{URL: back}, exchange...)
}

// read collects ids. A refusal by the API is a result.
func read(ids iter.Seq2[string, error]) (result, error) {
	var out result
	for id, err := range ids {
		var refusal spotify.Error
		if errors.As(err, &refusal) {
			return result{Refused: fmt.Sprint(refusal.Status, " ", refusal.Message)}, nil
		}
		if err != nil {
			return result{}, err
		}
		out.IDs = append(out.IDs, id)
	}
	return out, nil
}
