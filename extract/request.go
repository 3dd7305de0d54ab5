package extract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	maxTries     = 5  // of one request
	probeTries   = 2  // while a bad page is halved to find its bad item
	maxThrottled = 10 // answers with 429 to one request
	leastBudget  = 20 // retries that are always allowed

	budgetPeriod = 10 * time.Minute
)

// A request is one GET, repeated until it is answered or given up.
type request struct {
	endpoint Endpoint
	query    url.Values
	refetch  bool // take no answer of another run
	tries    int  // 0: maxTries
	failures *allowance
}

// An allowance is how many failing answers some requests may get together; nil: any
// number.
type allowance struct{ left atomic.Int64 }

func newAllowance(n int) *allowance {
	if n == 0 {
		return nil
	}
	a := &allowance{}
	a.left.Store(int64(n))
	return a
}

// spend takes one failing answer, and reports whether a further one is allowed.
func (a *allowance) spend() bool { return a == nil || a.left.Add(-1) > 0 }

// newDelays returns the waiting times between repetitions: doubled each time,
// each drawn from the whole range down to zero, so that clients that failed
// together do not retry together.
func newDelays(first time.Duration) *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.Multiplier, b.RandomizationFactor, b.MaxInterval = first, 2, 1, 30*time.Second
	return b
}

// do sends a request and hands the body to accept, which must not keep it. An
// error of accept means that the answer is not what the API documents.
func (c *Client) do(ctx context.Context, r request, accept func(body []byte) error) error {
	if body := c.answers.get(r, c.since); body != nil && accept(body) == nil {
		c.count(func(s *Stats) { s.Shared++ })
		return nil
	}
	attempt := attempt{client: c, request: r, delays: newDelays(c.config.RetryDelay), tries: r.tries, began: time.Now()}
	if attempt.tries == 0 {
		attempt.tries = maxTries
	}
	for {
		err := attempt.send(ctx, accept)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s: %w", r.endpoint.Path, ctx.Err())
		}
		if err := attempt.recover(ctx, err); err != nil {
			return err
		}
	}
}

// An attempt is the state of one request between its repetitions.
type attempt struct {
	client  *Client
	request request
	delays  *backoff.ExponentialBackOff
	tries   int
	began   time.Time
	told    bool // Waiting knows that the request is repeated

	failures  int
	throttled int    // 429
	blips     int    // 403 for a scope
	token     string // of the last exchange
	refused   string // token that was answered with a 401
}

// send does one exchange.
func (a *attempt) send(ctx context.Context, accept func([]byte) error) error {
	c := a.client
	if err := c.checkOpen(a.request.endpoint); err != nil {
		return err
	}
	buffer := c.bodies.Get().(*bytes.Buffer)
	defer func() {
		buffer.Reset()
		c.bodies.Put(buffer)
	}()
	answer, err := a.exchange(ctx, buffer)
	if err != nil {
		return err
	}
	if answer.status != http.StatusOK {
		return classify(a.request.endpoint, answer, buffer.Bytes())
	}
	c.pacer.accepted()
	if err := checkType(answer.header); err != nil {
		foreign := malformed(a.request.endpoint, err, buffer.Bytes())
		foreign.Advice = fmt.Sprintf(advicePortal, apiVariable)
		return foreign
	}
	if err := accept(buffer.Bytes()); err != nil {
		return malformed(a.request.endpoint, err, buffer.Bytes())
	}
	c.answers.put(a.request.key(), buffer.Bytes())
	return nil
}

// An answer is what came back, without its body.
type answer struct {
	status int
	header http.Header
	ticket int // of the pacer
}

