package main

import (
	"errors"
	"fmt"
	"strconv"
	"text/tabwriter"

	"github.com/tracklake/tracklake/pipeline"
)

type planCmd struct {
	Jobs []string `arg:"" optional:"" help:"Jobs to plan; all of the file when none is named."`
	JSON bool     `name:"json" help:"Print as JSON."`
}

// Run is the command plan. It writes no rows, and asks at most one request a
// list.
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
	if err := errors.Join(err, w.close(a.ctx)); err != nil {
		return err
	}
	if c.JSON {
		return a.printJSON(plans)
	}
	return a.printPlans(plans)
}

func (c *planCmd) plan(a *app, w *work, jobs []*pipeline.Job) ([]pipeline.Plan, error) {
	tasks, err := w.tasks(a.ctx, jobs)
	if err != nil {
		return nil, err
	}
	var plans []pipeline.Plan
	for _, t := range tasks {
		p, err := w.runner.Plan(a.ctx, t)
		if err != nil {
			p.Note = printable(err.Error())
			if hint := a.hintFor(err, t.User.Name); hint != "" {
				p.Note += "; " + printable(hint)
			}
		}
		plans = append(plans, p)
	}
	return plans, nil
}

func (a *app) printPlans(plans []pipeline.Plan) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "JOB\tACCOUNT\tFAMILY\tLISTS\tREQUESTS\tBUDGET LEFT\tDONE IN\tNOTE")
	for _, p := range plans {
		requests, left, days := thousands(p.Requests), "no budget", "1 run"
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
		if !p.ClosedTo.IsZero() {
			note = "Spotify has closed these requests until " + moment(p.ClosedTo) + "; " + note
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", p.Job, orDash(p.Account), p.Family, thousands(p.Lists), requests, left, days, note)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print the plan: %w", err)
	}
	return nil
}
