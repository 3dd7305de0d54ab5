package accounts

import "errors"

// An Error says what is wrong with stored accounts, and what the user does about it.
type Error struct {
	Message string
	// Advice is a sentence without a full stop. Where a command does it, the
	// sentence ends with that command after a colon: "remove it: exporter …".
	Advice string
	Err    error // what callers compare, if anything; its text is not shown
}

func (e *Error) Error() string { return e.Message }
func (e *Error) Unwrap() error { return e.Err }

// Hint is the next step for the user.
func (e *Error) Hint() string { return e.Advice }

var (
	// ErrNotFound says that no account has that name.
	ErrNotFound = errors.New("no such account")
	// ErrSeedIgnored says that a refresh token of the environment is not used.
	ErrSeedIgnored = errors.New("seed ignored")
)

const (
	loginCommand  = "exporter login --account "
	removeCommand = "exporter accounts remove "
)
