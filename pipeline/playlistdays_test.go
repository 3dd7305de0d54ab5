package pipeline_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/simulate"
)

// itemsOf lists the stored items of a playlist, sorted: position, URI, kind, when they
// were added and by whom.
func (s *stage) itemsOf(t *testing.T, playlist string) []string {
	t.Helper()
	var out []string
	s.eachRow(t, "playlist_items", func(r arrow.Record, i int) {
		if cell(r, "playlist_id", i) != playlist {
			return
		}
		added := cell(r, "added_at", i)
		if at, err := time.Parse("2006-01-02 15:04:05Z", added); err == nil {
			added = at.Format(time.RFC3339)
		}
		out = append(out, fmt.Sprintf("%04s %s %s %s %s", cell(r, "position", i), cell(r, "item_uri", i), cell(r, "item_type", i), added, cell(r, "added_by", i)))
	})
	slices.Sort(out)
	return out
}

// truthOf lists the items that a playlist has, as itemsOf does.
func (s *stage) truthOf(playlist string) []string {
	var out []string
	null := func(s string) string {
		if s == "" {
			return "NULL"
		}
		return s
	}
	for i, item := range s.sim.PlaylistItems(playlist) {
		kind, added := "", ""
		switch item.Kind {
		case simulate.TrackItem, simulate.LocalItem:
			kind = "track"
		case simulate.EpisodeItem:
			kind = "episode"
		case simulate.NullItem:
		}
		if !item.AddedAt.IsZero() {
			added = item.AddedAt.UTC().Format(time.RFC3339)
		}
		out = append(out, fmt.Sprintf("%04d %s %s %s %s", i+1, null(item.URI), null(kind), null(added), null(item.AddedBy)))
	}
	slices.Sort(out)
	return out
}

// TestWhatStandsInAPlaylist keeps its place, in both modes: episodes among tracks, local
// files, items that Spotify has forgotten, and a track that is there twice; with who
// added it and when.
func TestWhatStandsInAPlaylist(t *testing.T) {
	t.Parallel()
	for _, mode := range []simulate.Mode{simulate.Development, simulate.Extended} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			s := newStage(t, playlistJobs, quiet(mode))
			id := s.sim.CreatePlaylist("Tracks, mostly")
			s.sim.AddItems(id, 0, 20, simulate.TrackItem, s.clock.Now())
			s.sim.AddItems(id, 5, 1, simulate.EpisodeItem, s.clock.Now().Add(time.Hour))
			s.sim.AddItems(id, 9, 2, simulate.LocalItem, s.clock.Now())
			s.sim.AddItems(id, 12, 1, simulate.NullItem, s.clock.Now())
			s.tomorrow(t, pipeline.Mode{})
			read := 0
			for _, p := range s.sim.Playlists() { // one of them has a track twice, one was filled by two people
				if got := s.itemsOf(t, p.ID); len(got) > 0 {
					read++
					if want := s.truthOf(p.ID); !slices.Equal(got, want) {
						t.Errorf("%s: %s", p.Name, difference(got, want))
					}
				}
			}
			if len(s.itemsOf(t, id)) != 24 || read < 4 {
				t.Errorf("%d items; %d playlists", len(s.itemsOf(t, id)), read)
			}
			for _, r := range s.sim.Requests() {
				if strings.HasSuffix(r.Path, "/tracks") && strings.Contains(r.Path, "/playlists/") {
					t.Errorf("asked %s", r.Path)
				}
			}
		})
	}
}

// TestAPlaylistThatIsDeletedWhileItIsRead answers 404 between two pages. Its rows stay
// until the list of playlists shows that it is gone.
func TestAPlaylistThatIsDeletedWhileItIsRead(t *testing.T) {
	t.Parallel()
	s := playlistStage(t)
	id := s.sim.CreatePlaylist("Short-lived")
	s.sim.AddItems(id, 0, 30, simulate.TrackItem, s.clock.Now())
	s.itemsAre(t, s.tomorrow(t, pipeline.Mode{}), load.StatusOK)
	rows := s.itemsOf(t, id)
	s.sim.AddItems(id, 0, 150, simulate.TrackItem, s.clock.Now())
	neighbour := s.sim.Playlists()[1].ID
	s.sim.AddItems(neighbour, 0, 3, simulate.TrackItem, s.clock.Now())
	s.sim.Inject(simulate.Fault{Kind: "status", Arg: 404, From: 100, Path: itemsPath(id)})
	run := s.tomorrow(t, pipeline.Mode{})
	if run.Status != load.StatusIncomplete || run.Requests != 4 || !strings.HasPrefix(run.Message, `playlist "Short-lived": `) {
		t.Errorf("%+v", run)
	}
	if got := s.itemsOf(t, id); !slices.Equal(got, rows) {
		t.Errorf("%d rows, before %d", len(got), len(rows))
	}
	if got, want := s.itemsOf(t, neighbour), s.truthOf(neighbour); !slices.Equal(got, want) {
		t.Errorf("the neighbour: %s", difference(got, want))
	}
	s.sim.ClearFaults()
	s.sim.DeletePlaylist(id)
	run = s.tomorrow(t, pipeline.Mode{})
	s.itemsAre(t, run, load.StatusOK)
	if run.Requests != 1 || run.Tables["playlist_items"].Removed != len(rows) {
		t.Errorf("%+v", run)
	}
}

