package pipeline_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/simulate"
)

// itemsPath is the path of a playlist's items.
func itemsPath(playlist string) string { return "/v1/playlists/" + playlist + "/items" }

// nights runs the items' job for some nights, and counts the requests for a playlist in
// each.
func (s *stage) nights(t *testing.T, playlist string, nights int) (asked []int, last load.Run) {
	t.Helper()
	for range nights {
		before := s.sim.Count(itemsPath(playlist))
		last = s.tomorrow(t, pipeline.Mode{})
		asked = append(asked, s.sim.Count(itemsPath(playlist))-before)
	}
	return asked, last
}

// plan plans the items' job.
func (s *stage) plan(t *testing.T) pipeline.Plan {
	t.Helper()
	p, err := s.runner.NewPlanner().Plan(t.Context(), pipeline.Task{Job: s.config.Job("playlist_items"), User: s.user})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestADeniedPlaylistCostsOneRequestAMonth also when it changes every night.
func TestADeniedPlaylistCostsOneRequestAMonth(t *testing.T) {
	t.Parallel()
	s := newStage(t, playlistJobs, quiet(simulate.Development))
	id := s.sim.FollowPlaylist("Nils' finds")
	s.sim.AddItems(id, 0, 5, simulate.TrackItem, s.clock.Now())
	since := s.clock.Now().Add(24 * time.Hour)
	var asked []int
	for range 62 {
		night, run := s.nights(t, id, 1)
		asked = append(asked, night...)
		if run.Status != load.StatusOK {
			t.Errorf("%+v", run)
		}
		s.sim.AddItems(id, 0, 1, simulate.TrackItem, s.clock.Now())
	}
	want := make([]int, 62)
	want[0], want[30], want[60] = 1, 1, 1
	if !slices.Equal(asked, want) {
		t.Errorf("requests by night: %v", asked)
	}
	i := slices.IndexFunc(s.plan(t).Denied, func(d pipeline.Denied) bool { return d.ID == id })
	if i < 0 {
		t.Fatalf("the plan does not tell: %+v", s.plan(t))
	}
	if d := s.plan(t).Denied[i]; d.Name != "Nils' finds" || d.Reason != "403: Spotify does not serve its items to this app" || !d.Since.Equal(since) {
		t.Errorf("%+v", d)
	}
	if run := s.tomorrow(t, pipeline.Mode{Backfill: true}); s.sim.Count(itemsPath(id)) != 4 {
		t.Errorf("a backfill does not ask again: %+v", run)
	}
}

// TestAPlaylistThatWasReadIsDenied for ten nights, and then served again: its rows stay,
// and as long as that may be a blip it is asked for every night.
func TestAPlaylistThatWasReadIsDenied(t *testing.T) {
	t.Parallel()
	s := playlistStage(t)
	p := s.sim.Playlists()[0]
	s.sim.AddItems(p.ID, 0, 1, simulate.TrackItem, s.clock.Now())
	s.sim.ForbidPlaylist(p.ID)
	asked, run := s.nights(t, p.ID, 7)
	if !slices.Equal(asked, []int{1, 1, 1, 1, 1, 1, 1}) || run.Status != load.StatusIncomplete || run.Hint != "nothing to do: its rows stay, and the next run asks again" {
		t.Errorf("a week: %v: %+v", asked, run)
	}
	asked, run = s.nights(t, p.ID, 3)
	if !slices.Equal(asked, []int{0, 0, 0}) || run.Status != load.StatusOK || run.Hint != "to see all such lists: exporter plan playlist_items" {
		t.Errorf("then: %v: %+v", asked, run)
	}
	if rows := s.itemsOf(t, p.ID); len(rows) != p.Items {
		t.Errorf("%d rows of %d", len(rows), p.Items)
	}
	s.sim.RestorePlaylist(p.ID)
	if asked, _ := s.nights(t, p.ID, 26); slices.Max(asked) > 0 {
		t.Errorf("within the month: %v", asked)
	}
	_, run = s.nights(t, p.ID, 4)
	s.itemsAre(t, run, load.StatusOK)
	if d := s.plan(t).Denied; run.Message != "" || len(d) > 0 {
		t.Errorf("%+v: %+v", d, run)
	}
}

// TestABlipOfAPlaylist lasts one night.
func TestABlipOfAPlaylist(t *testing.T) {
	t.Parallel()
	s := playlistStage(t)
	p := s.sim.Playlists()[0]
	s.sim.AddItems(p.ID, 0, 1, simulate.TrackItem, s.clock.Now())
	s.sim.ForbidPlaylist(p.ID)
	if run := s.tomorrow(t, pipeline.Mode{}); run.Status != load.StatusIncomplete {
		t.Errorf("%+v", run)
	}
	s.sim.RestorePlaylist(p.ID)
	s.itemsAre(t, s.tomorrow(t, pipeline.Mode{}), load.StatusOK)
}

// TestPlaylistsOfOneName are told apart.
func TestPlaylistsOfOneName(t *testing.T) {
	t.Parallel()
	s := newStage(t, playlistJobs, quiet(simulate.Development))
	a, b := s.sim.FollowPlaylist("Another\x00 one"), s.sim.FollowPlaylist("Another\x00 one")
	run := s.tomorrow(t, pipeline.Mode{})
	if first := min(a, b); !strings.HasPrefix(run.Message, `playlist "Another one" (`+first+"): Spotify does not serve its items to this app; and 3 more lists") {
		t.Errorf("%+v", run)
	}
}

// TestThreeOfAHundredPlaylistsChanged costs their requests, and those for the list.
func TestThreeOfAHundredPlaylistsChanged(t *testing.T) {
	t.Parallel()
	s := newStage(t, playlistJobs, quiet(simulate.Extended))
	var ids []string
	for i := range 100 - len(s.sim.Playlists()) {
		ids = append(ids, s.sim.CreatePlaylist(fmt.Sprint("Number ", i)))
		s.sim.AddItems(ids[i], 0, 1+i%7, simulate.TrackItem, s.clock.Now())
	}
	s.itemsAre(t, s.tomorrow(t, pipeline.Mode{}), load.StatusOK)
	changed := map[string]int{"/v1/me/playlists": 2}
	for _, i := range []int{3, 40, 88} {
		s.sim.AddItems(ids[i], 0, 1, simulate.TrackItem, s.clock.Now())
		changed[itemsPath(ids[i])] = 1
	}
	before := len(s.sim.Requests())
	run := s.tomorrow(t, pipeline.Mode{})
	s.itemsAre(t, run, load.StatusOK)
	asked := map[string]int{}
	for _, r := range s.sim.Requests()[before:] {
		asked[r.Path]++
	}
	if !maps.Equal(asked, changed) || run.Requests != 5 || run.Parents != 100 || run.UpToDate != 100 {
		t.Errorf("asked %v, want %v: %+v", asked, changed, run)
	}
}
