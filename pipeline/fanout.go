package pipeline

import (
	"context"
	"errors"
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
	Kind      string    `json:"kind"` // of the run that started it
}

// A fanOut exports the lists of parents, each committed by itself.
type fanOut struct {
	*export
	parents parents
	budget  int // requests left of the day's budget when the run started; -1: no budget
	feed    *catalog.Feed

	read            int // parents whose list was read
	fails, newFails int // parents in a row that failed, and those of them that did not fail before
	unknown         []catalog.Part
	removed         []parentRemoval
	entries         int // of the lists that were read
}

// A parentRemoval holds the rows removed from the list of a parent. It waits for the
// last commit, when the removals of all parents are known.
type parentRemoval struct {
	part  catalog.Part
	rows  []string
	state parentState // after the removal
}

// run reads the parents that the cycle has not read yet.
func (f *fanOut) run(ctx context.Context) error {
	f.labels = f.parents.labels()
	f.noteParents()
	f.policy.startCycle(f.state)
	for _, p := range f.parents.all {
		s := f.state.parents[p.ID]
		f.findings.list(f.listName(p.ID), s.open(f.policy.at))
		f.noteDenied(p.ID, s)
	}
	todo := f.policy.todo(f.parents.all, f.state)
	f.record.Parents, f.record.UpToDate = len(f.parents.all), len(f.parents.all)-len(todo)
	var err error
	if f.feed, err = f.policy.open(f.record.Account, todo); err != nil {
		return err
	}
	defer f.feed.Release()
	f.progress.budget = f.budget
	width := newWidth(f.export, f.feed, f.budget)
	err = f.concurrently(ctx, f.feed, width.launch, func(r partReading) error {
		width.done(r.index)
		return f.take(r)
	})
	if err != nil {
		err = joinErrors(err, f.sessions.discard())
	}
	return joinErrors(err, f.finish(err == nil))
}

// take commits what reading a parent brought. An error ends the run.
func (f *fanOut) take(r partReading) error {
	var api *extract.Error
	known := errors.As(r.err, &api)
	switch {
	case r.err == nil:
		f.read++
		f.fails, f.newFails = 0, 0
		return f.commit(r)
	case known && f.parents.listed && api.Kind == extract.Forbidden:
		return f.commitState(r.part.Name, f.denied(r.part, api.Status))
	case known && api.Kind == extract.NotFound:
		f.unknown = append(f.unknown, r.part)
		if len(f.unknown) >= 10 {
			return f.mostUnknown()
		}
		return nil
	case fatal(r.err) && !(known && api.Kind == extract.Scope && f.granted()):
		return joinErrors(r.err, f.keepPartial(r))
	}
	if f.fails++; f.state.parents[r.part.Name].TriedAt.IsZero() {
		f.newFails++
	}
	if f.newFails >= patience || f.fails >= patience*patience {
		return r.err
	}
	return f.skip(r.part.Name, r.err)
}

// commit commits a parent's list.
func (f *fanOut) commit(r partReading) error {
	if !r.reading.Complete {
		f.findings.moved(f.listName(r.part.Name), r.reading.Reason, r.memory.list)
	}
	if r.part.Mode == catalog.Replace {
		return f.replace(r)
	}
	f.count(r)
	if err := f.stage(f.feed, r); err != nil {
		return err
	}
	if !r.reading.Complete {
		return f.tried(r.part.Name)
	}
	state := parentState{ReadAt: f.now().UTC(), Version: r.part.Version, List: r.verdict.After}
	f.entries += r.reading.Keys.Count
	if len(r.verdict.Removed) > 0 { // pending until the last commit
		waiting := *state.List
		waiting.Postpone(r.verdict.Removed)
		f.removed = append(f.removed, parentRemoval{r.part, r.verdict.Removed, state})
		state.List = &waiting
	}
	return f.upToDate(r, state, r.verdict.After.Open(f.policy.at))
}

