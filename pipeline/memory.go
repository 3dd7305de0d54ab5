package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/extract/listdiff"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline/reconcile"
)

// Entries of a job's state.
const (
	listPrefix    = "list:"    // a list as it was when it was last known, by part
	partialPrefix = "partial:" // the beginning of a list, where a run had to stop within
	rankingPrefix = "ranking:" // the ranking that is stored, by part
	parentPrefix  = "parent:"  // what is remembered of a parent
	cycleEntry    = "cycle"
)

// A partial is the beginning of a list, which a run has read and committed before
// it had to stop.
type partial struct {
	Kind      string    `json:"kind"` // of the run or cycle
	StartedAt time.Time `json:"started_at"`
	Query     string    `json:"query,omitempty"`
	// Rows that earlier beginnings showed and this one does not.
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
	// lost: nothing is remembered, not even of another query.
	lost bool
}

// of drops what is remembered of other queries: their answers are other lists.
func (m memory) of(part catalog.Part) memory {
	query := part.Endpoint.Query.Encode()
	m.lost = m.list == nil && m.partial == nil
	if m.list != nil && m.list.Query != query {
		m.list = nil
	}
	if m.partial != nil && m.partial.Query != query {
		m.partial = nil
	}
	return m
}

// remembered is what the job remembers of a part.
func (j *jobRun) remembered(part catalog.Part) memory {
	if j.job.Resource.FanOut {
		s := j.parentBefore(part.Name)
		return memory{list: s.List, partial: s.Partial}.of(part)
	}
	m := memory{list: stateEntry[reconcile.List](j.state, listPrefix+part.Name), partial: stateEntry[partial](j.state, partialPrefix+part.Name)}
	return m.of(part)
}

// stateEntry reads an entry of a state, or returns nil.
func stateEntry[T any](state load.State, name string) *T {
	out := new(T)
	if text := state[name]; text == nil || json.Unmarshal(text, out) != nil {
		return nil
	}
	return out
}

// remember adds an entry to the last commit, or its end.
func remember[T any](j *jobRun, name string, value *T) {
	if value == nil && j.state[name] == nil {
		return
	}
	if j.final.State == nil {
		j.final.State = load.State{}
	}
	j.final.State[name] = nil
	if value != nil {
		j.final.State[name] = encode(value)
	}
}

// encode writes a state entry. The types it is given cannot fail to encode.
func encode(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

// stored returns the rows that the tables hold of a list of which nothing is
// remembered, if all of these rows can only be the list's.
func (j *jobRun) stored(ctx context.Context, part catalog.Part, m memory) ([]string, error) {
	if !m.lost || !part.Sole {
		return m.partial.rows(), nil
	}
	query := load.ValueQuery{Account: j.record.Account, Table: part.Rows.Table, Column: part.Column, Where: scope(part.Rows).Where}
	var out []string
	for _, name := range j.job.Destinations {
		d, err := j.runner.Destination(ctx, name)
		if err != nil {
			return nil, err
		}
		values, err := d.Values(ctx, query)
		if err != nil {
			return nil, fmt.Errorf("read the rows of %s at %s: %w", part.Rows.Table, name, err)
		}
		for _, v := range values {
			out = append(out, v.Value)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// lookBack finds out when the job's newest run ended: what was read before is
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
	}
	return nil
}

// agreed keeps of two destinations' states only what both say, so that what
// one of them lacks is read again.
func agreed(have, other load.State, first bool) load.State {
	if first {
		return other
	}
	out := load.State{}
	for k, v := range have {
		if o, ok := other[k]; ok && sameJSON(o, v) {
			out[k] = v
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
