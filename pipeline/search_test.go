package pipeline_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
)

const listJobs = `jobs:
  saved_tracks: {destinations: [lake]}
`

// live returns the ids that the table holds as not removed, with how many
// artists have been counted; the destination reads its own files.
func (s *stage) live(t *testing.T) []string {
	t.Helper()
	d, err := s.runner.Destination(t.Context(), "lake")
	if err != nil {
		t.Fatal(err)
	}
	values, err := d.Values(t.Context(), load.ValueQuery{Account: "aSimulated1", Table: "saved_tracks", Column: "track_id"})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, v := range values {
		out = append(out, v.Value)
	}
	slices.Sort(out)
	return out
}

func (s *stage) truth() []string {
	ids := map[string]bool{}
	for _, row := range s.sim.SavedTracks() {
		ids[row.TrackID] = true
	}
	return slices.Sorted(maps.Keys(ids))
}

// change changes the library as its owner would.
func (s *stage) change(r *rand.Rand) {
	now := s.clock.Now()
	switch n := len(s.sim.SavedTracks()); {
	case n == 0 || r.IntN(3) == 0:
		s.sim.SaveTracks(1+r.IntN(3), now)
	case r.IntN(4) == 0:
		s.sim.SaveTrackDated(now.Add(-time.Duration(r.IntN(5*365*24)) * time.Hour))
	case r.IntN(4) == 0:
		s.sim.SaveTrackAgain(r.IntN(n), now)
	default:
		s.sim.RemoveTrack(r.IntN(n))
	}
}

// TestHistoriesEndInTheTruth plays seeded histories of a library with a run a
// night. Whole readings, once a week, must find the truth; the nights between
// must remove nothing that is there.
func TestHistoriesEndInTheTruth(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			s := newStage(t, listJobs, world(40+int(seed)*25))
			history(t, s, rand.New(rand.NewPCG(seed, 7)), 16)
		})
	}
}

func history(t *testing.T, s *stage, r *rand.Rand, nights int) {
	t.Helper()
	var last time.Time // of a whole reading
	for night := range nights {
		for range r.IntN(5) {
			s.change(r)
		}
		whole := last.IsZero() || s.clock.Now().Sub(last) >= 7*24*time.Hour
		run := s.run(t, "saved_tracks", pipeline.Mode{})
		if run.Status != load.StatusOK {
			t.Fatalf("night %d: %+v", night, run)
		}
		got, want := s.live(t), s.truth()
		if whole {
			last = s.clock.Now()
			if !slices.Equal(got, want) {
				t.Fatalf("night %d: a whole reading left %d tracks, the library has %d", night, len(got), len(want))
			}
		}
		for _, id := range want {
			if _, there := slices.BinarySearch(got, id); !there && slices.Contains(s.kept, id) {
				t.Fatalf("night %d: %s is marked as removed and is there", night, id)
			}
		}
		s.kept = got
		s.clock.set(s.clock.Now().Add(24 * time.Hour))
	}
}

// TestAListThatMovesWhileItIsSearched changes the library between answers.
func TestAListThatMovesWhileItIsSearched(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			s := newStage(t, listJobs, world(600))
			s.run(t, "saved_tracks", pipeline.Mode{})
			r := rand.New(rand.NewPCG(seed, 9))
			s.change(r)
			s.change(r)
			var changing sync.Mutex // requests come side by side when the list is read whole
			s.sim.OnRequest(func(_ int, q *http.Request) {
				changing.Lock()
				defer changing.Unlock()
				if q.URL.Path == "/v1/me/tracks" && r.IntN(3) == 0 {
					s.change(r)
				}
			})
			before := s.live(t)
			s.clock.set(s.clock.Now().Add(time.Hour))
			s.run(t, "saved_tracks", pipeline.Mode{})
			s.sim.OnRequest(nil)
			after := s.live(t)
			for _, id := range s.truth() {
				if slices.Contains(before, id) && !slices.Contains(after, id) {
					t.Errorf("%s is marked as removed and is there", id)
				}
			}
		})
	}
}

func TestASearchIsNoProofForever(t *testing.T) {
	t.Parallel()
	s := newStage(t, listJobs, world(300))
	s.run(t, "saved_tracks", pipeline.Mode{})
	next := func(after time.Duration, mode pipeline.Mode) load.Run {
		t.Helper()
		s.clock.set(s.clock.Now().Add(after))
		s.sim.ForgetRequests()
		run := s.run(t, "saved_tracks", mode)
		if run.Status != load.StatusOK || run.Requests != s.sim.Count("/v1/") {
			t.Fatalf("%d requests: %+v", s.sim.Count("/v1/"), run)
		}
		return run
	}
	if run := next(24*time.Hour, pipeline.Mode{}); run.Requests != 1 || run.Spared != 5 {
		t.Errorf("a quiet night costs %d requests, and spares %d", run.Requests, run.Spared)
	}
	// One came where one went: nothing shows, until all is read again.
	position := 150
	at := s.sim.SavedTracks()[position].AddedAt
	s.sim.RemoveTrack(position)
	s.sim.SaveTrackDated(at)
	if run := next(24*time.Hour, pipeline.Mode{}); run.Requests != 1 || slices.Equal(s.live(t), s.truth()) {
		t.Errorf("%d requests", run.Requests)
	}
	if run := next(5*24*time.Hour, pipeline.Mode{}); run.Requests != 6 || !slices.Equal(s.live(t), s.truth()) {
		t.Errorf("after a week: %d requests", run.Requests)
	}
	if run := next(time.Hour, pipeline.Mode{Backfill: true}); run.Requests != 6 {
		t.Errorf("a backfill: %d requests", run.Requests)
	}
	if run := next(time.Hour, pipeline.Mode{AcceptRemovals: true}); run.Requests != 6 {
		t.Errorf("letting removals through: %d requests", run.Requests)
	}
}

// TestHeldRemovalsAreSearchedForAgain lets most of a library go.
func TestHeldRemovalsAreSearchedForAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t, listJobs, world(400))
	s.run(t, "saved_tracks", pipeline.Mode{})
	for range 120 {
		s.sim.RemoveTrack(50)
	}
	for range 2 {
		s.clock.set(s.clock.Now().Add(24 * time.Hour))
		run := s.run(t, "saved_tracks", pipeline.Mode{})
		if run.Status != load.StatusIncomplete || run.Held != 120 || len(s.live(t)) != 400 {
			t.Errorf("%+v", run)
		}
	}
	s.run(t, "saved_tracks", pipeline.Mode{AcceptRemovals: true})
	if !slices.Equal(s.live(t), s.truth()) {
		t.Error("the removals were not let through")
	}
}

// TestJobsShareAList lets two jobs of one process need the same list.
func TestJobsShareAList(t *testing.T) {
	t.Parallel()
	s := newStage(t, `jobs:
  saved_tracks: {destinations: [lake]}
  again: {resource: saved_tracks, destinations: [lake]}
`, world(300))
	jobs, err := s.config.Select(nil)
	if err != nil {
		t.Fatal(err)
	}
	s.runner.ShareLists(pipeline.Tasks(jobs, []*pipeline.User{s.user}, nil))
	if run := s.run(t, "saved_tracks", pipeline.Mode{}); run.Requests != 7 {
		t.Errorf("the first: %d requests", run.Requests)
	}
	if run := s.run(t, "again", pipeline.Mode{}); run.Requests != 0 || run.Spared != 6 || run.Status != load.StatusOK || run.Tables["saved_tracks"].Unchanged != 300 {
		t.Errorf("the second: %+v", run)
	}
}
