package main

import (
	"context"
	"errors"

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
	return a.typed(hint(err, account), a.meant(account))
}

// hint is the canonical text of hintFor.
func hint(err error, account string) string {
	var own *hinted
	var advised interface{ Advice() accounts.Advice }
	var refused *extract.RefusedError
	var api *extract.Error
	switch {
	case errors.As(err, &own):
		return own.hint
	case errors.As(err, &advised):
		next := advised.Advice()
		return ended(next.Text, commandFor(next))
	case errors.As(err, &refused):
		return ended(refused.Advice, canonicalLogin(account))
	case errors.As(err, &api) && (api.Kind == extract.SignIn || api.Kind == extract.Scope):
		return ended(api.Hint, canonicalLogin(account))
	case errors.As(err, &api):
		return api.Hint
	}
	return pipeline.Hint(err)
}

// advise completes an error of an account's by its hint, for those who do not
// know the command line.
func advise(err error, account string) error {
	if err == nil {
		return nil
	}
	return &hinted{err, hint(err, account)}
}

// ended ends an advice with a command, if there is one.
func ended(advice, command string) string {
	if command == "" {
		return advice
	}
	return advice + ": " + command
}

// commandFor is the command that does what is advised.
func commandFor(next accounts.Advice) string {
	switch next.Step {
	case accounts.SignIn:
		return canonicalLogin(next.Account)
	case accounts.Remove:
		return canonical("accounts", "remove", next.Account)
	case accounts.Rekey:
		return canonical("accounts", "rekey")
	case accounts.Migrate:
		return canonical("migrate")
	default:
		return ""
	}
}

// loginCommand is what to type to sign an account in, again or, without a name,
// for the first time.
func (a *app) loginCommand(name string) string { return a.typed(canonicalLogin(name), "") }

func canonicalLogin(name string) string {
	if name == "" {
		return canonical("login")
	}
	return canonical("login", "--account", name)
}

// hinting is a token store whose errors hold the whole hint.
type hinting struct {
	extract.TokenStore
	name string
}

// Renew is that of the store.
func (h hinting) Renew(ctx context.Context, stale string, ask func(context.Context, extract.Token) (extract.Token, error)) (extract.Token, error) {
	token, err := h.TokenStore.Renew(ctx, stale, ask)
	return token, advise(err, h.name)
}
