package pipeline_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/simulate"
)

// longList has 30 pages, of which 20 may be read a day.
func longList(t *testing.T) *stage {
	t.Helper()
	return newStage(t, "budgets: {me/tracks: 20}\n"+listJobs, library(1500))
}

// day runs the job and lets a day pass.
func (s *stage) day(t *testing.T, mode pipeline.Mode) load.Run {
	t.Helper()
	run := s.run(t, "saved_tracks", mode)
	s.clock.set(s.clock.Now().Add(24*time.Hour + time.Minute))
	return run
}

// days lets days pass until a run ends ok.
func (s *stage) days(t *testing.T) {
	t.Helper()
	for range 10 {
		if s.day(t, pipeline.Mode{}).Status == load.StatusOK {
			return
		}
	}
	t.Fatal("the list is never complete")
}

// TestRemovalsFromALongList removes tracks from a list that is never read in one run,
// at places that no incremental sync reads.
func TestRemovalsFromALongList(t *testing.T) {
	t.Parallel()
	s := longList(t)
	s.days(t)
	s.isTruth(t)
	for range 6 {
		s.day(t, pipeline.Mode{})
	}
	for range 5 {
		s.sim.RemoveTrack(100)
	}
	for range 16 { // two readings, a week apart
		s.day(t, pipeline.Mode{})
	}
	s.isTruth(t)
}

// TestAMassRemovalFromALongListIsRefused removes a quarter of a list that is never read
// in one run. Every run reports it until the user accepts it.
func TestAMassRemovalFromALongListIsRefused(t *testing.T) {
	t.Parallel()
	s := longList(t)
	s.days(t)
	for range 400 {
		s.sim.RemoveTrack(100)
	}
	s.sim.SaveTracks(100, s.clock.Now())
	for range 4 {
		if run := s.day(t, pipeline.Mode{}); run.Status != load.StatusIncomplete || run.Pending < 390 {
			t.Errorf("pending %d: %s", run.Pending, run.Status)
		}
	}
	if run := s.day(t, pipeline.Mode{AcceptRemovals: true}); run.Status != load.StatusOK || run.Pending > 0 {
		t.Errorf("%+v", run)
	}
	s.isTruth(t)
}

// TestAListInterruptedTwiceIsStillSyncedInFull interrupts the full sync that is due, and
// the one that is due after it was resumed.
func TestAListInterruptedTwiceIsStillSyncedInFull(t *testing.T) {
	t.Parallel()
	s := newStage(t, listJobs, library(1500))
	s.run(t, "saved_tracks", pipeline.Mode{})
	s.clock.set(s.clock.Now().Add(8 * 24 * time.Hour))
	for range 5 {
		s.sim.RemoveTrack(60)
	}
	for range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		s.onTracks(24, cancel)
		if run := s.runner.Run(ctx, pipeline.Task{Job: s.config.Job("saved_tracks"), User: s.user}, pipeline.Mode{}); run.Status != load.StatusInterrupted {
			t.Fatalf("%+v", run)
		}
		<-s.ended
		s.sim.OnRequest(nil)
		s.run(t, "saved_tracks", pipeline.Mode{}) // resumes
	}
	s.day(t, pipeline.Mode{})
	s.day(t, pipeline.Mode{})
	s.isTruth(t)
}

func TestRefusedRemovalsOutliveFailedRuns(t *testing.T) {
	t.Parallel()
	s := newStage(t, listJobs, world(400))
	s.run(t, "saved_tracks", pipeline.Mode{})
	for range 120 {
		s.sim.RemoveTrack(50)
	}
	s.day(t, pipeline.Mode{})
	stop := s.sim.Inject(simulate.Fault{Kind: "status", Arg: 401})
	for range 20 {
		s.run(t, "saved_tracks", pipeline.Mode{})
	}
	stop()
	if run := s.run(t, "saved_tracks", pipeline.Mode{}); run.Pending != 120 {
		t.Errorf("pending %d: %+v", run.Pending, run)
	}
}

