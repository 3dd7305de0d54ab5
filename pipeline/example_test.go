package pipeline_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
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

// newRunner returns a runner for one job, which writes Parquet files to a folder.
func newRunner(folder string) (*pipeline.Runner, *config.Job, error) {
	const jobs = `
destinations: {lake: {type: parquet, path: "${FOLDER}/lake"}}
jobs: {saved_tracks: {destinations: [lake]}}
`
	env := func(string) (string, bool) { return folder, true }
	file, err := config.Parse("jobs.yaml", []byte(jobs), env, []load.Driver{parquet.Driver()})
	if err != nil {
		return nil, nil, err
	}
	open := func(ctx context.Context, d config.Destination) (load.Destination, error) {
		return d.Driver.Open(ctx, d.Address, load.OpenOptions{Version: "v1.0.0", Tables: catalog.Tables(), Views: catalog.Views()})
	}
	store := quota.NewFile(filepath.Join(folder, "quota.json"))
	return pipeline.NewRunner(file, pipeline.Options{Open: open, Quota: store, Version: "v1.0.0"}), file.Job("saved_tracks"), nil
}

// connect returns a simulated account, as it is connected.
func connect(url string, c simulate.Credentials) (*pipeline.User, error) {
	client, err := extract.New(extract.Config{
		ClientID: c.ClientID, ClientSecret: c.ClientSecret, APIURL: url + "/v1", AccountsURL: url,
		Tokens: extract.NewFixedToken(extract.Token{RefreshToken: c.RefreshToken}),
	})
	return &pipeline.User{Name: "sam", ClientID: c.ClientID, Client: client}, err
}

// Export a simulated account to Parquet files. The next run finds what changed
// since.
func Example() {
	folder, err := os.MkdirTemp("", "pipeline")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(folder) }()
	spotify, err := simulate.New(simulate.Options{SavedTracks: 200})
	if err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(spotify.Handler())
	defer server.Close()
	user, err := connect(server.URL, spotify.Credentials())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer user.Client.CloseIdle()
	runner, job, err := newRunner(folder)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	export := func() {
		run := runner.Run(ctx, pipeline.Task{Job: job, User: user}, pipeline.Mode{})
		count := run.Tables["saved_tracks"]
		fmt.Printf("%s: %d added, %d changed, %d removed\n", run.Status, count.Added, count.Changed, count.Removed)
	}
	export()
	spotify.RemoveTrack(99)
	spotify.SaveTracks(2, time.Now())
	export()
	if err := runner.Close(ctx); err != nil {
		fmt.Println(err)
	}
	// Output:
	// ok: 200 added, 0 changed, 0 removed
	// ok: 2 added, 0 changed, 1 removed
}
