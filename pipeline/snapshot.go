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
	"github.com/tracklake/tracklake/extract"
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
	Gone   []string  // entries that stood in a beginning earlier, and may stand behind it now
	Keys   string    // of its entries, a line each
}

// A plainSnapshot is a snapshot as JSON.
type plainSnapshot struct {
	FullAt time.Time `json:"full_at"`
	Kind   string    `json:"kind,omitempty"`
	Gone   []string  `json:"gone,omitempty"`
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
	head := encode(plainSnapshot{FullAt: s.FullAt, Kind: s.Kind, Gone: s.Gone})
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

// A listReading is what reading a part brought.
type listReading struct {
	outcome extract.Outcome
	whole   bool // it was read from its beginning to its end
	sweeps  []load.Sweep
	// after is the list as it is now; nil when that is not known, or not well
	// enough to search it the next time.
	after *snapshot
	// begun is the beginning of the list, of a reading that was cut off.
	begun *snapshot
}

// readList reads a part: by a search where the snapshot allows it, else whole.
//
// begun, if there is one, is the beginning of the list, which an earlier run
// has read and committed before it was cut off: only the rest is read.
func (j *jobRun) readList(ctx context.Context, feed *catalog.Feed, i int, before, begun *snapshot) (listReading, error) {
	known := before
	goOn := j.mayGoOn(begun)
	if goOn {
		known = begun
	}
	if goOn || j.maySearch(feed.Parts[i], before) {
		reading, proven, err := j.searchList(ctx, feed, i, known, before)
		if err != nil || proven {
			return reading, err
		}
		if err := j.dropStaged(feed); err != nil {
			return listReading{}, err
		}
	}
	return j.readWhole(ctx, feed, i)
}

// mayGoOn tells whether a reading that was cut off may be gone on with. One that
// must read everything goes on only where it began itself.
func (j *jobRun) mayGoOn(begun *snapshot) bool {
	switch {
	case begun == nil:
		return false
	case j.rereads:
		return begun.Kind == Mode{Backfill: true}.kind() && !begun.FullAt.Before(j.round.StartedAt)
	default:
		return j.job.Resource.FanOut || !j.mode.AcceptRemovals
	}
}

// maySearch tells whether a list need not be read whole this time.
func (j *jobRun) maySearch(part catalog.Part, before *snapshot) bool {
	if before == nil || part.Gone == nil || j.rereads || j.job.FullEvery == 0 {
		return false
	}
	if !j.job.Resource.FanOut && (j.mode.AcceptRemovals || j.held) {
		return false
	}
	if inFuture(before.FullAt, j.record.StartedAt) {
		return false
	}
	return j.record.StartedAt.Before(before.FullAt.Add(j.job.FullEvery)) || !j.affords(pages(part, len(before.keys())))
}

// inFuture tells whether a time that was noted lies in the future: a clock was
// wrong then, or is now.
func inFuture(noted, now time.Time) bool { return noted.After(now.Add(24 * time.Hour)) }

// affords tells whether a list of a fan-out, which is due to be read whole, can
// be. Lists that were first read together come due together; they may take a
// quarter of the day's budget, so that the others do not wait for them.
func (j *jobRun) affords(requests int) bool {
	budget := j.runner.config.Budget(j.job.Resource.Family)
	if j.job.Resource.FanOut && budget > 0 && j.due > 0 && j.due+requests > budget/4 {
		return false
	}
	j.due += requests
	return true
}

// searchList reads what is not known of a list: from is what the search begins
// with, before the list as it was last known.
//
// Where an earlier reading is gone on with, from is only its beginning. What
// stood in the list before and is not found now may then have moved to where
// was not looked again, and is not called gone.
func (j *jobRun) searchList(ctx context.Context, feed *catalog.Feed, i int, from, before *snapshot) (listReading, bool, error) {
	part := feed.Parts[i]
	rejects := j.record.Rejects
	var found extract.NewestOutcome
	for step, err := range feed.Search(ctx, j.user.Client, i, from.keys()) {
		if err != nil {
			out := listReading{}
			if from != before && step.Keys != nil && len(step.Keys.Lines) > len(from.Keys) {
				out.begun = j.begunWith(step.Keys)
				out.begun.Gone = missing(append(from.keys(), from.Gone...), out.begun.keys())
			}
			return out, false, err
		}
		if step.Restart {
			if err := j.restart(feed); err != nil {
				return listReading{}, false, err
			}
			j.record.Rejects = rejects
		}
		if err := j.sinks.write(step.Batches); err != nil {
			return listReading{}, false, err
		}
		if step.Found != nil {
			found = *step.Found
			continue
		}
		j.note(part, step)
	}
	var covers []catalog.Cover
	if part.Gone != nil {
		covers = part.Gone(missing(append(found.Gone, from.Gone...), found.Keys), found.Keys)
	}
	if found.Proven && removalGuard().Holds(rowsIn(covers), len(from.keys())) {
		found.Proven, found.Reason = false, "very much has gone"
	}
	if !found.Proven {
		j.log.Info("the list is read whole, because a search did not tell what changed", "list", j.listName(part), "reason", found.Reason)
		j.record.Rejects = rejects
		return listReading{}, false, nil
	}
	out := listReading{
		outcome: extract.Outcome{Complete: true, Total: found.Total, Distinct: found.Total},
		sweeps:  j.sweepsOf(covers, load.Guard{}),
	}
	if from == before {
		j.searchSpared += found.Spared
		out.after = &snapshot{FullAt: from.FullAt, Keys: strings.Join(found.Keys, "\n")}
		if found.Whole && found.Total > 0 {
			out.after.FullAt = j.record.StartedAt
		}
	} else if part.Gone != nil && (before == nil && !j.held || !j.fitsBudget(part, found.Total)) {
		out.after = &snapshot{FullAt: j.record.StartedAt, Keys: strings.Join(found.Keys, "\n")}
	}
	return out, true, nil
}

// fitsBudget tells whether a list can be read whole within a day.
func (j *jobRun) fitsBudget(part catalog.Part, entries int) bool {
	budget := j.runner.config.Budget(j.job.Resource.Family)
	return budget == 0 || pages(part, entries) <= budget
}

// begunWith is the beginning of a list; nil when nothing was read of it.
func (j *jobRun) begunWith(keys *catalog.Keys) *snapshot {
	if keys == nil {
		return nil
	}
	out := &snapshot{FullAt: j.record.StartedAt, Kind: j.record.Kind, Keys: keys.Lines}
	if j.rereads {
		out.Kind = Mode{Backfill: true}.kind()
	}
	return out
}

// missing returns the keys that are not among the others.
func missing(keys, others []string) []string {
	if len(keys) == 0 {
		return nil
	}
	there := make(map[string]bool, len(others))
	for _, k := range others {
		there[k] = true
	}
	return slices.DeleteFunc(keys, func(k string) bool { return there[k] })
}

// rowsIn counts the rows that covers name one by one.
func rowsIn(covers []catalog.Cover) int {
	n := 0
	for _, c := range covers {
		if len(c.Where) > 0 {
			n += len(c.Where[len(c.Where)-1].Values)
		}
	}
	return n
}

// readWhole reads all of a part.
func (j *jobRun) readWhole(ctx context.Context, feed *catalog.Feed, i int) (listReading, error) {
	outcome, keys, err := j.readPart(ctx, feed, i)
	out := listReading{outcome: outcome}
	if err != nil {
		out.begun = j.begunWith(keys)
	}
	if err == nil && outcome.Complete {
		out.whole, out.sweeps = true, j.sweeps(feed.Parts[i])
	}
	if err == nil && keys != nil && feed.Parts[i].Gone != nil && j.job.FullEvery > 0 {
		out.after = &snapshot{FullAt: j.record.StartedAt, Keys: keys.Lines}
	}
	return out, err
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
func (s *snapshot) same(o *snapshot) bool { return s.Keys == o.Keys && s.FullAt.Equal(o.FullAt) }

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

// heldBefore tells whether the job's last run that committed at a destination
// held removals back, so that the tables hold more than the snapshot.
func (j *jobRun) heldBefore(ctx context.Context, d load.Destination) (bool, error) {
	runs, err := d.Runs(ctx, 20)
	if err != nil {
		return false, fmt.Errorf("read the history: %w", err)
	}
	for _, r := range runs {
		committed := r.Status == load.StatusOK || r.Status == load.StatusIncomplete
		if r.Job == j.job.Name && r.Account == j.record.Account && committed {
			return r.Held > 0, nil
		}
	}
	return false, nil
}

func (j *jobRun) listName(part catalog.Part) string {
	if part.Name == "" {
		return j.job.Resource.Name
	}
	return j.job.Resource.Name + " " + part.Name
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
