package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tracklake/tracklake/accounts"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
)

type forgetCmd struct {
	Name string `arg:"" help:"The account's name or account_id."`
	Yes  bool   `short:"y" help:"Do not ask."`
	JSON bool   `name:"json" help:"Print what was deleted as JSON."`
}

// forgotten is what was deleted of an account, and what a count found
// afterwards.
type forgotten struct {
	Account      string        `json:"account"`
	AccountID    string        `json:"account_id"`
	Destinations []forgottenAt `json:"destinations"`
	Credentials  bool          `json:"credentials_removed"`

	seeded bool // the refresh token came from the environment
	runner *pipeline.Runner
	store  *accounts.Store
}

// forgottenAt is what happened at one destination.
type forgottenAt struct {
	Destination string `json:"destination"`
	load.Forgotten
	Left int `json:"left"` // a count after the deletion
}

// Run is the command forget. It deletes rows first and credentials last, so
// that a failure can be mended by running it again.
func (c *forgetCmd) Run(a *app) error {
	config, err := a.loadConfig()
	if err != nil {
		return err
	}
	if err := usable(config); err != nil {
		return err
	}
	store, end, err := a.openStore(config, false)
	if err != nil {
		return err
	}
	defer end()
	runner := pipeline.NewRunner(config, pipeline.Options{Open: opener(true), Log: a.log()})
	f := &forgotten{runner: runner, store: store}
	err = f.find(a, config, c.Name)
	if err == nil {
		err = c.forget(a, f)
	}
	return errors.Join(err, runner.Close(context.WithoutCancel(a.ctx)))
}

// usable refuses to forget where a destination cannot be reached: what it keeps
// would stay.
func usable(config *pipeline.Config) error {
	for _, d := range config.Destinations {
		if len(d.Unset) > 0 {
			return &usageError{fmt.Errorf("destination %s needs %s, which is not set; without it the account would not be forgotten everywhere", d.Name, strings.Join(d.Unset, ", "))}
		}
	}
	return nil
}

// find looks the account up, and counts what there is of it.
func (f *forgotten) find(a *app, config *pipeline.Config, name string) error {
	account, err := f.store.Find(a.ctx, name)
	var missing *accounts.NotFoundError
	if err != nil && !errors.As(err, &missing) {
		return err
	}
	if missing == nil && account.AccountID == "" {
		return a.unidentified(account.Name)
	}
	f.Account, f.AccountID, f.seeded = account.Name, account.AccountID, account.SeedHash != ""
	if missing != nil { // perhaps its credentials were removed before
		f.AccountID = name
	}
	kept := 0
	for _, d := range config.Destinations {
		at := forgottenAt{Destination: d.Name}
		if f.AccountID != "" { // else no account has what was asked for, not even an empty name
			if at.Forgotten, err = f.at(a.ctx, d.Name, true); err != nil {
				return err
			}
		}
		kept += at.Total()
		f.Destinations = append(f.Destinations, at)
	}
	if missing != nil && kept == 0 {
		return &usageError{missing}
	}
	return nil
}

// unidentified refuses to forget an account of which nobody knows whose it is:
// what was exported of it cannot be found, and may be there. Its token may have
// been replaced since.
func (a *app) unidentified(name string) error {
	return &usageError{&hinted{
		fmt.Errorf("it is not known whose account %s is, so what was exported of it cannot be found; nothing was deleted", name),
		fmt.Sprintf("ask Spotify with `%s`, then forget it again; or name what was exported by its account_id, which `%s` shows where it knows no name, and drop the credentials alone: %s",
			a.command("check"), a.command("status"), a.command("accounts", "remove", name)),
	}}
}

func (f *forgotten) at(ctx context.Context, destination string, dryRun bool) (load.Forgotten, error) {
	d, err := f.runner.Destination(ctx, destination)
	if err != nil {
		return load.Forgotten{}, err
	}
	out, err := d.Forget(ctx, f.AccountID, dryRun)
	if err != nil {
		return out, fmt.Errorf("at %s: %w", destination, err)
	}
	return out, nil
}

// forget asks, deletes, and counts again.
func (c *forgetCmd) forget(a *app, f *forgotten) error {
	if !c.Yes {
		if err := f.ask(a); err != nil {
			return err
		}
	}
	for i := range f.Destinations {
		at := &f.Destinations[i]
		var err error
		if at.Forgotten, err = f.at(a.ctx, at.Destination, false); err != nil {
			return err
		}
	}
	if f.Account != "" {
		if err := f.store.Remove(a.ctx, f.Account); err != nil {
			return err
		}
		f.Credentials = true
	}
	return c.prove(a, f)
}

// ask shows what is about to be deleted and wants the name typed.
func (f *forgotten) ask(a *app) error {
	name := f.Account
	if name == "" {
		name = f.AccountID
	}
	fmt.Fprintf(a.stderr, "This deletes, for good, all that was exported of account %s:\n", name)
	for _, at := range f.Destinations {
		fmt.Fprintf(a.stderr, "  %s: %s\n", at.Destination, summary(at.Forgotten))
	}
	if f.Account != "" {
		fmt.Fprintln(a.stderr, "and its credentials.")
	}
	fmt.Fprintf(a.stderr, "Type %s to go on: ", name)
	line, err := readLine(a.ctx, a.stdin)
	if err != nil {
		return err
	}
	if strings.TrimSpace(line) != name {
		return &usageError{errors.New("nothing was deleted: the name was not typed; add --yes to be asked nothing")}
	}
	return nil
}

// prove counts what is left, which must be nothing.
func (c *forgetCmd) prove(a *app, f *forgotten) error {
	left := 0
	for i := range f.Destinations {
		again, err := f.at(a.ctx, f.Destinations[i].Destination, true)
		if err != nil {
			return err
		}
		f.Destinations[i].Left = again.Total()
		left += again.Total()
	}
	if c.JSON {
		if err := a.printJSON(f); err != nil {
			return err
		}
	} else {
		for _, at := range f.Destinations {
			fmt.Fprintf(a.stdout, "%s: deleted %s; %d left\n", at.Destination, summary(at.Forgotten), at.Left)
		}
		f.printCredentials(a)
	}
	if left > 0 {
		return &hinted{errors.New("something came back while it was deleted: a run of another process"), "stop exporter serve, then run it again: " + a.command("forget", f.AccountID)}
	}
	return nil
}

func (f *forgotten) printCredentials(a *app) {
	if f.Credentials {
		fmt.Fprintf(a.stdout, "credentials: removed\n")
	}
	if f.seeded {
		fmt.Fprintln(a.stdout, "Take SPOTIFY_REFRESH_TOKEN out of the environment or .env, or the account comes back.")
	}
	fmt.Fprintln(a.stdout, "Kept, because it is nobody's: what Spotify tells everybody about tracks, albums and artists. Backups of yours are for you to clear.")
}

// summary names counts: 1,200 saved_tracks, 3 runs.
func summary(f load.Forgotten) string {
	var parts []string
	for _, table := range slices.Sorted(maps.Keys(f.Rows)) {
		parts = append(parts, thousands(f.Rows[table])+" rows of "+table)
	}
	if f.State > 0 {
		parts = append(parts, thousands(f.State)+" state entries")
	}
	if f.Runs > 0 {
		parts = append(parts, thousands(f.Runs)+" run records")
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}
