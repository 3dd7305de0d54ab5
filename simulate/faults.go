package simulate

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Fault makes some answers go wrong.
type Fault struct {
	Kind  string // one of FaultKinds
	Path  string // prefix of the paths that it strikes; empty: /v1/
	After int    // requests of that path that are spared first
	Every int    // then every n-th is struck; 0 or 1: each
	Times int    // how often at the most; 0: without end
	Arg   int    // see FaultKinds
}

// A FaultKind describes one kind.
type FaultKind struct{ Name, Doc string }

// FaultKinds lists what can go wrong.
func FaultKinds() []FaultKind {
	return []FaultKind{
		{"rate", "429 with a Retry-After of arg seconds (arg below 0: without the header)"},
		{"quota", "429 QUOTA_EXCEEDED with a Retry-After of arg seconds (0: without the header)"},
		{"status", "the status arg (500, 502, 503, 404, …) with a JSON error"},
		{"html", "an HTML page with status 200, or the status arg"},
		{"empty", "an empty body with status 200"},
		{"braces", "{} with status 200"},
		{"null", "null with status 200"},
		{"truncate", "the answer cut off after arg percent, the connection closed"},
		{"trailing", "the answer with an HTML comment behind it"},
		{"reset", "the connection closed without an answer"},
		{"stall", "headers, then nothing for arg milliseconds, then the end"},
		{"expire", "401, as if the access token had expired"},
		{"premium", "403 in plain text: the owner of the app has no Premium"},
		{"unlisted", "403 in plain text: the user is not allow-listed"},
		{"scope", "403: insufficient scope"},
		{"baditem", "500 for every page that holds the item at position arg"},
		{"limit", "400 Invalid limit for pages of more than arg items"},
		{"redirect", "302 to another host, or the status arg (301, 307, …)"},
		{"foreign", "next points to another host"},
		{"bomb", "a small gzip body that unpacks to arg megabytes"},
		{"total", "a total that is arg higher than the truth"},
		{"echo", "503 with the request's own body and headers in a page of plain text"},
		{"norefresh", "the token endpoint sends no refresh token, even for a code (path /api/token)"},
		{"revoked", "the token endpoint answers invalid_grant (path /api/token)"},
		{"client", "the token endpoint answers invalid_client (path /api/token)"},
	}
}

// ParseFault reads the form kind[:name=value,…] with the names path, after,
// every, times and arg, for example "status:arg=503,every=20,path=/v1/me/tracks".
func ParseFault(s string) (Fault, error) {
	kind, rest, _ := strings.Cut(s, ":")
	f := Fault{Kind: kind}
	if !slices.ContainsFunc(FaultKinds(), func(k FaultKind) bool { return k.Name == kind }) {
		return f, fmt.Errorf("unknown fault %q", kind)
	}
	if kind == "revoked" || kind == "client" || kind == "norefresh" {
		f.Path = "/api/token"
	}
	for _, pair := range strings.FieldsFunc(rest, func(r rune) bool { return r == ',' }) {
		name, value, _ := strings.Cut(pair, "=")
		if name == "path" {
			f.Path = value
			continue
		}
		n, err := strconv.Atoi(value)
		if err != nil {
			return f, fmt.Errorf("fault %s: %s is no number", kind, pair)
		}
		switch name {
		case "after":
			f.After = n
		case "every":
			f.Every = n
		case "times":
			f.Times = n
		case "arg":
			f.Arg = n
		default:
			return f, fmt.Errorf("fault %s: unknown setting %q", kind, name)
		}
	}
	return f, nil
}

// faults are those that are switched on.
type faults struct {
	mu     sync.Mutex
	active []*activeFault
}

type activeFault struct {
	Fault
	seen, struck int
}

// Inject switches a fault on and returns the function that switches it off.
func (s *Server) Inject(f Fault) (remove func()) {
	if f.Path == "" {
		f.Path = "/v1/"
	}
	a := &activeFault{Fault: f}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.active = append(s.faults.active, a)
	return func() {
		s.faults.mu.Lock()
		defer s.faults.mu.Unlock()
		s.faults.active = slices.DeleteFunc(s.faults.active, func(x *activeFault) bool { return x == a })
	}
}

// ClearFaults switches all faults off.
func (s *Server) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.active = nil
}

// match returns the fault that strikes a request, if any.
func (fs *faults) match(r *http.Request) *Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, f := range fs.active {
		if !strings.HasPrefix(r.URL.Path, f.Path) || !f.concerns(r) {
			continue
		}
		f.seen++
		due := f.seen > f.After && (f.Every <= 1 || (f.seen-f.After)%f.Every == 0)
		if !due || f.Times > 0 && f.struck >= f.Times {
			continue
		}
		f.struck++
		return &f.Fault
	}
	return nil
}

// concerns tells whether a fault that depends on the page strikes it.
func (f *Fault) concerns(r *http.Request) bool {
	q := r.URL.Query()
	limit, _ := strconv.Atoi(q.Get("limit"))
	offset, _ := strconv.Atoi(q.Get("offset"))
	switch f.Kind {
	case "baditem":
		return offset <= f.Arg && f.Arg < offset+max(limit, 1)
	case "limit":
		return limit > f.Arg
	}
	return true
}

