package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
)

type runCmd struct {
	Jobs []string `arg:"" optional:"" help:"Jobs to run; default: all jobs."`
	runFlags
}

type backfillCmd struct {
	Jobs []string `arg:"" optional:"" help:"Jobs to run; default: all jobs."`
	runFlags
}

// runFlags are common to run and backfill.
type runFlags struct {
	DryRun         bool `help:"Read everything, count what would change, and write nothing."`
	JSON           bool `name:"json" help:"Print the run records as JSON."`
	Quiet          bool `short:"q" help:"Only print runs that need attention (for cron)."`
	Verbose        bool `short:"v" help:"Print all counts of each run."`
	AcceptRemovals bool `help:"Remove rows even if they are more than 20 % of a list."`
	NoMigrate      bool `help:"Refuse an outdated PostgreSQL schema instead of migrating it."`
}

// Run is the command run.
func (c *runCmd) Run(a *app) error { return c.runFlags.run(a, c.Jobs, false) }

// Run is the command backfill.
func (c *backfillCmd) Run(a *app) error { return c.runFlags.run(a, c.Jobs, true) }

func (f runFlags) run(a *app, names []string, backfill bool) error {
	config, jobs, err := a.load(names)
	if err != nil {
		return err
	}
	show := a.progress(f.Quiet)
	defer show.close()
	w, err := a.work(config, workOptions{noMigrate: f.NoMigrate, log: show.log, observe: show.observe})
	if err != nil {
		return err
	}
	tasks, err := w.tasks(a.ctx, jobs)
	if err != nil {
		return errors.Join(err, w.close(a.ctx))
	}
	tasks = w.runner.ShareLists(tasks)
	told := f.printer(a, tasks, config.Location)
	runs := runAll(a.ctx, w.runner, tasks, pipeline.Mode{Backfill: backfill, DryRun: f.DryRun, AcceptRemovals: f.AcceptRemovals}, told)
	show.close()
	if err := w.close(a.ctx); err != nil {
		show.log.Warn("cannot close destinations", "error", err)
	}
	if f.JSON {
		if err := a.printJSON(runs); err != nil {
			return err
		}
	}
	return exitWith(codeFor(pipeline.Worst(runs)))
}

// runAll runs tasks one after the other, and tells of each run when it has ended. After
// an interrupt it starts no further one.
func runAll(ctx context.Context, runner *pipeline.Runner, tasks []pipeline.Task, mode pipeline.Mode, told func(int, *load.Run)) []load.Run {
	var runs []load.Run
	for i, t := range tasks {
		r := runner.Run(ctx, t, mode)
		told(i, &r)
		runs = append(runs, r)
		if ctx.Err() != nil {
			break
		}
	}
	return runs
}

// printer returns what tells of each run: a line on stdout, unless something else does.
func (f runFlags) printer(a *app, tasks []pipeline.Task, zone *time.Location) func(int, *load.Run) {
	p := &runPrinter{out: a.stdout, screen: screenOf(a.stdout), zone: zone, dryRun: f.DryRun, verbose: f.Verbose}
	var names []string
	for i, t := range tasks {
		names = append(names, p.name(t.Job.Name, label(tasks, i)))
	}
	return func(i int, r *load.Run) {
		r.Hint = a.typed(r.Hint, a.accountFlag(tasks[i].User.Name))
		if f.JSON || a.logFormat == "json" || f.Quiet && unremarkable(*r) {
			return
		}
		p.print(*r, names[i])
	}
}

// unremarkable reports whether a run needs no attention: it is ok, or a later run
// resumes it when the budget allows.
func unremarkable(r load.Run) bool {
	return r.Status == load.StatusOK || r.Status == load.StatusDeferred && r.Budgeted && r.Pending == 0
}

// label names the account of a run where there are several.
func label(tasks []pipeline.Task, i int) string {
	for _, t := range tasks {
		if t.User.Name != "" && t.User.Name != tasks[0].User.Name {
			return tasks[i].User.Name
		}
	}
	return ""
}

// printJSON writes one indented JSON value to stdout.
func (a *app) printJSON(v any) error {
	out := json.NewEncoder(a.stdout)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	if err := out.Encode(v); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return nil
}
