package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/load"
)

// Entries of a job's state, by part.
const (
	listPrefix  = "list:"  // lists as they were when they were last known
	begunPrefix = "begun:" // beginnings of lists, where a run had to stop within
)

// A snapshot is a list, or its beginning, as it was when it was last known:
// committed with the rows that go with it.
type snapshot struct {
	FullAt time.Time // when it was last read whole; of a beginning, when that began
	Kind   string    // of the run that began a beginning
	Asked  string    // the query: the answers to another one are another list
	// Missed are entries that stood in the list, or in its beginning, and were
	// not met again, but may stand where was not looked: their rows are there.
	Missed []string
	Held   bool   // they have gone, and a guard holds their removal back
	Keys   string // of its entries, a line each
}

// A plainSnapshot is a snapshot as JSON.
type plainSnapshot struct {
	FullAt time.Time `json:"full_at"`
	Kind   string    `json:"kind,omitempty"`
	Asked  string    `json:"asked,omitempty"`
	Missed []string  `json:"missed,omitempty"`
	Held   bool      `json:"held,omitempty"`
	Keys   string    `json:"keys"`
}

// UnmarshalJSON reads a snapshot.
func (s *snapshot) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, (*plainSnapshot)(s)) //nolint:wrapcheck // it says what is wrong
}

// MarshalJSON writes the snapshot with one copy of its keys, of which a large
// library has megabytes.
func (s *snapshot) MarshalJSON() ([]byte, error) { return s.encode(), nil }

// encode writes the snapshot as JSON.
func (s *snapshot) encode() json.RawMessage {
	plain := plainSnapshot(*s)
	plain.Keys = ""
	head := encode(plain)
	head = head[:len(head)-len(`"}`)]
	out := make([]byte, 0, len(head)+len(s.Keys)+strings.Count(s.Keys, "\n")+len(`"}`))
	out = append(out, head...)
	for i := 0; i < len(s.Keys); i++ {
		switch c := s.Keys[i]; {
		case c == '\n':
			out = append(out, '\\', 'n')
		case c < ' ', c == '"', c == '\\', c >= 0x7f: // no key of Spotify's
			return encode(plainSnapshot(*s))
		default:
			out = append(out, c)
		}
	}
	return append(out, `"}`...)
}

func (s *snapshot) keys() []string {
	if s.Keys == "" {
		return nil
	}
	return strings.Split(s.Keys, "\n")
}

// count is how many entries there are.
func (s *snapshot) count() int {
	if s == nil || s.Keys == "" {
		return 0
	}
	return 1 + strings.Count(s.Keys, "\n")
}

// all are the entries of which there can be rows. A list that is not known has
// none.
func (s *snapshot) all() []string {
	if s == nil {
		return nil
	}
	return append(s.keys(), s.Missed...)
}

// of returns the snapshot if it is one of the part's list, as it is asked for
// now.
func (s *snapshot) of(part catalog.Part) *snapshot {
	if s == nil || s.Asked != part.Endpoint.Query.Encode() {
		return nil
	}
	return s
}

// snapshotOf reads a snapshot from the job's state.
func (j *jobRun) snapshotOf(entry string) *snapshot {
	var s snapshot
	if text := j.state[entry]; text == nil || json.Unmarshal(text, &s) != nil || s.FullAt.IsZero() {
		return nil
	}
	return &s
}

// keep adds to the last commit what is to be remembered of a list, where that
// differs from what is remembered already.
func (j *jobRun) keep(part catalog.Part, before *snapshot, reading listReading) {
	after := reading.after
	if before == nil != (after == nil) || after != nil && !after.same(before) {
		j.remember(listPrefix+part.Name, after)
	}
	if j.state[begunPrefix+part.Name] != nil {
		j.remember(begunPrefix+part.Name, nil)
	}
}

// same tells whether two lists are the same, and as well known.
func (s *snapshot) same(o *snapshot) bool {
	return s.Keys == o.Keys && s.FullAt.Equal(o.FullAt) && s.Asked == o.Asked && s.Held == o.Held && slices.Equal(s.Missed, o.Missed)
}

// remember adds a snapshot to the last commit, or its end.
func (j *jobRun) remember(entry string, s *snapshot) {
	if j.final.State == nil {
		j.final.State = load.State{}
	}
	j.final.State[entry] = nil
	if s != nil {
		j.final.State[entry] = s.encode()
	}
}

// lookBack reads from the history at a destination whether the job's last run
// that ended with a commit held removals back, so that the tables hold more than
// the snapshot; and when the job's newest run ended: what was read before is
// older than what the state says.
func (j *jobRun) lookBack(ctx context.Context, d load.Destination) error {
	runs, err := d.Runs(ctx, 20)
	if err != nil {
		return fmt.Errorf("read the history: %w", err)
	}
	for _, r := range runs {
		if r.Job != j.job.Name || r.Account != j.record.Account || r.ID == j.record.ID {
			continue
		}
		for _, at := range []time.Time{r.StartedAt, r.FinishedAt} {
			if at.After(j.newest) {
				j.newest = at
			}
		}
		if r.Status == load.StatusOK || r.Status == load.StatusIncomplete {
			j.held = j.held || r.Held > 0 && !j.job.Resource.FanOut // there each parent knows it
			return nil
		}
	}
	return nil
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
