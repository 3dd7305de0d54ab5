package pipeline

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/extract/listdiff"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline/reconcile"
)

// Entries of a job's state.
const (
	listPrefix    = "list:"    // a snapshot as it was last known, by part
	partialPrefix = "partial:" // the part of a list that was read before a run had to stop
	storedPrefix  = "stored:"  // what is stored of a list that is replaced, by part
	markPrefix    = "mark:"    // the newest entry of a list that is appended, by part
	gapsEntry     = "gaps"     // when entries of a list that is appended may be missing
	parentPrefix  = "parent:"  // what is remembered of a parent
	cycleEntry    = "cycle"
	parentsEntry  = "parents" // the list of the parents, where it is one of the API
)

// A jobState is what a job remembers between runs, and what the run adds to it. It
// is used by one goroutine, except for its reading methods.
type jobState struct {
	before  load.State
	parents map[string]parentState // decoded
	change  load.State             // for the last commit
}

// newJobState keeps what all destinations of a job agree on: what one of them lacks is
// read again.
func newJobState(all []load.State) *jobState {
	s := &jobState{change: load.State{}, parents: map[string]parentState{}}
	for i, one := range all {
		if i == 0 {
			s.before = one
		} else {
			s.before = agreed(s.before, one)
		}
	}
	for name := range s.before {
		if id, ok := strings.CutPrefix(name, parentPrefix); ok {
			if p := stateEntry[parentState](s.before, name); p != nil {
				s.parents[id] = *p
			}
		}
	}
	return s
}

// A parentState is what is remembered of a parent.
type parentState struct {
	ReadAt time.Time `json:"read_at"`
	// TriedAt is when it could not be read completely, after ReadAt: then others take
	// precedence.
	TriedAt time.Time `json:"tried_at,omitzero"`
	// DeniedAt is since when the API does not serve its list to the app, and Denied the
	// HTTP status with which it refuses.
	DeniedAt time.Time         `json:"denied_at,omitzero"`
	Denied   int               `json:"denied,omitempty"`
	Version  string            `json:"version,omitempty"` // of what was read
	Unknown  bool              `json:"unknown,omitempty"` // to the API
	List     *reconcile.List   `json:"list,omitempty"`
	Stored   *reconcile.Stored `json:"stored,omitempty"`
	// Partial is the part of the list that was read before a run had to stop.
	Partial *partial `json:"partial,omitempty"`
}

// deniedForGood reports whether no row is missing because the API does not serve the
// list to the app: it never did, or has not for seven nights.
func (p parentState) deniedForGood(at time.Time) bool {
	return !p.DeniedAt.IsZero() && (p.List == nil && p.Stored == nil || reconcile.Standing(p.DeniedAt, at))
}

// open returns what the parent's list leaves open at a time.
func (p parentState) open(at time.Time) reconcile.Open {
	if p.Stored != nil {
		return p.Stored.Open(at)
	}
	return p.List.Open(at)
}

// A partial is the part of a list, from its head, that a run read and committed before
// it had to stop.
type partial struct {
	Kind      string    `json:"kind"` // of the run or cycle
	StartedAt time.Time `json:"started_at"`
	Query     string    `json:"query,omitempty"`
	// Rows that earlier partials had and this one has not.
	Rows []string `json:"rows,omitempty"`
	Keys string   `json:"keys"`
}

// rows are those that the table may have because of the partial.
func (p *partial) rows() []string {
	if p == nil {
		return nil
	}
	return append(rowsOf(listdiff.ParseKeys(p.Keys)), p.Rows...)
}

func (p *partial) count() int {
	if p == nil {
		return 0
	}
	return listdiff.ParseKeys(p.Keys).Count
}

func rowsOf(keys listdiff.Keys) []string {
	var out []string
	for _, k := range keys.All() {
		if row := listdiff.Row(k); row != "" {
			out = append(out, row)
		}
	}
	return out
}

// A memory is what a job remembers of one list.
type memory struct {
	list    *reconcile.List
	partial *partial
	stored  *reconcile.Stored
	mark    int64
	// lost: nothing is remembered, not even of another query.
	lost bool
}

// of returns what is remembered of a part. The answers to another query are another
// list.
func (s *jobState) of(part catalog.Part, fanOut bool) memory {
	m := memory{}
	if fanOut {
		p := s.parents[part.Name]
		m.list, m.partial, m.stored = p.List, p.Partial, p.Stored
	} else {
		m.list, m.partial = stateEntry[reconcile.List](s.before, listPrefix+part.Name), stateEntry[partial](s.before, partialPrefix+part.Name)
		m.stored = stateEntry[reconcile.Stored](s.before, storedPrefix+part.Name)
		if at := stateEntry[int64](s.before, markPrefix+part.Name); at != nil {
			m.mark = *at
		}
	}
	m.lost = m.list == nil && m.partial == nil
	query := part.Endpoint.Query.Encode()
	if m.list != nil && m.list.Query != query {
		m.list = nil
	}
	if m.partial != nil && m.partial.Query != query {
		m.partial = nil
	}
	return m
}

// cycle is the unfinished cycle of a fan-out, or nil.
func (s *jobState) cycle() *cycle { return stateEntry[cycle](s.before, cycleEntry) }

// remember adds an entry to the last commit; a nil value ends it.
func remember[T any](s *jobState, name string, value *T) {
	if value == nil && s.before[name] == nil {
		return
	}
	s.change[name] = nil
	if value != nil {
		s.change[name] = encode(value)
	}
}

// stateEntry reads an entry of a state, or returns nil.
func stateEntry[T any](state load.State, name string) *T {
	out := new(T)
	if text := state[name]; text == nil || json.Unmarshal(text, out) != nil {
		return nil
	}
	return out
}

// encode writes a state entry. The types it is given cannot fail to encode.
func encode(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

// agreed keeps of two destinations' states only what both say. Of two newest entries,
// both have all up to the older one.
func agreed(have, other load.State) load.State {
	out := load.State{}
	for k, v := range have {
		switch o, ok := other[k]; {
		case !ok:
		case sameJSON(o, v):
			out[k] = v
		case strings.HasPrefix(k, markPrefix):
			if a, b := stateEntry[int64](have, k), stateEntry[int64](other, k); a != nil && b != nil {
				out[k] = encode(min(*a, *b))
			}
		}
	}
	return out
}

// sameJSON compares two texts of JSON by what they mean: a database may write
// them otherwise than it got them.
func sameJSON(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	return bytes.Equal(encode(x), encode(y)) // keys of objects come sorted
}
