package pipeline_test

import (
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/simulate"
)

// shares lets all jobs of the stage share their lists.
func (s *stage) shares(t *testing.T) {
	t.Helper()
	jobs, err := s.config.Select(nil)
	if err != nil {
		t.Fatal(err)
	}
	s.runner.ShareLists(pipeline.Tasks(jobs, []*pipeline.User{s.user}, nil))
}

const twoOfOneList = `jobs:
  saved_tracks: {destinations: [lake]}
  again: {resource: saved_tracks, destinations: [pond]}
`

// TestJobsShareAListThatMoved lets a track come or go while the first of two
// jobs reads: neither may be left with answers that do not fit together.
func TestJobsShareAListThatMoved(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		move  func(*simulate.Server)
		again int // requests of the second job at the most; where answers do not fit together, a full sync
	}{
		"one goes":  {func(s *simulate.Server) { s.RemoveTrack(100) }, 0},
		"one comes": {func(s *simulate.Server) { s.SaveTracks(1, time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)) }, 22},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, twoOfOneList, world(1000))
			s.shares(t)
			var asked atomic.Int64
			s.sim.OnRequest(func(_ int, r *http.Request) {
				if r.URL.Path == "/v1/me/tracks" && asked.Add(1) == 8 {
					tt.move(s.sim)
				}
			})
			for _, job := range []string{"saved_tracks", "again"} {
				run := s.run(t, job, pipeline.Mode{})
				if run.Status != load.StatusOK || !slices.Equal(s.liveIn(t, s.config.Job(job).Destinations[0]), s.truth()) {
					t.Errorf("%s: %+v", job, run)
				}
				if job == "again" && run.Requests > tt.again {
					t.Errorf("the second job made %d requests, want at most %d", run.Requests, tt.again)
				}
			}
		})
	}
}

// TestJobsShareWhatTheirOptionsHaveInCommon lets one job read a list that
// another reads as well, among others.
func TestJobsShareWhatTheirOptionsHaveInCommon(t *testing.T) {
	t.Parallel()
	s := newStage(t, `jobs:
  top_tracks: {destinations: [lake], options: {time_ranges: [short_term]}}
  more: {resource: top_tracks, destinations: [pond], options: {time_ranges: [short_term, medium_term]}}
`, world(300))
	s.shares(t)
	s.run(t, "top_tracks", pipeline.Mode{})
	s.sim.ForgetRequests()
	if run := s.run(t, "more", pipeline.Mode{}); run.Status != load.StatusOK || run.SavedRequests != 1 {
		t.Errorf("%+v", run)
	}
	if n := s.sim.Count("/v1/me/top"); n != 1 {
		t.Errorf("%d requests for top tracks, want one for the second list", n)
	}
}

func TestJobsShareNoOldAnswers(t *testing.T) {
	t.Parallel()
	s := newStage(t, twoOfOneList, world(120))
	s.shares(t)
	s.run(t, "saved_tracks", pipeline.Mode{})
	s.clock.set(s.clock.Now().Add(20 * time.Minute))
	if run := s.run(t, "again", pipeline.Mode{}); run.Requests != 3 || run.SavedRequests != 0 {
		t.Errorf("after 20 minutes: %+v", run)
	}
}
