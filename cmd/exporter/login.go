package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/tracklake/tracklake/accounts"
	"github.com/tracklake/tracklake/accounts/signin"
	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/pipeline/config"
)

type loginCmd struct {
	NoBrowser bool `help:"Print the address instead of opening it, and read the answer from standard input (for servers)."`
	JSON      bool `name:"json" help:"Print the account as JSON."`
}

// defaultRedirect is the redirect address that the README says to register.
const defaultRedirect = "http://127.0.0.1:8888/callback"

// A login is one run of the command.
type login struct {
	*loginCmd
	app    *app
	store  *store
	id     string // client ID
	secret string
	jobs   []*config.Job
	scopes []string // that they need
	kept   accounts.Account
}

// Run is the command login.
func (c *loginCmd) Run(a *app) error {
	file, err := a.loadConfig()
	if err != nil {
		return err
	}
	l := &login{loginCmd: c, app: a}
	l.id, _ = a.env("SPOTIFY_CLIENT_ID")
	l.secret, _ = a.env("SPOTIFY_CLIENT_SECRET")
	if l.id == "" {
		return errNoClientID
	}
	if a.account != "" {
		if err := accounts.CheckName(a.account); err != nil {
			return &usageError{err}
		}
	}
	if l.jobs, err = file.Select(nil); err != nil {
		return err
	}
	l.scopes = config.Scopes(l.jobs)
	if l.store, err = a.openStore(file, true, a.log()); err != nil {
		return err
	}
	defer l.store.close()
	// Find out before the sign-in whether it can be stored.
	if err := l.store.Check(a.ctx, a.account); err != nil {
		return err
	}
	l.announce()
	redirect := a.envOr("SPOTIFY_REDIRECT_URI", defaultRedirect)
	if c.NoBrowser {
		err = l.byHand(a.ctx, redirect)
	} else {
		err = l.byBrowser(a.ctx, redirect)
	}
	if err != nil {
		return err
	}
	return l.report()
}

// announce says before the sign-in which scopes Spotify will show, and what each is for.
func (l *login) announce() {
	if len(l.scopes) == 0 {
		return
	}
	fmt.Fprintf(l.app.stderr, "The jobs of %s need these scopes:\n\n", l.app.config)
	screen := screenOf(l.app.stderr)
	for _, n := range missingScopes(l.jobs, nil) {
		fmt.Fprint(l.app.stderr, screen.block(n.String(), 2))
	}
	fmt.Fprintln(l.app.stderr)
}

// errNoClientID names the first step.
var errNoClientID = &usageError{errors.New("SPOTIFY_CLIENT_ID is not set; put the client ID of your app into the environment or .env (docs/accounts.md shows how to make an app)")}

// byBrowser listens, opens the browser, and waits for its answer.
func (l *login) byBrowser(ctx context.Context, redirect string) error {
	receiver, err := signin.Listen(ctx, redirect)
	if err != nil {
		return &usageError{err}
	}
	attempt, err := extract.NewAuthorization(l.app.service(l.id, l.secret), receiver.Redirect(), l.scopes)
	if err != nil {
		return errors.Join(&usageError{err}, receiver.Close())
	}
	fmt.Fprintf(l.app.stderr, "Sign in to Spotify in the browser. If none opens, open this address yourself:\n\n  %s\n\n", attempt.URL())
	openBrowser(ctx, attempt.URL())
	err = receiver.Receive(ctx, attempt.State(), func(ctx context.Context, answer url.Values) (string, error) {
		code, err := attempt.Code(answer)
		if err != nil {
			return "", err
		}
		if err := l.connect(ctx, attempt, code); err != nil {
			return "", err
		}
		return fmt.Sprintf("exporter can now read the library of %s.", l.kept.User), nil
	})
	if err != nil && ctx.Err() != nil {
		return codeInterrupted
	}
	if errors.Is(err, signin.ErrNoAnswer) {
		return &hinted{err, "run it again, on a server with --no-browser: " + canonicalLogin(l.app.account)}
	}
	return err
}

