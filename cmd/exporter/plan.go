package main

import (
	"errors"
	"fmt"
	"strconv"
	"text/tabwriter"

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
	return errors.Join(err, a.printPlans(plans))
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
			p.Note = printable(err.Error())
			if hint := a.hintFor(err, t.User.Name); hint != "" {
				p.Note += "; " + printable(hint)
			}
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

func (a *app) printPlans(plans []pipeline.Plan) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "JOB\tACCOUNT\tBUCKET\tLISTS\tREQUESTS\tBUDGET LEFT\tDONE IN\tNOTE")
	for _, p := range plans {
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
		note := p.Note
		if p.Unknown {
			lists, requests, days = "-", "unknown", "-"
		}
		if p.Failed {
			note = "FAILED: " + note
		}
		if !p.BlockedUntil.IsZero() {
			note = "Spotify has blocked these requests until " + moment(p.BlockedUntil) + "; " + note
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", p.Job, orDash(p.Account), p.Bucket, lists, requests, left, days, note)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print the plan: %w", err)
	}
	return nil
}
