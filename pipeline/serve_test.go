package pipeline_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/quota"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/load/parquet"
	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/pipeline/config"
	"github.com/tracklake/tracklake/pipeline/schedule"
	"github.com/tracklake/tracklake/simulate"
)

func TestMain(m *testing.M) {
	if err := parquet.ReuseCompressors(); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// clock is a wall clock that a test sets.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

// stage is a runner over a simulated Spotify and Parquet folders.
type stage struct {
	sim    *simulate.Server
	folder string // of its destinations
	config *config.Config
	runner *pipeline.Runner
	clock  *clock
	user   *pipeline.User
	ended  chan load.Run
	close  func()
}

func newStage(t testing.TB, jobs string, o simulate.Options) *stage {
	t.Helper()
	return newStageAt(t, jobs, o, &clock{now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}, nil)
}

// threePlaces are the destinations of a stage. Jobs that read the same list
// write to one each.
const threePlaces = `destinations:
  lake: {type: parquet, path: "${FOLDER}/lake"}
  pond: {type: parquet, path: "${FOLDER}/pond"}
  well: {type: parquet, path: "${FOLDER}/well"}
`

// newStageAt makes a stage whose runner goes by a clock, and, with a sleep, the
// client and waiting as well.
func newStageAt(t testing.TB, jobs string, o simulate.Options, clock *clock, sleep func(context.Context, time.Duration) error) *stage {
	t.Helper()
	sim, err := simulate.New(o)
	if err != nil {
		t.Fatal(err)
	}
	running, err := sim.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	file, err := config.Parse("jobs.yaml", []byte(threePlaces+jobs), func(string) (string, bool) { return folder, true }, drivers())
	if err != nil {
		t.Fatal(err)
	}
	c := sim.Credentials()
	settings := extract.Config{
		ClientID: c.ClientID, ClientSecret: c.ClientSecret, APIURL: running.APIURL, AccountsURL: running.AccountsURL,
		Tokens: extract.NewFixedToken(extract.Token{RefreshToken: c.RefreshToken}), RetryDelay: time.Millisecond,
	}
	if sleep != nil {
		settings.Now, settings.Tokens = clock.Now, nil
	}
	client, err := extract.New(settings)
	if err != nil {
		t.Fatal(err)
	}
	user := &pipeline.User{IsApp: settings.Tokens == nil, Client: client, ClientID: c.ClientID}
	s := &stage{sim: sim, folder: folder, config: file, user: user, clock: clock, ended: make(chan load.Run, 1000)}
	s.runner = pipeline.NewRunner(file, pipeline.Options{
		Open: func(ctx context.Context, d config.Destination) (load.Destination, error) {
			return d.Driver.Open(ctx, d.Address, load.OpenOptions{Version: "test", Tables: catalog.Tables()})
		},
		Quota: quota.NewFile(filepath.Join(folder, "quota.json")), Version: "test", Now: s.clock.Now, Sleep: sleep,
		Observe: func(e pipeline.Event) {
			if e.Kind == pipeline.RunFinished {
				s.ended <- e.Run
			}
		},
	})
	s.close = sync.OnceFunc(func() {
		client.CloseIdle()
		if err := running.Close(); err != nil {
			t.Error(err)
		}
		if err := os.RemoveAll(folder); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(s.close)
	return s
}

func world(tracks int) simulate.Options {
	o := simulate.DefaultOptions()
	o.SavedTracks, o.TopTracks, o.Artists = tracks, 30, 12
	return o
}

func (s *stage) users(context.Context) ([]*pipeline.User, *pipeline.User, error) {
	return []*pipeline.User{s.user}, nil, nil
}

// serve runs a loop for the stage's user until the test ends. The loop has read the
// history of all jobs, so that jobs of one time are due in the same tick.
func (s *stage) serve(t *testing.T) *schedule.Loop {
	t.Helper()
	loop := s.serveFor(t, s.users)
	for deadline := time.Now().Add(20 * time.Second); loop.Ready() != nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the loop is not ready: %v", loop.Ready())
		}
	}
	return loop
}

// serveFor runs one for whoever is connected.
func (s *stage) serveFor(t *testing.T, who pipeline.Users) *schedule.Loop {
	t.Helper()
	jobs, err := s.config.Select(nil)
	if err != nil {
		t.Fatal(err)
	}
	loop := s.runner.Loop(jobs, who, time.Millisecond)
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() { loop.Serve(ctx) })
	t.Cleanup(func() {
		cancel()
		serving.Wait()
	})
	return loop
}

