package pipeline

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/pipeline/config"
	"github.com/tracklake/tracklake/transform"
)

// A User is a connected account that jobs run for, or the app, for jobs that need no
// account. It is safe for concurrent use.
type User struct {
	Name     string          // what its owner calls it
	IsApp    bool            // the app, which has no account
	ClientID string          // of the app
	Client   *extract.Client // with the account's token
	SignIn   string          // command with which the user signs in again: exporter …
	// SignedInAt is when the user signed in, as far as known.
	SignedInAt time.Time
	// Scopes are those known to be granted; nil: unknown.
	Scopes []string
	// Identify stores whose account it is when that is first known. It may be nil.
	Identify func(ctx context.Context, p catalog.Profile) error
	// Connected returns an error if data of an account_id may no longer be written
	// for this user. It may be nil.
	Connected func(ctx context.Context, account string) error

	mu      sync.Mutex
	account string
}

// Known sets the account_id, so that the API need not be asked for it.
func (u *User) Known(account string) *User {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.account = account
	return u
}

// Account returns the account_id. It asks the API if it must, once.
func (u *User) Account(ctx context.Context, c *extract.Client) (string, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.account != "" {
		return u.account, nil
	}
	p, err := catalog.ProfileOf(ctx, c)
	if err != nil {
		return "", fmt.Errorf("read the account: %w", err)
	}
	if u.Identify != nil {
		if err := u.Identify(ctx, p); err != nil {
			return "", err
		}
	}
	u.account = p.AccountID
	return u.account, nil
}

// identify finds out whose account it is, and that a job may read it. With an error,
// the account is known or empty.
func (u *User) identify(ctx context.Context, c *extract.Client, job *config.Job) (string, error) {
	if u.IsApp {
		return transform.App, nil
	}
	account, err := u.Account(ctx, c)
	if err != nil {
		return "", err
	}
	if scope := u.lacks(job); scope != "" {
		return account, &extract.Error{Kind: extract.Scope, Path: job.Resource.Name, Message: "the sign-in lacks the scope " + scope}
	}
	return account, nil
}

// mayBe reports whether a run that was recorded for an account may have been this
// user's.
func (u *User) mayBe(account string) bool {
	if u.IsApp {
		return account == transform.App
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.account == "" || u.account == account
}

// lacks returns the scope that a job needs and that the user has surely not
// granted, or nothing.
func (u *User) lacks(job *config.Job) string {
	granted := u.Scopes
	if now := u.Client.Scopes(); now != nil {
		granted = now
	}
	for _, scope := range job.Scopes() {
		if granted != nil && !slices.Contains(granted, scope) {
			return scope
		}
	}
	return ""
}

// grants reports whether the user is known to have granted all that a job needs. Then a
// refusal for a scope is Spotify's mistake, which passes.
func (u *User) grants(job *config.Job) bool {
	return (u.Scopes != nil || u.Client.Scopes() != nil) && u.lacks(job) == ""
}

// A Task is a job to run for a user.
type Task struct {
	Job  *config.Job
	User *User
}

// Tasks lists the runs to make: every job for every user, user by user, then, once
// each, the jobs that read no account's own data. These run for the app, with the
// first account's client if the app has no token of its own. A job that
// takes its parents from tables reads those of all accounts at once, so that several
// accounts do not spend one quota on the same parents; a single account keeps them
// as its own.
func Tasks(jobs []*config.Job, users []*User, app *User) []Task {
	own := func(j *config.Job) bool { return j.NeedsUser() || len(users) == 1 && len(j.Options.Parents.From) > 0 }
	var out []Task
	for _, u := range users {
		for _, j := range jobs {
			if own(j) {
				out = append(out, Task{j, u})
			}
		}
	}
	if app == nil && len(users) > 0 {
		app = &User{IsApp: true, ClientID: users[0].ClientID, Client: users[0].Client, SignIn: users[0].SignIn}
	}
	for _, j := range jobs {
		if !own(j) && app != nil {
			out = append(out, Task{j, app})
		}
	}
	return out
}