// TestAVersionThatLies changes without a change, or not with one.
func TestAVersionThatLies(t *testing.T) {
	t.Parallel()
	t.Run("it changes alone", func(t *testing.T) {
		t.Parallel()
		s := playlistStage(t)
		p := s.sim.Playlists()[1]
		before := s.itemsOf(t, p.ID)
		s.sim.MoveItem(p.ID, 4, 4)
		run := s.tomorrow(t, pipeline.Mode{})
		s.itemsAre(t, run, load.StatusOK)
		if c := run.Tables["playlist_items"]; run.Requests != 1+(p.Items+99)/100 || c.Added+c.Changed+c.Removed > 0 || c.Unchanged != len(before) {
			t.Errorf("%+v: %+v", c, run)
		}
		if s.sim.Playlists()[1].SnapshotID == p.SnapshotID {
			t.Error("the version is the same")
		}
	})
	t.Run("it stays", func(t *testing.T) {
		t.Parallel()
		s := playlistStage(t)
		p := s.sim.Playlists()[0]
		s.sim.BreakItem(p.ID, 5, s.sim.RawItem(p.ID, 6))
		asked, run := s.nights(t, p.ID, 31)
		if c := run.Tables["playlist_items"]; slices.Max(asked[:29]) > 0 || asked[29]+asked[30] != 1 {
			t.Errorf("asked %v: %+v %+v", asked, c, run)
		}
		rows := s.itemsOf(t, p.ID)
		if strings.Fields(rows[5])[1] != strings.Fields(rows[6])[1] || s.sim.Playlists()[0].SnapshotID != p.SnapshotID {
			t.Errorf("the change was not found: %s, %s", rows[5], rows[6])
		}
	})
}

// TestAScopeThatIsRefusedForOnePlaylist although it is granted costs that playlist alone,
// until the next night.
func TestAScopeThatIsRefusedForOnePlaylist(t *testing.T) {
	t.Parallel()
	s := playlistStage(t)
	all := s.sim.Playlists()
	for _, p := range []simulate.Playlist{all[0], all[2]} {
		s.sim.AddItems(p.ID, 0, 2, simulate.TrackItem, s.clock.Now())
	}
	s.sim.Inject(simulate.Fault{Kind: "scope", Path: itemsPath(all[0].ID)})
	run := s.tomorrow(t, pipeline.Mode{})
	if run.Status != load.StatusIncomplete || !strings.HasPrefix(run.Message, `playlist "`+all[0].Name+`": Spotify says that the sign-in lacks a scope, which it has`) || run.Requests > 1+3+1 {
		t.Errorf("%+v", run)
	}
	if got, want := s.itemsOf(t, all[2].ID), s.truthOf(all[2].ID); !slices.Equal(got, want) {
		t.Errorf("the neighbour: %s", difference(got, want))
	}
	s.sim.ClearFaults()
	s.itemsAre(t, s.tomorrow(t, pipeline.Mode{}), load.StatusOK)
}

const threeJobs = `jobs:
  saved_tracks: {destinations: [lake]}
  playlists: {destinations: [lake]}
  playlist_items: {destinations: [lake]}
`

// TestAnEndpointThatIsForbidden costs its own job alone, and no row.
func TestAnEndpointThatIsForbidden(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, path string
		fault      simulate.Fault
		want       map[string]load.Status
	}{
		{"saved tracks", "/v1/me/tracks", simulate.Fault{Kind: "status", Arg: 403}, map[string]load.Status{"saved_tracks": load.StatusFailed}},
		{"the list of playlists", "/v1/me/playlists", simulate.Fault{Kind: "status", Arg: 403}, map[string]load.Status{"playlists": load.StatusFailed, "playlist_items": load.StatusFailed}},
		{"a scope for a moment", "/v1/me/tracks", simulate.Fault{Kind: "scope", Times: 2}, nil},
		{"a scope that is granted", "/v1/me/tracks", simulate.Fault{Kind: "scope"}, map[string]load.Status{"saved_tracks": load.StatusFailed}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, threeJobs, quiet(simulate.Extended))
			all := func() map[string]load.Run {
				s.clock.set(s.clock.Now().Add(24 * time.Hour))
				out := map[string]load.Run{}
				for _, job := range []string{"saved_tracks", "playlists", "playlist_items"} {
					out[job] = s.run(t, job, pipeline.Mode{})
				}
				return out
			}
			all()
			s.sim.SaveTracks(2, s.clock.Now())
			s.sim.AddItems(s.sim.Playlists()[0].ID, 0, 2, simulate.TrackItem, s.clock.Now())
			tt.fault.Path = tt.path
			s.sim.Inject(tt.fault)
			for job, run := range all() {
				want := tt.want[job]
				if want == "" {
					want = load.StatusOK
				}
				if run.Status != want || run.Tables[job].Removed > 0 || (want != load.StatusOK) != (run.Hint != "") {
					t.Errorf("%s: want %s: %+v", job, want, run)
				}
				if run.Requests > 8 {
					t.Errorf("%s: %d requests", job, run.Requests)
				}
			}
			s.sim.ClearFaults()
			for job, run := range all() {
				if run.Status != load.StatusOK {
					t.Errorf("%s does not recover by itself: %+v", job, run)
				}
			}
			s.isTruth(t)
			s.itemsAre(t, s.tomorrow(t, pipeline.Mode{}), load.StatusOK)
		})
	}
}
