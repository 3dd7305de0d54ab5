package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/load"
)

// patience is how many parents in a row may fail before the run gives up: one
// bad parent must not block the others, an outage must not be asked again and
// again.
const patience = 3

// Entries of a fan-out's state.
const (
	roundEntry   = "round"
	parentPrefix = "parent:"
)

// A round is one pass over all parents. It may take several runs.
type round struct {
	StartedAt time.Time `json:"started_at"`
	Kind      string    `json:"kind"` // of the run that began it
}

// A parentState says when a parent was last read.
type parentState struct {
	ReadAt time.Time `json:"read_at"`
	// TriedAt is when it could not be read, or not to its end, after that: then
	// others come before it.
	TriedAt time.Time `json:"tried_at,omitzero"`
	Items   int       `json:"items"`
	Gone    bool      `json:"gone,omitempty"` // the API no longer knows it
	Held    int       `json:"held,omitempty"` // removals that were held back
	// List is what the parent's list held, for the next search.
	List *snapshot `json:"list,omitempty"`
	// Begun is the beginning of the list, where a run had to stop within it.
	Begun *snapshot `json:"begun,omitempty"`
}

// fanOut reads the parents that the round still lacks, each committed by itself.
func (j *jobRun) fanOut(ctx context.Context) error {
	parents, err := j.parents(ctx)
	if err != nil {
		return err
	}
	todo := j.planRound(parents)
	j.record.Parents, j.record.Fresh = len(parents), len(parents)-len(todo)
	feed, err := j.job.Resource.Open(j.params(todo))
	if err != nil {
		return err
	}
	defer feed.Release()
	fresh, all := 0, 0 // failures in a row, of those that did not fail before too, and of all
	for i, id := range todo {
		err := j.parent(ctx, feed, i)
		if err == nil {
			fresh, all = 0, 0
			continue
		}
		if all++; j.parentBefore(id).TriedAt.IsZero() {
			fresh++
		}
		if fatal(err) || fresh >= patience || all >= patience*patience {
			return and(j.unfinished(err), j.sinks.discard())
		}
		feed.Reset()
		if err := j.skip(id, err); err != nil {
			return err
		}
	}
	j.noteReplaced(feed)
	j.final.State = load.State{roundEntry: nil}
	return nil
}

// planRound decides whether the run goes on with an unfinished round, and
// returns the parents that are not read in it: those never read first, in the
// order given, then the stalest.
func (j *jobRun) planRound(parents []string) []string {
	j.round = round{StartedAt: j.record.StartedAt, Kind: j.record.Kind}
	var open round
	if err := json.Unmarshal(j.state[roundEntry], &open); err == nil && (!j.mode.Backfill || open.Kind == j.round.Kind) && !inFuture(open.StartedAt, j.record.StartedAt) {
		j.round = open
	}
	since := map[string]time.Time{}
	var todo []string
	for _, id := range parents {
		s := j.parentBefore(id)
		j.record.Held += s.Held
		readAt := s.ReadAt
		if j.letsGo(s) || inFuture(readAt, j.record.StartedAt) {
			readAt, s.TriedAt = time.Time{}, time.Time{}
		}
		if readAt.Before(j.round.StartedAt) {
			todo = append(todo, id)
		}
		since[id] = readAt
		if s.TriedAt.After(readAt) {
			since[id] = s.TriedAt
		}
	}
	slices.SortStableFunc(todo, func(a, b string) int { return since[a].Compare(since[b]) })
	return todo
}

// letsGo tells whether a parent is read now because removals that were held back
// are to be let through.
func (j *jobRun) letsGo(s parentState) bool { return s.Held > 0 && j.mode.AcceptRemovals }

