package extract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Service addresses that are used when none is configured.
const (
	DefaultAPIURL      = "https://api.spotify.com/v1"
	DefaultAccountsURL = "https://accounts.spotify.com"
)

// Config describes a Client.
type Config struct {
	ClientID     string
	ClientSecret string        // empty for apps that use PKCE
	APIURL       string        // default DefaultAPIURL
	AccountsURL  string        // default DefaultAccountsURL; /api/token lies below it
	Tokens       TokenStore    // of the account; nil: the app's own token, which needs a secret and reads no user's data
	Pacer        *Pacer        // shared by the clients of one client ID; nil: one of its own
	MaxWait      time.Duration // longest Retry-After that is sat out; default one minute
	RetryDelay   time.Duration // middle of the first delay before a repetition; default half a second
	UserAgent    string
	Now          func() time.Time // nil: time.Now
	// OnClose keeps durably that an endpoint family is closed. It may be nil.
	OnClose func(ctx context.Context, family string, until time.Time) error
	// Observe hears of every answer. It may be nil; it must be cheap.
	Observe func(Event)
}

// An Event is one request that was answered, or failed to be.
type Event struct {
	Family string
	Status int           // 0 when there was no answer
	Pause  time.Duration // that the answer asked for
}

// A Client reads the Web API for one account, or for the app itself. It is safe for concurrent use.
type Client struct {
	config Config
	api    *url.URL
	http   *http.Client
	tokens *tokens
	pacer  *Pacer
	bodies sync.Pool // of *bytes.Buffer

	mu     sync.Mutex
	closed map[string]time.Time // by family
	sizes  map[string]int       // page size that a family accepts
	stats  Stats
	budget retryBudget
}

// Stats count what a client has done so far.
type Stats struct {
	Requests    int // to the Web API; refreshes are counted apart
	Shared      int // answers that another reading had got before
	Retries     int
	RateLimited int // answers with status 429
	Refreshes   int // of the access token
	Bytes       int64
	Waited      time.Duration // for the rate limit, by all clients of the pacer
}

// New returns a client. It refuses service addresses that are neither https
// nor on the loopback interface.
func New(c Config) (*Client, error) {
	c.complete()
	if err := c.check(); err != nil {
		return nil, err
	}
	api, err := serviceURL("API", c.APIURL)
	if err != nil {
		return nil, err
	}
	accounts, err := serviceURL("accounts", c.AccountsURL)
	if err != nil {
		return nil, err
	}
	transport := newTransport(c.Pacer.concurrency())
	client := &Client{
		config: c, api: api, pacer: c.Pacer,
		http:   &http.Client{Transport: &originTransport{origin: api, next: transport}, CheckRedirect: stay},
		closed: map[string]time.Time{}, sizes: map[string]int{},
		bodies: sync.Pool{New: func() any { return new(bytes.Buffer) }},
	}
	client.tokens = newTokens(c, accounts, &http.Client{Transport: transport, CheckRedirect: stay, Timeout: time.Minute})
	return client, nil
}

// complete fills in defaults.
func (c *Config) complete() {
	if c.APIURL == "" {
		c.APIURL = DefaultAPIURL
	}
	if c.AccountsURL == "" {
		c.AccountsURL = DefaultAccountsURL
	}
	if c.Pacer == nil {
		c.Pacer = NewPacer(DefaultConcurrency)
	}
	if c.MaxWait == 0 {
		c.MaxWait = time.Minute
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.RetryDelay == 0 {
		c.RetryDelay = 500 * time.Millisecond
	}
}

// check refuses a configuration that cannot get a token.
func (c *Config) check() error {
	if c.Tokens == nil && c.ClientSecret == "" {
		return errors.New("an app without a secret can read nothing without a user; set SPOTIFY_CLIENT_SECRET, or sign in")
	}
	return nil
}

// serviceURL checks an address that tokens will be sent to.
func serviceURL(name, raw string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSuffix(raw, "/"))
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("the %s address is not a plain URL like https://host/path", name)
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme == "https" || u.Scheme == "http" && ip != nil && ip.IsLoopback() {
		return u, nil
	}
	return nil, fmt.Errorf("the %s address %s://%s must use https, or http to 127.0.0.1 or [::1]", name, u.Scheme, u.Host)
}

