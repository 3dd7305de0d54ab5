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

// listPrefix begins the state entries of lists that are searched.
const listPrefix = "list:"

// A snapshot is a list as it was when it was last known: committed with the
// rows that go with it.
type snapshot struct {
	FullAt time.Time `json:"full_at"` // when it was last read whole
	Keys   string    `json:"keys"`    // of its entries, a line each
}

func newSnapshot(fullAt time.Time, keys string) *snapshot {
	return &snapshot{FullAt: fullAt, Keys: keys}
}

// MarshalJSON writes the snapshot with one copy of its keys, of which a large
// library has megabytes.
func (s *snapshot) MarshalJSON() ([]byte, error) { return s.encode(), nil }

// encode writes the snapshot as JSON.
func (s *snapshot) encode() json.RawMessage {
	at, lines := encode(s.FullAt), strings.Count(s.Keys, "\n")
	out := make([]byte, 0, len(s.Keys)+lines+len(at)+32)
	out = append(append(append(out, `{"full_at":`...), at...), `,"keys":"`...)
	for i := 0; i < len(s.Keys); i++ {
		switch c := s.Keys[i]; {
		case c == '\n':
			out = append(out, '\\', 'n')
		case c < ' ', c == '"', c == '\\', c >= 0x7f: // no key of Spotify's
			return encode(struct {
				FullAt time.Time `json:"full_at"`
				Keys   string    `json:"keys"`
			}{s.FullAt, s.Keys})
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
	outcome  extract.Outcome
	searched bool // it was searched, not read whole
	sweeps   []load.Sweep
	// after is the list as it is now; nil when that is not known.
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
	goOn := begun != nil && feed.Parts[i].Gone != nil && (!j.mode.Backfill || j.goesOn)
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

// maySearch tells whether a list need not be read whole this time.
func (j *jobRun) maySearch(part catalog.Part, before *snapshot) bool {
	return before != nil && part.Gone != nil && !j.mode.Backfill && !j.mode.AcceptRemovals && !j.held &&
		j.record.StartedAt.Before(before.FullAt.Add(j.job.FullEvery))
}

// searchList reads what is not known of a list. What stood in it before, and
// does no longer, has gone.
func (j *jobRun) searchList(ctx context.Context, feed *catalog.Feed, i int, from, before *snapshot) (listReading, bool, error) {
	known := from.keys()
	part := feed.Parts[i]
	requests := j.user.Client.Stats().Requests
	rejects := j.record.Rejects
	var found extract.NewestOutcome
	for step, err := range feed.Search(ctx, j.user.Client, i, known) {
		if err != nil {
			return listReading{begun: begunWith(step.Keys)}, false, err
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
	gone := found.Gone
	if before != nil && before != from {
		gone = missing(append(before.keys(), gone...), found.Keys)
	}
	covers := part.Gone(gone, found.Keys)
	if found.Proven && removalGuard().Holds(rowsIn(covers), len(known)) {
		found.Proven, found.Reason = false, "very much has gone"
	}
	if !found.Proven {
		j.log.Info("the list is read whole, because a search did not tell what changed", "list", j.listName(part), "reason", found.Reason)
		j.record.Rejects = rejects
		return listReading{}, false, nil
	}
	pages := (found.Total + part.Endpoint.Limit - 1) / part.Endpoint.Limit
	j.searchSpared += max(0, max(1, pages)-(j.user.Client.Stats().Requests-requests))
	fullAt := from.FullAt
	if found.Whole && len(known) > 0 || before != from {
		fullAt = j.record.StartedAt // every page was read, now or when it was begun
	}
	return listReading{
		outcome:  extract.Outcome{Complete: true, Total: found.Total, Distinct: found.Total},
		searched: true, sweeps: j.sweepsOf(covers, load.Guard{}), after: newSnapshot(fullAt, strings.Join(found.Keys, "\n")),
	}, true, nil
}

// begunWith is the beginning of a list; nil when nothing was read of it.
func begunWith(keys *catalog.Keys) *snapshot {
	if keys == nil {
		return nil
	}
	return newSnapshot(time.Time{}, keys.Lines)
}

// missing returns the keys that are not among the others.
func missing(keys, others []string) []string {
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
		out.begun = begunWith(keys)
	}
	if err == nil && outcome.Complete {
		out.sweeps = j.sweeps(feed.Parts[i])
	}
	if err == nil && keys != nil {
		out.after = newSnapshot(j.record.StartedAt, keys.Lines)
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

// keep adds to a change what is to be remembered of a list, if that differs
// from what is remembered already.
func (j *jobRun) keep(change *load.Change, part catalog.Part, before *snapshot, after *snapshot) {
	if part.Gone == nil || before == nil && after == nil || before != nil && after != nil && before.Keys == after.Keys && before.FullAt.Equal(after.FullAt) {
		return
	}
	if change.State == nil {
		change.State = load.State{}
	}
	change.State[listPrefix+part.Name] = nil
	if after != nil {
		change.State[listPrefix+part.Name] = after.encode()
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
