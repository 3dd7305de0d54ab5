package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/tracklake/tracklake/accounts"
	"github.com/tracklake/tracklake/pipeline/config"
)

type accountsCmd struct {
	List   accountsListCmd   `cmd:"" default:"withargs" help:"List connected accounts (the default)."`
	Remove accountsRemoveCmd `cmd:"" help:"Remove an account's credentials; exported data stays."`
	Rekey  accountsRekeyCmd  `cmd:"" help:"Encrypt all credentials with the first key of EXPORTER_TOKEN_KEY."`
}

type accountsListCmd struct {
	JSON bool `name:"json" help:"Print as JSON."`
}

type accountsRemoveCmd struct {
	Name string `arg:"" help:"The account's name or account_id."`
}

type accountsRekeyCmd struct{}

// accountView is what is shown of an account. Nothing in it is secret.
type accountView struct {
	// Name is what the account is called here.
	Name string `json:"account"`
	// AccountID is its account_id; absent before its first use.
	AccountID string `json:"account_id,omitempty"`
	// User is its display name at Spotify.
	User string `json:"user,omitempty"`
	// ClientID is that of the app which it is connected with.
	ClientID string `json:"client_id"`
	// Scopes are those that its owner granted; absent if unknown.
	Scopes []string `json:"scopes,omitempty"`
	// SignedInOn is the day of its sign-in.
	SignedInOn string `json:"signed_in_on,omitempty"`
	// Guessed: it was signed in on that day or before.
	Guessed bool `json:"signed_in_guessed,omitempty"`
	// EndsOn is the day on which its sign-in ends.
	EndsOn string `json:"sign_in_ends_on,omitempty"`
	// DaysLeft is how many days are left until then.
	DaysLeft int `json:"sign_in_days_left"`
	// SignIn is how soon its sign-in ends: ok, soon (within 30 days), urgent (within 7
	// days or any day now) or ended; or unreadable.
	SignIn string `json:"sign_in"`
	// RefusedAt is since when Spotify refuses the sign-in, UTC.
	RefusedAt time.Time `json:"refused_at,omitzero"`
	// NextTryAt is when it will be tried again, UTC; absent: never.
	NextTryAt time.Time `json:"next_try_at,omitzero"`
	// UsedAt is when it was last used, UTC.
	UsedAt time.Time `json:"last_used_at,omitzero"`
	// Error is why it cannot be used. Then only its name is known.
	Error string `json:"error,omitempty"`
	// Hint is what to do about it.
	Hint string `json:"hint,omitempty"`
}

func (a *app) describeAccount(account accounts.Account, now time.Time) accountView {
	if account.Problem != nil {
		return accountView{
			Name: account.Name, SignIn: string(accounts.Unreadable), Error: account.Problem.Error(), Hint: a.hintFor(account.Problem, account.Name),
		}
	}
	return describeSignIn(account, now)
}

func describeSignIn(a accounts.Account, now time.Time) accountView {
	out := accountView{
		Name: a.Name, AccountID: a.AccountID, User: a.User, ClientID: a.ClientID, Scopes: a.Scopes,
		SignedInOn: a.SignedInAt.Format(time.DateOnly), Guessed: a.Guessed, EndsOn: a.EndsAt().Format(time.DateOnly),
		DaysLeft: a.DaysLeft(now), SignIn: string(a.Urgency(now)), UsedAt: a.UsedAt, RefusedAt: a.RefusedAt, NextTryAt: a.NextTry(now),
	}
	if out.SignIn == "" {
		out.SignIn = "ok"
	}
	return out
}

// loadConfig reads jobs.yaml.
func (a *app) loadConfig() (*config.Config, error) {
	config, _, err := a.load(nil)
	if config == nil {
		return nil, err
	}
	return config, nil // a destination that cannot be used does not matter here
}

// accountsStore opens the store that jobs.yaml names; without the file, the one in the
// user's configuration folder.
func (a *app) accountsStore() (*store, error) {
	var config *config.Config
	if _, err := os.Stat(a.config); err == nil || a.config != "jobs.yaml" {
		if config, err = a.loadConfig(); err != nil {
			return nil, err
		}
	}
	return a.openStore(config, false, a.log())
}

