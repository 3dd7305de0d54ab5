package pipeline

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/load"
)

// A listReading is what reading a part brought.
type listReading struct {
	outcome extract.Outcome
	sweeps  []load.Sweep
	held    int // rows whose removal is held back
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
	part := feed.Parts[i]
	before, begun = before.of(part), begun.of(part)
	from := before
	goOn := j.mayGoOn(begun)
	if goOn {
		from = begun
	}
	if goOn || j.maySearch(part, before) {
		reading, proven, err := j.searchList(ctx, feed, i, from, before)
		if err != nil || proven {
			return reading, err
		}
		if err := j.dropStaged(feed); err != nil {
			return listReading{}, err
		}
	}
	return j.readWhole(ctx, feed, i, before, begun)
}

// rereads tells whether every list is read whole: it is a backfill, or the rest
// of one.
func (j *jobRun) rereads() bool { return j.round.Kind == Mode{Backfill: true}.kind() }

// mayGoOn tells whether a reading that was cut off may be gone on with. One that
// must read everything goes on only where it began itself.
func (j *jobRun) mayGoOn(begun *snapshot) bool {
	if begun == nil || !j.rereads() {
		return begun != nil
	}
	return begun.Kind == j.round.Kind && !begun.FullAt.Before(j.round.StartedAt)
}

// maySearch tells whether a list need not be read whole this time.
func (j *jobRun) maySearch(part catalog.Part, before *snapshot) bool {
	if before == nil || part.Gone == nil || part.Unordered || j.rereads() || j.job.FullEvery == 0 || inFuture(before.FullAt, j.record.StartedAt) {
		return false
	}
	if j.fitsBudget(part, before.count()) {
		owed := len(before.Missed) > 0 && !before.Held
		doubted := j.mode.AcceptRemovals || j.held && !before.Held
		if owed || doubted && !j.job.Resource.FanOut {
			return false
		}
	}
	return j.record.StartedAt.Before(before.FullAt.Add(j.job.FullEvery)) || !j.affords(pages(part, before.count()))
}

// inFuture tells whether a time that was noted lies in the future: a clock was
// wrong then, or is now.
func inFuture(noted, now time.Time) bool { return noted.After(now.Add(24 * time.Hour)) }

// affords tells whether a list of a fan-out, which is due to be read whole, can
// be. Lists that were first read together come due together; they may take a
// quarter of the day's budget, so that the others do not wait for them.
func (j *jobRun) affords(requests int) bool {
	budget := j.budget()
	if j.job.Resource.FanOut && budget > 0 && j.due > 0 && j.due+requests > budget/4 {
		return false
	}
	j.due += requests
	return true
}

// searchList reads what is not known of a list: from is what the search begins
// with, before the list as it was last known.
func (j *jobRun) searchList(ctx context.Context, feed *catalog.Feed, i int, from, before *snapshot) (listReading, bool, error) {
	part, rejects := feed.Parts[i], j.record.Rejects
	found, beginning, err := j.search(ctx, feed, i, from)
	if err != nil {
		out := listReading{}
		if from != before {
			out.begun = j.begunWith(part, beginning, from)
		}
		return out, false, err
	}
	var out listReading
	if found.Proven && from == before {
		out, found.Reason = j.compare(part, before, found)
	} else if found.Proven {
		out = j.complete(part, before, from, found)
	}
	if found.Reason != "" {
		j.log.Info("the list is read whole, because a search did not tell what changed", "list", j.listName(part), "reason", found.Reason)
		j.record.Rejects = rejects
		return listReading{}, false, nil
	}
	out.outcome = extract.Outcome{Complete: true, Total: found.Total, Distinct: found.Total}
	return out, true, nil
}

// compare settles a search of a list that was known, or says why it is no proof.
func (j *jobRun) compare(part catalog.Part, before *snapshot, found extract.NewestOutcome) (listReading, string) {
	after := &snapshot{FullAt: before.FullAt, Asked: before.Asked, Keys: strings.Join(found.Keys, "\n")}
	if found.Whole && found.Total > 0 {
		after.FullAt = j.record.StartedAt
	}
	gone, missed := found.Gone, missing(slices.Clone(before.Missed), found.Keys)
	rows, held := rowsOf(part, gone, found.Keys), before.Held && len(missed) > 0
	much := j.guarded(rows, found.Total)
	moved := rows > 0 && part.Moves && !found.Whole
	doubtful := rows > 0 && unreadable(found.Keys) > unreadable(before.keys())
	fits := j.fitsBudget(part, found.Total)
	switch {
	case much && fits:
		return listReading{}, "very much has gone"
	case moved && fits:
		return listReading{}, "what has gone may stand elsewhere"
	case doubtful && fits:
		return listReading{}, "what has gone may be what cannot be read"
	case much:
		gone, missed, held = nil, append(missed, gone...), true
	case moved, doubtful:
		gone, missed = nil, append(missed, gone...)
	}
	j.searchSpared += found.Spared
	return j.settle(part, after, gone, missed, held), ""
}

