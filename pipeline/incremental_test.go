package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
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

	"github.com/tracklake/tracklake/internal/soak"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/simulate"
)

const (
	listJobs = "jobs:\n  saved_tracks: {destinations: [lake]}\n"
	// denseJobs sync the list in full every third night.
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
	switch n := len(s.sim.Library()); {
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
// night. Full readings, once a week, must find the truth; the nights between
// must remove nothing that is there.
func TestHistoriesEndInTheTruth(t *testing.T) {
	t.Parallel()
	for seed := range uint64(24) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			s := newStage(t, listJobs, world(40+int(seed)*15))
			h := history{stage: s, random: rand.New(rand.NewPCG(seed, 7)), bad: seed%2 == 1}
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
	bad    bool // with bad days

	kept     []string // what the table had the night before
	before   map[simulate.SavedTrack]bool
	doubtful bool // tonight, entries are missing
	doubted  bool // in the last night that anything is remembered of, they were
	resumed  bool // the run resumed a reading of the night before

	full, incremental, behind, requests, incomplete int
}

// play lets nights pass. It ends with an error when a full sync did not find
// the truth, or a removal is marked that did not happen.
func (h *history) play(t testing.TB, nights int) error {
	t.Helper()
	for night := range nights {
		for range h.random.IntN(5) {
			h.change(h.random)
		}
		mend := func() {}
		if h.bad {
			h.turn()
			mend = h.spoil()
		}
		h.resumed = h.state(t)["partial:"] != nil
		run := h.run(t, "saved_tracks", pipeline.Mode{})
		h.requests += run.Requests
		if err := h.judge(t, run); err != nil {
			return fmt.Errorf("night %d: %w: %+v", night, err, run)
		}
		if run.Status != load.StatusFailed { // of a night that failed nothing is remembered
			h.doubted = h.doubtful
		}
		mend()
		h.clock.set(h.clock.Now().Add(24 * time.Hour))
	}
	return nil
}

// turn lets entries become unreadable, or readable again.
func (h *history) turn() {
	n := len(h.sim.Library())
	for range h.random.IntN(4) {
		if n == 0 {
			return
		}
		at := h.random.IntN(n)
		entry := h.sim.Library()[at]
		added := entry.AddedAt.UTC().Format(time.RFC3339)
		switch h.random.IntN(6) {
		case 0:
			h.sim.SetRaw(at, "null")
		case 1:
			h.sim.SetRaw(at, `{"added_at":"`+added+`","track":null}`)
		case 2:
			h.sim.SetRaw(at, `{"added_at":"`+added+`","track":{"id":"`+entry.TrackID+`","type":"episode"}}`)
		default:
			h.sim.Restore(at)
		}
	}
}

// spoil lets the API have a bad night, and returns what ends it. What counts as
// removed on a later day is not spoilt on two days in a row.
func (h *history) spoil() (mend func()) {
	n := max(1, len(h.sim.Library()))
	faults := []simulate.Fault{
		{Kind: "floats"},
		{Kind: "mistype", Arg: h.random.IntN(n), Count: 1 + h.random.IntN(n)},
		{Kind: "baditem", Arg: h.random.IntN(n), Count: 1 + h.random.IntN(2)},
		{Kind: "status", Arg: 500, From: 10 * h.random.IntN(1+n/10), To: 10 + 10*h.random.IntN(1+n/10)},
		{Kind: "nullitem", Arg: h.random.IntN(n), Count: 1 + h.random.IntN(12)},
		{Kind: "nullrow", Arg: h.random.IntN(n), Count: 1 + h.random.IntN(12)},
		{Kind: "total", Arg: 1 + h.random.IntN(5)},
		{Kind: "hole", Arg: h.random.IntN(n), Count: 1 + h.random.IntN(4)},
		{Kind: "emptypage", Arg: h.random.IntN(n), Count: 1 + h.random.IntN(20)},
		{Kind: "vacant"},
	}
	if h.doubtful = false; h.random.IntN(3) == 0 {
		return func() {}
	}
	pick := h.random.IntN(len(faults))
	if pick >= 6 && h.doubted {
		pick = h.random.IntN(6)
	}
	h.doubtful = pick >= 6
	fault := faults[pick]
	fault.Path = savedTracksPath
	return h.sim.Inject(fault)
}

// state is what the job remembers.
func (s *stage) state(t testing.TB) load.State {
	t.Helper()
	d, err := s.runner.Destination(context.Background(), "lake")
	if err != nil {
		t.Fatal(err)
	}
	job := s.config.Job("saved_tracks")
	state, err := d.State(context.Background(), load.Job{Account: "aSimulated1", Name: job.Name, Resource: job.Resource.Name, Tables: job.Resource.Tables})
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// wasFull reports whether a run synced the list in full, by its own record.
func (h *history) wasFull(t testing.TB, run load.Run) bool {
	t.Helper()
	var list struct {
		FullAt time.Time `json:"full_at"`
	}
	if text := h.state(t)["list:"]; text != nil {
		if err := json.Unmarshal(text, &list); err != nil {
			t.Fatal(err)
		}
	}
	return list.FullAt.Equal(run.StartedAt)
}

// judge compares the table with the library: after a full sync it has all that can be read, and no more than that and the pending rows.
func (h *history) judge(t testing.TB, run load.Run) error {
	t.Helper()
	if !h.bad && run.Status != load.StatusOK && len(h.sim.Library()) > 0 { // an empty list is believed on a later day
		return errors.New("the run is not ok")
	}
	got, readable := h.live(t), h.truth()
	extra := len(got)
	for _, id := range readable {
		if _, live := slices.BinarySearch(got, id); live {
			extra--
		}
	}
	full := h.wasFull(t, run) && !h.resumed
	switch lacking := len(readable) - (len(got) - extra); {
	case full && extra > run.Pending:
		return fmt.Errorf("%d tracks are live that were removed, and %d are pending", extra, run.Pending)
	case full && lacking > 0 && run.Pending+run.Unreadable == 0 && run.Status == load.StatusOK && !h.doubtful:
		return fmt.Errorf("a full sync lacks %d tracks of %d", lacking, len(readable))
	case full:
		h.full++
	case lacking+extra > 0:
		h.behind++
		fallthrough
	default:
		h.incremental++
	}
	if run.Status == load.StatusIncomplete {
		h.incomplete++
	}
	return h.judgeRemovals(got)
}

// judgeRemovals finds removals that did not happen: of an entry that the library
// has, as it had the night before.
func (h *history) judgeRemovals(got []string) error {
	library := map[simulate.SavedTrack]bool{}
	for _, e := range h.sim.Library() {
		row := simulate.SavedTrack{TrackID: e.TrackID, Name: e.Name, AddedAt: e.AddedAt}
		library[row] = true
		_, live := slices.BinarySearch(got, e.TrackID)
		_, before := slices.BinarySearch(h.kept, e.TrackID)
		if before && !live && h.before[row] {
			return fmt.Errorf("%s is marked as removed and is there", e.TrackID)
		}
	}
	h.kept, h.before = got, library
	return nil
}

// TestSoakHistories plays histories of 6 nights with libraries of up to 150 tracks,
// which come in pages of ten, through the whole pipeline into Parquet files; in memory
// where the system has room there. In three of four histories the nights are bad:
// entries cannot be read, are floats, or are not delivered, totals overcount, pages are
// empty or fail.
func TestSoakHistories(t *testing.T) { //nolint:paralleltest // it sets the environment
	const nights = 6
	if _, err := os.Stat("/dev/shm"); err == nil {
		t.Setenv("TMPDIR", "/dev/shm")
	}
	end := soak.Deadline(t)
	first := uint64(time.Now().UnixNano())
	var mu sync.Mutex
	var sum history
	played := uint64(0)
	var work sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		work.Go(func() {
			for time.Now().Before(end) {
				mu.Lock()
				seed := first + played
				played++
				mu.Unlock()
				h, err := oneHistory(t, seed, nights)
				if err != nil {
					t.Errorf("history %d: %v", seed, err)
				}
				mu.Lock()
				sum.full, sum.incremental, sum.behind = sum.full+h.full, sum.incremental+h.incremental, sum.behind+h.behind
				sum.incomplete, sum.requests = sum.incomplete+h.incomplete, sum.requests+h.requests
				mu.Unlock()
			}
		})
	}
	work.Wait()
	each := func(n int) float64 { return float64(n) / float64(nights*played) }
	t.Logf("%d histories: a night has %.2f full and %.2f incremental syncs and %.1f requests; %.2f end incomplete; %d of %d incremental syncs are behind",
		played, each(sum.full), each(sum.incremental), each(sum.requests), each(sum.incomplete), sum.behind, sum.incremental)
}

func oneHistory(t *testing.T, seed uint64, nights int) (history, error) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 7))
	s := newStage(t, denseJobs, world(r.IntN(150)))
	defer s.close()
	s.sim.Inject(simulate.Fault{Kind: "limit", Arg: 10})
	h := history{stage: s, random: r, bad: seed%4 != 0}
	err := h.play(t, nights)
	return h, err
}

