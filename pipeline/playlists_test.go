package pipeline_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/simulate"
)

const playlistJobs = `jobs:
  playlists: {destinations: [lake]}
  playlist_items: {destinations: [lake]}
`

// playlistStage is an app that may read every playlist.
func playlistStage(t *testing.T) *stage {
	t.Helper()
	s := newStage(t, playlistJobs, quiet(simulate.Extended))
	s.itemsAre(t, s.run(t, "playlist_items", pipeline.Mode{}), "ok")
	return s
}

// itemsAre compares the stored items with those of the playlists, and with the log.
func (s *stage) itemsAre(t *testing.T, run load.Run, status load.Status) {
	t.Helper()
	var want, got []string
	for _, p := range s.sim.Playlists() {
		for i, item := range s.sim.PlaylistItems(p.ID) {
			uri := item.URI
			if uri == "" {
				uri = "NULL"
			}
			want = append(want, fmt.Sprintf("%s %d %s", p.ID, i+1, uri))
		}
	}
	s.eachRow(t, "playlist_items", func(r arrow.Record, i int) {
		got = append(got, fmt.Sprintf("%s %s %s", cell(r, "playlist_id", i), cell(r, "position", i), cell(r, "item_uri", i)))
	})
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) || run.Status != status {
		t.Errorf("%d items, want %d; first difference %s: %+v", len(got), len(want), difference(got, want), run)
	}
	s.logTells(t)
}

func difference(a, b []string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return a[i] + " / " + b[i]
		}
	}
	return "at the end"
}

// tomorrow runs the items' job a night later.
func (s *stage) tomorrow(t *testing.T, mode pipeline.Mode) load.Run {
	t.Helper()
	s.clock.set(s.clock.Now().Add(24 * time.Hour))
	return s.run(t, "playlist_items", mode)
}

func TestPlaylistItemsFollowThePlaylists(t *testing.T) {
	t.Parallel()
	s := playlistStage(t)
	all := s.sim.Playlists()
	if run := s.tomorrow(t, pipeline.Mode{}); run.Requests != 1 || run.Status != load.StatusOK || run.Parents != len(all) || run.UpToDate != len(all) {
		t.Errorf("nothing has changed: %+v", run)
	}
	for name, change := range map[string]func(id string){
		"items added in front": func(id string) { s.sim.AddItems(id, 0, 3, simulate.TrackItem, s.clock.Now()) },
		"an item removed":      func(id string) { s.sim.RemoveItem(id, 2) },
		"an item moved":        func(id string) { s.sim.MoveItem(id, 1, 20) },
		"a local file":         func(id string) { s.sim.AddItems(id, 5, 1, simulate.LocalItem, s.clock.Now()) },
		"an unknown item":      func(id string) { s.sim.AddItems(id, 5, 1, simulate.NullItem, s.clock.Now()) },
		"many items removed": func(id string) {
			for range 200 {
				s.sim.RemoveItem(id, 10)
			}
		},
	} {
		change(all[1].ID)
		run := s.tomorrow(t, pipeline.Mode{})
		s.itemsAre(t, run, load.StatusOK)
		if run.Requests > 1+3 {
			t.Errorf("%s: %+v", name, run)
		}
	}
	id := s.sim.CreatePlaylist("Another one")
	s.sim.AddItems(id, 0, 30, simulate.EpisodeItem, s.clock.Now())
	s.itemsAre(t, s.tomorrow(t, pipeline.Mode{}), load.StatusOK)
}

func TestAPlaylistThatIsNoLongerFollowed(t *testing.T) {
	t.Parallel()
	s := playlistStage(t)
	id := s.sim.CreatePlaylist("Short")
	s.sim.AddItems(id, 0, 10, simulate.TrackItem, s.clock.Now())
	s.itemsAre(t, s.tomorrow(t, pipeline.Mode{}), load.StatusOK)
	s.sim.DeletePlaylist(id)
	s.itemsAre(t, s.tomorrow(t, pipeline.Mode{}), load.StatusOK)

	long := s.sim.Playlists()[1] // more than a fifth of all items
	s.sim.DeletePlaylist(long.ID)
	run := s.tomorrow(t, pipeline.Mode{})
	if run.Status != load.StatusIncomplete || run.Pending != long.Items || run.Tables["playlist_items"].Removed != 0 || !strings.Contains(run.Hint, "--accept-removals") {
		t.Errorf("%+v", run)
	}
	s.itemsAre(t, s.tomorrow(t, pipeline.Mode{AcceptRemovals: true}), load.StatusOK)
}

