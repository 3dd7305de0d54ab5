package pipeline_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
)

// busiest is the artist with the longest discography.
func (c *calendar) busiest() string {
	return slices.MaxFunc(c.artists, func(a, b string) int {
		return len(c.sim.ArtistAlbums(a, "album", "single")) - len(c.sim.ArtistAlbums(b, "album", "single"))
	})
}

// untilOK lets nights pass until a cycle is complete.
func (c *calendar) untilOK(t *testing.T) {
	t.Helper()
	for range 20 {
		if c.pass(t).Status == load.StatusOK {
			return
		}
	}
	t.Fatal("the cycle does not end")
}

// TestABackfillOfALongListResumes reads a discography that is longer than a
// day's budget.
func TestABackfillOfALongListResumes(t *testing.T) {
	t.Parallel()
	c := newCalendar(t, 2, 1800, 100)
	c.complete(t, 10)
	for night := range 10 {
		c.sim.OnRequest(func(int, *http.Request) { c.clock.set(c.clock.Now().Add(time.Second)) })
		run := c.run(t, "artist_albums", pipeline.Mode{Backfill: true})
		if run.Status == load.StatusOK {
			if night == 0 {
				t.Error("the lists are too short for this test")
			}
			return
		}
		if run.Status != load.StatusDeferred {
			t.Fatalf("%+v", run)
		}
		c.clock.set(c.clock.Now().Add(24 * time.Hour))
	}
	t.Error("the backfill does not end")
}

// TestListsLongerThanTheBudget reads discographies that take several nights, also
// where they cannot be synced incrementally afterwards.
func TestListsLongerThanTheBudget(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]string{
		"newest first": "options: {artists: {ids: [%s]}}",
		"in no order":  "options: {include_groups: [album, single, appears_on], artists: {ids: [%s]}}",
		"always full":  "full_every: 0d, options: {artists: {ids: [%s]}}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCalendarOf(t, 2, 1800, 100, settings)
			c.complete(t, 10)
			if c.night < 3 || c.throttled > 0 {
				t.Errorf("%d nights, %d requests throttled", c.night, c.throttled)
			}
		})
	}
}

// TestAListThatMovesBeforeAnInterrupt removes an album while a discography is read
// that is interrupted later. The next run completes it, and the one after, a full
// sync, finds the removal.
func TestAListThatMovesBeforeAnInterrupt(t *testing.T) {
	t.Parallel()
	c := newCalendar(t, 4, 150, 1000)
	id := c.busiest()
	c.stage.config.Job("artist_albums").Options.Parents.IDs = []string{id}
	c.artists = []string{id}
	ctx, cancel := context.WithCancel(t.Context())
	var asked atomic.Int64 // requests come concurrently
	c.sim.OnRequest(func(_ int, q *http.Request) {
		c.clock.set(c.clock.Now().Add(time.Second))
		if !strings.Contains(q.URL.Path, "/albums") {
			return
		}
		switch asked.Add(1) {
		case 12:
			c.sim.RemoveAlbum(id, c.sim.ArtistAlbums(id, "album", "single")[15])
		case 24:
			cancel()
		}
	})
	run := c.runner.Run(ctx, pipeline.Task{Job: c.config.Job("artist_albums"), User: c.user}, pipeline.Mode{})
	<-c.ended
	if n := c.rows(t, "artist_id")[id]; run.Status != load.StatusInterrupted || n == 0 {
		t.Fatalf("%d rows: %+v", n, run)
	}
	for range 2 {
		c.clock.set(c.clock.Now().Add(24 * time.Hour))
		if run := c.pass(t); run.Status != load.StatusOK && run.Pending != 1 {
			t.Fatalf("%+v", run)
		}
	}
	rows := c.rows(t, "album_id")
	for _, album := range c.sim.ArtistAlbums(id, "album", "single") {
		if rows[album] == 0 {
			t.Errorf("album %s is missing", album)
		}
		delete(rows, album)
	}
	if len(rows) > 0 {
		t.Errorf("%d albums are live and were removed", len(rows))
	}
}

// TestRunsResumeABackfill lets ordinary runs end a backfill: they too sync in full
// what it still lacks.
func TestRunsResumeABackfill(t *testing.T) {
	t.Parallel()
	c := newCalendar(t, 60, 40, 100)
	c.complete(t, 9)
	c.untilOK(t)
	requests := 0
	for _, backfill := range []bool{true, false, true, false} {
		run := c.passIn(t, pipeline.Mode{Backfill: backfill})
		requests += run.Requests
		if run.SavedRequests > 0 {
			t.Errorf("lists were synced incrementally: %+v", run)
		}
		if run.Status == load.StatusOK {
			break
		}
	}
	want := 0
	for _, id := range c.artists {
		want += (len(c.sim.ArtistAlbums(id, "album", "single")) + 9) / 10
	}
	if requests < want {
		t.Errorf("%d requests for %d pages", requests, want)
	}
	if run := c.pass(t); run.SavedRequests == 0 {
		t.Errorf("the night after, lists are still synced in full: %+v", run)
	}
}

// TestRefusedRemovalsOfAnArtistAreReportedUntilAccepted removes a third of a
// discography.
func TestRefusedRemovalsOfAnArtistAreReportedUntilAccepted(t *testing.T) {
	t.Parallel()
	c := newCalendar(t, 90, 40, 100)
	c.complete(t, 9)
	c.untilOK(t)
	id := c.busiest()
	all := c.sim.ArtistAlbums(id, "album", "single")
	removed := len(all)*3/10 + 1
	for _, album := range all[10 : 10+removed] {
		c.sim.RemoveAlbum(id, album)
	}
	reported := 0
	for range 6 {
		run := c.pass(t)
		if rows := c.rows(t, "artist_id")[id]; rows != len(all) {
			t.Errorf("%d rows of %d are left", rows, len(all))
		}
		refused := strings.Contains(run.Message, "refused to remove") && strings.Contains(run.Hint, "--accept-removals")
		if reported > 0 && (run.Pending != removed || !refused) {
			t.Errorf("%d removals are pending, want %d: %s, %s", run.Pending, removed, run.Message, run.Hint)
		}
		if refused {
			reported++
		}
	}
	if reported < 3 {
		t.Errorf("%d runs reported it", reported)
	}
	run := c.passIn(t, pipeline.Mode{AcceptRemovals: true})
	if rows := c.rows(t, "artist_id")[id]; run.Pending > 0 || rows != len(all)-removed {
		t.Errorf("%d rows are left, want %d: %+v", rows, len(all)-removed, run)
	}
}