// TestAListThatMovesDuringAnIncrementalSync changes the library between answers.
func TestAListThatMovesDuringAnIncrementalSync(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			s := newStage(t, listJobs, world(600))
			s.run(t, "saved_tracks", pipeline.Mode{})
			r := rand.New(rand.NewPCG(seed, 9))
			s.change(r)
			s.change(r)
			var changing sync.Mutex // requests of a full sync are concurrent
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

func TestAnIncrementalSyncIsNoProofForever(t *testing.T) {
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
	if run := next(24*time.Hour, pipeline.Mode{}); run.Requests != 1 || run.SavedRequests != 5 {
		t.Errorf("a quiet night costs %d requests and saves %d", run.Requests, run.SavedRequests)
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
		t.Errorf("accepting removals: %d requests", run.Requests)
	}
}

// TestRefusedRemovalsStayPending removes a third of a library.
func TestRefusedRemovalsStayPending(t *testing.T) {
	t.Parallel()
	s := newStage(t, listJobs, world(400))
	s.run(t, "saved_tracks", pipeline.Mode{})
	for range 120 {
		s.sim.RemoveTrack(50)
	}
	for range 2 {
		s.clock.set(s.clock.Now().Add(24 * time.Hour))
		run := s.run(t, "saved_tracks", pipeline.Mode{})
		if run.Status != load.StatusIncomplete || run.Pending != 120 || len(s.live(t)) != 400 {
			t.Errorf("%+v", run)
		}
	}
	s.run(t, "saved_tracks", pipeline.Mode{AcceptRemovals: true})
	if !slices.Equal(s.live(t), s.truth()) {
		t.Error("the removals were not accepted")
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
	if run := s.run(t, "again", pipeline.Mode{}); run.Requests != 0 || run.SavedRequests != 6 || run.Status != load.StatusOK || run.Tables["saved_tracks"].Added != 300 {
		t.Errorf("the second: %+v", run)
	}
}