// next waits for a run to end.
func (s *stage) next(t *testing.T) load.Run {
	t.Helper()
	select {
	case run := <-s.ended:
		return run
	case <-time.After(20 * time.Second):
		t.Fatal("no run came to its end")
		return load.Run{}
	}
}

// none makes sure that no run begins while the loop checks the clock many times.
func (s *stage) none(t *testing.T) {
	t.Helper()
	select {
	case run := <-s.ended:
		t.Fatalf("a run that was not due: %+v", run)
	case <-time.After(60 * time.Millisecond):
	}
}

const nightly = "jobs: {saved_tracks: {destinations: [lake], schedule: \"0 3 * * *\"}}\n"

func TestServeMakesUpOnceForWhatWasMissed(t *testing.T) {
	t.Parallel()
	s := newStage(t, nightly, world(20))
	loop := s.serve(t)
	s.none(t) // a job that never ran waits for its time
	s.clock.set(time.Date(2026, 11, 2, 3, 0, 1, 0, time.UTC))
	if run := s.next(t); run.Status != load.StatusOK {
		t.Fatalf("run = %+v", run)
	}
	s.none(t)
	// The machine sleeps for five nights.
	s.clock.set(time.Date(2026, 11, 7, 9, 30, 0, 0, time.UTC))
	s.next(t)
	s.none(t)
	if err := loop.Ready(); err != nil {
		t.Errorf("not ready: %v", err)
	}
	if err := loop.Alive(); err != nil {
		t.Errorf("not alive: %v", err)
	}
	if due := loop.Upcoming()[0].DueAt; !due.Equal(time.Date(2026, 11, 8, 3, 0, 0, 0, time.UTC)) {
		t.Errorf("due at %s", due)
	}
}

func TestServeRemembersAcrossRestarts(t *testing.T) {
	t.Parallel()
	s := newStage(t, nightly, world(20))
	if run := s.runner.Run(t.Context(), pipeline.Task{Job: s.config.Job("saved_tracks"), User: s.user}, pipeline.Mode{}); run.Status != load.StatusOK {
		t.Fatalf("run = %+v", run)
	}
	<-s.ended
	s.clock.set(time.Date(2026, 11, 2, 2, 59, 0, 0, time.UTC))
	s.serve(t)
	s.none(t)
	s.clock.set(time.Date(2026, 11, 2, 3, 0, 0, 0, time.UTC))
	s.next(t)
	s.none(t)
}

func TestServeReadsOnceWhatTwoJobsNeed(t *testing.T) {
	t.Parallel()
	s := newStage(t, `jobs:
  tracks: {resource: saved_tracks, destinations: [lake], schedule: "0 3 * * *"}
  copy: {resource: saved_tracks, destinations: [pond], schedule: "0 3 * * *"}
  later: {resource: saved_tracks, destinations: [well], schedule: "0 4 * * *"}
`, world(120))
	s.serve(t)
	s.none(t)
	s.clock.set(time.Date(2026, 11, 2, 3, 0, 0, 0, time.UTC))
	first, second := s.next(t), s.next(t)
	if first.Requests == 0 || second.Requests != 0 || second.Items != 120 || second.Status != load.StatusOK {
		t.Errorf("%d requests, then %d for %d items (%s); want the second to read what the first has read",
			first.Requests, second.Requests, second.Items, second.Status)
	}
	s.clock.set(time.Date(2026, 11, 2, 4, 0, 0, 0, time.UTC))
	if run := s.next(t); run.Requests == 0 {
		t.Errorf("the job of an hour later asked nothing; its answers are old")
	}
}

