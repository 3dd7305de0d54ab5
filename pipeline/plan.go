package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/load"
)

// A Plan says what the next run of a task would cost.
type Plan struct {
	Job     string `json:"job"`
	Account string `json:"account,omitempty"` // its name
	Family  string `json:"family"`
	Lists   int    `json:"lists"` // that the run would read
	// Requests are those that reading all of them takes.
	Requests int  `json:"requests"`
	Estimate bool `json:"estimate"` // some lists were never read, so it is a guess
	Asked    int  `json:"asked"`    // requests that planning took
	Budget   int  `json:"budget"`   // of 24 hours; 0: none
	Spent    int  `json:"spent"`    // in the last 24 hours, by all jobs
	Ahead    int  `json:"ahead"`    // of the same budget, by tasks that were planned before
	// Days is after how many days all lists are read, with a run a day.
	Days     int       `json:"days"`
	ClosedTo time.Time `json:"closed_until,omitzero"` // Spotify has closed the family
	// Unknown: the cost cannot be told, and the numbers of requests and days
	// mean nothing. Failed: because of an error; otherwise it can be told later.
	Unknown bool   `json:"unknown,omitempty"`
	Failed  bool   `json:"failed,omitempty"`
	Note    string `json:"note,omitempty"`
}

// Left is what is left of the day's budget, or -1 without one.
func (p Plan) Left() int {
	if p.Budget == 0 {
		return -1
	}
	return max(0, p.Budget-p.Spent-p.Ahead)
}

// days is after how many days all lists are read.
func (p Plan) days() int {
	need, left := p.Ahead+p.Requests, max(0, p.Budget-p.Spent)
	if p.Budget == 0 || p.Requests == 0 || need <= left {
		return 1
	}
	return 1 + (need-left+p.Budget-1)/p.Budget
}

// A Planner plans tasks in the order in which they would run, so that those
// which have a budget between them do not each count on all of it.
type Planner struct {
	runner *Runner
	ahead  map[planned]int // requests
}

// planned is what has a budget.
type planned struct{ app, family string }

// NewPlanner returns a planner that has planned nothing yet.
func (r *Runner) NewPlanner() *Planner { return &Planner{runner: r, ahead: map[planned]int{}} }

// Plan finds out what the next run of a task would cost. It asks the API at
// most one request a list, and none about lists that are known. With an error,
// the plan says whether it can be told later.
func (p *Planner) Plan(ctx context.Context, t Task) (Plan, error) {
	out, err := p.runner.plan(ctx, t)
	if err != nil {
		out.Unknown, out.Failed = true, !later(err)
		return out, err
	}
	budget := planned{t.User.App, out.Family}
	out.Ahead = p.ahead[budget]
	p.ahead[budget] += out.Requests
	out.Days = out.days()
	return out, nil
}

// later tells whether an error is none of the task's, but one of the time.
func later(err error) bool {
	var api *extract.Error
	var missing *missingError
	return errors.As(err, &missing) || errors.As(err, &api) && api.Kind == extract.Closed
}

func (r *Runner) plan(ctx context.Context, t Task) (Plan, error) {
	p := Plan{Job: t.Job.Name, Account: t.User.Name, Family: t.Job.Resource.Family, Budget: r.config.Budget(t.Job.Resource.Family)}
	j := &jobRun{
		runner: r, job: t.Job, user: t.User, log: r.Log, meter: r.newMeter(t.User),
		record: load.Run{Kind: Mode{}.kind(), StartedAt: r.Now().UTC()},
	}
	ctx = extract.WithAdmission(ctx, j.meter.admit)
	err := j.look(ctx, &p)
	if err == nil {
		err = j.estimate(ctx, &p)
	}
	if err := and(err, j.meter.close(context.WithoutCancel(ctx))); err != nil {
		return p, fmt.Errorf("plan %s: %w", t.Job.Name, err)
	}
	return p, nil
}

