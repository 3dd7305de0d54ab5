package extract

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Kind sorts errors by what the caller does about them.
type Kind int

const (
	// Transient means: the API or the network failed, and kept failing when the
	// request was repeated. A later run may succeed.
	Transient Kind = iota
	// Blocked means: the bucket is blocked until Error.Until.
	Blocked
	// SignIn means: the refresh token is no longer valid; the user signs in again.
	SignIn
	// Credentials means: the client ID or secret is wrong.
	Credentials
	// Scope means: the sign-in lacks a scope.
	Scope
	// Forbidden means: the app may not use the endpoint.
	Forbidden
	// AppBlocked means: the app may not use any endpoint, or the user is not listed.
	AppBlocked
	// NotFound means: there is no such object.
	NotFound
	// Malformed means: the answer was not what the API documents.
	Malformed
	// BadRequest means: the API refused the request.
	BadRequest
)

// An Error is a request that failed for good.
type Error struct {
	Kind    Kind
	Status  int       // HTTP status; 0 when there was no answer
	Path    string    // of the request, without its query
	Message string    // what is wrong, without the rest of what Error says
	Until   time.Time // of Blocked
	Budget  bool      // of Blocked: by a budget of jobs.yaml, not by Spotify
	Advice  string    // what the user can do next; may be empty
	Err     error     // cause, if any

	// spent is set when the retry budget ran out, which distinguishes an outage
	// from a single bad page.
	spent bool
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Path)
	if e.Status != 0 {
		fmt.Fprintf(&b, ": HTTP %d", e.Status)
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	if e.Kind == Blocked {
		b.WriteString("; next attempt after " + e.Until.UTC().Format(time.RFC3339))
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// Hint is the next step for the user; it may be empty.
func (e *Error) Hint() string { return e.Advice }

// asError returns the error of this package in a chain.
func asError(err error) (*Error, bool) {
	var e *Error
	ok := errors.As(err, &e)
	return e, ok
}

// kindOf returns the kind of an error of this package.
func kindOf(err error) (Kind, bool) {
	if e, ok := asError(err); ok {
		return e.Kind, true
	}
	return 0, false
}

// snippet is the beginning of an answer, safe to show: at most 80 printable
// characters.
func snippet(body []byte) string {
	text := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, string(body[:min(len(body), 320)]))
	runes := []rune(strings.Join(strings.Fields(text), " "))
	if len(runes) > 80 {
		return string(runes[:80]) + "…"
	}
	return string(runes)
}
