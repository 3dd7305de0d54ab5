package main

import (
	"context"
	"slices"
	"time"

	"github.com/tracklake/tracklake/accounts"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/pipeline/config"
)

type statusCmd struct {
	Jobs   []string      `arg:"" optional:"" help:"Jobs to show; default: all jobs."`
	JSON   bool          `name:"json" help:"Print as JSON."`
	MaxAge time.Duration `help:"For monitors: exit with the worst state, in which a job without a good run for longer than this counts as failed." placeholder:"26h"`
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
	now := time.Now()
	views := a.statusViews(all, jobs, known, now, c.MaxAge)
	if c.MaxAge > 0 {
		code = worstOf(views, known, now)
	}
	if c.JSON {
		a.warnUnreadable(known)
		err = a.printJSON(views)
	} else {
		p := &statusPrinter{app: a, screen: screenOf(a.stdout), zone: config.Location, now: now, maxAge: c.MaxAge}
		err = p.print(views, known)
	}
	if err != nil {
		return err
	}
	return exitWith(code)
}

// worstOf is the code of the worst state of jobs and sign-ins.
func worstOf(views []statusView, known []accounts.Account, now time.Time) exitCode {
	worst := []load.Run{}
	add := func(s load.Status) { worst = append(worst, load.Run{Status: s}) }
	for _, v := range views {
		switch {
		case v.Err != nil, v.Stale, v.Overdue:
			add(load.StatusFailed)
		case v.Last.Status != load.StatusRunning: // then the run before counts, by its age
			add(v.Last.Status)
		}
		if len(v.MissingScopes) > 0 {
			add(load.StatusNeedsSignIn)
		}
	}
	for _, k := range known {
		if k.Problem != nil || k.Urgency(now) == accounts.Ended {
			add(load.StatusNeedsSignIn)
		}
	}
	return codeFor(pipeline.Worst(worst))
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
	// Stale: no run was good for longer than --max-age.
	Stale bool `json:"stale,omitempty"`
	// Problem is why the destination could not be read.
	Problem string `json:"problem,omitempty"`
	// Hint is what to do about it.
	Hint string `json:"hint,omitempty"`
	// MissingScopes are those that the job needs and that its account has not granted;
	// where it never ran, the first account that lacks some.
	MissingScopes []string `json:"missing_scopes,omitempty"`
	// Name is what the account is called; absent where it is not connected.
	Name string `json:"account,omitempty"`
	// SignIn is how soon its sign-in ends: ok, soon (within 30 days), urgent (within 7
	// days or any day now) or ended.
	SignIn string `json:"sign_in,omitempty"`
	// SignInEnds is the day on which its sign-in ends.
	SignInEnds string `json:"sign_in_ends_on,omitempty"`
	// DaysLeft is how many days are left until then.
	DaysLeft *int `json:"sign_in_days_left,omitempty"`

	lacking string // name of the account that has not granted them
}

func (a *app) statusViews(all []pipeline.JobStatus, jobs []*config.Job, known []accounts.Account, now time.Time, maxAge time.Duration) []statusView {
	out := make([]statusView, len(all))
	for i, s := range all {
		out[i].JobStatus = s
		out[i].Stale = maxAge > 0 && s.Err == nil && now.Sub(s.LastGood) > maxAge
		if s.Last != nil {
			s.Last.Hint = a.typed(s.Last.Hint, a.accountFlag(nameOf(s.Account, known)))
		}
		if s.Err != nil {
			out[i].Problem, out[i].Hint = s.Err.Error(), a.hintOf(s.Err)
		}
		job := jobs[slices.IndexFunc(jobs, func(j *config.Job) bool { return j.Name == s.Job })]
		out[i].MissingScopes, out[i].lacking = scopesMissing(job, s.Account, known)
		for _, k := range known {
			if k.AccountID == s.Account && s.Account != "" && k.Name == nameOf(s.Account, known) {
				d := describeSignIn(k, now)
				out[i].Name, out[i].SignIn, out[i].SignInEnds, out[i].DaysLeft = d.Name, d.SignIn, d.EndsOn, &d.DaysLeft
			}
		}
	}
	return out
}

// scopesMissing lists the scopes that a job needs and that an account, or the first of all
// where the job never ran, has surely not granted.
func scopesMissing(job *config.Job, account string, known []accounts.Account) (missing []string, name string) {
	for _, k := range known {
		if account != "" && k.AccountID != account || k.Problem != nil || k.Scopes == nil {
			continue
		}
		for _, scope := range job.Scopes() {
			if !slices.Contains(k.Scopes, scope) {
				missing = append(missing, scope)
			}
		}
		if len(missing) > 0 {
			return missing, k.Name
		}
	}
	return nil, ""
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
