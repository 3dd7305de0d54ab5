package pipeline

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/listdiff"
	"github.com/tracklake/tracklake/pipeline/config"
	"github.com/tracklake/tracklake/pipeline/reconcile"
)

const (
	// mostRechecks is how many pages with unreadable entries a run reads again.
	mostRechecks = 10
	// unknownPages is how many requests a parent's list is expected to take, as
	// long as none was read.
	unknownPages = 5
	// deniedEvery is how often a list is requested that the API does not serve to the
	// app.
	deniedEvery = 30 * 24 * time.Hour
)

// A policy decides how the lists of one run are read. It is safe for concurrent use.
type policy struct {
	job    *config.Job
	mode   Mode
	at     time.Time // start of the run
	day    time.Time // of the run, as midnight UTC
	budget int       // requests of the job's bucket in 24 hours; 0: no limit
	cycle  cycle     // of the run; of plain lists, only its kind

	due      atomic.Int64 // requests for full syncs that are due
	rechecks atomic.Int64 // pages with unreadable entries that may still be read again
}

func newPolicy(c *config.Config, job *config.Job, mode Mode, at time.Time) *policy {
	year, month, day := at.In(c.Location).Date()
	p := &policy{
		job: job, mode: mode, at: at, day: time.Date(year, month, day, 0, 0, 0, 0, time.UTC),
		budget: c.Budget(job.Resource.Endpoint.Bucket), cycle: cycle{Kind: mode.kind()},
	}
	p.rechecks.Store(mostRechecks)
	return p
}

// open prepares the reading of an account's lists; for a fan-out, of some parents'
// lists. The caller releases the feed.
func (p *policy) open(account string, parents []catalog.Parent) (*catalog.Feed, error) {
	return p.job.Resource.Open(catalog.Params{Account: account, Job: p.job.Name, Options: p.job.Options, Parents: parents, Day: p.day})
}

func (p *policy) fanOut() bool { return p.job.Resource.Parents != nil }

// startCycle resumes the unfinished cycle, or starts another one.
func (p *policy) startCycle(s *jobState) {
	p.cycle.StartedAt = p.at
	if open := s.cycle(); open != nil && (!p.mode.Backfill || open.Kind == p.cycle.Kind) && !inFuture(open.StartedAt, p.at) {
		p.cycle = *open
	}
}

// todo lists the parents that are still to be read in the cycle: those never read
// first, in the order given, then the stalest.
func (p *policy) todo(all []catalog.Parent, state *jobState) []catalog.Parent {
	since := map[string]time.Time{}
	var out []catalog.Parent
	for _, parent := range all {
		s := state.parents[parent.ID]
		readAt, triedAt := s.ReadAt, s.TriedAt
		switch {
		case p.mode.AcceptRemovals && s.open(p.at).Pending > 0 || inFuture(readAt, p.at):
			readAt, triedAt = time.Time{}, time.Time{}
		case p.unchanged(parent, s):
			continue
		}
		if readAt.Before(p.cycle.StartedAt) {
			out = append(out, parent)
		}
		since[parent.ID] = readAt
		if triedAt.After(readAt) {
			since[parent.ID] = triedAt
		}
	}
	slices.SortStableFunc(out, func(a, b catalog.Parent) int { return since[a.ID].Compare(since[b.ID]) })
	return out
}

// plan decides how a part is read.
func (p *policy) plan(part catalog.Part, m memory) extract.Plan {
	switch {
	case part.Mode == catalog.Append:
		return extract.Plan{Mark: m.mark}
	case part.Mode == catalog.Replace:
		if m.stored != nil {
			return extract.Plan{Holes: m.stored.Holes}
		}
	case p.resumes(m.partial):
		return extract.Plan{Resume: true, Known: listdiff.ParseKeys(m.partial.Keys)}
	case p.incremental(part, m.list) || p.postpones(part, m.list):
		plan := extract.Plan{Incremental: true, Known: m.list.Keys, RecheckAfter: m.list.RecheckedTo}
		if m.list.RecheckDue(p.at) {
			plan.Recheck = p.takeRechecks(m.list)
		}
		return plan
	}
	return p.full(m)
}

// full is the plan of a full sync.
func (p *policy) full(m memory) extract.Plan {
	if m.list == nil {
		return extract.Plan{}
	}
	return extract.Plan{Holes: m.list.Keys.Holes()}
}

