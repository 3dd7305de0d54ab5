package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/tracklake/tracklake/accounts"
	"github.com/tracklake/tracklake/extract"
)

// An environment is the variables of the process, and those of .env.
type environment struct {
	dotenv    map[string]string
	dotenvErr error
}

// env returns a variable of the environment, else of .env. An empty one counts as not
// set.
func (e *environment) env(name string) (string, bool) {
	if v, ok := os.LookupEnv(name); ok && v != "" {
		return v, true
	}
	v := e.dotenv[name]
	return v, v != ""
}

// names reports whether a variable is in the environment or in .env, even if empty.
func (e *environment) names(name string) bool {
	_, there := os.LookupEnv(name)
	_, inFile := e.dotenv[name]
	return there || inFile
}

func (e *environment) envOr(name, fallback string) string {
	if v, ok := e.env(name); ok && v != "" {
		return v
	}
	return fallback
}

// checkDotenv returns what is wrong with .env. It quotes no line, which may have a
// secret in it.
func (e *environment) checkDotenv() error {
	var failed *fs.PathError
	var open *accounts.Error
	switch {
	case e.dotenvErr == nil || errors.Is(e.dotenvErr, fs.ErrNotExist):
		return nil
	case errors.As(e.dotenvErr, &open):
		return &usageError{open}
	case errors.As(e.dotenvErr, &failed):
		return &usageError{fmt.Errorf("read .env: %w", failed.Err)}
	}
	return &usageError{errors.New("read .env: a line is not NAME=value")}
}

// services are the addresses in use. Addresses that tokens must not be sent to are
// an error.
func (e *environment) services() (accounts.Services, error) {
	config := e.service("", "")
	config.Tokens = extract.NewFixedToken(extract.Token{})
	if _, err := extract.New(config); err != nil {
		return accounts.Services{}, &usageError{err}
	}
	return accounts.Services{
		API:      strings.TrimSuffix(e.envOr("SPOTIFY_API_URL", extract.DefaultAPIURL), "/"),
		Accounts: strings.TrimSuffix(e.envOr("SPOTIFY_ACCOUNTS_URL", extract.DefaultAccountsURL), "/"),
	}, nil
}

// service returns what all clients of an app have in common.
func (e *environment) service(id, secret string) extract.Config {
	return extract.Config{
		ClientID: id, ClientSecret: secret,
		APIURL:      e.envOr("SPOTIFY_API_URL", ""),
		AccountsURL: e.envOr("SPOTIFY_ACCOUNTS_URL", ""),
		UserAgent:   "tracklake-exporter/" + version(),
	}
}
