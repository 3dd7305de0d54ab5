package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
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
	Name       string    `json:"name"`
	AccountID  string    `json:"account_id,omitempty"`
	User       string    `json:"user,omitempty"`
	ClientID   string    `json:"client_id"`
	Scopes     []string  `json:"scopes"`
	SignedInOn string    `json:"signed_in_on,omitempty"`
	Guessed    bool      `json:"signed_in_guessed,omitempty"` // signed in on that day or before
	EndsOn     string    `json:"ends_on,omitempty"`
	DaysLeft   int       `json:"days_left"`
	SignIn     string    `json:"sign_in"`              // ok, soon, urgent, ended or unreadable
	RefusedAt  time.Time `json:"refused_at,omitzero"`  // since when Spotify refuses the sign-in
	NextTryAt  time.Time `json:"next_try_at,omitzero"` // from when on it is tried again; absent: never
	UsedAt     time.Time `json:"last_used_at,omitzero"`
	Error      string    `json:"error,omitempty"` // why it cannot be used; then only its name is known
	Hint       string    `json:"hint,omitempty"`
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
	if err := a.printAccounts(described); err != nil {
		return err
	}
	for _, account := range all {
		if refusal := account.Refusal(now); refusal != "" && account.Problem == nil {
			fmt.Fprintf(a.stdout, "\nAccount %s: %s\n  hint: sign in again: %s\n", account.Name, refusal, a.loginCommand(account.Name))
		}
	}
	return nil
}

func (a *app) printAccounts(all []accountView) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tUSER\tACCOUNT\tSIGNED IN\tENDS\tLEFT\tLAST USED\tSCOPES")
	for _, x := range all {
		if x.Error != "" {
			fmt.Fprintf(w, "%s\t-\t-\t-\t-\t%s\t-\t-\n", x.Name, x.SignIn)
			continue
		}
		signedIn := x.SignedInOn
		if x.Guessed {
			signedIn = "by " + signedIn
		}
		left := counted(x.DaysLeft, "day", "days")
		switch {
		case !x.RefusedAt.IsZero():
			left = "refused"
		case x.SignIn == string(accounts.Ended):
			left = "ended"
		case x.SignIn == string(accounts.Urgent):
			left += " (urgent)"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", x.Name, orDash(printable(x.User)), orDash(x.AccountID), signedIn, x.EndsOn, left,
			moment(x.UsedAt), orDash(strings.Join(x.Scopes, " ")))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print accounts: %w", err)
	}
	for _, x := range all {
		if x.Error != "" {
			fmt.Fprintf(a.stdout, "\nAccount %s cannot be used: %s\n  hint: %s\n", x.Name, printable(x.Error), printable(x.Hint))
		}
	}
	return nil
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
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
