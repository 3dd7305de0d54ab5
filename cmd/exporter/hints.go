package main

import (
	"errors"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/pipeline"
)

// A hinted error says what to do next, in a sentence without a full stop. If a command
// does it, the sentence ends with that command after a colon, in its canonical form;
// see typed.
type hinted struct {
	err  error
	hint string
}

func (e *hinted) Error() string { return e.err.Error() }
func (e *hinted) Unwrap() error { return e.err }

// Hint is the next step for the user.
func (e *hinted) Hint() string { return e.hint }

// hintOf returns what to do next about an error, or "". A command comes last, after a
// colon, so that it can be copied.
func (i *invocation) hintOf(err error) string { return i.hintFor(err, i.account) }

// hintFor is hintOf for an error about an account.
func (i *invocation) hintFor(err error, account string) string {
	return i.typed(hint(err, account), i.accountFlag(account))
}

// hint is the canonical text of hintFor.
func hint(err error, account string) string {
	text := pipeline.Hint(err)
	var first interface{ Hint() string }
	errors.As(err, &first)
	switch e := first.(type) {
	case *extract.RefusedError:
		text += ": " + canonicalLogin(account)
	case *extract.Error:
		if e.Kind == extract.SignIn || e.Kind == extract.Scope {
			text += ": " + canonicalLogin(account)
		}
	}
	return text
}