func (f *Fault) status() int {
	switch f.Kind {
	case "reset":
		return 0
	case "status":
		return f.Arg
	}
	return http.StatusOK
}

// apply answers in place of the API. It returns false to let the API answer.
func (f *Fault) apply(w http.ResponseWriter, r *http.Request, api http.Handler) bool {
	switch f.Kind {
	case "rate", "quota":
		f.refuse(w)
	case "status":
		fail(w, f.Arg, "Server error")
	case "baditem":
		fail(w, http.StatusInternalServerError, "Server error")
	case "html":
		f.plain(w, "text/html", max(f.Arg, 200), "<html><body>Sign in to the hotel network</body></html>")
	case "empty":
		f.plain(w, "application/json", 200, "")
	case "braces":
		f.plain(w, "application/json", 200, "{}")
	case "null":
		f.plain(w, "application/json", 200, "null")
	case "expire":
		fail(w, http.StatusUnauthorized, "The access token expired")
	case "premium":
		f.plain(w, "text/plain", http.StatusForbidden, "Active premium subscription required for the owner of the app. When the subscription status changes, it can take a few hours before requests are allowed again.")
	case "unlisted":
		f.plain(w, "text/plain", http.StatusForbidden, "User not registered in the Developer Dashboard")
	case "scope":
		fail(w, http.StatusForbidden, "Insufficient client scope")
	case "limit":
		fail(w, http.StatusBadRequest, "Invalid limit")
	case "redirect":
		http.Redirect(w, r, "http://127.0.0.2:9/elsewhere", cmp.Or(f.Arg, http.StatusFound))
	case "echo":
		echo(w, r)
	case "revoked":
		refuseToken(w, "invalid_grant", "Refresh token revoked")
	case "client":
		refuseToken(w, "invalid_client", "Invalid client")
	case "bomb":
		f.bomb(w, r)
	case "reset":
		panic(http.ErrAbortHandler)
	default:
		f.distort(w, r, api)
	}
	return true
}

func (f *Fault) plain(w http.ResponseWriter, media string, status int, body string) {
	w.Header().Set("Content-Type", media)
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

func (f *Fault) refuse(w http.ResponseWriter) {
	if f.Kind == "rate" && f.Arg >= 0 || f.Arg > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.Arg))
	}
	if f.Kind == "quota" {
		f.plain(w, "application/json", http.StatusTooManyRequests, `{"error":{"status":429,"message":"Too many requests","reason":"QUOTA_EXCEEDED"}}`)
		return
	}
	fail(w, http.StatusTooManyRequests, "API rate limit exceeded")
}

// echo tells everybody what it was told, as some proxies do.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		body = []byte(err.Error())
	}
	w.Header().Set("Content-Type", "text/plain")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = fmt.Fprintf(w, "%s %s\nAuthorization: %s\n\n%s", r.Method, r.URL, r.Header.Get("Authorization"), body)
}

// bomb unpacks to arg megabytes of spaces.
func (f *Fault) bomb(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	spaces := bytes.Repeat([]byte(" "), 1<<20)
	for range f.Arg {
		if _, err := z.Write(spaces); err != nil || r.Context().Err() != nil {
			return // the client has seen enough
		}
	}
	_ = z.Close()
}

// distort lets the API answer and changes what it says.
func (f *Fault) distort(w http.ResponseWriter, r *http.Request, api http.Handler) {
	real := httptest.NewRecorder()
	api.ServeHTTP(real, r)
	body := real.Body.Bytes()
	w.Header().Set("Content-Type", real.Header().Get("Content-Type"))
	switch f.Kind {
	case "truncate":
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		body = body[:len(body)*min(max(f.Arg, 0), 99)/100]
	case "trailing":
		body = append(body, "<!-- served by a proxy -->"...)
	case "norefresh":
		var answer map[string]any
		if json.Unmarshal(body, &answer) == nil {
			delete(answer, "refresh_token")
			body, _ = json.Marshal(answer) //nolint:errchkjson // it was JSON before
		}
	case "foreign":
		body = bytes.Replace(body, []byte(`"next":"http://`+r.Host), []byte(`"next":"http://127.0.0.2:9`), 1)
	case "total":
		before, after, found := bytes.Cut(body, []byte(`"total":`))
		if n, err := strconv.Atoi(strings.Trim(string(after), "}")); found && err == nil {
			body = fmt.Appendf(before[:len(before):len(before)], `"total":%d}`, n+f.Arg)
		}
	}
	w.WriteHeader(real.Code)
	if f.Kind == "stall" {
		_ = http.NewResponseController(w).Flush()
		f.stall(r)
	}
	_, _ = w.Write(body)
	if f.Kind == "truncate" {
		panic(http.ErrAbortHandler)
	}
}

// stall keeps the connection open.
func (f *Fault) stall(r *http.Request) {
	select {
	case <-time.After(time.Duration(f.Arg) * time.Millisecond):
	case <-r.Context().Done():
	}
	panic(http.ErrAbortHandler)
}
