package main

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/tracklake/tracklake/pipeline/config"
)

// stamped is the version, set by the Makefile with -ldflags.
var stamped string

// app is what every command works with.
type app struct {
	ctx            context.Context
	stdin          io.Reader
	stdout, stderr io.Writer

	environment
	invocation
	logFormat string
	logLevel  slog.Level
}

func newApp(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) *app {
	return &app{ctx: ctx, stdin: stdin, stdout: stdout, stderr: stderr}
}

// use applies the global flags and reads the .env beside the configuration file, which
// the environment overrides. A relative path in it starts at its folder.
func (a *app) use(c *cli) {
	a.config, a.account, a.logFormat = c.Config, c.Account, c.LogFormat
	// The flag allows only names that the level knows.
	_ = a.logLevel.UnmarshalText([]byte(strings.ToUpper(c.LogLevel)))
	folder := filepath.Dir(c.Config)
	a.dotenv, a.dotenvErr = readDotenv(filepath.Join(folder, ".env"))
	if path := a.dotenv[keyFileVariable]; path != "" && !filepath.IsAbs(path) {
		a.dotenv[keyFileVariable] = filepath.Join(folder, path)
	}
}

// log returns the logger: text or JSON lines on stderr.
func (a *app) log() *slog.Logger { return a.logAt(a.stderr, a.logLevel) }

// logAt returns a logger for lines of a level or above.
func (a *app) logAt(w io.Writer, level slog.Level) *slog.Logger {
	o := &slog.HandlerOptions{Level: max(level, a.logLevel), ReplaceAttr: a.typedAttr}
	if a.logLevel < slog.LevelInfo {
		o.Level = a.logLevel
	}
	if a.logFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(a.textLog(w, o))
}

// typedAttr replaces the commands in hints of log lines with what to type.
func (a *app) typedAttr(_ []string, attr slog.Attr) slog.Attr {
	if attr.Key == "hint" && attr.Value.Kind() == slog.KindString {
		attr.Value = slog.StringValue(a.typed(attr.Value.String(), a.account))
	}
	return attr
}

// load reads jobs.yaml and picks the named jobs.
func (a *app) load(names []string) (*config.Config, []*config.Job, error) {
	if err := a.checkDotenv(); err != nil {
		return nil, nil, err
	}
	config, err := config.Load(a.config, a.env, drivers())
	if err != nil {
		return nil, nil, err
	}
	jobs, err := config.Select(names)
	if err != nil {
		return nil, nil, err
	}
	return config, jobs, config.Usable(jobs)
}
