package pipeline_test

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tracklake/tracklake/extract/quota"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/pipeline/config"
)

// configure gives the calendar's stage another jobs.yaml, in which %s stands for
// the artists.
func (c *calendar) configure(t *testing.T, text string, change func(*pipeline.Options)) {
	t.Helper()
	file, err := config.Parse("jobs.yaml", []byte(strings.ReplaceAll(text, "%s", strings.Join(c.artists, ", "))), noVariables, drivers())
	if err != nil {
		t.Fatal(err)
	}
	o := c.runner.Options
	if change != nil {
		change(&o)
	}
	c.config, c.runner = file, pipeline.NewRunner(file, o)
	c.sim.OnRequest(func(int, *http.Request) { c.clock.set(c.clock.Now().Add(time.Second)) })
}

// lakeAndPond has two jobs that ask the same and write elsewhere.
func lakeAndPond(lake, pond string) string {
	return fmt.Sprintf(`destinations:
  lake: {type: parquet, path: %q}
  pond: {type: parquet, path: %q}
jobs:
  first: {resource: artist_albums, destinations: [lake], options: {artists: {ids: [%%s]}}}
  second: {resource: artist_albums, destinations: [pond], options: {artists: {ids: [%%s]}}}
`, lake, pond)
}

func TestJobsWithOtherDestinationsHaveOneBudget(t *testing.T) {
	t.Parallel()
	c := newCalendar(t, 90, 40, 100)
	c.configure(t, lakeAndPond(t.TempDir(), t.TempDir()), nil)
	if run := c.run(t, "first", pipeline.Mode{}); run.Status != load.StatusDeferred || run.Requests != 80 {
		t.Errorf("the first: %+v", run)
	}
	if run := c.run(t, "second", pipeline.Mode{}); run.Status != load.StatusDeferred || run.Requests != 0 {
		t.Errorf("the second: %+v", run)
	}
}

func TestAJobLearnsWhatIsBlocked(t *testing.T) {
	t.Parallel()
	c := newCalendar(t, 3, 10, 100)
	block(t, c, time.Hour)
	if run := c.run(t, "artist_albums", pipeline.Mode{}); run.Status != load.StatusDeferred || run.Requests != 0 {
		t.Errorf("%+v", run)
	}
}

// block does what another process does that finds the albums of artists blocked.
func block(t testing.TB, c *calendar, d time.Duration) {
	t.Helper()
	now := c.clock.Now()
	err := quota.NewFile(filepath.Join(c.folder, "quota.json")).Block(context.Background(), quota.Block{Owner: c.user.ClientID, Bucket: "artists/albums", At: now, Until: now.Add(d)})
	if err != nil {
		t.Error(err)
	}
}

// TestClientIDsOfOneDeveloperHaveOneBudget runs a job for two apps.
func TestClientIDsOfOneDeveloperHaveOneBudget(t *testing.T) {
	t.Parallel()
	for developer, want := range map[string]int{"developer: me\n": 0, "": 80} {
		c := newCalendar(t, 90, 40, 1000)
		c.configure(t, developer+lakeAndPond(t.TempDir(), t.TempDir()), nil)
		if run := c.run(t, "first", pipeline.Mode{}); run.Requests != 80 {
			t.Errorf("the first: %+v", run)
		}
		c.user.ClientID = "another client ID"
		if run := c.run(t, "second", pipeline.Mode{}); run.Status != load.StatusDeferred || run.Requests != want {
			t.Errorf("%q: %d requests of the second, want %d: %+v", developer, run.Requests, want, run)
		}
	}
}

// TestARunHeedsWhatOthersFindBlocked lets another process find the bucket blocked
// in the middle of a run.
func TestARunHeedsWhatOthersFindBlocked(t *testing.T) {
	t.Parallel()
	for name, budget := range map[string]int{"with a budget": 80, "without": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCalendar(t, 40, 40, 1000)
			lake := t.TempDir()
			c.configure(t, fmt.Sprintf("budgets: {artists/albums: %d}\ndestinations: {lake: {type: parquet, path: %q}}\njobs:\n"+
				"  artist_albums: {destinations: [lake], options: {artists: {ids: [%%s]}}}\n", budget, lake), nil)
			var asked atomic.Int64
			c.sim.OnRequest(func(_ int, r *http.Request) {
				c.clock.set(c.clock.Now().Add(time.Second))
				if strings.HasPrefix(r.URL.Path, "/v1/artists/") && asked.Add(1) == 10 {
					block(t, c, time.Hour)
				}
			})
			run := c.run(t, "artist_albums", pipeline.Mode{})
			if run.Status != load.StatusDeferred || run.Requests < 10 || run.Requests > 100 { // others go on while one finds it out
				t.Errorf("%d requests, of which 10 came before the block: %+v", run.Requests, run)
			}
			if until := run.DeferredTo.Sub(c.clock.Now()); until < 50*time.Minute || until > time.Hour {
				t.Errorf("deferred for %s", until)
			}
		})
	}
}

// TestABudgetOutlivesAWrongClock lets the clock be a year ahead for a night.
func TestABudgetOutlivesAWrongClock(t *testing.T) {
	t.Parallel()
	c := newCalendar(t, 90, 40, 100)
	c.pass(t)
	right := c.clock.Now()
	c.clock.set(right.Add(365 * 24 * time.Hour))
	if run := c.pass(t); run.Requests != 80 {
		t.Fatalf("in the wrong year: %+v", run)
	}
	c.clock.set(right.Add(24 * time.Hour))
	if run := c.pass(t); run.Requests == 0 {
		t.Errorf("by the right clock: %+v", run)
	}
}

// TestWaitsForABudgetAreNotNegative begins runs just before the budget of the
// day has room again, with a clock that moves whenever it is read.
func TestWaitsForABudgetAreNotNegative(t *testing.T) {
	t.Parallel()
	c := newCalendar(t, 1, 3, 1000)
	const text = "budgets: {artists/albums: 1}\ndestinations: {lake: {type: parquet, path: %q}}\njobs:\n" +
		"  artist_albums: {destinations: [lake], options: {artists: {ids: [%%s]}}}\n"
	c.configure(t, fmt.Sprintf(text, t.TempDir()), func(o *pipeline.Options) {
		o.Now = func() time.Time {
			c.clock.set(c.clock.Now().Add(time.Second))
			return c.clock.Now()
		}
		o.Sleep = func(context.Context, time.Duration) error { return nil }
	})
	for early := range 30 {
		began := c.clock.Now()
		run := c.run(t, "artist_albums", pipeline.Mode{})
		if run.WaitedMS < 0 || run.WaitedMS > 30*60_000 {
			t.Errorf("%d s early: %+v", early, run)
		}
		c.clock.set(began.Add(24*time.Hour - time.Duration(early)*time.Second))
	}
}
