package accounts

import (
	"fmt"
	"io/fs"
	"strings"
)

// A Step is what a user does about an error. Which command that is, the program
// around this package knows.
type Step int

// The steps.
const (
	NoStep  Step = iota
	SignIn       // sign the account in
	Remove       // remove the account
	Rekey        // encrypt all accounts with the newest key
	Migrate      // make the tables of the database
)

// Advice is what to do about an error: in words, and the step that the words
// end with, if there is one.
type Advice struct {
	Text    string
	Step    Step
	Account string // whom the step is about; may be empty
}

// An Error says what is wrong with the kept accounts, and what to do about it.
type Error struct {
	Message string
	Next    Advice
}

func (e *Error) Error() string { return e.Message }

// Advice is the next step for the user.
func (e *Error) Advice() Advice { return e.Next }

// again advises to sign an account in again.
func again(name string) Advice { return Advice{"sign in again", SignIn, name} }

// removeFirst advises to remove an account of which nothing can be read.
func removeFirst(name string) Advice { return Advice{"remove it, then sign in again", Remove, name} }

// A NotFoundError says that no account has a name.
type NotFoundError struct {
	Name  string
	Known []string
}

func (e *NotFoundError) Error() string { return fmt.Sprintf("there is no account %q", e.Name) }

// Advice is the next step for the user.
func (e *NotFoundError) Advice() Advice {
	if len(e.Known) == 0 {
		return Advice{Text: "connect one", Step: SignIn}
	}
	return Advice{Text: "these are connected: " + strings.Join(e.Known, ", ")}
}

// An OtherUserError says that somebody else signed in than the account's owner.
type OtherUserError struct{ Name, Is, Got string }

func (e *OtherUserError) Error() string {
	return fmt.Sprintf("you signed in as %s, but account %s belongs to %s; nothing was changed", e.Got, e.Name, e.Is)
}

// Advice is the next step for the user.
func (e *OtherUserError) Advice() Advice {
	return Advice{
		"log out of Spotify in the browser (https://www.spotify.com/logout), or choose another name for a further account, and sign in again", SignIn, e.Name,
	}
}

// A SeedIgnoredError says that a refresh token of the environment is not used,
// because somebody signed in under the name that it would get, or because of an
// error.
type SeedIgnoredError struct{ Err *Error }

func (e *SeedIgnoredError) Error() string {
	if e.Err != nil {
		return "SPOTIFY_REFRESH_TOKEN is not used: " + e.Err.Message
	}
	return "SPOTIFY_REFRESH_TOKEN is not used: account " + SeedName + " was signed in by itself"
}

// Unwrap returns the error because of which it is not used, if there is one.
func (e *SeedIgnoredError) Unwrap() error {
	if e.Err == nil {
		return nil
	}
	return e.Err
}

// Advice is the next step for the user.
func (e *SeedIgnoredError) Advice() Advice {
	if e.Err != nil {
		return e.Err.Next
	}
	return Advice{"take the variable out of the environment or .env; to use it instead of the sign-in, remove that", Remove, SeedName}
}

// An OpenFileError says that others could read or replace tokens.
type OpenFileError struct {
	Account string // whose file it is; empty: the folder of all
	Path    string
	Mode    fs.FileMode
	Want    fs.FileMode // 0: it is no plain file
}

func (e *OpenFileError) Error() string {
	if e.Want == 0 {
		return fmt.Sprintf("%s is no plain file; tokens are not read through links", e.Path)
	}
	return fmt.Sprintf("others can read or replace %s (mode %04o), so its tokens are not used", e.Path, e.Mode.Perm())
}

// Advice is the next step for the user.
func (e *OpenFileError) Advice() Advice {
	if e.Want == 0 && e.Account == "" {
		return Advice{Text: "remove it"}
	}
	if e.Want == 0 {
		return removeFirst(e.Account)
	}
	command := fmt.Sprintf("chmod %o '%s'", e.Want, strings.ReplaceAll(e.Path, "'", `'\''`))
	if e.Account == "" {
		return Advice{Text: "close it: " + command}
	}
	return Advice{"close it with `" + command + "`; if somebody may have read it, sign in again", SignIn, e.Account}
}
