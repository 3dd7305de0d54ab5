package signin_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tracklake/tracklake/accounts/signin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCheckRedirect(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"http://127.0.0.1:8888/callback":          "",
		"http://127.0.0.1/callback":               "",
		"http://127.0.0.1:8888":                   "",
		"http://[::1]:8888/callback":              "",
		"http://localhost:8888/callback":          "localhost, which Spotify does not allow",
		"http://LOCALHOST.:8888/callback":         "localhost, which Spotify does not allow",
		"https://127.0.0.1:8888/callback":         "must begin with http://127.0.0.1",
		"http://127.0.0.1.evil.test/callback":     "not on this machine",
		"http://0.0.0.0:8888/callback":            "not on this machine",
		"http://192.168.1.2:8888/callback":        "not on this machine",
		"http://127.0.0.1@evil.test/callback":     "not on this machine",
		"http://user@127.0.0.1/callback":          "must be plain",
		"http://127.0.0.1:8888/callback?x=1":      "must be plain",
		"http://127.0.0.1:8888/callback#fragment": "must be plain",
		"ftp://127.0.0.1/callback":                "must begin with http://127.0.0.1",
		"callback":                                "not a URL",
		"":                                        "not a URL",
	} {
		err := signin.CheckRedirect(address)
		var told *signin.Error
		if want == "" && err != nil || want != "" && (!errors.As(err, &told) || !strings.Contains(err.Error(), want) || told.Hint() == "") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// received is one answer and how the receiver ended.
type received struct {
	answer url.Values
	err    error
}

func receive(t *testing.T, redirect string, finish func(url.Values) (string, error)) (*signin.Receiver, <-chan received) {
	t.Helper()
	r, err := signin.Listen(t.Context(), redirect)
	if err != nil {
		t.Fatal(err)
	}
	out := make(chan received, 1)
	go func() {
		var got received
		got.err = r.Receive(t.Context(), "s", func(_ context.Context, q url.Values) (string, error) {
			got.answer = q
			return finish(q)
		})
		out <- got
	}()
	return r, out
}

func get(t *testing.T, address, host string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Close = true
	if host != "" {
		r.Host = host
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(body)
}

func TestReceiverTakesOneAnswer(t *testing.T) {
	t.Parallel()
	for _, redirect := range []string{"http://127.0.0.1/callback", "http://[::1]/back", "http://127.0.0.1"} {
		r, ended := receive(t, redirect, func(url.Values) (string, error) { return "It is <you>.", nil })
		base := r.Redirect()
		u, err := url.Parse(base)
		if err != nil || u.Port() == "" {
			t.Fatalf("%s: %v", base, err)
		}
		if status, _, _ := get(t, "http://"+u.Host+"/favicon.ico", ""); status != http.StatusNotFound {
			t.Errorf("another path: %d", status)
		}
		if status, _, _ := get(t, base+"?code=x&state=s", "evil.test"); status != http.StatusBadRequest {
			t.Errorf("another host: %d", status)
		}
		status, header, body := get(t, base+"?code=c&state=s", "")
		if status != http.StatusOK || !strings.Contains(body, "Connected") || !strings.Contains(body, "It is &lt;you&gt;.") {
			t.Errorf("%d %s", status, body)
		}
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
			"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
		} {
			if header.Get(name) != want {
				t.Errorf("%s is %q", name, header.Get(name))
			}
		}
		got := <-ended
		if got.err != nil || got.answer.Get("code") != "c" || got.answer.Get("state") != "s" {
			t.Errorf("received %v", got)
		}
		if conn, err := net.DialTimeout("tcp", u.Host, time.Second); err == nil {
			conn.Close()
			t.Error("it still listens")
		}
	}
}

// TestReceiverOnPort80 sends what browsers send: they leave this port out.
func TestReceiverOnPort80(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"127.0.0.1", "127.0.0.1:80"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		r := signin.NewReceiver(l, &url.URL{Scheme: "http", Host: "127.0.0.1:80", Path: "/callback"})
		ended := make(chan error, 1)
		go func() {
			ended <- r.Receive(t.Context(), "s", func(context.Context, url.Values) (string, error) { return "you", nil })
		}()
		if status, _, _ := get(t, "http://"+l.Addr().String()+"/callback?code=x&state=s", "127.0.0.1:8080"); status != http.StatusBadRequest {
			t.Errorf("another port: %d", status)
		}
		if status, _, body := get(t, "http://"+l.Addr().String()+"/callback?code=x&state=s", host); status != http.StatusOK {
			t.Fatalf("%s: %d %s", host, status, body)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func TestReceiverTellsWhyNot(t *testing.T) {
	t.Parallel()
	why := errors.New(`no: <script>alert("x")</script>`)
	r, ended := receive(t, "http://127.0.0.1/callback", func(url.Values) (string, error) { return "", why })
	status, _, body := get(t, r.Redirect()+"?state=s&error=<script>alert(1)</script>", "")
	if status != http.StatusBadRequest || strings.Contains(body, "<script") || !strings.Contains(body, "&lt;script&gt;") {
		t.Errorf("%d %s", status, body)
	}
	if got := <-ended; !errors.Is(got.err, why) {
		t.Errorf("received %v", got)
	}
}

// TestReceiverIgnoresOtherAnswers sends what any page can make the browser send.
func TestReceiverIgnoresOtherAnswers(t *testing.T) {
	t.Parallel()
	finished := 0
	r, ended := receive(t, "http://127.0.0.1/callback", func(url.Values) (string, error) { finished++; return "you", nil })
	for _, query := range []string{"", "?", "?code=x", "?code=x&state=", "?code=x&state=guess", "?code=x&state=s&state=s", "?code=x&state=s&state=guess", "?error=access_denied", "?error=access_denied&state=S"} {
		status, _, body := get(t, r.Redirect()+query, "")
		if status != http.StatusBadRequest || !strings.Contains(body, "Not this sign-in") || finished != 0 {
			t.Errorf("%s: %d %s", query, status, body)
		}
	}
	if status, _, _ := get(t, r.Redirect()+"?code=c&state=s", ""); status != http.StatusOK {
		t.Errorf("the answer: %d", status)
	}
	if got := <-ended; got.err != nil || got.answer.Get("code") != "c" {
		t.Errorf("received %v", got)
	}
}

// TestReceiverTakesNoSecondAnswer sends another answer with the right state while
// the first one is being used.
func TestReceiverTakesNoSecondAnswer(t *testing.T) {
	t.Parallel()
	using, use := make(chan string, 2), make(chan struct{})
	r, ended := receive(t, "http://127.0.0.1/callback", func(q url.Values) (string, error) {
		using <- q.Get("code")
		<-use
		return "you", nil
	})
	first := make(chan int, 1)
	go func() {
		resp, err := http.Get(r.Redirect() + "?code=first&state=s")
		if err != nil {
			t.Error(err)
			first <- 0
			return
		}
		resp.Body.Close()
		first <- resp.StatusCode
	}()
	if code := <-using; code != "first" {
		t.Fatalf("code %q", code)
	}
	if status, _, body := get(t, r.Redirect()+"?code=second&state=s", ""); status != http.StatusConflict || !strings.Contains(body, "Already answered") {
		t.Errorf("%d %s", status, body)
	}
	close(use)
	if status := <-first; status != http.StatusOK {
		t.Errorf("the first answer: %d", status)
	}
	if got := <-ended; got.err != nil || got.answer.Get("code") != "first" || len(using) != 0 {
		t.Errorf("received %v, and %d more", got, len(using))
	}
}

func TestReceiverEndsWithItsContext(t *testing.T) {
	t.Parallel()
	r, err := signin.Listen(t.Context(), "http://127.0.0.1/callback")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = r.Receive(ctx, "s", func(context.Context, url.Values) (string, error) { return "", nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
}

func TestListenOnAPortInUse(t *testing.T) {
	t.Parallel()
	r, err := signin.Listen(t.Context(), "http://127.0.0.1/callback")
	if err != nil {
		t.Fatal(err)
	}
	_, err = signin.Listen(t.Context(), r.Redirect())
	var told *signin.Error
	if !errors.As(err, &told) || !strings.Contains(err.Error(), "another program uses that port") || !strings.Contains(told.Hint(), "--no-browser") {
		t.Errorf("error = %v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := r.Close(); err != nil {
		t.Errorf("closing it again: %v", err)
	}
}

func TestPasted(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"http://127.0.0.1:8888/callback?code=c&state=s\n":   "code=c&state=s",
		"  \"http://127.0.0.1:8888/callback?code=c\" ":      "code=c",
		"http://127.0.0.1:8888/callback?code=c&state=s#_=_": "code=c&state=s",
		"?code=c&state=s":                   "code=c&state=s",
		"code=c&state=s":                    "code=c&state=s",
		"AQD-c_1":                           "code=AQD-c_1",
		"http://x/?error=access_denied":     "error=access_denied",
		"":                                  "",
		"\n":                                "",
		"http://127.0.0.1:8888/callback":    "",
		"http://x/?state=s":                 "",
		"two words":                         "",
		"http://127.0.0.1:8888/cb?code=%zz": "",
	} {
		got, withState, err := signin.Pasted(text)
		if got.Encode() != want || (err == nil) != (want != "") || withState != strings.Contains(want, "state") {
			t.Errorf("%q: %v, %v, %v", text, got, withState, err)
		}
	}
}
