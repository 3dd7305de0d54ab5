package pipeline_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/simulate"
)

const fanOutJobs = `jobs:
  saved_tracks: {destinations: [lake]}
  artist_albums: {destinations: [lake], options: {artists: {from: [saved_tracks]}}}
`

func (s *stage) run(t testing.TB, job string, mode pipeline.Mode) load.Run {
	t.Helper()
	run := s.runner.Run(context.Background(), pipeline.Task{Job: s.config.Job(job), User: s.user}, mode)
	<-s.ended
	return run
}

func TestFanOutResumes(t *testing.T) {
	t.Parallel()
	o := world(60)
	o.AlbumsPerArtist = 4 // one page each, so that no list is read in part
	s := newStage(t, fanOutJobs, o)
	s.run(t, "saved_tracks", pipeline.Mode{})
	remove := s.sim.Inject(simulate.Fault{Kind: "status", Arg: 503, Path: "/v1/artists/", After: 8})
	first := s.run(t, "artist_albums", pipeline.Mode{})
	remove()
	if first.Status != load.StatusFailed && first.Status != load.StatusIncomplete || first.UpToDate == 0 || first.UpToDate >= first.Parents {
		t.Fatalf("first run = %+v", first)
	}
	s.sim.ForgetRequests()
	second := s.run(t, "artist_albums", pipeline.Mode{})
	if second.Status != load.StatusOK || second.UpToDate != second.Parents {
		t.Fatalf("second run = %+v", second)
	}
	asked := map[string]bool{}
	for _, r := range s.sim.Requests() {
		asked[r.Path] = true
	}
	if got, want := len(asked), second.Parents-first.UpToDate; got != want {
		t.Errorf("%d artists were read again, want the %d that were missing", got, want)
	}
}

func TestFanOutSkipsABadParent(t *testing.T) {
	t.Parallel()
	s := newStage(t, fanOutJobs, world(60))
	s.run(t, "saved_tracks", pipeline.Mode{})
	s.sim.ForgetRequests()
	s.run(t, "artist_albums", pipeline.Mode{})
	s.clock.set(s.clock.Now().Add(time.Hour))
	s.sim.Inject(simulate.Fault{Kind: "html", Path: s.sim.Requests()[0].Path})
	run := s.run(t, "artist_albums", pipeline.Mode{})
	if run.Status != load.StatusIncomplete || run.UpToDate != run.Parents-1 {
		t.Errorf("run = %+v, want all but one artist", run)
	}
}

func TestFanOutGivesUpInAnOutage(t *testing.T) {
	t.Parallel()
	s := newStage(t, fanOutJobs, world(60))
	s.run(t, "saved_tracks", pipeline.Mode{})
	s.sim.ForgetRequests()
	s.sim.Inject(simulate.Fault{Kind: "status", Arg: 503, Path: "/v1/artists/"})
	run := s.run(t, "artist_albums", pipeline.Mode{})
	if run.Status != load.StatusFailed || run.Hint == "" && run.Message == "" {
		t.Errorf("run = %+v", run)
	}
	if n := s.sim.Count("/v1/artists/"); n > 60 {
		t.Errorf("%d requests were sent into an outage", n)
	}
}

func TestBackfillReadsAllAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t, fanOutJobs, world(60))
	s.run(t, "saved_tracks", pipeline.Mode{})
	s.run(t, "artist_albums", pipeline.Mode{})
	s.clock.set(s.clock.Now().Add(time.Hour))
	s.sim.ForgetRequests()
	run := s.run(t, "artist_albums", pipeline.Mode{Backfill: true})
	if run.Status != load.StatusOK || run.Kind != "backfill" || run.UpToDate != run.Parents {
		t.Errorf("run = %+v", run)
	}
	if n := s.sim.Count("/v1/artists/"); n < run.Parents {
		t.Errorf("%d requests for %d artists", n, run.Parents)
	}
}

func TestAListThatMovesIsReadRight(t *testing.T) {
	t.Parallel()
	for name, move := range map[string]func(s *simulate.Server){
		"saved at the head":   func(s *simulate.Server) { s.SaveTracks(3, time.Now()) },
		"removed at the head": func(s *simulate.Server) { s.RemoveTrack(0) },
		"removed in between":  func(s *simulate.Server) { s.RemoveTrack(300) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, fanOutJobs, world(900))
			s.sim.OnRequest(func(n int, _ *http.Request) {
				if n == 8 {
					move(s.sim)
				}
			})
			run := s.run(t, "saved_tracks", pipeline.Mode{})
			if run.Status != load.StatusOK {
				t.Fatalf("run = %+v", run)
			}
			if got, want := run.Tables["saved_tracks"].Added, len(s.sim.SavedTracks()); got != want {
				t.Errorf("%d rows, the library has %d", got, want)
			}
		})
	}
}

func TestOneRunOfAJobAtATime(t *testing.T) {
	t.Parallel()
	o := world(500)
	o.Latency = 20 * time.Millisecond
	s := newStage(t, fanOutJobs, o)
	done := make(chan load.Run)
	go func() {
		done <- s.runner.Run(t.Context(), pipeline.Task{Job: s.config.Job("saved_tracks"), User: s.user}, pipeline.Mode{})
	}()
	for s.sim.Count("/v1/me/tracks") == 0 {
		time.Sleep(time.Millisecond)
	}
	second := s.runner.Run(t.Context(), pipeline.Task{Job: s.config.Job("saved_tracks"), User: s.user}, pipeline.Mode{})
	if second.Status != load.StatusFailed || second.Hint == "" {
		t.Errorf("second run = %+v", second)
	}
	if first := <-done; first.Status != load.StatusOK {
		t.Errorf("first run = %+v", first)
	}
}

// TestEachRunCountsItsOwnRequests lets two jobs of one account run concurrently.
func TestEachRunCountsItsOwnRequests(t *testing.T) {
	t.Parallel()
	o := world(400)
	o.Latency = 20 * time.Millisecond
	s := newStage(t, "jobs: {saved_tracks: {destinations: [lake]}, top_tracks: {destinations: [lake]}}\n", o)
	s.sim.Inject(simulate.Fault{Kind: "rate", Arg: 1, Path: "/v1/me/tracks", After: 3, Times: 1})
	other := make(chan load.Run)
	go func() {
		other <- s.runner.Run(t.Context(), pipeline.Task{Job: s.config.Job("top_tracks"), User: s.user}, pipeline.Mode{})
	}()
	tracks := s.runner.Run(t.Context(), pipeline.Task{Job: s.config.Job("saved_tracks"), User: s.user}, pipeline.Mode{})
	top := <-other
	if got, want := tracks.Requests+top.Requests, s.sim.Count("/v1/"); got != want {
		t.Errorf("the runs count %d and %d requests, Spotify %d", tracks.Requests, top.Requests, want)
	}
	if top.Throttled != 0 || tracks.Throttled != 1 || tracks.WaitedMS < 500 || tracks.WaitedMS > 5000 {
		t.Errorf("saved tracks %+v\ntop tracks %+v", tracks, top)
	}
}
