package main

import (
	"context"
	"fmt"
	"slices"
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
	Jobs []string `arg:"" optional:"" help:"Jobs to show; default: all jobs."`
	JSON bool     `name:"json" help:"Print as JSON."`
}

// accountsTimeout is how long status waits for the store of accounts.
const accountsTimeout = 5 * time.Second

// Run is the command status. It makes no request to the API and needs no key. It shows
// what it can read, and fails only if no destination can be read.
func (c *statusCmd) Run(a *app) error {
	config, jobs, err := a.load(c.Jobs)
	if err != nil {
		return err
	}
	runner := pipeline.NewRunner(config, pipeline.Options{Open: opener(true, a.log())})
	all := runner.Status(a.ctx, jobs)
	if err := runner.Close(context.WithoutCancel(a.ctx)); err != nil {
		return err
	}
	if err := a.ctx.Err(); err != nil {
		return err
	}
	code := codeFailed
	if slices.ContainsFunc(all, func(s pipeline.JobStatus) bool { return s.Err == nil }) {
		code = codeOK
	}
	known := a.signIns(config)
	if a.account != "" {
		all = ofAccount(all, a.account, known)
	}
	a.several.Store(len(known) > 1)
	for _, s := range all {
		if s.Last != nil {
			s.Last.Hint = a.typed(s.Last.Hint, a.accountFlag(nameOf(s.Account, known)))
		}
	}
	if c.JSON {
		a.warnUnreadable(known)
		err = a.printJSON(a.statusViews(all, known))
	} else if err = a.printStatus(all, known, config.Location); err == nil {
		err = a.printEndings(known)
	}
	if err != nil {
		return err
	}
	return exitWith(code)
}

// signIns lists the connected accounts. Status works without them.
func (a *app) signIns(config *config.Config) []accounts.Account {
	store, err := a.openStore(config, false, a.log())
	if err != nil {
		a.log().Warn("connected accounts are not shown", "error", err)
		return nil
	}
	defer store.close()
	ctx, cancel := context.WithTimeout(a.ctx, accountsTimeout)
	defer cancel()
	all, err := store.List(ctx)
	if err != nil {
		a.log().Warn("connected accounts are not shown", "error", err, "hint", a.hintOf(err))
	}
	return all
}

// warnUnreadable logs accounts that cannot be shown with jobs, because it is unknown
// which rows are theirs.
func (a *app) warnUnreadable(known []accounts.Account) {
	for _, k := range known {
		if k.Problem != nil {
			a.log().Warn("the account cannot be used", "account", k.Name, "error", k.Problem, "hint", a.hintFor(k.Problem, k.Name))
		}
	}
}

// nameOf returns the name of an account; of two names of one user, the one in use.
func nameOf(accountID string, known []accounts.Account) string {
	name := accountID
	for _, k := range known {
		if k.AccountID == accountID && accountID != "" && (name == accountID || k.Problem == nil) {
			name = k.Name
		}
	}
	return name
}

// A statusView is the state of a job, with the sign-in of its account.
type statusView struct {
	pipeline.JobStatus
	Problem    string `json:"problem,omitempty"` // why nothing is known
	Hint       string `json:"hint,omitempty"`
	Name       string `json:"account,omitempty"`
	SignIn     string `json:"sign_in,omitempty"` // ok, soon, urgent or ended
	SignInEnds string `json:"sign_in_ends_on,omitempty"`
	DaysLeft   *int   `json:"sign_in_days_left,omitempty"`
}

func (a *app) statusViews(all []pipeline.JobStatus, known []accounts.Account) []statusView {
	now := time.Now()
	out := make([]statusView, len(all))
	for i, s := range all {
		out[i].JobStatus = s
		if s.Err != nil {
			out[i].Problem, out[i].Hint = s.Err.Error(), a.hintOf(s.Err)
		}
		for _, k := range known {
			if k.AccountID == s.Account && s.Account != "" && k.Name == nameOf(s.Account, known) {
				d := describeSignIn(k, now)
				out[i].Name, out[i].SignIn, out[i].SignInEnds, out[i].DaysLeft = d.Name, d.SignIn, d.EndsOn, &d.DaysLeft
			}
		}
	}
	return out
}

// printEndings prints how long each account stays signed in.
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

// printStatus prints a table of the jobs, with notes below their lines, and the
// destinations that could not be read. Times are those of the zone.
func (a *app) printStatus(all []pipeline.JobStatus, known []accounts.Account, zone *time.Location) error {
	at := func(t time.Time) string {
		if t.IsZero() {
			return "-"
		}
		return t.In(zone).Format("2006-01-02 15:04 MST")
	}
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "JOB\tDESTINATION\tACCOUNT\tLAST RUN\tSTATUS\tNEXT SLOT")
	for _, s := range all {
		account, last, status := "-", "never", "-"
		switch {
		case s.Err != nil:
			last, status = "-", "unknown"
		case s.Last != nil:
			account, last, status = orDash(nameOf(s.Account, known)), at(s.Last.StartedAt), string(s.Last.Status)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", s.Job, s.Destination, account, last, status, at(s.NextAt))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print the status: %w", err)
	}
	lines := strings.Split(table.String(), "\n")
	fmt.Fprintln(a.stdout, lines[0])
	for i, s := range all {
		fmt.Fprintln(a.stdout, lines[i+1])
		if text := note(s, at); text != "" {
			fmt.Fprintln(a.stdout, "  "+text)
		}
	}
	a.printUnreadable(all)
	return nil
}

// printUnreadable prints why destinations could not be read.
func (a *app) printUnreadable(all []pipeline.JobStatus) {
	printed := map[string]bool{}
	for _, s := range all {
		if s.Err == nil || printed[s.Destination] {
			continue
		}
		printed[s.Destination] = true
		fmt.Fprintf(a.stdout, "\nDestination %s cannot be read: %s\n", s.Destination, printable(s.Err.Error()))
		if hint := a.hintOf(s.Err); hint != "" {
			fmt.Fprintf(a.stdout, "  hint: %s\n", printable(hint))
		}
	}
}

// note returns what else to show below a job's line.
func note(s pipeline.JobStatus, at func(time.Time) string) string {
	var notes []string
	add := func(text string) { notes = append(notes, text) }
	r := s.Last
	if r == nil {
		return ""
	}
	if r.Parents > 0 {
		add(fmt.Sprintf("%s of %s up to date", thousands(r.Fresh), counted(r.Parents, catalog.Noun(r.Resource), catalog.Noun(r.Resource)+"s")))
	}
	if r.Status == load.StatusDeferred {
		add("resumes after " + at(r.DeferredTo))
		if r.Pending > 0 {
			add(counted(r.Pending, "pending removal", "pending removals"))
		}
	} else if r.Message != "" {
		add(printable(r.Message))
	}
	if r.Status != load.StatusOK && !s.LastOK.IsZero() {
		add("last ok " + at(s.LastOK))
	}
	if s.Overdue {
		add("overdue: no successful run in the last two scheduled slots")
	}
	return strings.Join(notes, "; ")
}

// moment writes a time for people, in UTC.
func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04Z")
}
