package extract_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/simulate"
)

const redirect = "http://127.0.0.1:8888/callback"

// authorization is a simulated Spotify with a sign-in to it.
func authorization(t *testing.T, change func(*extract.Config)) (*simulate.Server, *extract.Authorization) {
	t.Helper()
	var config extract.Config
	b := setup(t, small(10), func(c *extract.Config) {
		if change != nil {
			change(c)
		}
		config = *c
	})
	a, err := extract.NewAuthorization(config, redirect, []string{"user-library-read"})
	if err != nil {
		t.Fatal(err)
	}
	return b.sim, a
}

// agree opens the address as a browser would, and returns the answer.
func agree(t *testing.T, address string) url.Values {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.PostForm(address, url.Values{"answer": {"agree"}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		t.Fatalf("status %d: %v", resp.StatusCode, err)
	}
	return back.Query()
}

func TestAuthorization(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*extract.Config){
		"with a secret":    nil,
		"without a secret": func(c *extract.Config) { c.ClientSecret = "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sim, a := authorization(t, change)
			code, err := a.Code(agree(t, a.URL()))
			if err != nil {
				t.Fatal(err)
			}
			token, err := a.Exchange(t.Context(), code)
			if err != nil {
				t.Fatal(err)
			}
			if token.RefreshToken == "" || token.AccessToken == "" || !slices.Equal(token.Scopes, []string{"user-library-read"}) ||
				time.Since(token.SignedInAt) > time.Minute || !token.Usable("", time.Now()) {
				t.Errorf("token %+v with scopes %v", token, token.Scopes)
			}
			if n := sim.Count("/api/token"); n != 1 {
				t.Errorf("%d token requests", n)
			}
			_, err = a.Exchange(t.Context(), code)
			var refused *extract.RefusedError
			if !errors.As(err, &refused) || !strings.Contains(refused.Message, "was used before") || refused.Advice == "" {
				t.Errorf("a code that was used: %v", err)
			}
			for _, secret := range append(sim.Secrets(), code) {
				if strings.Contains(err.Error(), secret) || strings.Contains(fmt.Sprintf("%v %+v %#v %v", a, a, a, slog.AnyValue(a).Resolve()), secret) {
					t.Error("a secret is shown")
				}
			}
		})
	}
}

func TestAuthorizationsDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		a, err := extract.NewAuthorization(extract.Config{ClientID: "c"}, redirect, nil)
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(a.URL())
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		if q.Get("code_challenge_method") != "S256" || len(q.Get("state")) < 26 || len(q.Get("code_challenge")) != 43 || q.Has("code_verifier") {
			t.Fatalf("%v", q)
		}
		if seen[q.Get("state")] || seen[q.Get("code_challenge")] {
			t.Fatal("two are the same")
		}
		seen[q.Get("state")], seen[q.Get("code_challenge")] = true, true
	}
}

func TestAuthorizationRefusesAnswers(t *testing.T) {
	t.Parallel()
	sim, a := authorization(t, nil)
	good := agree(t, a.URL())
	state := good.Get("state")
	for name, q := range map[string]url.Values{
		"no state":        {"code": {"x"}},
		"empty state":     {"code": {"x"}, "state": {""}},
		"wrong state":     {"code": {"x"}, "state": {"wrong"}},
		"longer state":    {"code": {"x"}, "state": {state + "x"}},
		"state twice":     {"code": {"x"}, "state": {state, state}},
		"code twice":      {"code": {"x", "y"}, "state": {state}},
		"error, no state": {"error": {"access_denied"}},
	} {
		if code, err := a.Code(q); err == nil || code != "" || strings.Contains(err.Error(), state) {
			t.Errorf("%s: %q, %v", name, code, err)
		}
	}
	if _, err := a.PastedCode(url.Values{"code": {"x"}, "state": {"wrong"}}); err == nil {
		t.Error("a pasted answer with a wrong state was taken")
	}
	if code, err := a.Code(good); err != nil || code != good.Get("code") {
		t.Errorf("the good one: %v", err)
	}
	if _, err := a.Code(good); err == nil || !strings.Contains(err.Error(), "already has an answer") {
		t.Errorf("the good one again: %v", err)
	}
	if n := sim.Count("/api/token"); n != 0 {
		t.Errorf("%d token requests", n)
	}
	for name, test := range map[string]struct {
		answer url.Values
		want   string
	}{
		"denied":      {url.Values{"error": {"access_denied"}}, "you did not agree"},
		"other error": {url.Values{"error": {"server_error\x1b[2J"}}, "did not let you sign in (server_error [2J)"},
		"no code":     {url.Values{}, "has no code"},
	} {
		_, a := authorization(t, nil)
		test.answer.Set("state", agree(t, a.URL()).Get("state"))
		if _, err := a.Code(test.answer); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAuthorizationMeetsTrouble(t *testing.T) {
	t.Parallel()
	for fault, test := range map[string]struct {
		want     string // in the error; empty: it goes well
		requests int
	}{
		"status:arg=503,path=/api/token,times=2": {"", 3},
		"html:arg=503,path=/api/token,times=2":   {"", 3},
		"html:arg=503,path=/api/token":           {"the token endpoint is failing", 5},
		"echo:path=/api/token":                   {"the token endpoint is failing", 5},
		"redirect:arg=307,path=/api/token":       {"redirected to another address", 1},
		"redirect:path=/api/token":               {"redirected to another address", 1},
		"norefresh":                              {"sent no refresh token", 1},
		"client":                                 {"does not accept the client ID or secret", 1},
		"empty:path=/api/token":                  {"did not answer as documented", 5},
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			sim, a := authorization(t, nil)
			f, err := simulate.ParseFault(fault)
			if err != nil {
				t.Fatal(err)
			}
			sim.Inject(f)
			code, err := a.Code(agree(t, a.URL()))
			if err != nil {
				t.Fatal(err)
			}
			_, err = a.Exchange(t.Context(), code)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("error = %v", err)
			}
			if n := sim.Count("/api/token"); n != test.requests {
				t.Errorf("%d requests, want %d", n, test.requests)
			}
			if err == nil {
				return
			}
			for _, secret := range append(sim.Secrets(), code) {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%v tells a secret", err)
				}
			}
		})
	}
}

func TestATokenOfTheApp(t *testing.T) {
	t.Parallel()
	b := setup(t, small(10), func(c *extract.Config) { c.Tokens = nil })
	type artist struct{ ID string }
	read := func(path, bucket string) error {
		_, err := extract.Get[artist](t.Context(), b.client, extract.Endpoint{Path: path, Bucket: bucket})
		return err
	}
	for range 3 {
		if err := read("/artists/"+b.sim.Artists()[0], "artists"); err != nil {
			t.Fatal(err)
		}
	}
	if n := b.sim.Count("/api/token"); n != 1 {
		t.Errorf("%d token requests", n)
	}
	b.sim.ExpireAccess()
	if err := read("/artists/"+b.sim.Artists()[1], "artists"); err != nil {
		t.Error(err)
	}
	if err := read("/me", "me"); kindOf(t, err).Kind != extract.SignIn {
		t.Errorf("a user's data: %v", err)
	}
	if _, err := extract.New(extract.Config{ClientID: "c"}); err == nil || !strings.Contains(err.Error(), "SPOTIFY_CLIENT_SECRET") {
		t.Errorf("without a secret: %v", err)
	}
}