// openBrowser opens an address with the program that BROWSER names, else with
// the system's. If it cannot, the user has the address. A .env, which may come with a
// folder, must not say what is executed.
func openBrowser(ctx context.Context, address string) {
	command := []string{"xdg-open"}
	switch runtime.GOOS {
	case "darwin":
		command = []string{"open"}
	case "windows":
		command = []string{"rundll32", "url.dll,FileProtocolHandler"}
	}
	if own := os.Getenv("BROWSER"); strings.TrimSpace(own) != "" {
		command = strings.Fields(own)
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), command[0], append(command[1:], address)...)
	cmd.Env = withoutSecrets(os.Environ())
	if err := cmd.Start(); err != nil {
		return
	}
	go func() { _ = cmd.Wait() }() // it ends when it ends; a browser may stay open
}

// withoutSecrets removes secrets from the environment of a browser.
func withoutSecrets(environment []string) []string {
	return slices.DeleteFunc(environment, func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return strings.HasPrefix(name, "SPOTIFY_") || strings.HasPrefix(name, "EXPORTER_") || name == "DATABASE_URL"
	})
}

// byHand prints the address and reads what the user pastes.
func (l *login) byHand(ctx context.Context, redirect string) error {
	if err := signin.CheckRedirect(redirect); err != nil {
		return &usageError{err}
	}
	attempt, err := extract.NewAuthorization(l.app.service(l.id, l.secret), redirect, l.scopes)
	if err != nil {
		return &usageError{err}
	}
	fmt.Fprintf(l.app.stderr, "Open this address in a browser, on any machine, and agree:\n\n  %s\n\n"+
		"The browser then goes to an address on %s, which does not load.\nCopy that address from the address bar, paste it here, and press Enter:\n", attempt.URL(), redirect)
	line, err := readLine(ctx, l.app.stdin)
	if err != nil {
		return err
	}
	answer, _, err := signin.Pasted(line)
	if err != nil {
		return &usageError{err}
	}
	code, err := attempt.PastedCode(answer)
	if err != nil {
		return err
	}
	return l.connect(ctx, attempt, code)
}

// readLine reads one line, or ends with ctx.
func readLine(ctx context.Context, from interface{ Read([]byte) (int, error) }) (string, error) {
	line := make(chan string, 1)
	go func() { // it ends with the input, at the latest with the program
		text, _ := bufio.NewReader(from).ReadString('\n')
		line <- text
	}()
	select {
	case text := <-line:
		return text, nil
	case <-ctx.Done():
		return "", codeInterrupted
	}
}

// signInTime is how long Spotify may take to answer with a token and a profile.
const signInTime = 90 * time.Second

// connect turns the code into a token, asks whose it is, and stores both.
func (l *login) connect(ctx context.Context, attempt *extract.Authorization, code string) error {
	ctx, cancel := context.WithTimeout(ctx, signInTime)
	defer cancel()
	end := l.store.Slow("Spotify's token endpoint")
	defer end()
	token, err := attempt.Exchange(ctx, code)
	end()
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	config := l.app.service(l.id, l.secret)
	config.Tokens, config.Waiting = extract.NewFixedToken(token), waitingLog(l.app.log())
	client, err := extract.New(config)
	if err != nil {
		return &usageError{err}
	}
	defer client.CloseIdle()
	profile, err := catalog.ProfileOf(ctx, client)
	if err != nil {
		return fmt.Errorf("read the profile: %w", err)
	}
	l.kept, err = l.store.Connect(ctx, accounts.Connection{
		Name: l.app.account, AccountID: profile.AccountID, UserID: profile.UserID, User: profile.User,
		ClientID: l.id, ClientSecret: l.secret, Token: token,
	})
	return err
}

// report prints who is connected, and which scopes were not granted.
func (l *login) report() error {
	if l.JSON {
		if err := l.app.printJSON(describeSignIn(l.kept, time.Now())); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(l.app.stdout, "Connected %s as account %s (%s).\nThe sign-in lasts until %s; status and logs warn before it ends.\n",
			printable(l.kept.User), l.kept.Name, l.kept.AccountID, l.kept.EndsAt().Format(time.DateOnly))
	}
	if missing := missingScopes(l.jobs, l.kept.Scopes); len(missing) > 0 {
		return &hinted{
			&extract.Error{Kind: extract.Scope, Path: "/authorize", Message: "Spotify did not grant " + listed(missing)},
			"sign in again and agree to everything: " + canonicalLogin(l.kept.Name),
		}
	}
	return nil
}