// parent reads one parent's list and commits it.
func (j *jobRun) parent(ctx context.Context, feed *catalog.Feed, i int) error {
	part := feed.Parts[i]
	before := j.parentBefore(part.Name)
	reading, err := j.readList(ctx, feed, i, before.List, before.Begun)
	outcome := reading.outcome
	state := parentState{ReadAt: j.runner.Now().UTC(), Items: outcome.Total, Held: reading.held, List: reading.after}
	var api *extract.Error
	switch {
	case errors.As(err, &api) && api.Kind == extract.NotFound:
		state.Gone, state.Held, state.List = true, before.Held, before.List
		j.gone(part.Name)
	case err != nil && fatal(err):
		return and(err, j.keepBegun(feed, i, before, reading.begun))
	case err != nil:
		return err
	default:
		j.judge(part, outcome)
	}
	if err := j.sinks.write(feed.Flush()); err != nil {
		return err
	}
	if !outcome.Complete && !state.Gone {
		before.TriedAt = j.runner.Now().UTC()
		return j.commitParent(load.Change{State: load.State{parentPrefix + part.Name: encode(before)}})
	}
	j.record.Held += state.Held - before.Held
	j.record.Fresh++
	return j.commitParent(load.Change{Sweeps: reading.sweeps, State: load.State{parentPrefix + part.Name: encode(state)}})
}

// parentBefore is what is remembered of a parent.
func (j *jobRun) parentBefore(id string) parentState {
	var s parentState
	if text := j.state[parentPrefix+id]; text == nil || json.Unmarshal(text, &s) != nil {
		return parentState{}
	}
	return s
}

// keepBegun commits what was read of a parent before the run had to stop, so
// that the next one reads only the rest. One that has stopped a run before, goes
// behind the others: a list that never ends must not take every day's budget.
func (j *jobRun) keepBegun(feed *catalog.Feed, i int, before parentState, begun *snapshot) error {
	if begun == nil && before.Begun == nil {
		return nil
	}
	if before.Begun != nil {
		before.TriedAt = j.runner.Now().UTC()
	}
	if begun == nil { // no more than before
		if err := j.dropStaged(feed); err != nil {
			return err
		}
	} else {
		before.Begun = begun
	}
	if err := j.sinks.write(feed.Flush()); err != nil {
		return err
	}
	return j.commitParent(load.Change{State: load.State{parentPrefix + feed.Parts[i].Name: encode(before)}})
}

// commitParent commits a change in the midst of a round.
func (j *jobRun) commitParent(change load.Change) error {
	change.State[roundEntry] = encode(j.round)
	j.cost()
	change.Run = j.record
	change.Run.Status = load.StatusRunning
	if _, err := j.sinks.commit(change); err != nil {
		return err
	}
	j.runner.Observe(Event{
		Kind: Committed, Run: j.record, Pages: j.pages, Items: j.record.Items,
		Total: j.total, Done: j.record.Fresh, Parents: j.record.Parents,
	})
	return nil
}

// gone notes a parent that the API does not know. One that the user listed is
// the user's to mend.
func (j *jobRun) gone(id string) {
	if !slices.Contains(j.job.Options.Artists.IDs, id) {
		j.log.Warn("artist is no longer known to Spotify; its rows are kept", "artist", id)
		return
	}
	j.record.Status = load.StatusIncomplete
	j.record.Message = fmt.Sprintf("Spotify knows no artist %s", id)
	j.record.Hint = fmt.Sprintf("correct or remove the ID under options: artists: ids: of job %s in %s", j.job.Name, j.runner.config.Path)
}

// skip leaves a parent that could not be read for the next run.
func (j *jobRun) skip(id string, err error) error {
	j.log.Warn("artist could not be read; going on with the next", "artist", id, "error", err)
	j.record.Status = load.StatusIncomplete
	j.record.Message = fmt.Sprintf("artist %s could not be read: %v", id, err)
	j.record.Hint = "the next runs try it again, after the others"
	if err := j.sinks.discard(); err != nil {
		return err
	}
	before := j.parentBefore(id)
	before.TriedAt = j.runner.Now().UTC()
	return j.commitParent(load.Change{State: load.State{parentPrefix + id: encode(before)}})
}

