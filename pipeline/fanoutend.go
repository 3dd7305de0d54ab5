package pipeline

import (
	"fmt"
	"maps"
	"slices"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline/reconcile"
)

// finish prepares the last commit: the removals of all parents, those that have left
// their list, and those that the API does not know. complete reports whether the
// cycle is.
func (f *fanOut) finish(complete bool) error {
	f.noteReplaced(f.feed)
	if complete {
		f.state.change[cycleEntry] = nil
	}
	f.finishRemovals()
	f.finishLeft()
	if err := f.mostUnknown(); err != nil {
		return err
	}
	for _, part := range f.unknown {
		f.noteUnknown(part)
	}
	return nil
}

// finishRemovals accepts the removals of all parents, or refuses them if together they
// are too many.
func (f *fanOut) finishRemovals() {
	removed := 0
	for _, r := range f.removed {
		removed += len(r.rows)
	}
	refused := !f.mode.AcceptRemovals && reconcile.TooMany(removed, f.entries+removed)
	for _, r := range f.removed {
		if refused {
			r.state.List.Refuse(r.rows)
			f.findings.list(f.listName(r.part.Name), r.state.List.Open(f.policy.at))
		} else {
			f.remove(r.part.Removals(r.rows)...)
		}
		f.state.change[parentPrefix+r.part.Name] = encode(r.state)
	}
}

// finishLeft removes the rows of parents that have left a list of the API which was
// read completely. It refuses to when they are too many, or all.
func (f *fanOut) finishLeft() {
	if !f.parents.complete() {
		return
	}
	left, removed, rows := f.left()
	if removed > 0 && !f.mode.AcceptRemovals && (len(f.parents.all) == 0 || reconcile.TooMany(removed, rows)) {
		f.findings.list(f.listName(""), reconcile.Open{Entries: rows - removed, Pending: removed, Refused: removed})
		return
	}
	r := f.job.Resource
	for _, id := range left {
		where := []load.Match{{Column: r.Parents.Column, Values: []string{id}}}
		f.removals = append(f.removals, load.Removal{Table: r.Table().Name, Where: where})
		f.state.change[parentPrefix+id] = nil
	}
}

// left lists the parents that are no longer in their list, and counts their rows and
// the rows of all parents.
func (f *fanOut) left() (ids []string, removed, rows int) {
	here := map[string]bool{}
	for _, p := range f.parents.all {
		here[p.ID] = true
	}
	for _, id := range slices.Sorted(maps.Keys(f.state.parents)) {
		n := entries(f.state.parents[id])
		rows += n
		if !here[id] {
			ids, removed = append(ids, id), removed+n
		}
	}
	return ids, removed, rows
}

// noteParents notes what the list of the parents leaves open: unreadable entries may
// be parents that seem to have left it.
func (f *fanOut) noteParents() {
	if !f.parents.listed {
		return
	}
	of := f.job.Resource.Parents.Of
	if !f.parents.reading.Complete {
		f.findings.moved(of, f.parents.reading.Reason, nil)
		return
	}
	v := reconcile.DecideReplacement(reconcile.ReplaceInput{
		Before: stateEntry[reconcile.Stored](f.state.before, parentsEntry), Reading: f.parents.reading, Dated: true, At: f.policy.at,
	})
	remember(f.state, parentsEntry, v.After)
	if !f.parents.complete() {
		_, v.Open.Pending, _ = f.left()
		v.Open.Why = reconcile.Unreadable
		if v.Open.Unreadable == 0 {
			v.Open.Why = reconcile.Holes
		}
	}
	f.findings.list(of, v.Open)
}

// entries returns how many entries of a parent's list are stored.
func entries(s parentState) int {
	switch {
	case s.Stored != nil:
		return s.Stored.Places
	case s.List != nil:
		return s.List.Keys.Count
	}
	return 0
}

// mostUnknown returns an error if most parents answered 404: then Spotify has withdrawn
// the endpoint or the address is wrong, and nothing is known of the parents.
func (f *fanOut) mostUnknown() error {
	n := len(f.unknown)
	if n < patience || n <= f.read {
		return nil
	}
	return &extract.Error{
		Kind: extract.NotFound, Path: f.unknown[0].Endpoint.Path, Status: 404,
		Message: fmt.Sprintf("Spotify answered 404 for %d of %d lists; nothing was removed", n, n+f.read),
		Advice:  "check SPOTIFY_API_URL; if it is right, Spotify has withdrawn the endpoint: " + f.unknown[0].Endpoint.Doc,
	}
}

// noteUnknown notes a parent that the API does not know; its rows stay. A listed ID
// is the user's to correct.
func (f *fanOut) noteUnknown(part catalog.Part) {
	id := part.Name
	if f.parents.listed {
		f.state.change[parentPrefix+id] = encode(f.denied(part, 404))
		return
	}
	before := f.state.parents[id]
	f.state.change[parentPrefix+id] = encode(parentState{
		ReadAt: f.now().UTC(), Version: part.Version, Unknown: true, List: before.List, Stored: before.Stored,
	})
	f.record.UpToDate++
	if slices.Contains(f.job.Options.Parents.IDs, id) {
		f.findings.failed(f.listName(id), "Spotify does not know it", fmt.Sprintf("correct or remove the ID under options: %s: ids: of job %s in jobs.yaml", chooser(f.job.Resource), f.job.Name))
		return
	}
	f.log.Warn("Spotify no longer knows a "+f.parents.noun+"; its rows are kept", "list", f.listName(id))
}

// chooser names the option that chooses a resource's parents.
func chooser(r *catalog.Resource) string {
	for _, o := range r.Options {
		if o.Kind == catalog.Chosen {
			return o.Name
		}
	}
	return ""
}
