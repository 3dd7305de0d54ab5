package pipeline_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/simulate"
)

const (
	listJobs = "jobs:\n  saved_tracks: {destinations: [lake]}\n"
	// denseJobs read the list whole every third night.
	denseJobs = "jobs:\n  saved_tracks: {destinations: [lake], full_every: 3d}\n"
)

// live returns the ids that the lake's table holds as not removed.
func (s *stage) live(t testing.TB) []string {
	t.Helper()
	return s.liveIn(t, "lake")
}

// liveIn returns those of any destination, which reads its own files.
func (s *stage) liveIn(t testing.TB, destination string) []string {
	t.Helper()
	d, err := s.runner.Destination(context.Background(), destination)
	if err != nil {
		t.Fatal(err)
	}
	values, err := d.Values(context.Background(), load.ValueQuery{Account: "aSimulated1", Table: "saved_tracks", Column: "track_id"})
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
			h := history{stage: s, random: rand.New(rand.NewPCG(seed, 7))}
			if err := h.play(t, 16); err != nil {
				t.Error(err)
			}
		})
	}
}

// A history is a library that changes, with a run a night.
type history struct {
	*stage
	random *rand.Rand

	kept    []string                     // what the table held the night before
	entries map[simulate.SavedTrack]bool // and the library

	whole, searched, hidden, requests int
}

// play lets nights pass. It ends with an error when a whole reading did not find
// the truth, or a removal is marked that did not happen.
func (h *history) play(t testing.TB, nights int) error {
	t.Helper()
	for night := range nights {
		for range h.random.IntN(5) {
			h.change(h.random)
		}
		run := h.run(t, "saved_tracks", pipeline.Mode{})
		if run.Status != load.StatusOK {
			return fmt.Errorf("night %d: %+v", night, run)
		}
		h.requests += run.Requests
		if err := h.judge(t, h.wasWhole(t, run)); err != nil {
			return fmt.Errorf("night %d: %w", night, err)
		}
		h.clock.set(h.clock.Now().Add(24 * time.Hour))
	}
	return nil
}

// wasWhole tells whether a run read the list whole, as it noted itself.
func (h *history) wasWhole(t testing.TB, run load.Run) bool {
	t.Helper()
	d, err := h.runner.Destination(context.Background(), "lake")
	if err != nil {
		t.Fatal(err)
	}
	job := h.config.Job("saved_tracks")
	state, err := d.State(context.Background(), load.Job{Account: run.Account, Name: job.Name, Resource: job.Resource.Name, Tables: job.Resource.Tables})
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		FullAt time.Time `json:"full_at"`
	}
	if err := json.Unmarshal(state["list:"], &list); err != nil {
		t.Fatal(err)
	}
	return list.FullAt.Equal(run.StartedAt)
}

// judge compares what the table holds with what the library does.
func (h *history) judge(t testing.TB, whole bool) error {
	t.Helper()
	got, want := h.live(t), h.truth()
	same := slices.Equal(got, want)
	switch {
	case whole && !same:
		return fmt.Errorf("a whole reading left %d tracks, the library has %d", len(got), len(want))
	case whole:
		h.whole++
	case !same:
		h.hidden++
		fallthrough
	default:
		h.searched++
	}
	library := map[simulate.SavedTrack]bool{}
	for _, row := range h.sim.SavedTracks() {
		library[row] = true
		_, live := slices.BinarySearch(got, row.TrackID)
		_, before := slices.BinarySearch(h.kept, row.TrackID)
		if before && !live && h.entries[row] {
			return fmt.Errorf("%s is marked as removed and never went", row.TrackID)
		}
	}
	h.kept, h.entries = got, library
	return nil
}

// BenchmarkHistories plays 10,000 histories of 6 nights with libraries of up to
// 150 tracks, which come in pages of ten, through the whole pipeline into
// Parquet files; in memory where the system has room there, to be done in
// minutes.
func BenchmarkHistories(b *testing.B) {
	const histories, nights = 10_000, 6
	if _, err := os.Stat("/dev/shm"); err == nil {
		b.Setenv("TMPDIR", "/dev/shm")
	}
	for b.Loop() {
		var mu sync.Mutex
		var sum history
		var work sync.WaitGroup
		seeds := make(chan uint64)
		for range runtime.GOMAXPROCS(0) {
			work.Go(func() {
				for seed := range seeds {
					h, err := oneHistory(b, seed, nights)
					if err != nil {
						b.Errorf("history %d: %v", seed, err)
					}
					mu.Lock()
					sum.whole, sum.searched = sum.whole+h.whole, sum.searched+h.searched
					sum.hidden, sum.requests = sum.hidden+h.hidden, sum.requests+h.requests
					mu.Unlock()
				}
			})
		}
		for seed := range uint64(histories) {
			seeds <- seed
		}
		close(seeds)
		work.Wait()
		b.ReportMetric(float64(sum.hidden)/float64(sum.searched), "hidden/search")
		b.ReportMetric(float64(sum.whole)/(nights*histories), "whole/night")
		b.ReportMetric(float64(sum.requests)/(nights*histories), "requests/night")
	}
}

func oneHistory(b *testing.B, seed uint64, nights int) (history, error) {
	b.Helper()
	r := rand.New(rand.NewPCG(seed, 7))
	s := newStage(b, denseJobs, world(r.IntN(150)))
	defer s.close()
	s.sim.Inject(simulate.Fault{Kind: "limit", Arg: 10})
	h := history{stage: s, random: r}
	err := h.play(b, nights)
	return h, err
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
  again: {resource: saved_tracks, destinations: [pond]}
`, world(300))
	jobs, err := s.config.Select(nil)
	if err != nil {
		t.Fatal(err)
	}
	s.runner.ShareLists(pipeline.Tasks(jobs, []*pipeline.User{s.user}, nil))
	if run := s.run(t, "saved_tracks", pipeline.Mode{}); run.Requests != 7 {
		t.Errorf("the first: %d requests", run.Requests)
	}
	if run := s.run(t, "again", pipeline.Mode{}); run.Requests != 0 || run.Spared != 6 || run.Status != load.StatusOK || run.Tables["saved_tracks"].Inserted != 300 {
		t.Errorf("the second: %+v", run)
	}
}
