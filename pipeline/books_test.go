package pipeline_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/load/parquet"
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

func TestJobsLearnWhatIsClosedAtOtherDestinations(t *testing.T) {
	t.Parallel()
	c := newCalendar(t, 3, 10, 100)
	pond := t.TempDir()
	c.configure(t, lakeAndPond(t.TempDir(), pond), nil)
	closeAt(t, pond, c, time.Hour)
	if run := c.run(t, "first", pipeline.Mode{}); run.Status != load.StatusDeferred || run.Requests != 0 {
		t.Errorf("%+v", run)
	}
}

// closeAt does what another process does that finds the albums of artists
// closed.
func closeAt(t testing.TB, folder string, c *calendar, d time.Duration) {
	t.Helper()
	other, err := parquet.Open(context.Background(), folder, parquet.Options{Version: "test", Tables: catalog.Tables()})
	if err != nil {
		t.Fatal(err)
	}
	now := c.clock.Now()
	err = other.CloseFamily(context.Background(), load.Closure{Client: c.user.App, Family: "artists/albums", At: now, Until: now.Add(d)})
	if err != nil {
		t.Fatal(err)
	}
}

// TestARunGoesOnWithoutTheDestinationsOfOthers lets another job's destination be
// a file where a folder is wanted.
func TestARunGoesOnWithoutTheDestinationsOfOthers(t *testing.T) {
	t.Parallel()
	c := newCalendar(t, 2, 10, 100)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	c.configure(t, lakeAndPond(t.TempDir(), file), func(o *pipeline.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	for range 2 {
		if run := c.run(t, "first", pipeline.Mode{}); run.Status != load.StatusOK {
			t.Errorf("%+v", run)
		}
		c.clock.set(c.clock.Now().Add(time.Hour))
	}
	if n := strings.Count(log.String(), "destination=pond"); n != 1 {
		t.Errorf("pond is named %d times, want once:\n%s", n, log.String())
	}
	if run := c.run(t, "second", pipeline.Mode{}); run.Status != load.StatusFailed {
		t.Errorf("a job whose own destination it is: %+v", run)
	}
}

// TestARunHeedsWhatOthersFindClosed lets another process find the family closed
// in the middle of a run.
func TestARunHeedsWhatOthersFindClosed(t *testing.T) {
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
					closeAt(t, lake, c, time.Hour)
				}
			})
			run := c.run(t, "artist_albums", pipeline.Mode{})
			if run.Status != load.StatusDeferred || run.Requests < 10 || run.Requests > 100 { // others go on while one finds it out
				t.Errorf("%d requests, of which 10 came before the closure: %+v", run.Requests, run)
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
// day has room again, with a clock that moves whenever it is looked at.
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

// TestARunOutlivesTheDestinationsOfOthers takes another job's destination away
// while its requests are counted there.
func TestARunOutlivesTheDestinationsOfOthers(t *testing.T) {
	t.Parallel()
	c := newCalendar(t, 5, 40, 100)
	pond := t.TempDir()
	var log bytes.Buffer
	c.configure(t, lakeAndPond(t.TempDir(), pond), func(o *pipeline.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	var asked atomic.Int64
	c.sim.OnRequest(func(int, *http.Request) {
		if asked.Add(1) == 3 {
			for os.RemoveAll(filepath.Join(pond, "_exporter")) != nil { // others book there right now
			}
		}
	})
	if run := c.run(t, "first", pipeline.Mode{}); run.Status != load.StatusOK {
		t.Errorf("%+v", run)
	}
	if n := strings.Count(log.String(), "destination=pond"); n != 1 {
		t.Errorf("pond is named %d times, want once:\n%s", n, log.String())
	}
}
