// Package signin receives what the browser brings back from a sign-in: on a
// loopback listener, or as text that a user pastes.
//
// It knows nothing of tokens, of jobs, or of where accounts are kept.
package signin

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Patience is how long a receiver waits for the user.
const Patience = 5 * time.Minute

// An Error says why a sign-in cannot begin, or what was pasted cannot be used.
type Error struct{ Message, Advice string }

func (e *Error) Error() string { return e.Message }

// Hint is the next step for the user.
func (e *Error) Hint() string { return e.Advice }

// CheckRedirect refuses redirect addresses that Spotify does not take, or that
// no listener on this machine can serve.
// https://developer.spotify.com/documentation/web-api/concepts/redirect_uri
func CheckRedirect(address string) error {
	advice := "set SPOTIFY_REDIRECT_URI to http://127.0.0.1:8888/callback and enter the same in the app's settings (https://developer.spotify.com/dashboard)"
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return &Error{"the redirect address is not a URL", advice}
	}
	ip := net.ParseIP(u.Hostname())
	switch {
	case strings.EqualFold(strings.TrimSuffix(u.Hostname(), "."), "localhost"):
		return &Error{"the redirect address names localhost, which Spotify does not allow: the name could lead to another machine; use the number 127.0.0.1", advice}
	case u.Scheme != "http" || ip == nil || !ip.Equal(net.IPv4(127, 0, 0, 1)) && !ip.Equal(net.IPv6loopback):
		return &Error{fmt.Sprintf("the redirect address %s://%s is not on this machine; it must begin with http://127.0.0.1 or http://[::1]", u.Scheme, u.Host), advice}
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return &Error{"the redirect address must be plain: http://127.0.0.1:PORT/PATH", advice}
	}
	return nil
}

// A Receiver listens on the redirect address for one answer.
type Receiver struct {
	listener net.Listener
	redirect *url.URL
}

// Listen begins to listen. An address without a port gets one that is free.
// Close or Receive ends it.
func Listen(ctx context.Context, redirect string) (*Receiver, error) {
	if err := CheckRedirect(redirect); err != nil {
		return nil, err
	}
	u, err := url.Parse(redirect)
	if err != nil {
		return nil, fmt.Errorf("read redirect address: %w", err)
	}
	port := u.Port()
	if port == "" {
		port = "0"
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return nil, &Error{
			fmt.Sprintf("cannot listen on %s: %s", u.Host, reason(err)),
			"stop the program that uses the port, or choose another port in SPOTIFY_REDIRECT_URI and in the app's settings, or sign in with --no-browser",
		}
	}
	if u.Port() == "" {
		_, port, _ = net.SplitHostPort(l.Addr().String())
		u.Host = net.JoinHostPort(u.Hostname(), port)
	}
	return &Receiver{listener: l, redirect: u}, nil
}

func reason(err error) string {
	if errors.Is(err, syscall.EADDRINUSE) {
		return "another program uses that port"
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err.Error()
	}
	return err.Error()
}

// Redirect is the address that the browser is to be sent back to.
func (r *Receiver) Redirect() string { return r.redirect.String() }

// Close ends a receiver that is not needed any more.
func (r *Receiver) Close() error {
	if err := r.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("stop listening: %w", err)
	}
	return nil
}

// ErrNoAnswer says that the user did not come back in time.
var ErrNoAnswer = errors.New("no sign-in within five minutes")