func TestServeContinuesADeferredRun(t *testing.T) {
	t.Parallel()
	o := world(40)
	o.Quota = map[string]int{"artists/albums": 6}
	s := newStage(t, `jobs:
  saved_tracks: {destinations: [lake]}
  artist_albums: {destinations: [lake], schedule: "0 3 * * 0", options: {artists: {from: [saved_tracks]}}}
`, o)
	s.runner.Run(t.Context(), pipeline.Task{Job: s.config.Job("saved_tracks"), User: s.user}, pipeline.Mode{})
	<-s.ended
	run := s.runner.Run(t.Context(), pipeline.Task{Job: s.config.Job("artist_albums"), User: s.user}, pipeline.Mode{})
	<-s.ended
	if run.Status != load.StatusDeferred || run.DeferredTo.IsZero() || run.UpToDate == 0 || run.UpToDate == run.Parents {
		t.Fatalf("run = %+v, want one that is deferred half way", run)
	}
	s.serve(t)
	s.none(t)
	s.clock.set(run.DeferredTo.Add(time.Second))
	if again := s.next(t); again.Status != load.StatusDeferred {
		t.Errorf("run = %+v; the bucket is blocked by the wall clock", again)
	}
}

func TestServeStopsInOrder(t *testing.T) {
	t.Parallel()
	o := world(3000)
	o.Latency = 30 * time.Millisecond
	s := newStage(t, nightly, o)
	jobs, err := s.config.Select(nil)
	if err != nil {
		t.Fatal(err)
	}
	loop := s.runner.Loop(jobs, s.users, time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	var stopped time.Time
	var stopping sync.WaitGroup
	stopping.Go(func() {
		defer cancel()
		for range 2000 {
			if up := loop.Upcoming(); len(up) > 0 && up[0].Running {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(100 * time.Millisecond)
		stopped = time.Now()
	})
	s.clock.set(time.Date(2026, 11, 2, 3, 0, 1, 0, time.UTC))
	loop.Serve(ctx)
	stopping.Wait()
	if took := time.Since(stopped); took > 5*time.Second {
		t.Errorf("stopping took %s", took)
	}
	if run := s.next(t); run.Status != load.StatusInterrupted {
		t.Errorf("run = %+v", run)
	}
}

func drivers() []load.Driver { return []load.Driver{parquet.Driver()} }

func noVariables(string) (string, bool) { return "", false }

// reconfigure gives the stage other jobs.
func (s *stage) reconfigure(t *testing.T, jobs string) {
	t.Helper()
	file, err := config.Parse("jobs.yaml", []byte(threePlaces+jobs), func(string) (string, bool) { return s.folder, true }, drivers())
	if err != nil {
		t.Fatal(err)
	}
	s.config, s.runner = file, pipeline.NewRunner(file, s.runner.Options)
}

// TestServeTakesTheNewestRunOfTheAccount: of several destinations, and not that of
// another account.
func TestServeTakesTheNewestRunOfTheAccount(t *testing.T) {
	t.Parallel()
	const jobs = `jobs: {tracks: {resource: saved_tracks, destinations: [%s], schedule: "0 3 * * *"}}`
	slot := time.Date(2026, 11, 2, 3, 0, 0, 0, time.UTC)
	for _, account := range []string{"me", "somebody"} {
		s := newStage(t, fmt.Sprintf(jobs, "pond"), world(5))
		ran := &pipeline.User{Client: s.user.Client, ClientID: s.user.ClientID}
		run := func() {
			s.runner.Run(t.Context(), pipeline.Task{Job: s.config.Job("tracks"), User: ran.Known(account)}, pipeline.Mode{})
			if run := s.next(t); run.Status != load.StatusOK || run.Account != account {
				t.Fatalf("run = %+v", run)
			}
		}
		run()
		s.reconfigure(t, fmt.Sprintf(jobs, "lake"))
		s.clock.set(slot)
		run()
		s.reconfigure(t, fmt.Sprintf(jobs, "lake, pond"))
		s.clock.set(slot.Add(-time.Minute))
		s.user.Known("me")
		s.serve(t)
		s.none(t)
		s.clock.set(slot.Add(time.Second))
		if account != "me" {
			s.next(t)
		}
		s.none(t)
	}
}
