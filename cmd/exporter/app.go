package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/joho/godotenv"

	"github.com/tracklake/tracklake/accounts"
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/pipeline"
)

// stamped is the version that the Makefile sets with -ldflags.
var stamped string //nolint:gochecknoglobals // the linker can set nothing else

// app is what every command works with.
type app struct {
	ctx            context.Context //nolint:containedctx // kong hands commands one value
	stdout, stderr io.Writer

	config    string
	account   string
	logFormat string
	dotenv    map[string]string
	dotenvErr error
}

func newApp(ctx context.Context, stdout, stderr io.Writer) *app {
	return &app{ctx: ctx, stdout: stdout, stderr: stderr}
}

// use takes over the global flags and reads .env, which the environment
// overrides.
func (a *app) use(c *cli) {
	a.config, a.account, a.logFormat = c.Config, c.Account, c.LogFormat
	a.dotenv, a.dotenvErr = godotenv.Read()
}

// env looks a variable up in the environment, then in .env. An empty one counts
// as not set.
func (a *app) env(name string) (string, bool) {
	if v, ok := os.LookupEnv(name); ok && v != "" {
		return v, true
	}
	v, ok := a.dotenv[name]
	return v, ok
}

func (a *app) envOr(name, fallback string) string {
	if v, ok := a.env(name); ok && v != "" {
		return v
	}
	return fallback
}

// log returns the logger: text or JSON lines on stderr.
func (a *app) log() *slog.Logger {
	if a.logFormat == "json" {
		return slog.New(slog.NewJSONHandler(a.stderr, nil))
	}
	return slog.New(slog.NewTextHandler(a.stderr, nil))
}

// load reads jobs.yaml and picks the named jobs.
func (a *app) load(names []string) (*pipeline.Config, []*pipeline.Job, error) {
	if a.dotenvErr != nil && !os.IsNotExist(a.dotenvErr) {
		return nil, nil, &usageError{fmt.Errorf("read .env: it is not made of NAME=value lines")}
	}
	config, err := pipeline.LoadConfig(a.config, a.env)
	if err != nil {
		return nil, nil, err
	}
	jobs, err := config.Select(names)
	if err != nil {
		return nil, nil, err
	}
	return config, jobs, config.Usable(jobs)
}

// client makes the API client from the environment.
func (a *app) client(observe func(extract.Event), onClose closer) (*extract.Client, error) {
	id, _ := a.env("SPOTIFY_CLIENT_ID")
	secret, _ := a.env("SPOTIFY_CLIENT_SECRET")
	seed, _ := a.env("SPOTIFY_REFRESH_TOKEN")
	switch {
	case id == "":
		return nil, &usageError{fmt.Errorf("SPOTIFY_CLIENT_ID is not set; put the client ID of your app into the environment or .env (README, \"Connect your account\")")}
	case seed == "":
		return nil, &usageError{fmt.Errorf("SPOTIFY_REFRESH_TOKEN is not set; put a refresh token into the environment or .env (README, \"Connect your account\")")}
	}
	folder, err := os.UserConfigDir()
	if err != nil {
		return nil, &usageError{fmt.Errorf("find the configuration folder: %w; set HOME or XDG_CONFIG_HOME", err)}
	}
	client, err := extract.New(extract.Config{
		ClientID: id, ClientSecret: secret,
		APIURL:      a.envOr("SPOTIFY_API_URL", ""),
		AccountsURL: a.envOr("SPOTIFY_ACCOUNTS_URL", ""),
		Tokens:      accounts.NewSeededFile(filepath.Join(folder, "tracklake"), seed),
		UserAgent:   "tracklake-exporter/" + version(),
		Observe:     observe,
		OnClose:     onClose,
	})
	if err != nil {
		return nil, &usageError{err}
	}
	return client, nil
}