// exchange waits for its turn, sends the request and reads the body. The turn
// ends with the body: what the answer means is found out while others ask.
//
// A request is reserved before its turn, because that may take a while, in which
// requests of other buckets can be made. One that is then not made, because
// the bucket was blocked meanwhile or there is no token, stays counted.
func (a *attempt) exchange(ctx context.Context, buffer *bytes.Buffer) (answer, error) {
	c := a.client
	if err := c.reserve(ctx, a.request.endpoint); err != nil {
		return answer{}, err
	}
	ticket, err := c.pacer.acquire(ctx, c.hold)
	if err != nil {
		return answer{}, err
	}
	defer c.pacer.release()
	// While this request waited its turn, a bucket may have been blocked and a
	// token have ended.
	if err := c.checkOpen(a.request.endpoint); err != nil {
		return answer{}, err
	}
	if a.token, err = c.tokens.get(ctx, a.refused); err != nil {
		return answer{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, totalTimeout)
	defer cancel()
	status, header, err := c.get(ctx, cancel, a, buffer)
	return answer{status, header, ticket}, err
}

// hold waits for the pacer.
func (c *Client) hold(ctx context.Context, d time.Duration) error {
	if d > noticeAfter {
		defer c.report("the rate limit (" + d.Round(time.Second).String() + " to go)")()
	}
	return c.counter.wait(ctx, d)
}

// get sends the request and reads the answer into buffer.
func (c *Client) get(ctx context.Context, cancel context.CancelFunc, a *attempt, buffer *bytes.Buffer) (int, http.Header, error) {
	r := a.request
	u := *c.api
	u.Path += r.endpoint.Path
	u.RawQuery = r.query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return 0, nil, &Error{Kind: BadRequest, Path: r.endpoint.Path, Message: "the request is invalid"}
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Authorization", "Bearer "+a.token) // the transport sends it to the API only
	if c.config.UserAgent != "" {
		req.Header.Set("User-Agent", c.config.UserAgent)
	}
	c.count(func(s *Stats) { s.Requests++ })
	defer c.notice("Spotify to answer GET " + u.Path)()
	asked := time.Now()
	resp, err := c.http.Do(req)
	if err != nil {
		c.observe(Event{Bucket: r.endpoint.Bucket})
		t := troubleOf(err, apiVariable)
		return 0, nil, &Error{
			Kind: Transient, Path: r.endpoint.Path, Message: t.why, Advice: t.advice, Err: t.err,
			spent: c.silence.failed(asked) || t.final,
		}
	}
	defer resp.Body.Close()
	err = readBody(resp.Body, buffer, cancel)
	c.count(func(s *Stats) {
		s.Bytes += int64(buffer.Len())
		if resp.StatusCode == http.StatusTooManyRequests {
			s.Throttled++
		}
	})
	c.observe(Event{Bucket: r.endpoint.Bucket, Status: resp.StatusCode, Pause: retryAfter(resp.Header.Get("Retry-After"), time.Now())})
	tooLarge := errors.Is(err, errTooLarge) // it would be no smaller a second time
	if err == nil || tooLarge {
		c.silence.end()
	}
	if err != nil && resp.StatusCode == http.StatusOK {
		return 0, nil, &Error{
			Kind: Malformed, Status: resp.StatusCode, Path: r.endpoint.Path, Message: "the answer was cut off",
			Err: plainly(err), spent: tooLarge || c.silence.failed(asked),
		}
	}
	return resp.StatusCode, resp.Header, nil
}

// plainly removes the address, with its query, from an error of net/http, and says what
// a time-out means.
func plainly(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return errors.New("no data arrived in time")
	}
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func checkType(h http.Header) error {
	media, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return fmt.Errorf("content type %q instead of JSON", snippet([]byte(h.Get("Content-Type"))))
	}
	return nil
}

func malformed(e Endpoint, err error, body []byte) *Error {
	return &Error{
		Kind: Malformed, Status: http.StatusOK, Path: e.Path, Err: err,
		Message: "unexpected answer, starting with " + fmt.Sprintf("%q", snippet(body)),
	}
}

// recover waits before a repetition, or returns the error that is final.
func (a *attempt) recover(ctx context.Context, err error) error {
	var throttled *throttledError
	if errors.As(err, &throttled) {
		return a.recoverThrottled(ctx, throttled)
	}
	kind, known := kindOf(err)
	switch {
	case !known:
		return err
	case kind == expired:
		return a.recoverExpired(err)
	case kind == Scope && a.blips < 2: // single ones were seen with a good token
		a.blips++
		return sleep(ctx, a.delays.NextBackOff())
	case kind == Transient || kind == Malformed:
		return a.recoverTrouble(ctx, err)
	}
	return err
}

// recoverExpired lets the next exchange use a new token, once.
func (a *attempt) recoverExpired(err error) error {
	if a.refused != "" {
		final := signInError("Spotify rejects a new access token")
		final.Path, final.Err = a.request.endpoint.Path, err
		return final
	}
	a.refused = a.token
	return nil
}

// recoverTrouble waits for failing servers and networks.
func (a *attempt) recoverTrouble(ctx context.Context, err error) error {
	a.failures++
	another := a.request.failures.spend()
	e, ok := asError(err)
	if ok && e.Kind == Transient && e.Advice == "" {
		e.Advice = adviceTrouble
	}
	if !another || a.failures >= a.tries || ok && e.spent {
		return err
	}
	if !a.client.spendRetry() {
		if ok {
			e.spent = true
			if e.Advice == "" {
				e.Advice = adviceTrouble
			}
		}
		return err
	}
	delay := a.delays.NextBackOff()
	if !a.told && time.Since(a.began)+delay > noticeAfter {
		a.told = true
		defer a.client.report(fmt.Sprintf("Spotify to recover: %s (try %d of %d in %s)", err, a.failures+1, a.tries, delay.Round(time.Second)))()
	}
	return sleep(ctx, delay)
}

// recoverThrottled obeys a 429: it pauses all requests, or blocks the bucket if the
// pause is too long.
func (a *attempt) recoverThrottled(ctx context.Context, r *throttledError) error {
	c, e := a.client, a.request.endpoint
	if r.quota {
		wait := r.wait
		if wait == 0 {
			wait = longestRetryAfter
		}
		return c.block(ctx, e, wait, "the daily quota of these requests is spent")
	}
	wait := c.pacer.delay(r.ticket, r.wait)
	a.throttled++
	if wait > c.config.MaxWait || a.throttled > maxThrottled {
		return c.block(ctx, e, wait, "Spotify asks to wait "+wait.Round(time.Second).String())
	}
	c.pacer.pause(r.ticket, wait)
	return nil
}

// A retryBudget limits repetitions to a tenth of the requests of a period, but at
// least leastBudget, so that retries do not make an outage worse.
type retryBudget struct {
	began             time.Time
	requests, retries int // when it began
}

// spendRetry takes one retry from the budget, if there is one.
func (c *Client) spendRetry() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.total.read()
	if now := time.Now(); now.Sub(c.budget.began) > budgetPeriod {
		c.budget = retryBudget{now, all.Requests, all.Retries}
	}
	if all.Retries-c.budget.retries >= max(leastBudget, (all.Requests-c.budget.requests)/10) {
		return false
	}
	c.count(func(s *Stats) { s.Retries++ })
	return true
}