// Receive waits for the first answer with the state of this sign-in, hands it to
// finish, and shows in the browser what that returns: who is connected, or the
// error. It returns the error of finish, [ErrNoAnswer], or that of ctx. The listener
// is closed when it returns. Any page can lead the browser here, so an answer with
// another state ends nothing.
func (r *Receiver) Receive(ctx context.Context, state string, finish func(context.Context, url.Values) (who string, err error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, Patience, ErrNoAnswer)
	defer cancel()
	a := &answers{host: plainHost(r.redirect.Host), path: r.redirect.Path, state: state, finish: finish, done: make(chan error, 1), ctx: ctx}
	if a.path == "" {
		a.path = "/"
	}
	server := &http.Server{
		Handler: a, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10,
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(r.listener); !errors.Is(err, http.ErrServerClosed) {
			a.end(fmt.Errorf("serve the answer page: %w", err))
		}
	})
	defer serving.Wait()
	var err error
	select {
	case err = <-a.done:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	// The page is on its way; let it arrive before everything ends.
	ending, stop := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer stop()
	if server.Shutdown(ending) != nil {
		_ = server.Close() // a browser may keep its connection
	}
	return err
}

// answers serves the redirect address.
type answers struct {
	host, path, state string
	finish            func(context.Context, url.Values) (string, error)
	ctx               context.Context // of the sign-in, which outlives a browser that disconnects
	done              chan error
	answered          atomic.Bool
}

func (a *answers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Connection", "close")
	switch {
	case plainHost(r.Host) != a.host: // a foreign page that was led here by its name
		show(w, http.StatusBadRequest, page{Title: "Not here", Text: "This address belongs to a sign-in of exporter."})
	case r.URL.Path != a.path || r.Method != http.MethodGet:
		show(w, http.StatusNotFound, page{Title: "Nothing here", Text: "This address belongs to a sign-in of exporter."})
	case !a.hasState(r.URL.Query()):
		show(w, http.StatusBadRequest, page{
			Title: "Not this sign-in", Text: "This answer does not belong to the sign-in that the terminal waits for, so it was ignored.",
			Next: "To sign in, open the address that the terminal shows.",
		})
	case a.answered.Swap(true):
		show(w, http.StatusConflict, page{Title: "Already answered", Text: "This sign-in already has an answer. Return to the terminal."})
	default:
		a.answer(w, r.URL.Query())
	}
}

// plainHost drops the port that browsers leave out.
func plainHost(host string) string { return strings.TrimSuffix(host, ":80") }

// hasState reports whether an answer belongs to the sign-in.
func (a *answers) hasState(query url.Values) bool {
	state := query["state"]
	return len(state) == 1 && subtle.ConstantTimeCompare([]byte(state[0]), []byte(a.state)) == 1
}

func (a *answers) answer(w http.ResponseWriter, query url.Values) {
	who, err := a.finish(a.ctx, query)
	if err != nil {
		show(w, http.StatusBadRequest, page{Title: "Not connected", Text: err.Error(), Next: "You can close this page. The terminal says what to do."})
	} else {
		show(w, http.StatusOK, page{Good: true, Title: "Connected", Text: who, Next: "You can close this page and go back to the terminal."})
	}
	a.end(err)
}

func (a *answers) end(err error) {
	select {
	case a.done <- err:
	default: // it has ended already
	}
}

// Pasted reads what a user pastes: the address that the browser was sent to, or
// the bare code. An address brings its state with it, which is to be checked; a
// code has none, so withState is false.
func Pasted(text string) (answer url.Values, withState bool, err error) {
	text = strings.Trim(strings.TrimSpace(text), `"'<>`)
	switch {
	case text == "":
		return nil, false, &Error{"nothing was pasted", "run it again and paste the address that the browser shows after you agreed"}
	case strings.ContainsAny(text, " \t\n"):
		return nil, false, &Error{"what was pasted is neither an address nor a code", "copy the whole address from the browser's address bar"}
	case !strings.ContainsAny(text, "?=&/:"):
		return url.Values{"code": {text}}, false, nil
	}
	_, query, found := strings.Cut(text, "?")
	if !found {
		query = text
	}
	query, _, _ = strings.Cut(query, "#")
	answer, err = url.ParseQuery(query)
	if err != nil || !answer.Has("code") && !answer.Has("error") {
		return nil, false, &Error{"the pasted address has no code", "copy the whole address that the browser shows after you agreed; it has code= in it"}
	}
	return answer, answer.Has("state"), nil
}
