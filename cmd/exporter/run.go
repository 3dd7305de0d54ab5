package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
)

type runCmd struct {
	Jobs []string `arg:"" optional:"" help:"Jobs to run; all of the file when none is named."`
	runFlags
}

type backfillCmd struct {
	Jobs []string `arg:"" optional:"" help:"Jobs to read again; all of the file when none is named."`
	runFlags
}

// runFlags are common to run and backfill.
type runFlags struct {
	DryRun         bool `help:"Read everything, count what would change, and write nothing."`
	JSON           bool `name:"json" help:"Print the run records as JSON."`
	Quiet          bool `short:"q" help:"Print nothing about runs that end ok, for cron."`
	AcceptRemovals bool `help:"Mark rows as removed even when they are more than a fifth of the table."`
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
	runner, err := a.runner(config, runnerOptions{noMigrate: f.NoMigrate, log: show.log, observe: show.observe})
	if err != nil {
		return err
	}
	runs := runAll(a.ctx, runner, jobs, pipeline.Mode{Backfill: backfill, DryRun: f.DryRun, AcceptRemovals: f.AcceptRemovals})
	show.close()
	if err := runner.Close(context.WithoutCancel(a.ctx)); err != nil {
		show.log.Warn("closing destinations", "error", err)
	}
	if err := f.print(a, runs); err != nil {
		return err
	}
	return exitWith(codeFor(pipeline.Worst(runs)))
}

// runAll runs jobs one after the other. After an interrupt no further one is
// begun.
func runAll(ctx context.Context, runner *pipeline.Runner, jobs []*pipeline.Job, mode pipeline.Mode) []load.Run {
	var runs []load.Run
	for _, job := range jobs {
		runs = append(runs, runner.Run(ctx, job, mode))
		if ctx.Err() != nil {
			break
		}
	}
	return runs
}

func (f runFlags) print(a *app, runs []load.Run) error {
	if f.JSON {
		return a.printJSON(runs)
	}
	for _, r := range runs {
		if !f.Quiet || r.Status != load.StatusOK {
			printRun(a.stdout, r, f.DryRun)
		}
	}
	return nil
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

// runnerOptions are what commands set differently.
type runnerOptions struct {
	noMigrate bool
	log       *slog.Logger
	observe   func(pipeline.Event)
}

// A closer keeps durably that an endpoint family is closed.
type closer func(ctx context.Context, family string, until time.Time) error

// runner wires a Runner to the environment's account.
func (a *app) runner(config *pipeline.Config, o runnerOptions) (*pipeline.Runner, error) {
	var runner *pipeline.Runner
	client, err := a.client(
		func(extract.Event) {},
		func(ctx context.Context, family string, until time.Time) error {
			return runner.KeepClosed(ctx, family, until)
		})
	if err != nil {
		return nil, err
	}
	app, _ := a.env("SPOTIFY_CLIENT_ID")
	runner = pipeline.NewRunner(config, pipeline.Options{
		Open: opener(o.noMigrate), Client: client, App: app, Want: a.account,
		Version: version(), Log: o.log, Observe: o.observe,
	})
	return runner, nil
}
