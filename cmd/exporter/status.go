package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tracklake/tracklake/accounts"
	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/pipeline/config"
)

type statusCmd struct {
	Jobs []string `arg:"" optional:"" help:"Jobs to show; all of the file when none is named."`
	JSON bool     `name:"json" help:"Print as JSON."`
}

// Run is the command status. It asks the API nothing and needs no key.
func (c *statusCmd) Run(a *app) error {
	config, jobs, err := a.load(c.Jobs)
	if err != nil {
		return err
	}
	runner := pipeline.NewRunner(config, pipeline.Options{Open: opener(true), Log: a.log()})
	standing, err := runner.Status(a.ctx, jobs)
	if err != nil {
		return err
	}
	if err := runner.Close(context.WithoutCancel(a.ctx)); err != nil {
		return err
	}
	known := a.signIns(config)
	if a.account != "" {
		standing = ofAccount(standing, a.account, known)
	}
	a.several.Store(len(known) > 1)
	for _, s := range standing {
		if s.Last != nil {
			s.Last.Hint = a.typed(s.Last.Hint, a.accountFlag(nameOf(s.Account, known)))
		}
	}
	if c.JSON {
		a.warnUnreadable(known)
		return a.printJSON(withSignIns(standing, known))
	}
	if err := a.printStatus(standing, known); err != nil {
		return err
	}
	return a.printEndings(known)
}

// signIns lists the connected accounts. Status is of use without them, too.
func (a *app) signIns(config *config.Config) []accounts.Account {
	store, err := a.openStore(config, false, a.log())
	if err != nil {
		a.log().Warn("connected accounts are not shown", "error", err)
		return nil
	}
	defer store.close()
	all, err := store.List(a.ctx)
	if err != nil {
		a.log().Warn("connected accounts are not shown", "error", err, "hint", a.hintOf(err))
	}
	return all
}

// warnUnreadable tells of accounts that have no place among the jobs, because
// nobody knows which rows are theirs.
func (a *app) warnUnreadable(known []accounts.Account) {
	for _, k := range known {
		if k.Problem != nil {
			a.log().Warn("the account cannot be used", "account", k.Name, "error", k.Problem, "hint", a.hintFor(k.Problem, k.Name))
		}
	}
}

// nameOf is what the owner calls an account: of two names of one user, that which is
// used.
func nameOf(accountID string, known []accounts.Account) string {
	name := accountID
	for _, k := range known {
		if k.AccountID == accountID && accountID != "" && (name == accountID || k.Problem == nil) {
			name = k.Name
		}
	}
	return name
}

// aStanding is a job's standing with the sign-in of its account.
type aStanding struct {
	pipeline.JobStatus
	Name       string `json:"account,omitempty"`
	SignIn     string `json:"sign_in,omitempty"` // ok, soon, urgent or ended
	SignInEnds string `json:"sign_in_ends_on,omitempty"`
	DaysLeft   *int   `json:"sign_in_days_left,omitempty"`
}

func withSignIns(standing []pipeline.JobStatus, known []accounts.Account) []aStanding {
	now := time.Now()
	out := make([]aStanding, len(standing))
	for i, s := range standing {
		out[i].JobStatus = s
		for _, k := range known {
			if k.AccountID == s.Account && s.Account != "" && k.Name == nameOf(s.Account, known) {
				d := describeSignIn(k, now)
				out[i].Name, out[i].SignIn, out[i].SignInEnds, out[i].DaysLeft = d.Name, d.SignIn, d.EndsOn, &d.DaysLeft
			}
		}
	}
	return out
}

// printEndings tells how long each account stays signed in.
func (a *app) printEndings(known []accounts.Account) error {
	if len(known) == 0 {
		return nil
	}
	now := time.Now()
	fmt.Fprintln(a.stdout)
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ACCOUNT\tUSER\tACCOUNT ID\tSIGN-IN ENDS\tNOTE")
	for _, k := range known {
		if k.Problem != nil {
			fmt.Fprintf(w, "%s\t-\t-\t-\t%s; %s\n", k.Name, printable(k.Problem.Error()), printable(a.hintFor(k.Problem, k.Name)))
			continue
		}
		note := counted(k.DaysLeft(now), "day", "days") + " left"
		if text := ending(k, now); text != "" {
			note = text + "; sign in again: " + a.loginCommand(k.Name)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", k.Name, orDash(printable(k.User)), orDash(k.AccountID), k.EndsAt().Format(time.DateOnly), note)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print the status: %w", err)
	}
	return nil
}

func ofAccount(all []pipeline.JobStatus, account string, known []accounts.Account) []pipeline.JobStatus {
	var out []pipeline.JobStatus
	for _, s := range all {
		if s.Account == account || nameOf(s.Account, known) == account || s.Last == nil {
			out = append(out, s)
		}
	}
	return out
}

func (a *app) printStatus(standing []pipeline.JobStatus, known []accounts.Account) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "JOB\tDESTINATION\tACCOUNT\tLAST RUN\tSTATUS\tLAST OK\tNEXT\tNOTE")
	for _, s := range standing {
		if s.Last == nil {
			fmt.Fprintf(w, "%s\t%s\t-\tnever\t-\t-\t%s\t\n", s.Job, s.Destination, moment(s.NextAt))
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s.Job, s.Destination, orDash(nameOf(s.Account, known)),
			moment(s.Last.StartedAt), s.Last.Status, moment(s.LastOK), moment(s.NextAt), note(s))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print the status: %w", err)
	}
	return nil
}

// note is the one thing about a job that its reader should know.
func note(s pipeline.JobStatus) string {
	r := s.Last
	text := ""
	switch {
	case r.Status == load.StatusDeferred:
		text = fmt.Sprintf("goes on after %s", moment(r.DeferredTo))
		if r.Pending > 0 {
			text += "; " + counted(r.Pending, "pending removal", "pending removals")
		}
	case r.Message != "":
		text = printable(r.Message)
	case s.Late:
		text = "late: no good run for two turns of the schedule"
	}
	if r.Parents > 0 {
		text = strings.TrimSuffix(fmt.Sprintf("%s of %s up to date; %s", thousands(r.Fresh), counted(r.Parents, catalog.Noun(r.Resource), catalog.Noun(r.Resource)+"s"), text), "; ")
	}
	return text
}

// moment writes a time for people, in UTC.
func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04Z")
}