// CloseFamily tells the client that another process found a family closed.
func (c *Client) CloseFamily(family string, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if have := c.closed[family]; until.After(have) || have.After(c.farthest()) {
		c.closed[family] = until
	}
}

// farthest is how far ahead a closure can lie; what lies beyond was learned
// while the clock was wrong, and counts for nothing.
func (c *Client) farthest() time.Time { return c.config.Now().Add(8 * longestRetryAfter) }

// CheckFamily returns an error of kind Closed as long as a family is known to be
// closed.
func (c *Client) CheckFamily(family string) error {
	return c.checkOpen(Endpoint{Path: family, Family: family})
}

// Stats returns what the client has done so far, for all its contexts together;
// see [Tally].
func (c *Client) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.Waited = c.pacer.Waited()
	s.Refreshes = c.tokens.count()
	return s
}

// Scopes returns what the last token answer granted, or nil when it did not
// say or there was none yet.
func (c *Client) Scopes() []string { return c.tokens.granted() }

// An Endpoint names what is read.
type Endpoint struct {
	Path   string // below the API's address: "/me/tracks"
	Family string // endpoints that share a quota: "me/tracks"
	Doc    string // reference page
	Scope  string // needed; may be empty
	Query  url.Values
	Limit  int    // largest page that it is known to take
	Wrap   string // field of the answer that holds the page; empty: the answer is the page
}

// Get reads a single object.
func Get[T any](ctx context.Context, c *Client, e Endpoint) (*T, error) {
	out := new(T)
	err := c.do(ctx, request{endpoint: e, query: e.Query}, func(body []byte) error {
		*out = *new(T)
		return decodeOne(body, out)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Total asks how long a list is. It costs one request.
func Total(ctx context.Context, c *Client, e Endpoint) (int, error) {
	type page struct {
		Total *int `json:"total"`
	}
	query := maps.Clone(e.Query)
	if query == nil {
		query = url.Values{}
	}
	query.Set("limit", "1")
	e.Query = query
	p, err := Get[page](ctx, c, e)
	switch {
	case err != nil:
		return 0, err
	case p.Total == nil || *p.Total < 0:
		return 0, &Error{Kind: Malformed, Path: e.Path, Message: "there is no total"}
	}
	return *p.Total, nil
}

// checkOpen returns an error while the family is closed.
func (c *Client) checkOpen(e Endpoint) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	until := c.closed[e.Family]
	if !c.config.Now().Before(until) || until.After(c.farthest()) {
		return nil
	}
	return closedError(e, until, "Spotify has closed these requests for a while")
}

func closedError(e Endpoint, until time.Time, message string) *Error {
	return &Error{
		Kind: Closed, Status: http.StatusTooManyRequests, Path: e.Path, Until: until,
		Message: message,
	}
}

// close marks a family as closed, here and durably.
func (c *Client) close(ctx context.Context, e Endpoint, wait time.Duration, message string) error {
	until := c.config.Now().Add(wait + time.Second).Truncate(time.Second)
	c.CloseFamily(e.Family, until)
	err := closedError(e, until, message)
	if c.config.OnClose != nil {
		if kept := c.config.OnClose(ctx, e.Family, until); kept != nil {
			err.Err = errors.Join(err.Err, kept)
		}
	}
	return err
}

func (c *Client) observe(e Event) {
	if c.config.Observe != nil {
		c.config.Observe(e)
	}
}

// CloseIdle closes the connections that wait for further requests.
func (c *Client) CloseIdle() {
	c.http.CloseIdleConnections()
	c.tokens.http.CloseIdleConnections()
}
