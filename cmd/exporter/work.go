package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/pipeline/config"
)

// work is what commands that export have in common: the connected accounts and the
// runner of jobs.
type work struct {
	app     *app
	config  *config.Config
	clients *clientPool
	runner  *pipeline.Runner
}

// workOptions are what such commands set differently.
type workOptions struct {
	noMigrate bool
	log       *slog.Logger
	observe   func(pipeline.Event)
}

// work wires a runner to the accounts that are connected. Close it when done.
func (a *app) work(config *config.Config, o workOptions) (*work, error) {
	clients, err := a.newClients(config, !o.noMigrate, o.log)
	if err != nil {
		return nil, err
	}
	runner := pipeline.NewRunner(config, pipeline.Options{
		Open: opener(o.noMigrate, o.log), Quota: clients.store.quota, Version: version(), Log: o.log, Observe: o.observe,
	})
	return &work{app: a, config: config, clients: clients, runner: runner}, nil
}

// close closes the destinations and the accounts.
func (w *work) close(ctx context.Context) error {
	w.clients.close()
	if err := w.runner.Close(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}

// tasks lists the runs to make. It is an error if jobs need an account and none is
// connected.
func (w *work) tasks(ctx context.Context, jobs []*config.Job) ([]pipeline.Task, error) {
	users, theApp, err := w.clients.users(ctx)
	if err != nil {
		return nil, err
	}
	needUser := slices.ContainsFunc(jobs, (*config.Job).NeedsUser)
	if len(users) == 0 && (needUser || theApp == nil) {
		return nil, w.app.errNoAccount(needUser)
	}
	return pipeline.Tasks(jobs, users, theApp), nil
}

// errNoAccount returns what is missing to run jobs.
func (a *app) errNoAccount(needUser bool) error {
	if _, ok := a.env("SPOTIFY_CLIENT_ID"); !ok {
		return errNoClientID
	}
	message := "no account is connected"
	if !needUser {
		message = "the jobs need no account, but without one they need SPOTIFY_CLIENT_SECRET, which is not set"
	}
	return &extract.Error{Kind: extract.SignIn, Path: "accounts", Message: message, Advice: "connect an account"}
}