// look reads what the destinations remember.
func (j *jobRun) look(ctx context.Context, p *Plan) error {
	opened, err := j.open(ctx)
	if err != nil {
		return err
	}
	if err := j.lookUp(ctx, p); err != nil {
		return err
	}
	if err := j.identify(ctx, ctx, opened); err != nil {
		return err
	}
	for i, d := range opened {
		state, err := d.State(ctx, j.loadJob())
		if err != nil {
			return err
		}
		j.state = agreed(j.state, state, i == 0)
		if err := j.lookBack(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// lookUp reads what the books say of the family.
func (j *jobRun) lookUp(ctx context.Context, p *Plan) error {
	for _, b := range j.meter.books {
		closed, err := b.Closed(ctx, j.user.App, j.record.StartedAt)
		if err != nil {
			return err
		}
		if until := closed[p.Family]; until.After(j.record.StartedAt) && until.After(p.ClosedTo) {
			p.ClosedTo = until
		}
	}
	var err error
	p.Spent, err = j.meter.spent(ctx, p.Family)
	return err
}

// estimate counts the requests of all lists.
func (j *jobRun) estimate(ctx context.Context, p *Plan) error {
	if j.job.Resource.FanOut {
		return j.estimateParents(ctx, p)
	}
	feed, err := j.job.Resource.Open(j.params(nil))
	if err != nil {
		return err
	}
	defer feed.Release()
	p.Lists = len(feed.Parts)
	for _, part := range feed.Parts {
		m := j.remembered(part)
		switch {
		case j.mayResume(m.partial) || m.list == nil:
			total, err := extract.Total(ctx, j.user.Client, part.Endpoint)
			if err != nil {
				return err
			}
			p.Asked++
			p.Requests += rest(part, total, m.partial, j.mayResume(m.partial))
		case j.mayUpdate(part, m.list):
			p.Requests++
			p.Note = "reads only what has changed; every page again on " + m.list.FullAt.Add(j.job.FullEvery).Format(time.DateOnly)
		default:
			p.Requests += pages(part, m.list.Keys.Count)
		}
	}
	return nil
}

// pages is how many requests a list of a length takes.
func pages(part catalog.Part, entries int) int {
	if part.Max > 0 {
		entries = min(entries, part.Max)
	}
	return max(1, (entries+part.Endpoint.Limit-1)/part.Endpoint.Limit)
}

// rest is how many requests a list takes of which an earlier run may have read
// the beginning: its first page is read once more.
func rest(part catalog.Part, entries int, known *partial, resumes bool) int {
	n := pages(part, entries)
	if resumes {
		n = max(1, n-pages(part, known.count())) + 1
	}
	return n
}

// estimateParents counts the requests of a fan-out's cycle.
func (j *jobRun) estimateParents(ctx context.Context, p *Plan) error {
	parents, err := j.parents(ctx)
	if err != nil {
		return err
	}
	todo := j.planCycle(parents)
	feed, err := j.job.Resource.Open(j.params(todo))
	if err != nil {
		return err
	}
	defer feed.Release()
	p.Lists = len(todo)
	p.Note = fmt.Sprintf("%d of %d artists are fresh", len(parents)-len(todo), len(parents))
	each := j.usualPages(parents, feed)
	for _, part := range feed.Parts {
		m := j.remembered(part)
		switch {
		case j.mayResume(m.partial):
			p.Requests, p.Estimate = p.Requests+rest(part, max(m.partial.count(), each*part.Endpoint.Limit), m.partial, true), true
		case j.mayUpdate(part, m.list):
			p.Requests++
		case m.list != nil:
			p.Requests += pages(part, m.list.Keys.Count)
		default:
			p.Requests, p.Estimate = p.Requests+each, true
		}
	}
	return nil
}

// usualPages is how many requests the lists of those parents took that were read.
func (j *jobRun) usualPages(parents []string, feed *catalog.Feed) int {
	sum, read := 0, 0
	for _, id := range parents {
		if s := j.parentBefore(id); s.List != nil && len(feed.Parts) > 0 {
			sum, read = sum+pages(feed.Parts[0], s.List.Keys.Count), read+1
		}
	}
	return usual(sum, read)
}
