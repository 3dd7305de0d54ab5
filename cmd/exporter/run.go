package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

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
	runs := runAll(a.ctx, w.runner, tasks, pipeline.Mode{Backfill: backfill, DryRun: f.DryRun, AcceptRemovals: f.AcceptRemovals})
	show.close()
	if err := w.close(a.ctx); err != nil {
		show.log.Warn("cannot close destinations", "error", err)
	}
	for i := range runs {
		runs[i].Hint = a.typed(runs[i].Hint, a.accountFlag(tasks[i].User.Name))
	}
	if err := f.print(a, tasks, runs); err != nil {
		return err
	}
	return exitWith(codeFor(pipeline.Worst(runs)))
}

// runAll runs tasks one after the other. After an interrupt it starts no further one.
func runAll(ctx context.Context, runner *pipeline.Runner, tasks []pipeline.Task, mode pipeline.Mode) []load.Run {
	var runs []load.Run
	for _, t := range tasks {
		runs = append(runs, runner.Run(ctx, t, mode))
		if ctx.Err() != nil {
			break
		}
	}
	return runs
}

func (f runFlags) print(a *app, tasks []pipeline.Task, runs []load.Run) error {
	if f.JSON {
		return a.printJSON(runs)
	}
	for i, r := range runs {
		if !f.Quiet || !unremarkable(r) {
			printRun(a.stdout, r, label(tasks, i), f.DryRun)
		}
	}
	return nil
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
