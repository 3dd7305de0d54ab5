package pipeline

import (
	"context"
	"time"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/listdiff"
	"github.com/tracklake/tracklake/pipeline/reconcile"
)

// A partReading is what reading a part brought.
type partReading struct {
	index   int
	part    catalog.Part
	memory  memory
	steps   []catalog.Step // empty where they were taken as they came
	count   stepCount
	reading listdiff.Reading
	verdict reconcile.Verdict // of a complete reading
	partial *partial          // of a list whose reading was cut off
	err     error
}

// stepCount sums up steps.
type stepCount struct{ items, rejects, fieldErrors int }

func (c *stepCount) add(s catalog.Step) {
	c.items += s.Items
	c.rejects += s.Rejects
	c.fieldErrors += s.FieldErrors
}

// A partReader reads one part.
type partReader struct {
	job  *jobRun
	feed *catalog.Feed
	out  partReading
	// take gets the steps as they come; nil: they are kept. drop takes back those
	// that it got.
	take func(catalog.Step) error
	drop func() error
	told int // total that progress was told of
}

// newPartReader prepares the reading of a part that keeps its steps.
func (j *jobRun) newPartReader(feed *catalog.Feed, i int) *partReader {
	r := &partReader{job: j, feed: feed, out: partReading{index: i, part: feed.Parts[i]}}
	r.out.memory = j.remembered(r.out.part)
	return r
}

// read reads the part: what has changed of it where that is enough, else every
// page.
func (r *partReader) read(ctx context.Context) partReading {
	r.out.err = r.try(ctx)
	return r.out
}

func (r *partReader) try(ctx context.Context) error {
	j, m := r.job, r.out.memory
	stored, err := j.stored(ctx, r.out.part, m)
	if err != nil {
		return err
	}
	plan := j.planOf(r.out.part, m)
	if err := r.once(ctx, plan); err != nil {
		return err
	}
	if plan.Update || plan.Resume {
		reason := r.out.reading.Reason
		if r.out.reading.Complete {
			r.decide(stored)
			if !r.out.verdict.Doubt || !j.fitsBudget(r.out.part, r.out.reading.Keys.Count) {
				return nil
			}
			reason = "what has changed is not clear"
		}
		j.log.Info("reading every page of the list", "list", j.listName(r.out.part.Name), "reason", reason)
		if err := r.again(); err != nil {
			return err
		}
		plan = extract.Plan{Holes: holes(m)}
		if err := r.once(ctx, plan); err != nil {
			return err
		}
	}
	if r.out.reading.Complete {
		r.decide(stored)
	}
	return nil
}

func holes(m memory) int {
	if m.list == nil {
		return 0
	}
	return m.list.Keys.Holes()
}

// decide tells what a complete reading proves. Rankings prove nothing about other
// rows.
func (r *partReader) decide(stored []string) {
	j, m := r.job, r.out.memory
	if r.out.part.Column == "" {
		return
	}
	r.out.verdict = reconcile.Decide(reconcile.Input{
		Before: m.list, Stored: stored, Reading: r.out.reading, Query: r.out.part.Endpoint.Query.Encode(),
		At: j.record.StartedAt, Stable: r.out.part.Order == catalog.Stable, AcceptRemovals: j.mode.AcceptRemovals,
	})
}

// again drops what was read so far.
func (r *partReader) again() error {
	r.out.steps, r.out.count = nil, stepCount{}
	if r.drop != nil {
		return r.drop()
	}
	return nil
}

// once reads the part in one way.
func (r *partReader) once(ctx context.Context, plan extract.Plan) error {
	reading := r.feed.Read(r.job.user.Client, r.out.index, plan)
	for step, err := range reading.Steps(ctx) {
		if err != nil {
			r.out.partial = r.job.partialOf(r.out.part, r.out.memory, plan, reading.Result())
			return err
		}
		if step.Restart {
			r.job.log.Info("reading the list again: it changed in between", "list", r.job.listName(r.out.part.Name))
			if err := r.again(); err != nil {
				return err
			}
		}
		r.out.count.add(step)
		r.note(step)
		if r.take == nil {
			r.out.steps = append(r.out.steps, step)
		} else if err := r.take(step); err != nil {
			return err
		}
	}
	r.out.reading = reading.Result()
	return nil
}

// note tells progress of a page.
func (r *partReader) note(s catalog.Step) {
	total := r.told
	if s.Total >= 0 {
		total = s.Total
	}
	r.job.progress.page(r.job, r.out.part.Name, s.Items, total-r.told)
	r.told = total
}

