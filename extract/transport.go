package extract

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
)

// Bounds of one request.
const (
	connectTimeout = 5 * time.Second
	headerTimeout  = 15 * time.Second
	idleTimeout    = 15 * time.Second // between two reads of a body
	totalTimeout   = time.Minute
	graceTime      = 5 * time.Second // of a token refresh that no request needs any more
	maxBody        = 8 << 20         // after decompression
	maxHeader      = 64 << 10
)

func newTransport(connections int) *http.Transport {
	dialer := &net.Dialer{Timeout: connectTimeout}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		OnProxyConnectResponse: proxyAnswer,
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    connectTimeout,
		ResponseHeaderTimeout:  headerTimeout,
		MaxIdleConns:           2 * connections,
		MaxIdleConnsPerHost:    connections,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: maxHeader,
	}
}

// stay keeps a redirect from being followed: it could lead a token elsewhere.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// originTransport sends requests to the API and nowhere else, as they bear
// the access token.
type originTransport struct {
	origin *url.URL
	next   http.RoundTripper
}

func (t *originTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	u := r.URL
	if u.Scheme != t.origin.Scheme || u.Host != t.origin.Host || u.User != nil || !strings.HasPrefix(u.Path, t.origin.Path+"/") || path.Clean(u.Path) != u.Path {
		return nil, errors.New("refused to send a request to a host other than the API")
	}
	resp, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, fmt.Errorf("ask the API: %w", err)
	}
	return resp, nil
}

// CloseIdleConnections reaches the transport behind.
func (t *originTransport) CloseIdleConnections() {
	if c, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// errTooLarge says that a body was longer than maxBody.
var errTooLarge = errors.New("the answer is larger than 8 MiB")

// readBody reads a body into w, bounded in size and in the time between reads.
func readBody(body io.Reader, w io.Writer, cancel context.CancelFunc) error {
	watch := time.AfterFunc(idleTimeout, cancel)
	defer watch.Stop()
	n, err := io.Copy(w, io.LimitReader(&watchedReader{body, watch}, maxBody+1))
	if err != nil {
		return err
	}
	if n > maxBody {
		return errTooLarge
	}
	return nil
}

// watchedReader puts the watch off whenever something arrives.
type watchedReader struct {
	io.Reader
	watch *time.Timer
}

func (r *watchedReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if n > 0 {
		r.watch.Reset(idleTimeout)
	}
	return n, err
}
