package extract_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/internal/tcpproxy"
)

// TestTroubleHasACause asks an API, and a token endpoint, that cannot be reached, and
// looks for the cause and the next step.
func TestTroubleHasACause(t *testing.T) {
	t.Parallel()
	portal := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html>Welcome to our hotel</html>"))
	}))
	t.Cleanup(portal.Close)
	asks := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNetworkAuthenticationRequired)
	}))
	t.Cleanup(asks.Close)
	secure := httptest.NewTLSServer(nil)
	t.Cleanup(secure.Close)
	for name, c := range map[string]struct{ address, says, hint string }{
		"no such host":      {"https://tracklake.invalid", "there is no host named tracklake.invalid", "check that this machine is online"},
		"refused":           {"http://" + tcpproxy.FreeAddress(t), "nothing listens there (connection refused)", "firewall"},
		"untrusted":         {secure.URL, "the TLS certificate is not trusted (unknown authority)", "ca-certificates"},
		"no TLS":            {strings.Replace(portal.URL, "http:", "https:", 1), "the server does not speak TLS", "open a web page in a browser"},
		"cut":               {"http://" + cutting(t), "no answer", "try again later"},
		"captive portal":    {portal.URL, "", "open a web page in a browser"},
		"network's sign-in": {asks.URL, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for variable, err := range map[string]error{"SPOTIFY_API_URL": askAPI(t, c.address), "SPOTIFY_ACCOUNTS_URL": askToken(t, c.address)} {
				e := &extract.Error{}
				if !errors.As(err, &e) || !strings.Contains(err.Error(), c.says) || !strings.Contains(e.Hint(), c.hint) {
					t.Errorf("%s: %v\nhint: %s", variable, err, e.Hint())
				}
				if strings.Contains(e.Hint(), "SPOTIFY") && !strings.Contains(e.Hint(), variable) {
					t.Errorf("%s: the hint is about another variable: %s", variable, e.Hint())
				}
			}
		})
	}
	if err := askAPI(t, asks.URL); !strings.Contains(err.Error(), "the network wants you to sign in to it") {
		t.Errorf("511: %v", err)
	}
}

// askAPI makes one request of the API.
func askAPI(t *testing.T, address string) error {
	t.Helper()
	return ask(t, extract.Config{
		ClientID: "client", APIURL: address + "/v1", AccountsURL: address, RetryDelay: time.Millisecond,
		Tokens: extract.NewFixedToken(extract.Token{AccessToken: "access", RenewAt: time.Now().Add(time.Hour)}),
	})
}

// askToken makes one that needs a token first.
func askToken(t *testing.T, address string) error {
	t.Helper()
	return ask(t, extract.Config{
		ClientID: "client", ClientSecret: "secret", APIURL: "http://127.0.0.1:1/v1", AccountsURL: address, RetryDelay: time.Millisecond,
	})
}

func ask(t *testing.T, config extract.Config) error {
	t.Helper()
	client, err := extract.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdle)
	_, err = extract.Get[struct{}](t.Context(), client, extract.Endpoint{Path: "/me", Bucket: "me"})
	return err
}

// cutting is the address of a server that hangs up.
func cutting(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}