// replace commits a parent's list that replaces what is stored of it.
func (f *fanOut) replace(r partReading) error {
	v := f.replacement(r)
	if !v.Replace {
		r.count.rejects = 0
	}
	f.count(r)
	if !r.reading.Complete {
		return f.tried(r.part.Name)
	}
	state := parentState{ReadAt: f.now().UTC(), Version: r.part.Version, Stored: v.After}
	if !v.Replace {
		return f.upToDate(r, state, v.Open)
	}
	if err := f.stage(f.feed, r); err != nil {
		return err
	}
	return f.upToDate(r, state, v.Open, scope(r.part.Rows))
}

// upToDate commits that a parent's list was read.
func (f *fanOut) upToDate(r partReading, state parentState, open reconcile.Open, removals ...load.Removal) error {
	id := r.part.Name
	f.findings.list(f.listName(id), open)
	if r.reading.Unserved { // it is tried again, after the others
		state.ReadAt, state.TriedAt = f.state.parents[id].ReadAt, state.ReadAt
	} else {
		f.record.UpToDate++
	}
	return f.commitState(id, state, removals...)
}

// tried commits that a parent could not be read, so that others take precedence.
func (f *fanOut) tried(id string) error {
	before := f.state.parents[id]
	before.TriedAt = f.now().UTC()
	return f.commitState(id, before)
}

// skip leaves a parent that could not be read for the next run.
func (f *fanOut) skip(id string, err error) error {
	f.log.Warn("skipping a list that could not be read", "list", f.listName(id), "error", err)
	reason := err.Error()
	if api := (*extract.Error)(nil); errors.As(err, &api) { // without the name
		reason = api.Error()
		if api.Kind == extract.Scope {
			reason = scopeRefused
		}
	}
	f.findings.failed(f.listName(id), reason, "the next run tries it again, after the others")
	return f.tried(id)
}

// denied is the state of a parent whose list the API does not serve to the app. The
// rows stay. The list is requested again the next night for seven nights if there are
// rows, and then once a month, whatever its version is.
func (f *fanOut) denied(part catalog.Part, status int) parentState {
	state := f.state.parents[part.Name]
	if state.DeniedAt.IsZero() {
		f.log.Debug("Spotify does not serve a list to this app", "list", f.listName(part.Name))
		state.DeniedAt = f.now().UTC()
	}
	state.ReadAt, state.Denied = f.now().UTC(), status
	f.noteDenied(part.Name, state)
	f.record.UpToDate++
	return state
}

// noteDenied notes a list that the API does not serve to the app.
func (f *fanOut) noteDenied(id string, s parentState) {
	if !s.DeniedAt.IsZero() {
		f.findings.denied(f.listName(id), refusal(f.job.Resource), s.deniedForGood(f.policy.at), f.job.Name)
	}
}

// keepPartial commits the part of a list that was read before the run had to stop, so
// that the next run resumes it. A list that has stopped a run before goes behind the
// others: a list that never ends must not take every day's budget.
func (f *fanOut) keepPartial(r partReading) error {
	before := f.state.parents[r.part.Name]
	if r.partial == nil && before.Partial == nil {
		return nil
	}
	if before.Partial != nil {
		before.TriedAt = f.now().UTC()
	}
	if r.partial != nil {
		before.Partial = r.partial
		f.count(r)
		if err := f.stage(f.feed, r); err != nil {
			return err
		}
	}
	return f.commitState(r.part.Name, before)
}

// commitState commits what is staged, with the state of a parent.
func (f *fanOut) commitState(id string, state parentState, removals ...load.Removal) error {
	if err := f.sessions.write(f.feed.Flush()); err != nil {
		return err
	}
	f.recordCost()
	change := load.Change{
		Run: *f.record, Removals: removals,
		State: load.State{cycleEntry: encode(f.policy.cycle), parentPrefix + id: encode(state)},
	}
	change.Run.Status = load.StatusRunning
	if _, err := f.sessions.commit(change); err != nil {
		return err
	}
	f.progress.committed(f.record.UpToDate, f.record.Parents)
	return nil
}

// fatal reports whether an error affects more than one parent.
func fatal(err error) bool {
	var api *extract.Error
	if !errors.As(err, &api) {
		return true
	}
	return api.Kind != extract.Transient && api.Kind != extract.Malformed && api.Kind != extract.BadRequest && api.Kind != extract.Forbidden
}
