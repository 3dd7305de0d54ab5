package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline/reconcile"
)

// patience is how many parents in a row may fail before the run gives up: one
// bad parent must not block the others, an outage must not be asked again and
// again.
const patience = 3

// A cycle is one pass over all parents. It may take several runs.
type cycle struct {
	StartedAt time.Time `json:"started_at"`
	Kind      string    `json:"kind"` // of the run that began it
}

// A parentState says when a parent was last read.
type parentState struct {
	ReadAt time.Time `json:"read_at"`
	// TriedAt is when it could not be read, or not to its end, after that: then
	// others come before it.
	TriedAt time.Time       `json:"tried_at,omitzero"`
	Gone    bool            `json:"gone,omitempty"` // the API no longer knows it
	List    *reconcile.List `json:"list,omitempty"`
	// Partial is the beginning of the list, where a run had to stop within it.
	Partial *partial `json:"partial,omitempty"`
}

// A fanOut reads the lists of parents, each committed by itself.
type fanOut struct {
	*jobRun
	feed *catalog.Feed

	read            int // parents whose list was read
	fails, newFails int // parents in a row that failed, and those of them that did not fail before
	unknown         []catalog.Part
	removals        []parentRemoval
	rows            int // of the lists that were read
}

// A parentRemoval is what has been removed from the list of a parent. It waits for
// the last commit, when the removals of all parents are known.
type parentRemoval struct {
	part  catalog.Part
	rows  []string
	state parentState // with the rows pending
}

// fanOut reads the parents that the cycle still lacks.
func (j *jobRun) fanOut(ctx context.Context) error {
	parents, err := j.parents(ctx)
	if err != nil {
		return err
	}
	todo := j.planCycle(parents)
	j.record.Parents, j.record.Fresh = len(parents), len(parents)-len(todo)
	feed, err := j.job.Resource.Open(j.params(todo))
	if err != nil {
		return err
	}
	defer feed.Release()
	f := &fanOut{jobRun: j, feed: feed}
	width, err := j.newWidth(ctx, feed)
	if err != nil {
		return err
	}
	err = j.sideBySide(ctx, feed, width.launch, func(r partReading) error {
		width.done(r.index)
		return f.take(r)
	})
	if err != nil {
		err = and(j.unfinished(err), j.sinks.discard())
	}
	return and(err, f.finish(err == nil))
}