// TestAnotherProcessIsNewerThanSharedAnswers lets another process run a job
// between two of this one that share a list.
func TestAnotherProcessIsNewerThanSharedAnswers(t *testing.T) {
	t.Parallel()
	s := newStage(t, twoOfOneList, world(300))
	s.run(t, "again", pipeline.Mode{})
	s.shares(t)
	s.run(t, "saved_tracks", pipeline.Mode{})
	s.clock.set(s.clock.Now().Add(time.Minute))
	s.sim.SaveTracks(3, s.clock.Now())
	other := pipeline.NewRunner(s.config, s.runner.Options)
	other.Run(t.Context(), pipeline.Task{Job: s.config.Job("again"), User: s.user}, pipeline.Mode{})
	<-s.ended
	s.clock.set(s.clock.Now().Add(time.Minute))
	s.run(t, "again", pipeline.Mode{})
	s.isTruthIn(t, "pond")
}

// unrationed is a job of a calendar without a budget.
func (c *calendar) unrationed(t *testing.T) {
	t.Helper()
	c.configure(t, fmt.Sprintf(`budgets: {artists/albums: 0}
destinations: {lake: {type: parquet, path: %q}}
jobs:
  artist_albums: {destinations: [lake], options: {artists: {ids: [%%s]}}}
`, t.TempDir()), nil)
}

// TestAnAlbumWithAnotherDateIsNotRemoved moves one album to the place of a
// removed one, so that the length of the list between does not change.
func TestAnAlbumWithAnotherDateIsNotRemoved(t *testing.T) {
	t.Parallel()
	c := newCalendar(t, 4, 100, 100_000)
	c.unrationed(t)
	c.run(t, "artist_albums", pipeline.Mode{})
	id := c.busiest()
	all := c.sim.ArtistAlbums(id, "album", "single")
	c.sim.MoveAlbum(id, all[3], all[200])
	c.sim.RemoveAlbum(id, all[203])
	c.clock.set(c.clock.Now().Add(24 * time.Hour))
	run := c.run(t, "artist_albums", pipeline.Mode{})
	if rows := c.rows(t, "album_id"); run.Status != load.StatusOK || rows[all[3]] == 0 || rows[all[203]] > 0 {
		t.Errorf("the moved album has %d rows, the one that went %d: %+v", rows[all[3]], rows[all[203]], run)
	}
}

// TestOtherOptionsAreAnotherList asks for fewer groups of albums than before.
func TestOtherOptionsAreAnotherList(t *testing.T) {
	t.Parallel()
	c := newCalendar(t, 6, 30, 100_000)
	c.unrationed(t)
	c.run(t, "artist_albums", pipeline.Mode{})
	before := c.rows(t, "album_group")
	c.config.Job("artist_albums").Options.Words["include_groups"] = []string{"album"}
	c.clock.set(c.clock.Now().Add(24 * time.Hour))
	c.run(t, "artist_albums", pipeline.Mode{})
	if after := c.rows(t, "album_group"); after["single"] != before["single"] || before["single"] == 0 {
		t.Errorf("%d singles of %d are left", after["single"], before["single"])
	}
}

// TestATrackThatComesAsNull is not removed, however long it stays so. A track that
// is removed in the same night is: it stood between other neighbours.
func TestATrackThatComesAsNull(t *testing.T) {
	t.Parallel()
	s := newStage(t, listJobs, world(120))
	s.day(t, pipeline.Mode{})
	hidden := s.sim.SavedTracks()[60].TrackID
	s.sim.SetRaw(60, "null")
	s.sim.SaveTracks(1, s.clock.Now()) // so that the incremental sync reads there
	removed := s.sim.RemoveTrack(100)
	for night := range 9 {
		run := s.day(t, pipeline.Mode{})
		if live := s.live(t); len(live) != 120 || !slices.Contains(live, hidden) || slices.Contains(live, removed) {
			t.Fatalf("night %d: %d tracks are live", night, len(live))
		}
		want := load.StatusIncomplete
		if night >= 7 {
			want = load.StatusOK
		}
		if run.Status != want || run.Pending != 1 || run.Unreadable != 1 || run.Message == "" {
			t.Errorf("night %d: %+v", night, run)
		}
	}
	s.sim.Restore(61)
	for range 7 { // by then it is read again once a week
		s.day(t, pipeline.Mode{})
	}
	if run := s.day(t, pipeline.Mode{}); run.Status != load.StatusOK || run.Unreadable+run.Pending > 0 {
		t.Errorf("%+v", run)
	}
	s.isTruth(t)
}
