package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/quota"
	"github.com/tracklake/tracklake/load"
)

// A Plan says what the next run of a task would cost.
type Plan struct {
	// Job is the name of the job in jobs.yaml.
	Job string `json:"job"`
	// Account is what the account is called; absent for jobs that need no account.
	Account string `json:"account,omitempty"`
	// Bucket is the bucket of the rate limit: endpoints that Spotify counts together.
	Bucket string `json:"bucket"`
	// Lists is how many lists the run would read.
	Lists int `json:"lists"`
	// Requests is how many requests reading all of them takes.
	Requests int `json:"requests"`
	// Estimate: some lists were never read, so that the number of requests is a guess.
	Estimate bool `json:"estimate"`
	// Asked is how many requests planning took.
	Asked int `json:"asked"`
	// Budget is how many requests may be made in 24 hours; 0: no limit.
	Budget int `json:"budget"`
	// Spent is how many requests all jobs made in the last 24 hours.
	Spent int `json:"spent"`
	// Ahead is how many requests of the same budget the jobs planned before this one
	// take.
	Ahead int `json:"ahead"`
	// Days is after how many days all lists are read, with a run a day.
	Days int `json:"days"`
	// BlockedUntil is until when Spotify has blocked these requests, UTC.
	BlockedUntil time.Time `json:"blocked_until,omitzero"`
	// Unknown: the cost is unknown, and lists, requests and days mean nothing.
	Unknown bool `json:"unknown,omitempty"`
	// Failed: it is unknown because of an error; otherwise it will be known later.
	Failed bool `json:"failed,omitempty"`
	// Denied are the lists that Spotify does not serve to the app. Each is requested once
	// a month.
	Denied []Denied `json:"denied,omitempty"`
	// Note is how the lists would be read, or why the cost is unknown.
	Note string `json:"note,omitempty"`
	// Hint is what to do next.
	Hint string `json:"hint,omitempty"`
}

// Denied is a list that Spotify does not serve to the app.
type Denied struct {
	// ID is the Spotify ID of what the list belongs to.
	ID string `json:"id"`
	// Name is what it is called; absent where it has no name.
	Name string `json:"name,omitempty"`
	// Reason is how Spotify refuses the list, with the HTTP status.
	Reason string `json:"reason"`
	// Since is when Spotify first refused it, UTC.
	Since time.Time `json:"since"`
}

// deniedOf lists the parents whose lists the API does not serve to the app.
func deniedOf(r *catalog.Resource, all []catalog.Parent, state *jobState) []Denied {
	var out []Denied
	for _, p := range all {
		s := state.parents[p.ID]
		if s.DeniedAt.IsZero() {
			continue
		}
		why := refusal(r)
		if s.Denied > 0 {
			why = fmt.Sprintf("%d: %s", s.Denied, why)
		}
		out = append(out, Denied{ID: p.ID, Name: p.Name, Reason: why, Since: s.DeniedAt})
	}
	return out
}

