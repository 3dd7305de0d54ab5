package main

import (
	"context"
	"errors"
	"strings"

	"github.com/tracklake/tracklake/accounts"
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/pipeline"
)

// A hinted error tells what to do next.
type hinted struct {
	err  error
	hint string
}

func (e *hinted) Error() string { return e.err.Error() }
func (e *hinted) Unwrap() error { return e.err }

// Hint is the next step for the user.
func (e *hinted) Hint() string { return e.hint }

// hintOf returns what to do next about an error, or nothing. A command in it
// comes last, after a colon, so that it can be copied.
func (a *app) hintOf(err error) string { return a.hintFor(err, a.account) }

// hintFor is hintOf where the error is about an account.
func (a *app) hintFor(err error, account string) string {
	var own *hinted
	var advised interface{ Advice() accounts.Advice }
	var refused *extract.RefusedError
	var api *extract.Error
	switch {
	case errors.As(err, &own):
		return own.hint
	case errors.As(err, &advised):
		next := advised.Advice()
		return ended(next.Text, a.commandFor(next))
	case errors.As(err, &refused):
		return ended(refused.Advice, a.loginCommand(account))
	case errors.As(err, &api) && (api.Kind == extract.SignIn || api.Kind == extract.Scope):
		return ended(api.Hint, a.loginCommand(account))
	case errors.As(err, &api):
		return api.Hint
	}
	return pipeline.Hint(err)
}

// advise completes an error of an account's by its hint, for those who do not
// know the command line.
func (a *app) advise(err error, account string) error {
	if err == nil {
		return nil
	}
	return &hinted{err, a.hintFor(err, account)}
}

// ended ends an advice with a command, if there is one.
func ended(advice, command string) string {
	if command == "" {
		return advice
	}
	return advice + ": " + command
}

// commandFor is the command that does what is advised.
func (a *app) commandFor(next accounts.Advice) string {
	switch next.Step {
	case accounts.SignIn:
		return a.loginCommand(next.Account)
	case accounts.Remove:
		return a.command("accounts", "remove", next.Account)
	case accounts.Rekey:
		return a.command("accounts", "rekey")
	case accounts.Migrate:
		return a.command("migrate")
	default:
		return ""
	}
}

// loginCommand is what to type to sign an account in, again or, without a name,
// for the first time.
func (a *app) loginCommand(name string) string {
	if name == "" {
		return a.command("login")
	}
	return a.command("login", "--account", name)
}

// command is what to type to run a command on the same configuration.
func (a *app) command(words ...string) string {
	all := []string{"exporter"}
	if a.config != "jobs.yaml" {
		all = append(all, "--config", a.config)
	}
	all = append(all, words...)
	for i := range all {
		all[i] = quoted(all[i])
	}
	return strings.Join(all, " ")
}

// quoted is a word as a shell reads it.
func quoted(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@%+=,", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// hinting is a token store whose errors hold the whole hint.
type hinting struct {
	extract.TokenStore
	app  *app
	name string
}

// Renew is that of the store.
func (h hinting) Renew(ctx context.Context, stale string, ask func(context.Context, extract.Token) (extract.Token, error)) (extract.Token, error) {
	token, err := h.TokenStore.Renew(ctx, stale, ask)
	return token, h.app.advise(err, h.name)
}
