package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/pipeline/config"
)

type planCmd struct {
	Jobs []string `arg:"" optional:"" help:"Jobs to plan; default: all jobs."`
	JSON bool     `name:"json" help:"Print as JSON."`
}

// Run is the command plan. It writes no rows and makes at most one request a list.
func (c *planCmd) Run(a *app) error {
	config, jobs, err := a.load(c.Jobs)
	if err != nil {
		return err
	}
	w, err := a.work(config, workOptions{noMigrate: true, log: a.log()})
	if err != nil {
		return err
	}
	plans, err := c.plan(a, w, jobs)
	err = errors.Join(err, w.close(a.ctx))
	switch {
	case len(plans) == 0:
		return err
	case c.JSON:
		return errors.Join(err, a.printJSON(plans))
	}
	return errors.Join(err, a.printPlans(plans, config.Location))
}

// plan returns a plan for each task, even if it cannot be planned, and the errors.
func (c *planCmd) plan(a *app, w *work, jobs []*config.Job) ([]pipeline.Plan, error) {
	tasks, err := w.tasks(a.ctx, jobs)
	if err != nil {
		return nil, err
	}
	planner := w.runner.NewPlanner()
	var plans []pipeline.Plan
	var failed []error
	for _, t := range tasks {
		p, err := planner.Plan(a.ctx, t)
		if err != nil {
			p.Note, p.Hint = printable(err.Error()), printable(a.hintFor(err, t.User.Name))
		}
		if p.Failed {
			failed = append(failed, err)
		}
		plans = append(plans, p)
		if a.ctx.Err() != nil {
			break
		}
	}
	return plans, errors.Join(failed...)
}

// mostDenied is how many lists that Spotify does not serve are printed.
const mostDenied = 20

// deniedNotes say which lists Spotify does not serve.
func deniedNotes(all []pipeline.Denied, now time.Time) []string {
	var out []string
	for i, d := range all {
		if i == mostDenied {
			return append(out, fmt.Sprintf("and %d more; see --json", len(all)-i))
		}
		name := d.ID
		if d.Name != "" {
			name = `"` + d.Name + `" (` + d.ID + ")"
		}
		out = append(out, printable(name+": "+d.Reason+", since "+day(d.Since, now)))
	}
	return out
}

func (a *app) printPlans(plans []pipeline.Plan, zone *time.Location) error {
	now := time.Now()
	g := &grid{headers: []string{"JOB", "ACCOUNT", "BUCKET", "LISTS", "REQUESTS", "BUDGET LEFT", "DONE IN"}}
	names := map[string]bool{}
	for _, p := range plans {
		names[p.Account] = true
		lists, requests, left, days := thousands(p.Lists), thousands(p.Requests), "no budget", "1 run"
		if p.Estimate {
			requests = "about " + requests
		}
		if p.Left() >= 0 {
			left = fmt.Sprintf("%s of %s", thousands(p.Left()), thousands(p.Budget))
		}
		if p.Days > 1 {
			days = strconv.Itoa(p.Days) + " days"
		}
		if p.Unknown {
			lists, requests, days = "-", "unknown", "-"
		}
		row := gridRow{cells: []cell{
			{p.Job, bold}, {orDash(p.Account), plain}, {p.Bucket, plain}, {lists, plain}, {requests, plain}, {left, plain}, {days, plain},
		}}
		if !p.BlockedUntil.IsZero() {
			row.notes = append(row.notes, "Spotify has blocked these requests until "+moment(p.BlockedUntil, now, zone))
		}
		switch {
		case p.Failed:
			row.notes = append(row.notes, screenOf(a.stdout).paint(red, "failed: ")+p.Note)
		case p.Note != "":
			row.notes = append(row.notes, p.Note)
		}
		row.notes = append(row.notes, deniedNotes(p.Denied, now)...)
		if p.Hint != "" {
			row.notes = append(row.notes, "hint: "+p.Hint)
		}
		g.rows = append(g.rows, row)
	}
	if len(names) == 1 {
		g.without("ACCOUNT")
	}
	if err := g.print(a.stdout, screenOf(a.stdout)); err != nil {
		return fmt.Errorf("print the plan: %w", err)
	}
	return nil
}
