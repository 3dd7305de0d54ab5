package extract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
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
	MaxWait      time.Duration // longest Retry-After to wait for; default one minute
	RetryDelay   time.Duration // middle of the first delay before a repetition; default half a second
	UserAgent    string
	Now          func() time.Time // nil: time.Now
	// Observe is called for every answer. It may be nil; it must be cheap.
	Observe func(Event)
	// Waiting hears what a request waits for when that takes longer than five
	// seconds: "Spotify to answer GET /v1/me/tracks (5s so far)". It may be nil.
	Waiting func(what string)
}

// An Event is one request that was answered or failed.
type Event struct {
	Bucket string
	Status int           // 0 when there was no answer
	Pause  time.Duration // that the answer asked for
}

// A Client reads the Web API for one account, or for the app. It is safe for
// concurrent use.
type Client struct {
	*core
	limiter Limiter // nil: requests are not counted
	answers *Answers
	since   time.Time
	counter *counter
}

// core is what the runs of a client have in common.
type core struct {
	config Config
	api    *url.URL
	http   *http.Client
	tokens *tokens
	pacer  *Pacer
	bodies sync.Pool // of *bytes.Buffer
	total  counter

	waiting atomic.Bool // Waiting knows of a wait that has not ended
	silence silence

	mu      sync.Mutex
	blocked map[string]time.Time // by bucket
	sizes   map[string]int       // page size that a bucket accepts
	budget  retryBudget
}

// For returns the client as one run uses it: with a limiter for its requests, and
// with stats of its own.
func (c *Client) For(l Limiter) *Client {
	return &Client{core: c.core, limiter: l, counter: &counter{}}
}

// Sharing returns the client with answers that it shares with other runs. It takes
// only those that came at or after a time, as a reading is compared with the state of
// that time.
func (c *Client) Sharing(a *Answers, since time.Time) *Client {
	out := *c
	out.answers, out.since = a, since
	return &out
}

// The variables that set the addresses of the services, as in messages.
const (
	apiVariable      = "SPOTIFY_API_URL"
	accountsVariable = "SPOTIFY_ACCOUNTS_URL"
)

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
	shared := &core{
		config: c, api: api, pacer: c.Pacer,
		http:    &http.Client{Transport: &originTransport{origin: api, next: transport}, CheckRedirect: stay},
		blocked: map[string]time.Time{}, sizes: map[string]int{},
		bodies: sync.Pool{New: func() any { return new(bytes.Buffer) }},
	}
	shared.tokens = newTokens(c, accounts, &http.Client{Transport: transport, CheckRedirect: stay, Timeout: time.Minute})
	shared.tokens.notice = shared.notice
	return &Client{core: shared, counter: &shared.total}, nil
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
		return errors.New("an app without a client secret needs a signed-in user; set SPOTIFY_CLIENT_SECRET or sign in")
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

// farthest is how far ahead a block can end; one beyond was recorded by a clock that
// was wrong, and is ignored.
func (c *core) farthest() time.Time { return c.config.Now().Add(8 * longestRetryAfter) }

// Stats returns the stats of the client's run so far; before [Client.For], of all runs
// together.
func (c *Client) Stats() Stats {
	s := c.counter.read()
	s.Refreshes = c.tokens.count()
	return s
}

// count counts for the run and for the client.
func (c *Client) count(f func(*Stats)) {
	c.counter.count(f)
	if c.counter != &c.total {
		c.total.count(f)
	}
}

// Pace returns how fast the client may make requests now.
func (c *Client) Pace() Pace { return c.pacer.Pace() }

// Scopes returns the scopes that the last token answer granted, or nil if it did not
// say or there was none yet.
func (c *Client) Scopes() []string { return c.tokens.granted() }

// An Endpoint names what is read.
type Endpoint struct {
	Path   string // below the API's address: "/me/tracks"
	Bucket string // endpoints that share a quota: "me/tracks"
	Doc    string // reference page
	Scope  string // needed; may be empty
	Query  url.Values
	Limit  int    // largest page that it is known to take
	Wrap   string // field of the answer that holds the page; empty: the answer is the page
	// Cursor is the parameter that takes the cursor of a page, and the name under
	// which the page before holds it: "after". Empty: the list is paged by offset.
	Cursor string
	// NoTotal: the API does not say how long the list is.
	NoTotal bool
	// Single: the answer is no page but one object, which is read as a list of one.
	Single bool
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
	total := 0
	r := request{endpoint: e, query: e.with(map[string]string{"limit": "1"})}
	err := c.do(ctx, r, func(body []byte) error {
		var page struct {
			Total *int `json:"total"`
		}
		text, err := unwrap(body, e.Wrap)
		if err != nil {
			return err
		}
		if err := decodeOne(text, &page); err != nil {
			return err
		}
		total, err = checkTotal(page.Total)
		return err
	})
	return total, err
}

// checkOpen returns an error while the endpoint's bucket is blocked.
func (c *core) checkOpen(e Endpoint) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	until := c.blocked[e.Bucket]
	if !c.config.Now().Before(until) || until.After(c.farthest()) {
		return nil
	}
	return blockedError(e, until, blockedForAWhile)
}

const blockedForAWhile = "Spotify has blocked these requests for a while"

func blockedError(e Endpoint, until time.Time, message string) *Error {
	return &Error{
		Kind: Blocked, Status: http.StatusTooManyRequests, Path: e.Path, Until: until,
		Message: message,
	}
}

// block marks the endpoint's bucket as blocked, here and durably.
func (c *Client) block(ctx context.Context, e Endpoint, wait time.Duration, message string) error {
	until := c.config.Now().Add(wait + time.Second).Truncate(time.Second)
	c.mu.Lock()
	if have := c.blocked[e.Bucket]; until.After(have) || have.After(c.farthest()) {
		c.blocked[e.Bucket] = until
	}
	c.mu.Unlock()
	err := blockedError(e, until, message)
	if c.limiter != nil {
		if kept := c.limiter.Block(context.WithoutCancel(ctx), e.Bucket, until); kept != nil {
			err.Err = errors.Join(err.Err, kept)
		}
	}
	return err
}

func (c *core) observe(e Event) {
	if c.config.Observe != nil {
		c.config.Observe(e)
	}
}

// CloseIdle closes the connections that wait for further requests.
func (c *Client) CloseIdle() {
	c.http.CloseIdleConnections()
	c.tokens.http.CloseIdleConnections()
}
