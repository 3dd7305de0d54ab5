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
func (j *jobRun) searchList(ctx context.Context, feed *catalog.Feed, i int, from, before *snapshot) (listReading, bool, error) {
	part, rejects := feed.Parts[i], j.record.Rejects
	found, beginning, err := j.search(ctx, feed, i, from)
	if err != nil {
		out := listReading{}
		if from != before && beginning != nil && len(beginning.Lines) > len(from.Keys) {
			out.begun = j.begunWith(beginning)
			out.begun.Gone = missing(append(from.keys(), from.Gone...), out.begun.keys())
		}
		return out, false, err
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
	if from == before {
		j.searchSpared += found.Spared
	}
	return listReading{
		outcome: extract.Outcome{Complete: true, Total: found.Total, Distinct: found.Total},
		sweeps:  j.sweepsOf(covers, load.Guard{}), after: j.searched(part, from, before, found),
	}, true, nil
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

// searched is what a search knows of the list, or nil where that is too little.
//
// Where an earlier reading was gone on with, from is only the list's beginning.
// What stood in the list before and was not found then may have moved to where
// was not looked again. So it is not called gone, and the list is read whole the
// next time, if a day's budget allows it.
func (j *jobRun) searched(part catalog.Part, from, before *snapshot, found extract.NewestOutcome) *snapshot {
	out := &snapshot{FullAt: j.record.StartedAt, Keys: strings.Join(found.Keys, "\n")}
	switch {
	case from == before && (!found.Whole || found.Total == 0):
		out.FullAt = from.FullAt
	case from == before:
	case part.Gone == nil, (before != nil || j.held) && j.fitsBudget(part, found.Total):
		return nil
	}
	return out
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

func (j *jobRun) listName(part catalog.Part) string {
	if part.Name == "" {
		return j.job.Resource.Name
	}
	return j.job.Resource.Name + " " + part.Name
}
