package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/tracklake/tracklake/accounts"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/pipeline/config"
)

type forgetCmd struct {
	Name string `arg:"" help:"The account's name or account_id."`
	Yes  bool   `short:"y" help:"Do not ask for confirmation."`
	JSON bool   `name:"json" help:"Print what was deleted as JSON."`
}

// forgotten is what was deleted of an account, and what a count found afterwards.
type forgotten struct {
	// Account is what the account was called; empty where it was not connected.
	Account string `json:"account"`
	// AccountID is its account_id.
	AccountID string `json:"account_id"`
	// Destinations are those that were reached.
	Destinations []forgottenAt `json:"destinations"`
	// Skipped are the destinations that lack a variable and that no job uses.
	Skipped []string `json:"skipped,omitempty"`
	// Credentials: they were removed.
	Credentials bool `json:"credentials_removed"`

	names  []string // under which it is connected
	runner *pipeline.Runner
	store  *store
}

// forgottenAt is what happened at one destination.
type forgottenAt struct {
	// Destination is the name of the destination in jobs.yaml.
	Destination string `json:"destination"`
	load.Forgotten
	// Left is how many rows and records a count found after the deletion.
	Left int `json:"left"`
}

// Run is the command forget. It removes the credentials first, so that no run
// begins while the rows are deleted.
func (c *forgetCmd) Run(a *app) error {
	config, err := a.loadConfig()
	if err != nil {
		return err
	}
	reached, missing, err := reachable(config)
	if err != nil {
		return err
	}
	store, err := a.openStore(config, false, a.log())
	if err != nil {
		return err
	}
	defer store.close()
	runner := pipeline.NewRunner(config, pipeline.Options{Open: opener(true, a.log()), Log: a.log()})
	f := &forgotten{Skipped: missing, runner: runner, store: store}
	err = f.find(a, reached, c.Name)
	if err == nil {
		err = c.forget(a, f)
	}
	return errors.Join(err, runner.Close(context.WithoutCancel(a.ctx)))
}

// reachable returns the destinations to delete from. One that lacks a variable is
// skipped if no job uses it; otherwise it is an error, because its data would stay.
func reachable(config *config.Config) (reached []config.Destination, missing []string, err error) {
	jobs, err := config.Select(nil)
	if err != nil {
		return nil, nil, err
	}
	for _, d := range config.Destinations {
		switch {
		case len(d.Unset) == 0:
			reached = append(reached, d)
		case used(jobs, d.Name):
			return nil, nil, &usageError{fmt.Errorf("destination %s needs %s, which is not set; without it the account would not be forgotten everywhere", d.Name, strings.Join(d.Unset, ", "))}
		default:
			missing = append(missing, d.Name)
		}
	}
	return reached, missing, nil
}

// find finds the account, and counts what is stored of it.
func (f *forgotten) find(a *app, reached []config.Destination, name string) error {
	account, missing := f.store.Find(a.ctx, name)
	switch {
	case errors.Is(missing, accounts.ErrNotFound): // perhaps its credentials were removed before
		account.AccountID = name
	case missing != nil:
		return missing
	case account.AccountID == "":
		return errUnidentified(account.Name)
	}
	f.Account, f.AccountID = account.Name, account.AccountID
	all, err := f.store.List(a.ctx)
	if err != nil {
		return err
	}
	for _, other := range all {
		if other.AccountID == f.AccountID && f.AccountID != "" {
			f.names = append(f.names, other.Name)
		}
	}
	kept := 0
	for _, d := range reached {
		at := forgottenAt{Destination: d.Name}
		if f.AccountID != "" {
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

// errUnidentified refuses to forget an account that was never used, or whose record
// cannot be read.
func errUnidentified(name string) error {
	return &usageError{&hinted{
		fmt.Errorf("cannot tell who owns account %s, so its rows cannot be found; nothing was deleted", name),
		"to delete rows, name the account_id that status shows; to delete the credentials: " + canonical("accounts", "remove", name),
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
	for _, name := range f.names {
		if err := f.store.Remove(a.ctx, name); err != nil {
			return err
		}
		f.Credentials = true
	}
	for i := range f.Destinations {
		at := &f.Destinations[i]
		var err error
		if at.Forgotten, err = f.at(a.ctx, at.Destination, false); err != nil {
			return f.incomplete(a, err)
		}
	}
	return c.prove(a, f)
}

// incomplete adds to an error how to complete the deletion: by the account_id, as the
// name no longer exists.
func (f *forgotten) incomplete(a *app, err error) error {
	if !f.Credentials {
		return err
	}
	next := "the credentials are removed, but not all exported data; to complete the deletion: " + canonical("forget", f.AccountID)
	if cause := hint(err, a.account); cause != "" {
		next = cause + "; " + next
	}
	return &hinted{err, next}
}

// ask shows what is about to be deleted and wants the name typed.
func (f *forgotten) ask(a *app) error {
	name := f.Account
	if name == "" {
		name = f.AccountID
	}
	fmt.Fprintf(a.stderr, "This permanently deletes everything exported of account %s:\n", name)
	for _, at := range f.Destinations {
		fmt.Fprintf(a.stderr, "  %s: %s\n", at.Destination, summary(at.Forgotten))
	}
	if len(f.names) > 0 {
		fmt.Fprintf(a.stderr, "and its credentials (%s).\n", strings.Join(f.names, ", "))
	}
	f.printSkipped(a.stderr)
	fmt.Fprintf(a.stderr, "Type %s to continue: ", name)
	line, err := readLine(a.ctx, a.stdin)
	if err != nil {
		return err
	}
	if strings.TrimSpace(line) != name {
		return &usageError{errors.New("nothing was deleted: the name was not typed; add --yes to skip the question")}
	}
	return nil
}

// prove counts what is left, which must be zero.
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
		return &hinted{errors.New("a run of another process wrote rows during the deletion"), "stop exporter serve, then run it again: " + canonical("forget", f.AccountID)}
	}
	return nil
}

func (f *forgotten) printCredentials(a *app) {
	if f.Credentials {
		fmt.Fprintf(a.stdout, "credentials: removed\n")
	}
	f.printSkipped(a.stdout)
	if _, seeded := a.env("SPOTIFY_REFRESH_TOKEN"); seeded {
		fmt.Fprintln(a.stdout, "Remove SPOTIFY_REFRESH_TOKEN from the environment or .env if it belongs to this account; otherwise the account comes back.")
	}
	fmt.Fprintln(a.stdout, "Kept: rows of the account app, which are shared by all accounts. Your own backups are not touched.")
}

func (f *forgotten) printSkipped(w io.Writer) {
	for _, name := range f.Skipped {
		fmt.Fprintf(w, "%s: skipped, because a variable that it needs is not set; no job uses it\n", name)
	}
}

// summary names counts: 1,200 saved_tracks, 3 runs.
func summary(f load.Forgotten) string {
	var parts []string
	for _, table := range slices.Sorted(maps.Keys(f.Rows)) {
		parts = append(parts, counted(f.Rows[table], "row", "rows")+" of "+table)
	}
	if f.State > 0 {
		parts = append(parts, counted(f.State, "state entry", "state entries"))
	}
	if f.Runs > 0 {
		parts = append(parts, counted(f.Runs, "run record", "run records"))
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}