// takeRechecks takes, from the pages that the run may read again, as many as the list
// may need.
func (p *policy) takeRechecks(l *reconcile.List) int {
	o := l.Open(p.at)
	for {
		left := p.rechecks.Load()
		n := min(left, int64(o.Unreadable+o.Holes))
		if p.rechecks.CompareAndSwap(left, left-n) {
			return int(n)
		}
	}
}

// rereads reports whether every page is read: by a backfill, or the rest of one.
func (p *policy) rereads() bool { return p.cycle.Kind == Mode{Backfill: true}.kind() }

// resumes reports whether an interrupted reading may be resumed. A backfill resumes
// only what a backfill started.
func (p *policy) resumes(part *partial) bool {
	if part == nil || !p.rereads() {
		return part != nil
	}
	return part.Kind == p.cycle.Kind && !part.StartedAt.Before(p.cycle.StartedAt)
}

// comparable reports whether a list can be synced incrementally at all.
func (p *policy) comparable(part catalog.Part, l *reconcile.List) bool {
	if l == nil || part.Order == catalog.Unordered || p.rereads() || p.job.FullEvery == 0 || inFuture(l.FullAt, p.at) {
		return false
	}
	accepts := p.mode.AcceptRemovals && (!p.fanOut() || len(l.Pending) > 0)
	return !(l.Undecided() || accepts) || !p.fitsBudget(part, l.Keys.Count)
}

// incremental reports whether an incremental sync is enough.
func (p *policy) incremental(part catalog.Part, l *reconcile.List) bool {
	return p.comparable(part, l) && p.at.Before(l.FullAt.Add(p.job.FullEvery))
}

// postpones reports whether a full sync that is due waits for another day. Lists of a
// fan-out that were first read together come due together; they may take a quarter
// of the day's budget, so that the others do not wait for them.
func (p *policy) postpones(part catalog.Part, l *reconcile.List) bool {
	if !p.comparable(part, l) {
		return false
	}
	requests := int64(pages(part, l.Keys.Count))
	due := p.due.Add(requests)
	if p.fanOut() && p.budget > 0 && due > requests && due > int64(p.budget/4) {
		p.due.Add(-requests)
		return true
	}
	return false
}

// unchanged reports whether a parent's list need not be read, because its version is
// the same, or because the API does not serve it to the app.
func (p *policy) unchanged(parent catalog.Parent, s parentState) bool {
	if p.rereads() || inFuture(s.ReadAt, p.at) {
		return false
	}
	if !s.DeniedAt.IsZero() {
		return s.deniedForGood(p.at) && p.at.Before(s.ReadAt.Add(deniedEvery))
	}
	if parent.Version == "" || s.Version != parent.Version || s.open(p.at).Pending > 0 {
		return false
	}
	return p.job.FullEvery == 0 || p.at.Before(s.ReadAt.Add(p.job.FullEvery))
}

// fitsBudget reports whether a list can be read page by page within a day.
func (p *policy) fitsBudget(part catalog.Part, entries int) bool {
	return p.budget == 0 || pages(part, entries) <= p.budget
}

// cost is how many requests a part takes, as far as its list is known.
func (p *policy) cost(part catalog.Part, m memory) (requests int, known bool) {
	switch {
	case part.Endpoint.NoTotal || part.Endpoint.Single:
		return pages(part, part.Max), true
	case p.resumes(m.partial):
		return 0, false
	case m.stored != nil:
		return pages(part, m.stored.Places+m.stored.Unreadable+m.stored.Holes), true
	case m.list == nil:
		return 0, false
	case p.incremental(part, m.list):
		return 1, true
	}
	return pages(part, m.list.Keys.Count), true
}

// pages is how many requests a list of a length takes.
func pages(part catalog.Part, entries int) int {
	if part.Max > 0 {
		entries = min(entries, part.Max)
	}
	return max(1, (entries+part.Endpoint.Limit-1)/part.Endpoint.Limit)
}

// rest is how many requests it takes to resume a list: its first page is read once
// more.
func rest(part catalog.Part, entries int, known *partial) int {
	return max(1, pages(part, entries)-pages(part, known.count())) + 1
}

// usual is how many requests a parent's list is expected to take, given the sum of
// those of some lists.
func usual(sum, lists int) int {
	if lists == 0 {
		return unknownPages
	}
	return max(1, (sum+lists/2)/lists)
}

// inFuture reports whether a recorded time lies in the future: a clock was wrong then,
// or is now.
func inFuture(noted, now time.Time) bool { return noted.After(now.Add(24 * time.Hour)) }
