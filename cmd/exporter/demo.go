package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/quota"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/load/parquet"
	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/pipeline/config"
	"github.com/tracklake/tracklake/simulate"
)

type demoCmd struct {
	Path string `help:"Folder to export to." default:"./demo" placeholder:"FOLDER"`
	JSON bool   `name:"json" help:"Print the run records as JSON."`
	worldFlags
}

// demoConfig exports everything to a folder, without budgets, as the simulation has no
// quota.
func demoConfig(path string) (*config.Config, error) {
	draft := config.Draft{Timezone: "UTC", Destinations: []config.Destination{{Name: "demo", Driver: parquet.Driver(), Address: path}}, Resources: catalog.All()}
	c, err := config.Parse("demo", []byte(draft.Text()), func(string) (string, bool) { return "", false }, drivers())
	if err != nil {
		return nil, err
	}
	c.Budgets = map[string]int{}
	for _, r := range catalog.All() {
		c.Budgets[r.Endpoint.Bucket] = 0
	}
	return c, nil
}

// Run is the command demo.
func (c *demoCmd) Run(a *app) error {
	server, err := simulate.New(c.options())
	if err != nil {
		return &usageError{err}
	}
	running, err := server.Start("127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("start the simulated Spotify: %w", err)
	}
	runs, err := c.export(a, running, server.Credentials())
	if err := errors.Join(err, running.Close()); err != nil {
		return err
	}
	if c.JSON {
		err = a.printJSON(runs)
	} else {
		err = c.print(a, runs)
	}
	if err != nil {
		return err
	}
	return exitWith(codeFor(pipeline.Worst(runs)))
}

func (c *demoCmd) export(a *app, running *simulate.Running, credentials simulate.Credentials) ([]load.Run, error) {
	config, err := demoConfig(c.Path)
	if err != nil {
		return nil, err
	}
	jobs, err := config.Select(nil)
	if err != nil {
		return nil, err
	}
	client, err := extract.New(extract.Config{
		ClientID: credentials.ClientID, ClientSecret: credentials.ClientSecret,
		APIURL: running.APIURL, AccountsURL: running.AccountsURL, Tokens: extract.NewFixedToken(extract.Token{RefreshToken: credentials.RefreshToken}),
		UserAgent: "tracklake-exporter/" + version(),
	})
	if err != nil {
		return nil, err
	}
	show := a.progress(c.JSON)
	defer show.close()
	scratch, err := os.MkdirTemp("", "tracklake-demo-")
	if err != nil {
		return nil, fmt.Errorf("make a temporary folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	runner := pipeline.NewRunner(config, pipeline.Options{
		Open: opener(false, show.log), Quota: quota.NewFile(filepath.Join(scratch, "quota.json")), Version: version(), Log: show.log, Observe: show.observe,
	})
	user := &pipeline.User{ClientID: credentials.ClientID, Client: client}
	runs := runAll(a.ctx, runner, pipeline.Tasks(jobs, []*pipeline.User{user}, nil), pipeline.Mode{})
	return runs, runner.Close(context.WithoutCancel(a.ctx))
}

func (c *demoCmd) print(a *app, runs []load.Run) error {
	fmt.Fprint(a.stdout, "Exported the library of a simulated account. All of it is made up.\n\n")
	for _, r := range runs {
		printRun(a.stdout, r, "", false)
	}
	fmt.Fprintf(a.stdout, "\nFiles in %s:\n", c.Path)
	if err := c.listFiles(a); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "\nThree queries to try with DuckDB (https://duckdb.org), for example: duckdb -c \"…\"\n\n")
	for _, q := range demoQueries(filepath.ToSlash(c.Path)) {
		fmt.Fprintf(a.stdout, "%s\n\n", q)
	}
	fmt.Fprintf(a.stdout, "Next: connect your own account: %s (README, \"Connect your account\").\n", a.command("login"))
	return nil
}

func (c *demoCmd) listFiles(a *app) error {
	err := filepath.WalkDir(c.Path, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && e.Name() == "_exporter":
			return fs.SkipDir
		case e.IsDir(), filepath.Dir(filepath.Dir(path)) == filepath.Clean(c.Path): // there for tables without rows
			return nil
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		fmt.Fprintf(a.stdout, "  %9s bytes  %s\n", thousands(int(info.Size())), strings.TrimPrefix(filepath.ToSlash(path), "./"))
		return nil
	})
	if err != nil {
		return fmt.Errorf("list the exported files: %w", err)
	}
	return nil
}

// demoQueries are three questions to the exported tables.
func demoQueries(path string) []string {
	table := func(name string) string { return fmt.Sprintf("read_parquet('%s/%s/**/*.parquet')", path, name) }
	return []string{
		"-- Whose music do I save most?\nSELECT artist_names[1] AS artist, count(*) AS tracks, min(added_at)::DATE AS since\nFROM " + table("saved_tracks") +
			"\nWHERE removed_at IS NULL GROUP BY artist ORDER BY tracks DESC, artist LIMIT 10;",
		"-- From which decades is it?\nSELECT year(released_on) // 10 * 10 AS decade, count(*) AS tracks\nFROM " + table("saved_tracks") +
			"\nWHERE removed_at IS NULL GROUP BY decade ORDER BY decade;",
		"-- What did my favourite artists release that I have not saved?\nSELECT a.artist_name, a.album_name, a.released_on\nFROM " + table("artist_albums") + " a\nJOIN " + table("top_tracks") +
			" t ON t.artist_ids[1] = a.artist_id AND t.time_range = 'long_term' AND t.rank <= 10\nWHERE a.album_id NOT IN (SELECT album_id FROM " + table("saved_tracks") +
			" WHERE album_id IS NOT NULL)\nGROUP BY ALL ORDER BY a.released_on DESC LIMIT 10;",
	}
}
