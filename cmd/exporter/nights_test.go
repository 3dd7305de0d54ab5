package main

import (
	"context"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/quota"
	"github.com/tracklake/tracklake/internal/simtest"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/load/parquet"
	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/pipeline/config"
	"github.com/tracklake/tracklake/simulate"
)

// middling is the library that init tells requests for.
func middling() simulate.Options {
	o := simulate.DefaultOptions()
	o.SavedTracks, o.TopTracks = 3000, 200
	return o
}

// nights runs jobs night after night over a simulated Spotify that has their clock.
type nights struct {
	sim    *simulate.Server
	now    atomic.Pointer[time.Time]
	config *config.Config
	runner *pipeline.Runner
	user   *pipeline.User
}

// newNights drafts the jobs of a size as init does.
func newNights(t testing.TB, o simulate.Options, size catalog.Size) *nights {
	t.Helper()
	n := &nights{}
	n.now.Store(new(time.Date(2026, 11, 2, 3, 15, 0, 0, time.UTC)))
	o.Clock = func() time.Time { return *n.now.Load() }
	sim, running := simtest.Start(t, o)
	n.sim = sim
	folder := t.TempDir()
	draft := config.Draft{Timezone: "UTC", Resources: catalog.Of(size), Destinations: []config.Destination{{Name: "lake", Driver: parquet.Driver(), Address: folder}}}
	file, err := config.Parse("jobs.yaml", []byte(draft.Text()), func(string) (string, bool) { return "", false }, drivers())
	if err != nil {
		t.Fatal(err)
	}
	c := sim.Credentials()
	client, err := extract.New(extract.Config{
		ClientID: c.ClientID, ClientSecret: c.ClientSecret, APIURL: running.APIURL, AccountsURL: running.AccountsURL,
		Tokens: extract.NewFixedToken(extract.Token{RefreshToken: c.RefreshToken}), Now: o.Clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdle)
	n.config, n.user = file, &pipeline.User{ClientID: c.ClientID, Client: client}
	n.runner = pipeline.NewRunner(file, pipeline.Options{Open: opener(false, nil), Quota: quota.NewFile(filepath.Join(t.TempDir(), "quota.json")), Now: o.Clock})
	t.Cleanup(func() {
		if err := n.runner.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return n
}

// run runs every job, a day after the last time, and returns how many requests each
// made. Jobs may wait for their budgets.
func (n *nights) run(t testing.TB) map[string]int {
	t.Helper()
	jobs, err := n.config.Select(nil)
	if err != nil {
		t.Fatal(err)
	}
	n.now.Store(new(n.now.Load().Add(24*time.Hour + time.Minute)))
	n.sim.ForgetRequests()
	tasks := n.runner.ShareLists(pipeline.Tasks(jobs, []*pipeline.User{n.user}, nil))
	out, sum := map[string]int{}, 0
	for _, r := range runAll(t.Context(), n.runner, tasks, pipeline.Mode{}, func(int, *load.Run) {}) {
		if r.Status != load.StatusOK && !(r.Status == load.StatusDeferred && r.Budgeted) {
			t.Errorf("job %s is %s: %s", r.Job, r.Status, r.Message)
		}
		out[r.Job] = r.Requests
		sum += r.Requests
	}
	if made := n.sim.Count("/v1/"); made > sum { // it may miss one that a run took back on its way
		t.Errorf("the runs count %d requests, and Spotify %d", sum, made)
	}
	return out
}

// of adds the requests of the jobs of a size.
func of(requests map[string]int, size catalog.Size) int {
	sum := 0
	for _, r := range catalog.Of(size) {
		sum += requests[r.Name]
	}
	return sum
}

// TestSizesTellRequests exports a library in every size, twice, and compares the requests
// with those that init tells.
func TestSizesTellRequests(t *testing.T) {
	t.Parallel()
	for _, c := range choices() {
		t.Run(c.size.String(), func(t *testing.T) {
			t.Parallel()
			n := newNights(t, middling(), c.size)
			first := n.run(t)
			next := n.run(t)
			if f, l := of(first, c.size), of(next, c.size); f != c.first || l != c.next {
				t.Errorf("%d requests the first night and %d the next, init tells %d and %d:\n%v\n%v", f, l, c.first, c.next, first, next)
			}
		})
	}
}
