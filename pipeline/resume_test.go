package pipeline_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/simulate"
)

const savedTracksPath = "/v1/me/tracks"

// onTracks calls f before the nth answer of the list of saved tracks.
func (s *stage) onTracks(n int, f func()) {
	var mu sync.Mutex
	asked := 0
	s.sim.OnRequest(func(_ int, q *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if q.URL.Path != savedTracksPath {
			return
		}
		if asked++; asked == n {
			f()
		}
	})
}

// library is a world with room for a number of saved tracks.
func library(tracks int) simulate.Options {
	o := world(tracks)
	o.Artists = 100
	return o
}

// isTruth checks that the lake's table has what the library has.
func (s *stage) isTruth(t *testing.T) {
	t.Helper()
	s.isTruthIn(t, "lake")
}

// isTruthIn checks that of any destination.
func (s *stage) isTruthIn(t *testing.T, destination string) {
	t.Helper()
	if got, want := s.liveIn(t, destination), s.truth(); !slices.Equal(got, want) {
		t.Errorf("%d tracks are live in %s, the library has %d", len(got), destination, len(want))
	}
}

func TestAListLongerThanTheBudgetIsCompleted(t *testing.T) {
	t.Parallel()
	s := newStage(t, "budgets: {me/tracks: 20}\n"+listJobs, library(3000)) // 60 pages
	for night := range 6 {
		run := s.run(t, "saved_tracks", pipeline.Mode{})
		s.clock.set(s.clock.Now().Add(24*time.Hour + time.Minute))
		if run.Status == load.StatusOK {
			if night < 3 {
				t.Errorf("it took %d nights only", night+1)
			}
			s.isTruth(t)
			if quiet := s.run(t, "saved_tracks", pipeline.Mode{}); quiet.Status != load.StatusOK || quiet.Requests != 1 {
				t.Errorf("the night after: %+v", quiet)
			}
			return
		}
		if run.Status != load.StatusDeferred || len(s.live(t)) < 600*(night+1) {
			t.Fatalf("night %d: %d tracks, %+v", night, len(s.live(t)), run)
		}
		s.sim.SaveTracks(1, s.clock.Now())
		s.sim.RemoveTrack(60)
	}
	t.Errorf("%d tracks of %d are there", len(s.live(t)), len(s.truth()))
}

func TestAnInterruptedListIsResumed(t *testing.T) {
	t.Parallel()
	s := newStage(t, listJobs, library(3000)) // 60 pages
	ctx, cancel := context.WithCancel(t.Context())
	s.onTracks(40, cancel)
	first := s.runner.Run(ctx, pipeline.Task{Job: s.config.Job("saved_tracks"), User: s.user}, pipeline.Mode{})
	kept := len(s.live(t))
	if first.Status != load.StatusInterrupted || kept < 1000 || kept > 2500 {
		t.Fatalf("%d tracks, %+v", kept, first)
	}
	s.sim.OnRequest(nil)
	second := s.runner.Run(t.Context(), pipeline.Task{Job: s.config.Job("saved_tracks"), User: s.user}, pipeline.Mode{})
	if second.Status != load.StatusOK || second.Requests > 60-kept/50+3 {
		t.Errorf("%d tracks were there: %+v", kept, second)
	}
	s.isTruth(t)
	// A backfill does not resume an ordinary run.
	ctx, cancel = context.WithCancel(t.Context())
	s.onTracks(40, cancel)
	s.clock.set(s.clock.Now().Add(8 * 24 * time.Hour))
	s.runner.Run(ctx, pipeline.Task{Job: s.config.Job("saved_tracks"), User: s.user}, pipeline.Mode{})
	s.sim.OnRequest(nil)
	if again := s.runner.Run(t.Context(), pipeline.Task{Job: s.config.Job("saved_tracks"), User: s.user}, pipeline.Mode{Backfill: true}); again.Requests != 60 {
		t.Errorf("a backfill: %+v", again)
	}
}