// partialOf is the beginning of a list whose reading was cut off; nil when no more
// was read of it than an earlier run had read, or an update was cut off.
func (j *jobRun) partialOf(part catalog.Part, m memory, plan extract.Plan, r listdiff.Reading) *partial {
	if part.Column == "" || plan.Update || r.Keys.Count <= m.partial.count() {
		return nil
	}
	out := &partial{Kind: j.cycle.Kind, StartedAt: j.record.StartedAt, Query: part.Endpoint.Query.Encode(), Keys: r.Keys.Lines}
	shown := map[string]bool{}
	for _, row := range rowsOf(r.Keys) {
		shown[row] = true
	}
	for _, row := range m.partial.rows() {
		if !shown[row] {
			shown[row] = true
			out.Rows = append(out.Rows, row)
		}
	}
	return out
}

// mostRechecks is how many pages with unreadable entries a run reads again.
const mostRechecks = 10

// planOf decides how a part is read.
func (j *jobRun) planOf(part catalog.Part, m memory) extract.Plan {
	switch {
	case part.Column == "":
		before := stateEntry[reconcile.Ranking](j.state, rankingPrefix+part.Name)
		if before != nil {
			return extract.Plan{Holes: before.Holes}
		}
	case j.mayResume(m.partial):
		return extract.Plan{Resume: true, Known: listdiff.ParseKeys(m.partial.Keys)}
	case j.mayUpdate(part, m.list):
		plan := extract.Plan{Update: true, Known: m.list.Keys, RecheckAfter: m.list.RecheckedTo}
		if m.list.RecheckDue(j.record.StartedAt) {
			plan.Recheck = j.takeRechecks(m.list)
		}
		return plan
	}
	return extract.Plan{Holes: holes(m)}
}

// takeRechecks takes as many pages as the list may need from what the run may read
// again.
func (j *jobRun) takeRechecks(l *reconcile.List) int {
	o := l.Open(j.record.StartedAt)
	for {
		left := j.rechecks.Load()
		n := min(left, int64(o.Unreadable+o.Holes))
		if j.rechecks.CompareAndSwap(left, left-n) {
			return int(n)
		}
	}
}

// rereads tells whether every page is read: it is a backfill, or the rest of one.
func (j *jobRun) rereads() bool { return j.cycle.Kind == Mode{Backfill: true}.kind() }

// mayResume tells whether a reading that was cut off may be resumed. One that must
// read everything resumes only what it began itself.
func (j *jobRun) mayResume(p *partial) bool {
	if p == nil || !j.rereads() {
		return p != nil
	}
	return p.Kind == j.cycle.Kind && !p.StartedAt.Before(j.cycle.StartedAt)
}

// mayUpdate tells whether a list need not be read page by page this time.
func (j *jobRun) mayUpdate(part catalog.Part, l *reconcile.List) bool {
	if l == nil || part.Order == catalog.Unordered || j.rereads() || j.job.FullEvery == 0 || inFuture(l.FullAt, j.record.StartedAt) {
		return false
	}
	accepts := j.mode.AcceptRemovals && (!j.job.Resource.FanOut || len(l.Pending) > 0)
	if (l.Undecided() || accepts) && j.fitsBudget(part, l.Keys.Count) {
		return false
	}
	return j.record.StartedAt.Before(l.FullAt.Add(j.job.FullEvery)) || !j.affords(pages(part, l.Keys.Count))
}

// inFuture tells whether a time that was noted lies in the future: a clock was
// wrong then, or is now.
func inFuture(noted, now time.Time) bool { return noted.After(now.Add(24 * time.Hour)) }

// affords tells whether a list of a fan-out, of which every page is due to be read,
// can be read so. Lists that were first read together come due together; they may take a
// quarter of the day's budget, so that the others do not wait for them.
func (j *jobRun) affords(requests int) bool {
	budget := j.budget()
	due := j.due.Add(int64(requests))
	if j.job.Resource.FanOut && budget > 0 && due > int64(requests) && due > int64(budget/4) {
		j.due.Add(int64(-requests))
		return false
	}
	return true
}

// budget is how many requests of the job's family are made in 24 hours; 0: no
// limit.
func (j *jobRun) budget() int { return j.runner.config.Budget(j.job.Resource.Family) }

// fitsBudget tells whether a list can be read page by page within a day.
func (j *jobRun) fitsBudget(part catalog.Part, entries int) bool {
	budget := j.budget()
	return budget == 0 || pages(part, entries) <= budget
}

// listName names the list of a part, of which the name is empty if it is the only one.
func (j *jobRun) listName(part string) string {
	if part == "" {
		return j.job.Resource.Name
	}
	return j.job.Resource.Name + " " + part
}
