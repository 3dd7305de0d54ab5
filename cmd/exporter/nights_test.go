package main

import (
	"context"
	"fmt"
	"maps"
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

// middling is the library that init tells requests for, in development mode. Every ranking
// has 200 places at the least.
func middling() simulate.Options {
	o := simulate.DefaultOptions()
	o.SavedTracks, o.SavedAlbums, o.Playlists, o.Followed = 3000, 200, 60, 150
	o.TopTracks, o.TopArtists = 600, 600
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

// newNights drafts the jobs of some resources as init does.
func newNights(t testing.TB, o simulate.Options, resources []*catalog.Resource) *nights {
	t.Helper()
	n := &nights{}
	n.now.Store(new(time.Date(2026, 11, 2, 3, 15, 0, 0, time.UTC)))
	o.Clock = func() time.Time { return *n.now.Load() }
	sim, running := simtest.Start(t, o)
	n.sim = sim
	folder := t.TempDir()
	draft := config.Draft{Timezone: "UTC", Resources: resources, Destinations: []config.Destination{{Name: "lake", Driver: parquet.Driver(), Address: folder}}}
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

// sleep passes a day.
func (n *nights) sleep() { n.now.Store(new(n.now.Load().Add(24*time.Hour + time.Minute))) }

func (n *nights) tasks(t testing.TB) []pipeline.Task {
	t.Helper()
	jobs, err := n.config.Select(nil)
	if err != nil {
		t.Fatal(err)
	}
	return pipeline.Tasks(jobs, []*pipeline.User{n.user}, nil)
}

// plan returns how many requests each job is expected to make today.
func (n *nights) plan(t testing.TB) map[string]int {
	t.Helper()
	out := map[string]int{}
	planner := n.runner.NewPlanner()
	for _, task := range n.tasks(t) {
		p, err := planner.Plan(t.Context(), task)
		if err != nil {
			t.Fatal(err)
		}
		if out[p.Job] = p.Requests; p.Left() >= 0 {
			out[p.Job] = min(p.Requests, p.Left())
		}
	}
	return out
}

// run runs every job and returns how many requests each made. Jobs may wait for their
// budgets.
func (n *nights) run(t testing.TB) map[string]int {
	t.Helper()
	n.sim.ForgetRequests()
	tasks := n.runner.ShareLists(n.tasks(t))
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

// besides adds the requests of all jobs, without those of the day's rankings.
func besides(requests map[string]int) (all, besides int) {
	for name, n := range requests {
		all += n
		if catalog.Find(name).Endpoint.Bucket != "me/top" {
			besides += n
		}
	}
	return all, besides
}

// tooMany says which goal the library misses: 260 requests the first night, and on one on
// which nothing changed 12 beside those of the day's rankings.
func tooMany(first, next map[string]int) string {
	all, _ := besides(first)
	if _, few := besides(next); all > 260 || few > 12 {
		return fmt.Sprintf("%d requests the first night, and %d the next beside the rankings:\n%v\n%v", all, few, first, next)
	}
	return ""
}

// TestSizesTellRequests exports a library in every size, twice, and compares the requests
// with those that init tells, with those that plan expects, and with the goal.
func TestSizesTellRequests(t *testing.T) {
	t.Parallel()
	for _, c := range choices() {
		t.Run(c.size.String(), func(t *testing.T) {
			t.Parallel()
			n := newNights(t, middling(), catalog.Of(c.size))
			first := n.run(t)
			n.sleep()
			planned := n.plan(t)
			next := n.run(t)
			f, _ := besides(first)
			l, _ := besides(next)
			taken := 0 // requests that jobs took back, which waited when their budget was spent
			if c.size == catalog.Everything {
				taken = 2
			}
			if f > c.first || f < c.first-taken || l > c.next || l < c.next-taken {
				t.Errorf("%d requests the first night and %d the next, init tells %d and %d:\n%v\n%v", f, l, c.first, c.next, first, next)
			}
			if !maps.EqualFunc(planned, next, func(p, made int) bool { return made <= p && made >= p-taken }) {
				t.Errorf("planned for the next night: %v, made: %v", planned, next)
			}
			if wrong := tooMany(first, next); c.size == catalog.Library && wrong != "" {
				t.Error(wrong)
			}
		})
	}
}

// changedPlaylists exports 100 playlists, changes three, exports again and returns the
// requests of that.
func changedPlaylists(t testing.TB) map[string]int {
	t.Helper()
	o := middling()
	o.Playlists = 93 // and the seven that are always there
	n := newNights(t, o, []*catalog.Resource{catalog.Find("playlists"), catalog.Find("playlist_items")})
	n.run(t)
	n.sleep()
	for _, p := range n.sim.Playlists()[40:43] {
		n.sim.RemoveItem(p.ID, 0)
	}
	return n.run(t)
}

// TestOnlyChangedPlaylistsAreRead wants a request for each changed playlist, and two for
// the list of 100.
func TestOnlyChangedPlaylistsAreRead(t *testing.T) {
	t.Parallel()
	if got := changedPlaylists(t); got["playlists"] != 2 || got["playlist_items"] != 3 {
		t.Errorf("requests = %v", got)
	}
}