// Run is the command accounts.
func (c *accountsListCmd) Run(a *app) error {
	store, err := a.accountsStore()
	if err != nil {
		return err
	}
	defer store.close()
	all, err := store.List(a.ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	described := make([]accountView, 0, len(all))
	for _, account := range all {
		described = append(described, a.describeAccount(account, now))
	}
	if c.JSON {
		return a.printJSON(described)
	}
	if len(all) == 0 {
		fmt.Fprintln(a.stdout, "No account is connected. Connect one: "+a.loginCommand(""))
		return nil
	}
	if err := a.printAccounts(described, now); err != nil {
		return err
	}
	for _, account := range all {
		if refusal := account.Refusal(now); refusal != "" && account.Problem == nil {
			fmt.Fprintf(a.stdout, "\nAccount %s: %s\n  hint: sign in again: %s\n", account.Name, refusal, a.loginCommand(account.Name))
		}
	}
	return nil
}

func (a *app) printAccounts(all []accountView, now time.Time) error {
	g := &grid{headers: []string{"ACCOUNT", "USER", "ACCOUNT ID", "SIGNED IN", "LEFT", "LAST USED"}}
	for _, x := range all {
		if x.Error != "" {
			g.rows = append(g.rows, gridRow{
				cells: []cell{{x.Name, bold}, {"-", plain}, {"-", plain}, {"-", plain}, {x.SignIn, red}, {"-", plain}},
				notes: []string{"cannot be used: " + printable(x.Error), "hint: " + printable(x.Hint)},
			})
			continue
		}
		signedIn := x.SignedInOn
		if x.Guessed {
			signedIn = "by " + signedIn
		}
		left := cell{counted(x.DaysLeft, "day", "days"), plain}
		switch {
		case !x.RefusedAt.IsZero():
			left = cell{"refused", red}
		case x.SignIn == string(accounts.Ended):
			left = cell{"ended", red}
		case x.SignIn == string(accounts.Urgent):
			left = cell{left.text + " (urgent)", yellow}
		}
		g.rows = append(g.rows, gridRow{
			cells: []cell{{x.Name, bold}, {orDash(printable(x.User)), plain}, {orDash(x.AccountID), plain}, {signedIn, plain}, left, {relative(x.UsedAt, now), plain}},
			notes: []string{"scopes: " + orDash(strings.Join(x.Scopes, " "))},
		})
	}
	if err := g.print(a.stdout, screenOf(a.stdout)); err != nil {
		return fmt.Errorf("print accounts: %w", err)
	}
	return nil
}

// Run is the command accounts remove.
func (c *accountsRemoveCmd) Run(a *app) error {
	store, err := a.accountsStore()
	if err != nil {
		return err
	}
	defer store.close()
	account, err := store.Find(a.ctx, c.Name)
	if err != nil {
		return &usageError{err}
	}
	if err := store.Remove(a.ctx, account.Name); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "Removed the credentials of %s. The exported data stays.\n", account.Name)
	if account.AccountID != "" {
		fmt.Fprintln(a.stdout, "To delete the data as well: "+a.command("forget", account.AccountID))
	}
	if account.SeedHash != "" {
		fmt.Fprintln(a.stdout, "Its refresh token came from SPOTIFY_REFRESH_TOKEN: remove that from the environment or .env, or the account comes back.")
	}
	fmt.Fprintln(a.stdout, "Spotify still lists the app: https://www.spotify.com/account/apps/")
	return nil
}

// Run is the command accounts rekey.
func (*accountsRekeyCmd) Run(a *app) error {
	keys, err := a.keys()
	if err != nil {
		return err
	}
	if keys.Empty() {
		return &usageError{errors.New("EXPORTER_TOKEN_KEY is not set; make a key with: openssl rand -base64 32")}
	}
	store, err := a.accountsStore()
	if err != nil {
		return err
	}
	defer store.close()
	n, err := store.Rekey(a.ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%s now encrypted with the first key. The keys after it are no longer needed.\n", counted(n, "account is", "accounts are"))
	return nil
}
