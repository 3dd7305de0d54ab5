package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/pipeline/config"
)

type checkCmd struct {
	JSON bool `name:"json" help:"Print as JSON."`
}

// A finding is the result of one check.
type finding struct {
	// Check is what was checked: "destination lake".
	Check string `json:"check"`
	// OK: all is well.
	OK bool `json:"ok"`
	// Detail is what was found.
	Detail string `json:"detail"`
	// Hint is what to do about it.
	Hint string `json:"hint,omitempty"`

	code int
}

// Run is the command check. It continues after a failure, to report all of them, and
// ends with the code of the first.
func (c *checkCmd) Run(a *app) error {
	config, jobs, err := a.load(nil)
	if err != nil {
		return err
	}
	findings := []finding{{Check: "configuration", OK: true, Detail: fmt.Sprintf("%s: %s, %s", config.Path, counted(len(jobs), "job", "jobs"), counted(len(config.Destinations), "destination", "destinations"))}}
	runner := pipeline.NewRunner(config, pipeline.Options{Open: opener(true, a.log()), Log: a.log()})
	for _, d := range config.Destinations {
		if used(jobs, d.Name) {
			findings = append(findings, a.checkDestination(runner, d))
		}
	}
	findings = append(findings, a.checkAccounts(config, jobs)...)
	if err := runner.Close(context.WithoutCancel(a.ctx)); err != nil {
		findings = append(findings, a.failed("closing", err))
	}
	return c.report(a, findings)
}

func used(jobs []*config.Job, destination string) bool {
	return slices.ContainsFunc(jobs, func(j *config.Job) bool { return slices.Contains(j.Destinations, destination) })
}

func (a *app) checkDestination(runner *pipeline.Runner, d config.Destination) finding {
	name := "destination " + d.Name
	opened, err := runner.Destination(a.ctx, d.Name)
	if err != nil {
		return a.failed(name, err)
	}
	pending, err := opened.Check(a.ctx)
	if err != nil {
		return a.failed(name, err)
	}
	detail := d.Driver.Type + " is reachable and writable"
	if len(pending) > 0 {
		detail += "; the next run migrates it in " + nouns(len(pending), "step") + ", which migrate --dry-run lists"
	}
	return finding{Check: name, OK: true, Detail: detail}
}

// checkAccounts asks Spotify who owns each connected account.
func (a *app) checkAccounts(config *config.Config, jobs []*config.Job) []finding {
	w, err := a.work(config, workOptions{noMigrate: true, log: a.log()})
	if err != nil {
		return []finding{a.failed("accounts", err)}
	}
	tasks, err := w.tasks(a.ctx, jobs)
	if err != nil {
		return []finding{a.failed("accounts", errors.Join(err, w.close(a.ctx)))}
	}
	var out []finding
	var seen []*pipeline.User
	for _, t := range tasks {
		if slices.Contains(seen, t.User) {
			continue
		}
		seen = append(seen, t.User)
		if t.User.IsApp {
			out = append(out, finding{Check: "app", OK: true, Detail: "job " + t.Job.Name + " needs no account"})
			continue
		}
		out = append(out, a.checkAccount(w, t.User, jobs)...)
	}
	if err := w.close(a.ctx); err != nil {
		out = append(out, a.failed("closing", err))
	}
	return out
}

// checkAccount spends one request, which is counted like those of runs, and a
// token refresh if one is due.
func (a *app) checkAccount(w *work, user *pipeline.User, jobs []*config.Job) []finding {
	name := "account " + user.Name
	limiter := w.runner.Limiter(user)
	profile, err := catalog.ProfileOf(a.ctx, user.Client.For(limiter))
	err = errors.Join(err, limiter.Close(context.WithoutCancel(a.ctx)))
	if err == nil {
		err = w.clients.store.Identify(a.ctx, user.Name, profile.AccountID, profile.User)
	}
	if err != nil {
		f := a.failed(name, err)
		if f.code == int(codeNeedsSignIn) {
			f.Hint = "sign in again: " + a.loginCommand(user.Name)
		}
		return []finding{f}
	}
	out := []finding{{Check: name, OK: true, Detail: fmt.Sprintf("signed in as %s (%s)", profile.User, profile.AccountID)}}
	granted := user.Client.Scopes()
	if granted == nil {
		granted = user.Scopes
	}
	if granted == nil {
		return append(out, finding{Check: "scopes of " + user.Name, OK: true, Detail: "Spotify did not say which scopes were granted"})
	}
	if missing := missingScopes(jobs, granted); len(missing) > 0 {
		return append(out, finding{
			Check: "scopes of " + user.Name, Detail: "missing: " + listed(missing),
			Hint: "sign in again and agree to them: " + a.loginCommand(user.Name), code: int(codeNeedsSignIn),
		})
	}
	return append(out, finding{Check: "scopes of " + user.Name, OK: true, Detail: "all that the jobs need"})
}

func (a *app) failed(check string, err error) finding {
	return finding{Check: check, Detail: strings.TrimPrefix(err.Error(), check+": "), Hint: a.hintOf(err), code: codeOf(err)}
}

func (c *checkCmd) report(a *app, findings []finding) error {
	code := codeOK
	for _, f := range findings {
		if !f.OK && code == codeOK {
			code = exitCode(f.code)
		}
	}
	if c.JSON {
		if err := a.printJSON(findings); err != nil {
			return err
		}
		return exitWith(code)
	}
	screen := screenOf(a.stdout)
	for _, f := range findings {
		mark := screen.paint(green, "ok    ")
		if !f.OK {
			mark = screen.paint(red, "FAILED")
		}
		fmt.Fprintf(a.stdout, "%s  %s", mark, strings.TrimLeft(screen.block(f.Check+": "+printable(f.Detail), 8), " "))
		if f.Hint != "" {
			fmt.Fprint(a.stdout, screen.block("hint: "+printable(f.Hint), 8))
		}
	}
	return exitWith(code)
}