// refusal says that Spotify does not serve a list of a resource.
func refusal(r *catalog.Resource) string {
	return "Spotify does not serve its " + r.Noun + "s to this app"
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

// A Planner plans tasks in the order in which they would run, so that tasks that
// share a budget do not each count on all of it.
type Planner struct {
	runner *Runner
	ahead  map[budgetKey]int // requests
}

// A budgetKey names what has a budget.
type budgetKey struct{ owner, bucket string }

// NewPlanner returns a planner that has planned nothing yet.
func (r *Runner) NewPlanner() *Planner { return &Planner{runner: r, ahead: map[budgetKey]int{}} }

// Plan finds out what the next run of a task would cost. It asks the API at
// most one request a list, and none about lists that are known. With an error,
// the plan says whether the cost will be known later.
func (p *Planner) Plan(ctx context.Context, t Task) (Plan, error) {
	out, err := p.runner.plan(ctx, t)
	if err != nil {
		out.Unknown, out.Failed = true, !later(err)
		return out, err
	}
	budget := budgetKey{p.runner.owner(t.User), out.Bucket}
	out.Ahead = p.ahead[budget]
	p.ahead[budget] += out.Requests
	out.Days = out.days()
	return out, nil
}

// later reports whether an error passes by itself.
func later(err error) bool {
	var api *extract.Error
	var noSource *noSourceError
	return errors.As(err, &noSource) || errors.As(err, &api) && api.Kind == extract.Blocked
}

func (r *Runner) plan(ctx context.Context, t Task) (Plan, error) {
	bucket := t.Job.Resource.Endpoint.Bucket
	p := Plan{Job: t.Job.Name, Account: t.User.Name, Bucket: bucket, Budget: r.config.Budget(bucket)}
	limiter := r.Limiter(t.User)
	e := &estimate{
		Plan: &p, runner: r, Task: t, limiter: limiter, client: t.User.Client.For(limiter),
		policy: newPolicy(r.config, t.Job, Mode{}, r.Now().UTC()),
	}
	err := e.run(ctx)
	if err := joinErrors(err, limiter.Close(context.WithoutCancel(ctx))); err != nil {
		return p, fmt.Errorf("plan %s: %w", t.Job.Name, err)
	}
	return p, nil
}

// An estimate computes a plan.
type estimate struct {
	*Plan
	Task
	runner  *Runner
	limiter *quota.Limiter
	client  *extract.Client
	policy  *policy
	tables  tables
	state   *jobState
}

func (e *estimate) run(ctx context.Context) error {
	if err := e.remembered(ctx); err != nil {
		return err
	}
	if e.Task.Job.Resource.Parents != nil {
		return e.parents(ctx)
	}
	feed, err := e.policy.open(e.tables.account, nil)
	if err != nil {
		return err
	}
	defer feed.Release()
	e.Lists = len(feed.Parts)
	for _, part := range feed.Parts {
		if err := e.list(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

// remembered reads what the quota and the destinations remember.
func (e *estimate) remembered(ctx context.Context) error {
	if err := e.tables.open(ctx, e.runner, e.Task.Job.Destinations); err != nil {
		return err
	}
	usage, err := e.limiter.Usage(ctx)
	if err != nil {
		return fmt.Errorf("read the quota: %w", err)
	}
	e.Spent, e.BlockedUntil = usage[e.Bucket].Requests, usage[e.Bucket].BlockedUntil
	if e.tables.account, err = e.User.identify(ctx, e.client, e.Task.Job); err != nil {
		return err
	}
	var states []load.State
	for i, d := range e.tables.opened {
		state, err := d.State(ctx, load.Job{
			Account: e.tables.account, Name: e.Task.Job.Name, Resource: e.Task.Job.Resource.Name, Tables: e.Task.Job.Resource.Tables,
		})
		if err != nil {
			return fmt.Errorf("read the state at %s: %w", e.tables.names[i], err)
		}
		states = append(states, state)
	}
	e.state = newJobState(states)
	return nil
}

// list counts the requests of a list. It asks the API for an unknown length.
func (e *estimate) list(ctx context.Context, part catalog.Part) error {
	m := e.state.of(part, false)
	if cost, known := e.policy.cost(part, m); known {
		e.Requests += cost
		if part.Mode == catalog.Snapshot && e.policy.incremental(part, m.list) {
			e.Note = "syncs incrementally; in full again on " + m.list.FullAt.Add(e.Task.Job.FullEvery).Format(time.DateOnly)
		}
		return nil
	}
	total, err := extract.Total(ctx, e.client, part.Endpoint)
	if err != nil {
		return err
	}
	e.Asked++
	if e.policy.resumes(m.partial) {
		e.Requests += rest(part, total, m.partial)
	} else {
		e.Requests += pages(part, total)
	}
	return nil
}

// parents counts the requests of a fan-out's cycle.
func (e *estimate) parents(ctx context.Context) error {
	asked := e.client.Stats().Requests
	parents, err := e.runner.finder(e.Task, e.tables.account, e.client).find(ctx)
	if err != nil {
		return err
	}
	e.Asked = e.client.Stats().Requests - asked
	e.policy.startCycle(e.state)
	todo := e.policy.todo(parents.all, e.state)
	feed, err := e.policy.open(e.tables.account, todo)
	if err != nil {
		return err
	}
	defer feed.Release()
	e.Lists = len(todo)
	e.Denied = deniedOf(e.Task.Job.Resource, parents.all, e.state)
	e.Note = fmt.Sprintf("%d of %d %ss up to date", len(parents.all)-len(todo), len(parents.all), parents.noun)
	each := e.usualPages(parents.all, feed)
	for _, part := range feed.Parts {
		m := e.state.of(part, true)
		cost, known := e.policy.cost(part, m)
		switch {
		case known:
		case e.policy.resumes(m.partial):
			cost = rest(part, max(m.partial.count(), each*part.Endpoint.Limit), m.partial)
		default:
			cost = each
		}
		e.Requests, e.Estimate = e.Requests+cost, e.Estimate || !known
	}
	return nil
}

// usualPages is how many requests the list of a parent usually takes, as far as lists
// were read.
func (e *estimate) usualPages(parents []catalog.Parent, feed *catalog.Feed) int {
	sum, read := 0, 0
	for _, p := range parents {
		if n := entries(e.state.parents[p.ID]); n > 0 && len(feed.Parts) > 0 {
			sum, read = sum+pages(feed.Parts[0], n), read+1
		}
	}
	return usual(sum, read)
}