// TestNoItemIsRemovedOnBadDays spoils the list of playlists, or one of them.
func TestNoItemIsRemovedOnBadDays(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(s *stage){
		"a playlist without an id": func(s *stage) { s.sim.BreakPlaylist(s.sim.Playlists()[0].ID, `{"id":null,"name":"?"}`) },
		"a playlist that is null":  func(s *stage) { s.sim.BreakPlaylist(s.sim.Playlists()[0].ID, `null`) },
		"a hole in the list":       func(s *stage) { s.sim.HidePlaylist(s.sim.Playlists()[0].ID) },
		"no list":                  func(s *stage) { s.sim.Inject(simulate.Fault{Kind: "status", Arg: 503, Path: "/v1/me/playlists"}) },
		"items that are forbidden": func(s *stage) {
			p := s.sim.Playlists()[0]
			s.sim.AddItems(p.ID, 0, 1, simulate.TrackItem, s.clock.Now())
			s.sim.ForbidPlaylist(p.ID)
		},
		"all playlists empty at once": func(s *stage) {
			for _, p := range s.sim.Playlists() {
				for range p.Items {
					s.sim.RemoveItem(p.ID, 0)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := playlistStage(t)
			before := s.column(t, "playlist_items", "position")
			spoil(s)
			run := s.tomorrow(t, pipeline.Mode{})
			if run.Status == load.StatusOK || run.Tables["playlist_items"].Removed > 0 {
				t.Errorf("%+v", run)
			}
			if after := s.column(t, "playlist_items", "position"); len(after) != len(before) {
				t.Errorf("%d rows, before %d", len(after), len(before))
			}
		})
	}
}

// TestAnEmptyPlaylistCountsOnALaterDay empties one.
func TestAnEmptyPlaylistCountsOnALaterDay(t *testing.T) {
	t.Parallel()
	s := playlistStage(t)
	p := s.sim.Playlists()[0]
	for range p.Items {
		s.sim.RemoveItem(p.ID, 0)
	}
	if run := s.tomorrow(t, pipeline.Mode{}); run.Status != load.StatusIncomplete || run.Pending != p.Items {
		t.Errorf("the first night: %+v", run)
	}
	s.itemsAre(t, s.tomorrow(t, pipeline.Mode{}), load.StatusOK)
}

// TestPlaylistsThatTheAppMayNotRead are reported, and asked for again only when they
// change.
func TestPlaylistsThatTheAppMayNotRead(t *testing.T) {
	t.Parallel()
	s := newStage(t, playlistJobs, quiet(simulate.Development))
	for range 3 {
		run := s.tomorrow(t, pipeline.Mode{})
		if run.Status != load.StatusOK || !strings.Contains(run.Message, "Spotify does not serve it to this app") {
			t.Errorf("%+v", run)
		}
	}
	denied := map[string]int{}
	for _, r := range s.sim.Requests() {
		if r.Status == http.StatusForbidden {
			denied[r.Path]++
		}
	}
	if len(denied) == 0 || slices.Max(slices.Collect(maps.Values(denied))) > 1 {
		t.Errorf("denied: %v", denied)
	}
	s.sim.AddItems(s.sim.Playlists()[0].ID, 0, 1, simulate.TrackItem, s.clock.Now())
	if run := s.tomorrow(t, pipeline.Mode{}); run.Requests != 2 {
		t.Errorf("one playlist has changed: %+v", run)
	}
}

// TestPlaylistsThatAreNotFound lets one playlist answer 404, then all of them.
func TestPlaylistsThatAreNotFound(t *testing.T) {
	t.Parallel()
	s := playlistStage(t)
	p := s.sim.Playlists()[0]
	s.sim.AddItems(p.ID, 0, 1, simulate.TrackItem, s.clock.Now())
	remove := s.sim.Inject(simulate.Fault{Kind: "status", Arg: 404, Path: "/v1/playlists/" + p.ID + "/items"})
	if run := s.tomorrow(t, pipeline.Mode{}); run.Status != load.StatusIncomplete || !strings.Contains(run.Message, p.ID+": Spotify does not serve it to this app") || run.Tables["playlist_items"].Removed > 0 {
		t.Errorf("one: %+v", run)
	}
	remove()
	s.sim.Inject(simulate.Fault{Kind: "status", Arg: 404, Path: "/v1/playlists/"})
	if run := s.tomorrow(t, pipeline.Mode{Backfill: true}); run.Status != load.StatusFailed || !strings.Contains(run.Message, "Spotify answered 404 for") || run.Tables["playlist_items"].Removed > 0 {
		t.Errorf("all: %+v", run)
	}
}
