package simulate

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A Fault makes some answers go wrong.
//
// The kinds that speak of positions strike the positions Arg to Arg+Count-1 of
// a list, counted from 0 over all its pages; requests for other pages are not
// counted. Several faults can strike one answer: the changes are made in the
// order in which the faults were switched on, and an answer in place of the
// API's ends the matter.
type Fault struct {
	Kind  string // one of FaultKinds
	Path  string // prefix of the paths that it strikes; empty: /v1/
	After int    // requests of that path that are spared first
	Every int    // then every n-th is struck; 0 or 1: each
	Times int    // how often at the most; 0: without end
	Arg   int    // see FaultKinds
	Count int    // how many positions; 0: one; below 0: all from Arg on
	From  int    // strike only pages whose offset is From or higher
	To    int    // strike only pages whose offset is To or lower; 0: without end
}

// A FaultKind describes one kind.
type FaultKind struct{ Name, Doc string }

// FaultKinds lists what can go wrong.
func FaultKinds() []FaultKind { return slices.Concat(answerKinds(), changeKinds(), entryKinds()) }

// names tells whether a kind is one of a list.
func names(kinds []FaultKind, kind string) bool {
	return slices.ContainsFunc(kinds, func(k FaultKind) bool { return k.Name == kind })
}

// FaultSettings lists what ParseFault can set.
func FaultSettings() []FaultKind {
	return []FaultKind{
		{"path=/v1/me/tracks", "only requests for paths that begin so"},
		{"after=N", "requests that pass first"},
		{"every=N", "then every Nth is struck"},
		{"times=N", "how many are struck at the most"},
		{"arg=N", "what the kind says"},
		{"count=N", "the positions arg to arg+N-1 of a list, counted from 0; -1: all from arg on"},
		{"from=N", "only pages whose offset is N or higher"},
		{"to=N", "only pages whose offset is N or lower"},
	}
}

// ParseFault reads the form kind[:name=value,…], for example
// "status:arg=503,every=20,path=/v1/me/tracks"; see FaultSettings.
func ParseFault(s string) (Fault, error) {
	kind, rest, _ := strings.Cut(s, ":")
	f := Fault{Kind: kind}
	if !names(FaultKinds(), kind) {
		return f, fmt.Errorf("unknown fault %q", kind)
	}
	if kind == "revoked" || kind == "client" || kind == "norefresh" {
		f.Path = "/api/token"
	}
	numbers := map[string]*int{
		"after": &f.After, "every": &f.Every, "times": &f.Times, "arg": &f.Arg, "count": &f.Count, "from": &f.From, "to": &f.To,
	}
	for _, pair := range strings.FieldsFunc(rest, func(r rune) bool { return r == ',' }) {
		name, value, _ := strings.Cut(pair, "=")
		if name == "path" {
			f.Path = value
			continue
		}
		setting, known := numbers[name]
		if !known {
			return f, fmt.Errorf("fault %s: unknown setting %q", kind, name)
		}
		n, err := strconv.Atoi(value)
		if err != nil {
			return f, fmt.Errorf("fault %s: %s is no number", kind, pair)
		}
		if n == 0 && (name == "count" || name == "to") {
			return f, fmt.Errorf("fault %s: %s would strike nothing; leave it out, or use count=-1 for all positions", kind, pair)
		}
		*setting = n
	}
	return f, nil
}

// faults are those that are switched on.
type faults struct {
	asked func(*http.Request) (span, bool) // the positions that a request asks for

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

// match returns the faults that strike a request: one that answers in place of
// the API, or those that change its answer.
func (fs *faults) match(r *http.Request) []Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	var struck []Fault
	for _, f := range fs.active {
		if !strings.HasPrefix(r.URL.Path, f.Path) || !fs.concerns(f.Fault, r) || !f.due() {
			continue
		}
		if names(answerKinds(), f.Kind) {
			return []Fault{f.Fault}
		}
		struck = append(struck, f.Fault)
	}
	return struck
}

// due counts a request and tells whether it is struck.
func (f *activeFault) due() bool {
	f.seen++
	due := f.seen > f.After && (f.Every <= 1 || (f.seen-f.After)%f.Every == 0)
	if !due || f.Times > 0 && f.struck >= f.Times {
		return false
	}
	f.struck++
	return true
}

// concerns tells whether a fault that depends on the page strikes it.
func (fs *faults) concerns(f Fault, r *http.Request) bool {
	asked, list := fs.asked(r)
	if f.From > 0 || f.To > 0 {
		if !list || asked.from < f.From || f.To > 0 && asked.from > f.To {
			return false
		}
	}
	switch {
	case f.Kind == "limit":
		limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
		return limit > f.Arg
	case f.Kind == "circle":
		return byCursor(listOf(r.URL.Path))
	case f.Kind == "total" || f.Kind == "vacant":
		return list
	case f.Kind == "baditem" || names(entryKinds(), f.Kind):
		return list && f.meets(asked)
	}
	return true
}

// holds tells whether a fault strikes a position.
func (f Fault) holds(position int) bool { return f.meets(span{position, position + 1}) }

// meets tells whether a fault strikes one of several positions.
func (f Fault) meets(s span) bool {
	return f.Arg < s.to && (f.Count < 0 || s.from < f.Arg+cmp.Or(f.Count, 1))
}
