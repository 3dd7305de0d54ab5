package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

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

	Verbose bool `short:"v" help:"Print all counts of each run."`
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
	switch {
	case c.JSON:
		err = a.printJSON(runs)
	case a.logFormat == "text":
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
	tasks := pipeline.Tasks(jobs, []*pipeline.User{user}, nil)
	flags := runFlags{JSON: c.JSON, Verbose: c.Verbose}
	if !c.JSON && a.logFormat == "text" {
		screen := screenOf(a.stdout)
		fmt.Fprint(a.stdout, screen.block("Exporting a simulated account to "+c.Path+". Everything in it is made up.", 0)+"\n")
	}
	runs := runAll(a.ctx, runner, tasks, pipeline.Mode{}, flags.printer(a, tasks, time.Local))
	return runs, runner.Close(context.WithoutCancel(a.ctx))
}

// print says what there is now, and what to do with it.
func (c *demoCmd) print(a *app, runs []load.Run) error {
	screen := screenOf(a.stdout)
	failed := 0
	for _, r := range runs {
		if r.Status != load.StatusOK {
			failed++
		}
	}
	if failed > 0 {
		fmt.Fprintf(a.stdout, "\n%s\n", screen.paint(red, fmt.Sprintf("%d of %s did not end ok.", failed, counted(len(runs), "job", "jobs"))))
	}
	if failed == len(runs) {
		return nil
	}
	fmt.Fprintf(a.stdout, "\n%s\n", screen.paint(bold, "Files"))
	if err := c.listFiles(a); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "\n%s\n", screen.paint(bold, "Queries to try: duckdb -c \"…\" (https://duckdb.org)"))
	for _, q := range demoQueries(filepath.ToSlash(c.Path)) {
		title, sql, _ := strings.Cut(q, "\n")
		fmt.Fprintf(a.stdout, "\n%s\n%s\n", screen.paint(dim, title), sql)
	}
	next := "Next: export your own library, beginning with: " + a.command("init")
	fmt.Fprint(a.stdout, "\n"+screen.block(next, 0))
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
		fmt.Fprintf(a.stdout, "  %6s  %s\n", size(info.Size()), strings.TrimPrefix(filepath.ToSlash(path), "./"))
		return nil
	})
	if err != nil {
		return fmt.Errorf("list the exported files: %w", err)
	}
	return nil
}

// size formats the size of a file.
func size(bytes int64) string {
	if bytes < 1_000_000 {
		return fmt.Sprintf("%d kB", max(1, (bytes+500)/1000))
	}
	return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
}

// demoQueries are three questions to the exported tables, each a comment and a query.
func demoQueries(path string) []string {
	table := func(name string) string { return "'" + path + "/" + name + "/**/*.parquet'" }
	return []string{
		"-- Whose music do I save most?\nSELECT artist_names[1] AS artist, count(*) AS tracks,\n  min(added_at)::DATE AS since\nFROM " + table("saved_tracks") +
			"\nWHERE removed_at IS NULL\nGROUP BY artist ORDER BY tracks DESC, artist LIMIT 10;",
		"-- From which decades is it?\nSELECT year(released_on) // 10 * 10 AS decade, count(*) AS tracks\nFROM " + table("saved_tracks") +
			"\nWHERE removed_at IS NULL\nGROUP BY decade ORDER BY decade;",
		"-- What did the artists of my top ten release lately that I have not saved?\nSELECT artist_name, album_name, released_on\nFROM " + table("artist_albums") +
			"\nWHERE removed_at IS NULL AND released_on <= current_date\n  AND artist_id IN (SELECT artist_ids[1] FROM " + table("top_tracks") +
			"\n    WHERE time_range = 'long_term' AND rank <= 10)\n  AND album_id NOT IN (SELECT album_id FROM " + table("saved_tracks") +
			"\n    WHERE removed_at IS NULL AND album_id IS NOT NULL)\nGROUP BY ALL ORDER BY released_on DESC, album_name LIMIT 10;",
	}
}
