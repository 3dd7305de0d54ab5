package main

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

type helpCmd struct {
	Topic []string `arg:"" optional:"" help:"A command, environment or exit-codes; default: all commands."`
	Man   bool     `help:"Print the manual page instead, as roff."`
}

// Run is the command help.
func (c *helpCmd) Run(a *app, k *kong.Kong) error {
	switch topic := strings.Join(c.Topic, " "); {
	case c.Man:
		printMan(a.stdout, k.Model)
		return nil
	case topic == "environment":
		printVariables(a.stdout)
		return nil
	case topic == "exit-codes":
		for _, e := range exitCodes() {
			fmt.Fprintf(a.stdout, "%3d  %s: %s\n", e.code, e.name, e.doc)
		}
		fmt.Fprintln(a.stdout, "\nWith several jobs the worst status decides.")
		return nil
	}
	return a.execute(append(c.Topic, "--help"))
}

// description is what the program is.
const description = "Keeps a copy of a Spotify library as SQL tables and Parquet files."

// newParser returns the parser of the command line.
func newParser(c *cli, options ...kong.Option) (*kong.Kong, error) {
	k, err := kong.New(c, append([]kong.Option{
		kong.Name("exporter"),
		kong.Description(description),
		kong.ExplicitGroups([]kong.Group{
			{Key: "path", Title: "The usual path, in this order:"},
			{Key: "more", Title: "More commands:"},
			{Key: "about", Title: "About the program:"},
			{Key: "global", Title: "Global flags:"},
		}),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true, NoExpandSubcommands: true, WrapUpperBound: 100}),
		kong.ValueFormatter(withDefault),
		kong.UsageOnError(),
	}, options...)...)
	if err != nil {
		return nil, err
	}
	var codes []string
	for _, e := range exitCodes() {
		codes = append(codes, fmt.Sprintf("%d %s", e.code, e.name))
	}
	k.Model.Detail = "Exit codes: " + strings.Join(codes, ", ") + ".\n\nMore: exporter help environment, and https://github.com/tracklake/tracklake"
	all := examples()
	return k, kong.Visit(k.Model, func(n kong.Visitable, next kong.Next) error {
		if node, ok := n.(*kong.Node); ok && node.Type == kong.CommandNode {
			if lines := all[node.Path()]; len(lines) > 0 {
				node.Detail = "Examples:\n\n  " + strings.Join(lines, "\n  ")
			}
		}
		return next(nil)
	})
}

// withDefault adds the default of a flag, and its variable, to its help.
func withDefault(v *kong.Value) string {
	text := kong.DefaultHelpValueFormatter(v)
	if v.Default == "" || v.IsBool() || strings.Contains(text, "default") {
		return text
	}
	return strings.TrimSuffix(text, ".") + "; default: " + v.Default + "."
}

// examples are command lines to copy, by command.
func examples() map[string][]string {
	return map[string][]string{
		"init": {
			"exporter init",
			"exporter init --yes",
			"exporter init --resources saved_tracks,plays --to ./data --to postgres --at 04:30",
		},
		"login":           {"exporter login", "exporter login --no-browser", "exporter login --account anna"},
		"check":           {"exporter check", "exporter --config music/jobs.yaml check"},
		"run":             {"exporter run", "exporter run --quiet plays", "exporter run --dry-run", "exporter run --account anna saved_tracks"},
		"status":          {"exporter status", "exporter status --json saved_tracks"},
		"demo":            {"exporter demo", "exporter demo --path /tmp/demo --tracks 5000"},
		"serve":           {"exporter serve", "exporter serve --listen 127.0.0.1:9000 --log-format json"},
		"plan":            {"exporter plan", "exporter plan --json artist_albums"},
		"backfill":        {"exporter backfill", "exporter backfill --dry-run saved_tracks"},
		"accounts":        {"exporter accounts", "exporter accounts remove anna"},
		"accounts list":   {"exporter accounts", "exporter accounts list --json"},
		"accounts remove": {"exporter accounts remove anna"},
		"accounts rekey":  {"exporter accounts rekey"},
		"forget":          {"exporter forget anna", "exporter forget --yes anna"},
		"migrate":         {"exporter migrate", "exporter migrate --dry-run"},
		"tables":          {"exporter tables", "exporter tables saved_tracks plays", "exporter tables --ddl > tables.sql"},
		"simulate":        {"exporter simulate", "exporter simulate --tracks 5000 --latency 100ms", "exporter simulate --fault status:arg=503,every=20"},
		"help":            {"exporter help run", "exporter help environment", "exporter help --man | man -l -"},
		"completion": {
			"source <(exporter completion bash)",
			"exporter completion zsh > \"${fpath[1]}/_exporter\"",
			"exporter completion fish > ~/.config/fish/completions/exporter.fish",
		},
		"version": {"exporter version", "exporter version --json"},
	}
}