// unfinished says how far the run got, and when the next one goes on.
func (j *jobRun) unfinished(err error) error {
	text := fmt.Sprintf("%d of %d artists fresh", j.record.Fresh, j.record.Parents)
	var api *extract.Error
	if errors.As(err, &api) && api.Kind == extract.Closed {
		return &unfinishedError{fmt.Sprintf("%s, next after %s: %s", text, api.Until.UTC().Format("2006-01-02 15:04Z"), api.Message), err}
	}
	return fmt.Errorf("%s: %w", text, err)
}

// An unfinishedError says of a round what its cause says of one request.
type unfinishedError struct {
	text  string
	cause error
}

func (e *unfinishedError) Error() string { return e.text }

func (e *unfinishedError) Unwrap() error { return e.cause }

// fatal tells whether an error concerns more than the parent at hand.
func fatal(err error) bool {
	var api *extract.Error
	if !errors.As(err, &api) {
		return true
	}
	return api.Kind != extract.Transient && api.Kind != extract.Malformed && api.Kind != extract.BadRequest
}

// parents returns the ids to read, the ones that matter most first.
func (j *jobRun) parents(ctx context.Context) ([]string, error) {
	choice := j.job.Options.Artists
	if len(choice.IDs) > 0 {
		return choice.IDs, nil
	}
	rows := map[string]int{}
	ran := false
	for _, from := range choice.From {
		known, values, err := j.source(ctx, from)
		if err != nil {
			return nil, fmt.Errorf("read the artists of %s: %w", from, err)
		}
		ran = ran || known
		for _, v := range values {
			if v.Value != "" {
				rows[v.Value] += v.Rows
			}
		}
	}
	if len(rows) == 0 && !ran {
		return nil, j.noSource()
	}
	return byRows(rows), nil
}

// noSource says that none of the jobs that name artists has run.
func (j *jobRun) noSource() error {
	from := j.job.Options.Artists.From
	var jobs []string
	for _, resource := range from {
		jobs = append(jobs, j.runner.config.sourceOf(resource).Name)
	}
	has := "has"
	if len(from) > 1 {
		has = "have"
	}
	return &missingError{
		text: fmt.Sprintf("job %s takes its artists from %s, which %s not been exported yet", j.job.Name, strings.Join(from, " and "), has),
		hint: "run first: exporter run " + strings.Join(jobs, " "),
	}
}

// source reads the artists that another job's table names, and tells whether
// that job has ever been done.
func (j *jobRun) source(ctx context.Context, resource string) (bool, []load.ValueCount, error) {
	feeder := j.runner.config.sourceOf(resource)
	name := feeder.Destinations[0]
	for _, own := range j.job.Destinations {
		if slices.Contains(feeder.Destinations, own) {
			name = own
			break
		}
	}
	d, err := j.runner.Destination(ctx, name)
	if err != nil {
		return false, nil, err
	}
	runs, err := d.Runs(ctx, 20)
	if err != nil {
		return false, nil, err
	}
	ran := slices.ContainsFunc(runs, func(r load.Run) bool {
		return r.Job == feeder.Name && r.Account == j.record.Account && r.Status == load.StatusOK
	})
	a := feeder.Resource.Artists
	values, err := d.Values(ctx, load.ValueQuery{Account: j.record.Account, Table: a.Table, Column: a.Column, Latest: a.Latest})
	return ran, values, err
}

func byRows(rows map[string]int) []string {
	ids := make([]string, 0, len(rows))
	for id := range rows {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int {
		return cmp.Or(cmp.Compare(rows[b], rows[a]), cmp.Compare(a, b))
	})
	return ids
}

// encode writes a state entry. The types it is given cannot fail to encode.
func encode(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

// A missingError says that what a job reads from is not there yet, and what to
// do next.
type missingError struct{ text, hint string }

func (e *missingError) Error() string { return e.text }

// Hint is the next step for the user.
func (e *missingError) Hint() string { return e.hint }