// planCycle decides whether the run goes on with an unfinished cycle, and returns
// the parents that are not read in it: those never read first, in the order given,
// then the stalest.
func (j *jobRun) planCycle(parents []string) []string {
	j.cycle = cycle{StartedAt: j.record.StartedAt, Kind: j.record.Kind}
	if open := stateEntry[cycle](j.state, cycleEntry); open != nil && (!j.mode.Backfill || open.Kind == j.cycle.Kind) && !inFuture(open.StartedAt, j.record.StartedAt) {
		j.cycle = *open
	}
	since := map[string]time.Time{}
	var todo []string
	for _, id := range parents {
		s := j.parentBefore(id)
		open := s.List.Open(j.record.StartedAt)
		j.ends.list(j.listName(id), open)
		readAt := s.ReadAt
		if j.mode.AcceptRemovals && open.Pending > 0 || inFuture(readAt, j.record.StartedAt) {
			readAt, s.TriedAt = time.Time{}, time.Time{}
		}
		if readAt.Before(j.cycle.StartedAt) {
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

// take commits what reading a parent brought. An error ends the run.
func (f *fanOut) take(r partReading) error {
	var api *extract.Error
	switch {
	case r.err == nil:
		f.read++
		f.fails, f.newFails = 0, 0
		return f.commit(r)
	case errors.As(r.err, &api) && api.Kind == extract.NotFound:
		f.unknown = append(f.unknown, r.part)
		if len(f.unknown) >= 10 {
			return f.mostUnknown()
		}
		return nil
	case fatal(r.err):
		return and(r.err, f.keepPartial(r))
	}
	if f.fails++; f.parentBefore(r.part.Name).TriedAt.IsZero() {
		f.newFails++
	}
	if f.newFails >= patience || f.fails >= patience*patience {
		return r.err
	}
	return f.skip(r.part.Name, r.err)
}

// commit commits a parent's list. What is removed from it is pending until the last
// commit.
func (f *fanOut) commit(r partReading) error {
	f.count(r)
	if err := f.stage(f.feed, r); err != nil {
		return err
	}
	if err := f.sinks.write(f.feed.Flush()); err != nil {
		return err
	}
	id := r.part.Name
	if !r.reading.Complete {
		f.ends.moved(f.listName(id), r.reading.Reason, r.memory.list)
		return f.tried(id)
	}
	state := parentState{ReadAt: f.runner.Now().UTC(), List: r.verdict.After}
	f.rows += r.reading.Keys.Count
	if len(r.verdict.Removed) > 0 {
		waiting := *state.List
		waiting.Wait(r.verdict.Removed)
		f.removals = append(f.removals, parentRemoval{r.part, r.verdict.Removed, state})
		state.List = &waiting
	}
	f.ends.list(f.listName(id), r.verdict.After.Open(f.record.StartedAt))
	if r.reading.Unserved { // it is tried again, after the others
		state.ReadAt, state.TriedAt = f.parentBefore(id).ReadAt, state.ReadAt
	} else {
		f.record.Fresh++
	}
	return f.commitState(id, state)
}

// tried commits that a parent could not be read, so that others come before it.
func (f *fanOut) tried(id string) error {
	before := f.parentBefore(id)
	before.TriedAt = f.runner.Now().UTC()
	return f.commitState(id, before)
}

// skip leaves a parent that could not be read for the next run.
func (f *fanOut) skip(id string, err error) error {
	f.log.Warn("skipping a parent that could not be read", "list", f.listName(id), "error", err)
	reason := err
	if api := (*extract.Error)(nil); errors.As(err, &api) { // it does not repeat the name
		reason = api
	}
	f.ends.failed(f.listName(id), reason.Error(), "the next runs try it again, after the others")
	return f.tried(id)
}

// keepPartial commits what was read of a parent before the run had to stop, so that
// the next one reads only the rest. One that has stopped a run before goes behind
// the others: a list that never ends must not take every day's budget.
func (f *fanOut) keepPartial(r partReading) error {
	before := f.parentBefore(r.part.Name)
	if r.partial == nil && before.Partial == nil {
		return nil
	}
	if before.Partial != nil {
		before.TriedAt = f.runner.Now().UTC()
	}
	if r.partial != nil {
		before.Partial = r.partial
		f.count(r)
		if err := f.stage(f.feed, r); err != nil {
			return err
		}
	}
	if err := f.sinks.write(f.feed.Flush()); err != nil {
		return err
	}
	return f.commitState(r.part.Name, before)
}

// commitState commits what is staged and what is remembered of a parent.
func (f *fanOut) commitState(id string, state parentState) error {
	f.cost()
	change := load.Change{Run: f.record, State: load.State{cycleEntry: encode(f.cycle), parentPrefix + id: encode(state)}}
	change.Run.Status = load.StatusRunning
	if _, err := f.sinks.commit(change); err != nil {
		return err
	}
	f.progress.committed(f.jobRun, f.record.Fresh, f.record.Parents)
	return nil
}

// finish prepares the last commit: the removals of all parents, and those that the
// API does not know. whole tells whether the cycle is complete.
func (f *fanOut) finish(whole bool) error {
	f.noteReplaced(f.feed)
	f.final.State = load.State{}
	if whole {
		f.final.State[cycleEntry] = nil
	}
	f.finishRemovals()
	if err := f.mostUnknown(); err != nil {
		return err
	}
	for _, part := range f.unknown {
		f.forgetUnknown(part.Name)
	}
	return nil
}

// finishRemovals lets the removals of all parents through, or refuses them when they
// are too many together.
func (f *fanOut) finishRemovals() {
	removed := 0
	for _, r := range f.removals {
		removed += len(r.rows)
	}
	refused := !f.mode.AcceptRemovals && reconcile.TooMany(removed, f.rows+removed)
	for _, r := range f.removals {
		if refused {
			r.state.List.Refuse(r.rows)
			f.ends.list(f.listName(r.part.Name), r.state.List.Open(f.record.StartedAt))
		} else {
			f.final.Removals = append(f.final.Removals, removal(r.part, r.rows))
		}
		f.final.State[parentPrefix+r.part.Name] = encode(r.state)
	}
}

// mostUnknown returns an error when most parents answered 404: then the endpoint is
// gone or the address is wrong, and nothing is known of the parents.
func (f *fanOut) mostUnknown() error {
	n := len(f.unknown)
	if n < patience || n <= f.read {
		return nil
	}
	return &extract.Error{
		Kind: extract.NotFound, Path: f.unknown[0].Endpoint.Path, Status: 404,
		Message: fmt.Sprintf("Spotify answered 404 for %d of %d lists; nothing was removed", n, n+f.read),
		Hint:    "check SPOTIFY_API_URL; if it is right, Spotify has withdrawn the endpoint: " + f.unknown[0].Endpoint.Doc,
	}
}

// forgetUnknown notes a parent that the API does not know; its rows stay. One that
// the user listed is the user's to mend.
func (f *fanOut) forgetUnknown(id string) {
	before := f.parentBefore(id)
	f.final.State[parentPrefix+id] = encode(parentState{ReadAt: f.runner.Now().UTC(), Gone: true, List: before.List})
	f.record.Fresh++
	if slices.Contains(f.job.Options.Artists.IDs, id) {
		f.ends.failed(f.listName(id), "Spotify does not know it", fmt.Sprintf("correct or remove the ID under options: artists: ids: of job %s in %s", f.job.Name, f.runner.config.Path))
		return
	}
	f.log.Warn("Spotify no longer knows a parent; its rows are kept", "list", f.listName(id))
}

// parentBefore is what is remembered of a parent.
func (j *jobRun) parentBefore(id string) parentState {
	if s := stateEntry[parentState](j.state, parentPrefix+id); s != nil {
		return *s
	}
	return parentState{}
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
	return api.Kind != extract.Transient && api.Kind != extract.Malformed && api.Kind != extract.BadRequest && api.Kind != extract.Forbidden
}
