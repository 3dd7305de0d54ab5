package pipeline_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/simulate"
)

// TestNothingIsRemovedOnBadDays lets entries of a library go bad for two nights,
// with a full sync in each, and recover.
func TestNothingIsRemovedOnBadDays(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault   simulate.Fault
		bad     load.Status
		pending int
	}{
		"fields of another type":  {simulate.Fault{Kind: "mistype", Arg: 100, Count: 100}, load.StatusOK, 0},
		"whole numbers as floats": {simulate.Fault{Kind: "floats"}, load.StatusOK, 0},
		"no track":                {simulate.Fault{Kind: "nullitem", Arg: 30, Count: 10}, load.StatusIncomplete, 10},
		"null":                    {simulate.Fault{Kind: "nullrow", Arg: 30, Count: 10}, load.StatusIncomplete, 10},
		"no id":                   {simulate.Fault{Kind: "noid", Arg: 30, Count: 10}, load.StatusIncomplete, 10},
		"another type of item":    {simulate.Fault{Kind: "kind", Arg: 30, Count: 10}, load.StatusIncomplete, 10},
		"all of them are null":    {simulate.Fault{Kind: "nullitem", Arg: 0, Count: 1000}, load.StatusIncomplete, 1000},
		"not delivered":           {simulate.Fault{Kind: "hole", Arg: 130, Count: 3}, load.StatusIncomplete, 3},
		"an empty page":           {simulate.Fault{Kind: "emptypage", Arg: 130}, load.StatusIncomplete, 50},
		"an empty list":           {simulate.Fault{Kind: "vacant"}, load.StatusIncomplete, 1000},
		"pages that fail":         {simulate.Fault{Kind: "baditem", Arg: 130, Count: 2}, load.StatusIncomplete, 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, listJobs, world(1000))
			s.day(t, pipeline.Mode{})
			tt.fault.Path = "/v1/me/tracks"
			recover := s.sim.Inject(tt.fault)
			for _, hour := range []int{0, 1} { // twice within a day: a hole or an empty list of two days counts
				run := s.run(t, "saved_tracks", pipeline.Mode{Backfill: hour == 0})
				if run.Status != tt.bad || run.Pending != tt.pending {
					t.Errorf("run %d: %s with %d pending, want %s with %d: %+v", hour, run.Status, run.Pending, tt.bad, tt.pending, run)
				}
				if tt.bad == load.StatusIncomplete && (run.Message == "" || strings.Contains(run.Hint, "--accept-removals")) {
					t.Errorf("message %q, hint %q", run.Message, run.Hint)
				}
				if tt.fault.Kind == "mistype" && hour == 0 && run.FieldErrors == 0 {
					t.Errorf("no field errors: %+v", run)
				}
				s.isTruth(t)
			}
			recover()
			s.day(t, pipeline.Mode{})
			if run := s.day(t, pipeline.Mode{Backfill: true}); run.Status != load.StatusOK || run.Pending+run.Unreadable > 0 {
				t.Errorf("after recovery: %+v", run)
			}
			s.isTruth(t)
		})
	}
}

// TestAFirstExportOfWhichNothingCanBeRead is not ok.
func TestAFirstExportOfWhichNothingCanBeRead(t *testing.T) {
	t.Parallel()
	s := newStage(t, listJobs, world(60))
	s.sim.Inject(simulate.Fault{Kind: "nullitem", Count: 60, Path: "/v1/me/tracks"})
	run := s.day(t, pipeline.Mode{})
	if run.Status != load.StatusIncomplete || run.Unreadable != 60 || !strings.Contains(run.Message, "60 of 60 entries could not be read") {
		t.Errorf("%+v", run)
	}
}

// TestAnEmptyListCountsOnALaterDay holds for a list that is short enough for the
// limit of removals.
func TestAnEmptyListCountsOnALaterDay(t *testing.T) {
	t.Parallel()
	s := newStage(t, listJobs, world(40))
	s.day(t, pipeline.Mode{})
	s.sim.Inject(simulate.Fault{Kind: "vacant", Path: "/v1/me/tracks"})
	for range 2 {
		if run := s.run(t, "saved_tracks", pipeline.Mode{}); run.Status != load.StatusIncomplete || run.Pending != 40 || len(s.live(t)) != 40 {
			t.Errorf("%+v", run)
		}
	}
	s.day(t, pipeline.Mode{})
	if run := s.day(t, pipeline.Mode{}); run.Status != load.StatusOK || len(s.live(t)) != 0 {
		t.Errorf("%d tracks are live: %+v", len(s.live(t)), run)
	}
}

// TestAHoleCountsOnALaterDay lets a track go whose position is still counted.
func TestAHoleCountsOnALaterDay(t *testing.T) {
	t.Parallel()
	s := newStage(t, listJobs, world(300))
	s.day(t, pipeline.Mode{})
	s.sim.Hide(120)
	for night, want := range []load.Status{load.StatusIncomplete, load.StatusOK, load.StatusOK} {
		run := s.day(t, pipeline.Mode{Backfill: true})
		if live := len(s.live(t)); run.Status != want || live != 300-min(night, 1) {
			t.Errorf("night %d: %d tracks are live: %+v", night, live, run)
		}
	}
	// Nothing is pending: a night costs the head and the page with the hole.
	if run := s.day(t, pipeline.Mode{}); run.Status != load.StatusOK || run.Requests > 2 {
		t.Errorf("%+v", run)
	}
}

// TestRowsAreFoundAgainWhereTheStateIsLost removes what went meanwhile, and nothing
// that cannot be read.
func TestRowsAreFoundAgainWhereTheStateIsLost(t *testing.T) {
	t.Parallel()
	s := newStage(t, listJobs, world(200))
	s.day(t, pipeline.Mode{})
	s.loseState(t, "saved_tracks")
	removed := s.sim.RemoveTrack(60)
	s.sim.SetRaw(10, "null")
	if run := s.day(t, pipeline.Mode{}); run.Status != load.StatusIncomplete || run.Pending != 2 || len(s.live(t)) != 200 {
		t.Errorf("%+v", run)
	}
	s.sim.Restore(10)
	s.day(t, pipeline.Mode{})
	if run := s.day(t, pipeline.Mode{}); run.Status != load.StatusOK || slices.Contains(s.live(t), removed) {
		t.Errorf("%+v", run)
	}
	s.isTruth(t)
}

// TestATrackThatWasSavedTwice keeps the later date, and stays when one of its
// entries goes.
func TestATrackThatWasSavedTwice(t *testing.T) {
	t.Parallel()
	s := newStage(t, listJobs, world(120))
	again := s.clock.Now()
	s.sim.SaveTrackTwice(100, again)
	s.day(t, pipeline.Mode{})
	s.isTruth(t)
	twice := s.sim.SavedTracks()[0]
	if got := s.addedAt(t, twice.TrackID); !got.Equal(twice.AddedAt) {
		t.Errorf("added at %v, want %v", got, twice.AddedAt)
	}
	s.sim.RemoveTrack(90) // so that the page with the older entry is read
	if run := s.day(t, pipeline.Mode{}); run.Status != load.StatusOK {
		t.Errorf("%+v", run)
	}
	if got := s.addedAt(t, twice.TrackID); !got.Equal(twice.AddedAt) {
		t.Errorf("after an incremental sync: added at %v, want %v", got, twice.AddedAt)
	}
	s.isTruth(t)
}