// TestNothingIsRemovedAfterAnInterruptedReading changes a list between the two halves
// of its reading, so that a track which moved hides in the half that was not read
// again.
func TestNothingIsRemovedAfterAnInterruptedReading(t *testing.T) {
	t.Parallel()
	s := newStage(t, listJobs, library(1500))
	s.run(t, "saved_tracks", pipeline.Mode{})
	s.clock.set(s.clock.Now().Add(8 * 24 * time.Hour)) // a full sync is due
	ctx, cancel := context.WithCancel(t.Context())
	s.onTracks(24, cancel)
	s.runner.Run(ctx, pipeline.Task{Job: s.config.Job("saved_tracks"), User: s.user}, pipeline.Mode{})
	<-s.ended
	s.sim.OnRequest(nil)
	// A track that was not read moves to the place of one that was read and removed.
	moved := s.sim.SavedTracks()[1400].TrackID
	s.sim.MoveTrack(1400, 100)
	s.sim.RemoveTrack(101)
	if run := s.run(t, "saved_tracks", pipeline.Mode{}); run.Status != load.StatusIncomplete || run.Pending != 1 || run.Requests >= 30 {
		t.Errorf("%+v", run)
	}
	if !slices.Contains(s.live(t), moved) {
		t.Error("a track that is there is marked as removed")
	}
	s.run(t, "saved_tracks", pipeline.Mode{}) // a full sync, as the last one proved too little
	s.isTruth(t)
}

func TestARestartedSyncDiscardsWhatItRead(t *testing.T) {
	t.Parallel()
	s := newStage(t, listJobs, world(300))
	s.run(t, "saved_tracks", pipeline.Mode{})
	s.sim.RemoveTrack(200)
	s.sim.SaveTracks(3, s.clock.Now())
	s.onTracks(2, func() { s.sim.RemoveTrack(0) }) // seen by the first attempt
	s.clock.set(s.clock.Now().Add(24 * time.Hour))
	if run := s.run(t, "saved_tracks", pipeline.Mode{}); run.Status != load.StatusOK {
		t.Errorf("%+v", run)
	}
	s.isTruth(t)
}

// TestPagesThatBecomeSmallerProveNothing lets a page come in parts, between
// which a track goes.
func TestPagesThatBecomeSmallerProveNothing(t *testing.T) {
	t.Parallel()
	for n := range 6 {
		s := newStage(t, listJobs, world(300))
		s.run(t, "saved_tracks", pipeline.Mode{})
		s.sim.Inject(simulate.Fault{Kind: "limit", Arg: 20})
		s.onTracks(n+1, func() { s.sim.RemoveTrack(3) })
		s.clock.set(s.clock.Now().Add(24 * time.Hour))
		if run := s.run(t, "saved_tracks", pipeline.Mode{}); run.Status != load.StatusOK {
			t.Errorf("%+v", run)
		}
		live := s.live(t)
		for _, id := range s.truth() {
			if !slices.Contains(live, id) {
				t.Errorf("%s is marked as removed and is there", id)
			}
		}
	}
}

func TestABadItemDoesNotFailAnIncrementalSync(t *testing.T) {
	t.Parallel()
	s := newStage(t, listJobs, world(300))
	s.run(t, "saved_tracks", pipeline.Mode{})
	s.sim.Inject(simulate.Fault{Kind: "baditem", Arg: 10})
	s.clock.set(s.clock.Now().Add(24 * time.Hour))
	run := s.run(t, "saved_tracks", pipeline.Mode{})
	if run.Status != load.StatusIncomplete || run.Requests > 40 || run.Pending != 1 || !strings.Contains(run.Message, "1 of 300 entries could not be read") {
		t.Errorf("%+v", run)
	}
	s.isTruth(t)
}

func TestAClockThatWasWrong(t *testing.T) {
	t.Parallel()
	s := newStage(t, listJobs, world(300))
	now := s.clock.Now()
	s.clock.set(now.Add(365 * 24 * time.Hour))
	s.run(t, "saved_tracks", pipeline.Mode{})
	s.clock.set(now)
	for _, want := range []int{6, 1} {
		if run := s.run(t, "saved_tracks", pipeline.Mode{}); run.Requests != want {
			t.Errorf("%d requests, want %d", run.Requests, want)
		}
	}
}
