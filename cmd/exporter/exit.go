package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline/config"
)

// exitCode ends the program with a code and no further message.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// The exit codes; the status of a run has one each.
const (
	codeOK          exitCode = 0
	codeFailed      exitCode = 1
	codeUsage       exitCode = 2
	codeNeedsSignIn exitCode = 3
	codeDeferred    exitCode = 4
	codeIncomplete  exitCode = 5
	codeInterrupted exitCode = 130
)

// exitMeaning is what an exit code means.
type exitMeaning struct {
	code      exitCode
	name, doc string
}

// exitCodes lists all exit codes.
func exitCodes() []exitMeaning {
	return []exitMeaning{
		{codeOK, "ok", "everything was done"},
		{codeFailed, "failed", "an error stopped a run or the command"},
		{codeUsage, "usage or configuration error", "a mistake in the command line, jobs.yaml or the environment"},
		{codeNeedsSignIn, "needs sign-in", "no account is signed in, its sign-in has ended, or it lacks a scope"},
		{codeDeferred, "deferred until a time", "Spotify asks to wait, or the day's budget is spent; a later run resumes"},
		{codeIncomplete, "incomplete", "not everything could be read; all rows are kept"},
		{codeInterrupted, "interrupted", "a signal stopped it; the next run resumes"},
	}
}

// codeFor returns the exit code of a run's status.
func codeFor(s load.Status) exitCode {
	switch s {
	case load.StatusOK:
		return codeOK
	case load.StatusNeedsSignIn:
		return codeNeedsSignIn
	case load.StatusDeferred:
		return codeDeferred
	case load.StatusIncomplete:
		return codeIncomplete
	case load.StatusInterrupted:
		return codeInterrupted
	default:
		return codeFailed
	}
}

// exitWith returns nil for codeOK and the code otherwise.
func exitWith(c exitCode) error {
	if c == codeOK {
		return nil
	}
	return c
}

// A usageError is a mistake in the command line or the environment.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// codeOf returns the exit code of an error that ends a command.
func codeOf(err error) int {
	var usage *usageError
	var config *config.Error
	var api *extract.Error
	switch {
	case errors.As(err, &usage), errors.As(err, &config):
		return int(codeUsage)
	case errors.As(err, &api) && (api.Kind == extract.SignIn || api.Kind == extract.Scope):
		return int(codeNeedsSignIn)
	case errors.As(err, &api) && api.Kind == extract.Blocked:
		return int(codeDeferred)
	case errors.Is(err, context.Canceled): // nothing but a signal cancels a command
		return int(codeInterrupted)
	}
	return int(codeFailed)
}
