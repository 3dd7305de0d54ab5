package extract_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tracklake/tracklake/extract"
)

// TestNothingIsSentElsewhere leads requests with tokens to another host.
func TestNothingIsSentElsewhere(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, path := range []string{"/v1/", "/api/token"} {
			var elsewhere atomic.Int32
			other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
			defer other.Close()
			spotify := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.URL.Path, path) {
					http.Redirect(w, r, other.URL+r.URL.Path, status)
					return
				}
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write([]byte(`{"access_token":"a","token_type":"Bearer","expires_in":3600,"refresh_token":"r"}`))
			}))
			defer spotify.Close()
			config := extract.Config{
				ClientID: "c", ClientSecret: "s", APIURL: spotify.URL + "/v1", AccountsURL: spotify.URL, RetryDelay: time.Millisecond,
				Tokens: extract.NewFixedToken(extract.Token{RefreshToken: "r"}),
			}
			client, err := extract.New(config)
			if err != nil {
				t.Fatal(err)
			}
			defer client.CloseIdle()
			if _, err := extract.Get[struct{}](t.Context(), client, extract.Endpoint{Path: "/me", Bucket: "me"}); err == nil || !strings.Contains(err.Error(), "redirected to another address") {
				t.Errorf("%d of %s: %v", status, path, err)
			}
			a, err := extract.NewAuthorization(config, redirect, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := a.Exchange(t.Context(), "code"); (err == nil) == (path == "/api/token") {
				t.Errorf("%d of %s: %v", status, path, err)
			}
			if n := elsewhere.Load(); n != 0 {
				t.Errorf("%d of %s: %d requests went elsewhere", status, path, n)
			}
		}
	}
}
