package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tracklake/tracklake/pipeline"
)

type checkCmd struct {
	JSON bool `name:"json" help:"Print as JSON."`
}

// A finding is the result of one check.
type finding struct {
	Check  string `json:"check"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	Hint   string `json:"hint,omitempty"`

	code int
}

// Run is the command check. It goes on after a failure, so that all is told at
// once, and ends with the code of the first.
func (c *checkCmd) Run(a *app) error {
	config, jobs, err := a.load(nil)
	if err != nil {
		return err
	}
	findings := []finding{{Check: "configuration", OK: true, Detail: fmt.Sprintf("%s: %d jobs, %d destinations", config.Path, len(jobs), len(config.Destinations))}}
	runner, err := a.runner(config, runnerOptions{noMigrate: true, log: a.log()})
	if err != nil {
		findings = append(findings, failed("credentials", err))
		runner = pipeline.NewRunner(config, pipeline.Options{Open: opener(true)})
	}
	for _, d := range config.Destinations {
		if used(jobs, d.Name) {
			findings = append(findings, checkDestination(a.ctx, runner, d))
		}
	}
	if runner.Client != nil {
		findings = append(findings, checkAccount(a.ctx, runner, jobs)...)
	}
	if err := runner.Close(context.WithoutCancel(a.ctx)); err != nil {
		findings = append(findings, failed("closing", err))
	}
	return c.report(a, findings)
}

func used(jobs []*pipeline.Job, destination string) bool {
	return slices.ContainsFunc(jobs, func(j *pipeline.Job) bool { return slices.Contains(j.Destinations, destination) })
}

func checkDestination(ctx context.Context, runner *pipeline.Runner, d pipeline.DestinationConfig) finding {
	name := "destination " + d.Name
	opened, err := runner.Destination(ctx, d.Name)
	if err != nil {
		return failed(name, err)
	}
	if self, ok := opened.(checker); ok {
		if err := self.Check(ctx); err != nil {
			return failed(name, err)
		}
	}
	return finding{Check: name, OK: true, Detail: d.Type + " is reachable and writable"}
}

// checkAccount spends one token refresh and one request.
func checkAccount(ctx context.Context, runner *pipeline.Runner, jobs []*pipeline.Job) []finding {
	account, err := runner.Account(ctx)
	if err != nil {
		return []finding{failed("account", err)}
	}
	out := []finding{{Check: "account", OK: true, Detail: "signed in as " + account}}
	granted := runner.Client.Scopes()
	if granted == nil {
		return append(out, finding{Check: "scopes", OK: true, Detail: "Spotify did not say which were granted"})
	}
	var missing []string
	for _, j := range jobs {
		if s := j.Resource.Scope; s != "" && !slices.Contains(granted, s) {
			missing = append(missing, s+" for job "+j.Name)
		}
	}
	if len(missing) > 0 {
		return append(out, finding{
			Check: "scopes", Detail: "missing: " + strings.Join(missing, ", "),
			Hint: "sign in again and grant them (README, \"Connect your account\")", code: int(codeNeedsSignIn),
		})
	}
	return append(out, finding{Check: "scopes", OK: true, Detail: "all that the jobs need"})
}

func failed(check string, err error) finding {
	return finding{Check: check, Detail: err.Error(), Hint: hintOf(err), code: codeOf(err)}
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
	for _, f := range findings {
		mark := "ok    "
		if !f.OK {
			mark = "FAILED"
		}
		fmt.Fprintf(a.stdout, "%s  %s: %s\n", mark, f.Check, printable(f.Detail))
		if f.Hint != "" {
			fmt.Fprintf(a.stdout, "        hint: %s\n", printable(f.Hint))
		}
	}
	return exitWith(code)
}