// complete settles a reading that was cut off and is complete now. What stood in
// the list before and was not met may have moved to where was not looked again.
// So it has gone only when a second reading does not meet it either.
func (j *jobRun) complete(part catalog.Part, before, begun *snapshot, found extract.NewestOutcome) listReading {
	after := &snapshot{FullAt: j.record.StartedAt, Asked: begun.Asked, Keys: strings.Join(found.Keys, "\n")}
	gone := missing(append(slices.Clone(found.Gone), begun.Missed...), found.Keys)
	var missed []string
	held := false
	if part.Moves {
		gone, missed = nil, gone
	}
	if before != nil {
		twice := missing(slices.Clone(before.Missed), found.Keys)
		if held = before.Held && len(twice) > 0; held {
			missed = append(missed, twice...)
		} else {
			gone = append(gone, twice...)
		}
		missed = append(missed, missing(before.keys(), found.Keys)...)
		missed = missing(missed, gone)
	}
	if j.guarded(rowsOf(part, gone, found.Keys), found.Total) {
		gone, missed, held = nil, append(missed, gone...), true
	}
	return j.settle(part, after, gone, missed, held)
}

// guarded tells whether so many removals are held back where so many entries are
// left.
func (j *jobRun) guarded(rows, left int) bool {
	return !j.mode.AcceptRemovals && removalGuard().Holds(rows, rows+left)
}

// settle turns what has gone into sweeps, and keeps in mind what was only
// missed. Removals that the user has accepted include these.
func (j *jobRun) settle(part catalog.Part, after *snapshot, gone, missed []string, held bool) listReading {
	if j.mode.AcceptRemovals {
		gone, missed, held = append(gone, missed...), nil, false
	}
	slices.Sort(missed)
	after.Missed, after.Held = slices.Compact(missed), held
	out := listReading{after: after}
	if part.Gone != nil {
		out.sweeps = j.sweepsOf(part.Gone(gone, after.keys()), load.Guard{})
	}
	if held {
		out.held = rowsOf(part, after.Missed, after.keys())
	}
	return out
}

// search hands on what a search reads, and returns its outcome; with an error
// the beginning of the list, as far as it was found.
func (j *jobRun) search(ctx context.Context, feed *catalog.Feed, i int, from *snapshot) (found extract.NewestOutcome, beginning *catalog.Keys, err error) {
	rejects := j.record.Rejects
	for step, err := range feed.Search(ctx, j.user.Client, i, from.keys()) {
		if err != nil {
			return found, step.Keys, err
		}
		if step.Restart {
			if err := j.restart(feed); err != nil {
				return found, nil, err
			}
			j.record.Rejects = rejects
		}
		if err := j.sinks.write(step.Batches); err != nil {
			return found, nil, err
		}
		if step.Found != nil {
			found = *step.Found
			continue
		}
		j.note(feed.Parts[i], step)
	}
	return found, nil, nil
}

// budget is how many requests of the job's family are made in 24 hours; 0: no
// limit.
func (j *jobRun) budget() int { return j.runner.config.Budget(j.job.Resource.Family) }

// fitsBudget tells whether a list can be read whole within a day.
func (j *jobRun) fitsBudget(part catalog.Part, entries int) bool {
	budget := j.budget()
	return budget == 0 || pages(part, entries) <= budget
}

// begunWith is the beginning of a list; nil when no more was read of it than an
// earlier run had read.
func (j *jobRun) begunWith(part catalog.Part, keys *catalog.Keys, earlier *snapshot) *snapshot {
	if keys == nil || keys.Count <= earlier.count() {
		return nil
	}
	out := &snapshot{FullAt: j.record.StartedAt, Kind: j.round.Kind, Asked: part.Endpoint.Query.Encode(), Keys: keys.Lines}
	out.Missed = missing(earlier.all(), out.keys())
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

// unreadable counts the entries of a list that could not be kept. When there are
// more than before, one of them can be what seems to have gone: an item comes as
// null for a day now and then. The next whole reading decides.
func unreadable(keys []string) int {
	n := 0
	for _, k := range keys {
		if extract.IsReject(k) {
			n++
		}
	}
	return n
}

// rowsOf counts the rows of entries that have gone.
func rowsOf(part catalog.Part, gone, left []string) int {
	if part.Gone == nil {
		return 0
	}
	n := 0
	for _, c := range part.Gone(gone, left) {
		if len(c.Where) > 0 {
			n += len(c.Where[len(c.Where)-1].Values)
		}
	}
	return n
}

// readWhole reads all of a part. What it does not meet has gone.
func (j *jobRun) readWhole(ctx context.Context, feed *catalog.Feed, i int, before, begun *snapshot) (listReading, error) {
	part := feed.Parts[i]
	outcome, keys, err := j.readPart(ctx, feed, i)
	out := listReading{outcome: outcome}
	switch {
	case err != nil:
		out.begun = j.begunWith(part, keys, begun)
		return out, err
	case !outcome.Complete:
		return out, nil
	}
	out.sweeps = j.sweeps(part)
	if keys == nil || part.Gone == nil {
		return out, nil
	}
	out.after = &snapshot{FullAt: j.record.StartedAt, Asked: part.Endpoint.Query.Encode(), Keys: keys.Lines}
	if known := append(before.all(), begun.all()...); len(known) > 0 {
		left := out.after.keys()
		missed := missing(known, left)
		slices.Sort(missed)
		missed = slices.Compact(missed)
		n := rowsOf(part, missed, left)
		switch {
		case j.guarded(n, len(left)):
			out.after.Missed, out.after.Held = missed, true
			out.sweeps, out.held = nil, n
		case n > 0 && before != nil && unreadable(left) > unreadable(before.keys()):
			out.after.Missed, out.sweeps = missed, nil
		}
	}
	return out, nil
}

func (j *jobRun) listName(part catalog.Part) string {
	if part.Name == "" {
		return j.job.Resource.Name
	}
	return j.job.Resource.Name + " " + part.Name
}
