package simulate

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Server is one simulated Spotify with its accounts. It is safe for
// concurrent use.
type Server struct {
	options  Options
	world    *world
	vanished *vanished
	albums   *discographies
	life     *life
	clock    *clock
	render   *renderer
	accounts *accounts
	limits   map[string]*limits // by client ID
	faults   *faults
	buffers  *sync.Pool // of *[]byte

	mu       sync.Mutex
	requests []Request
	hook     func(n int, r *http.Request)
}

// A Request is one that the server was asked.
type Request struct {
	At     time.Time `json:"at"`
	Method string    `json:"method"`
	Path   string    `json:"path"`
	Query  string    `json:"query"`
	Status int       `json:"status"` // 0: the connection was cut
}

// New makes a world and a server for it.
func New(o Options) (*Server, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	c := &clock{base: o.Clock}
	o.Clock = c.now
	w, gone := newWorld(o), &vanished{ids: map[string]bool{}}
	s := &Server{
		options: o, world: w, vanished: gone, albums: newDiscographies(w, o.AppearsOn), life: newLife(w, o, gone), clock: c, render: newRenderer(w, o.Mode, gone), accounts: newAccounts(o),
		limits:  map[string]*limits{ClientID: newLimits(o), OtherClientID: newLimits(o)},
		buffers: newPageBuffers(),
	}
	s.faults = &faults{asked: s.asked}
	return s, nil
}

// Handler serves the Web API under /v1, the Accounts service under /authorize
// and /api/token, and the simulation's own controls under /_sim.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	s.routeAPI(mux)
	s.routeAccounts(mux)
	s.routeControls(mux)
	mux.HandleFunc("/", notSimulated)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/_sim/") {
			mux.ServeHTTP(w, r)
			return
		}
		if !crossOrigin(w, r) {
			s.answer(mux, w, withoutSlash(r))
		}
	})
}

// withoutSlash returns a request without the slash at the end of its path, which
// some clients send.
func withoutSlash(r *http.Request) *http.Request {
	path, cut := strings.CutSuffix(r.URL.Path, "/")
	if !cut || path == "" {
		return r
	}
	out, u := *r, *r.URL
	u.Path, u.RawPath, out.URL = path, "", &u
	return &out
}

// answer notes a request, waits, and lets a fault step in.
func (s *Server) answer(mux http.Handler, w http.ResponseWriter, r *http.Request) {
	n := s.note(r)
	seen := &recorder{ResponseWriter: w}
	defer func() {
		left := recover()
		s.mu.Lock()
		if n < len(s.requests) {
			s.requests[n].Status = seen.status
		}
		s.mu.Unlock()
		if left != nil {
			panic(left)
		}
	}()
	if s.options.Latency > 0 {
		select {
		case <-time.After(s.options.Latency):
		case <-r.Context().Done():
			return
		}
	}
	struck := s.faults.match(r)
	if slices.ContainsFunc(struck, func(f Fault) bool { return f.Kind == "gone" }) {
		s.deleteNamed(r.URL.Path)
	}
	switch {
	case len(struck) == 0:
		mux.ServeHTTP(seen, r)
	case names(answerKinds(), struck[0].Kind):
		struck[0].answer(seen, r)
	default:
		distort(seen, r, mux, struck)
	}
}

// deleteNamed deletes what a path of the Web API names by its id.
func (s *Server) deleteNamed(path string) {
	if parts := strings.Split(path, "/"); len(parts) > 3 && isID(parts[3]) {
		s.DeletePlaylist(parts[3])
		s.Vanish(parts[3])
	}
}

func (s *Server) note(r *http.Request) int {
	s.mu.Lock()
	n := len(s.requests)
	s.requests = append(s.requests, Request{
		At: s.options.Clock(), Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery,
	})
	hook := s.hook
	s.mu.Unlock()
	if hook != nil {
		hook(n, r)
	}
	return n
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// Requests lists what the server was asked, oldest first.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// ForgetRequests empties the list of requests.
func (s *Server) ForgetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

// Count tells how many requests went to paths that begin with prefix.
func (s *Server) Count(prefix string) int {
	n := 0
	for _, r := range s.Requests() {
		if strings.HasPrefix(r.Path, prefix) {
			n++
		}
	}
	return n
}

// OnRequest calls f before each answer, with the number of the request, so
// that a test can change the library between pages.
func (s *Server) OnRequest(f func(n int, r *http.Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook = f
}

// A Running server listens on a port.
type Running struct {
	APIURL      string // for SPOTIFY_API_URL
	AccountsURL string // for SPOTIFY_ACCOUNTS_URL

	server *http.Server
	done   chan struct{}
	err    error
}

// Start listens on address, which must be a loopback one: "127.0.0.1:0" takes
// any free port.
func (s *Server) Start(address string) (*Running, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if !l.Addr().(*net.TCPAddr).IP.IsLoopback() {
		return nil, errors.Join(errors.New("the simulation serves this machine only; use 127.0.0.1 or [::1]"), l.Close())
	}
	base := "http://" + l.Addr().String()
	r := &Running{
		APIURL: base + "/v1", AccountsURL: base, done: make(chan struct{}),
		server: &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second},
	}
	go func() {
		defer close(r.done)
		if err := r.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			r.err = err
		}
	}()
	return r, nil
}

// Close stops listening, cuts what is under way, and waits for the end.
func (r *Running) Close() error {
	err := r.server.Close()
	<-r.done
	return errors.Join(err, r.err)
}

// Wait blocks until ctx ends or the server fails.
func (r *Running) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return r.Close()
	case <-r.done:
		return r.err
	}
}
