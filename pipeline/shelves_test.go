package pipeline_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/simulate"
)

// saved are the resources of what an account saves.
func saved() map[string]simulate.Kind {
	return map[string]simulate.Kind{
		"saved_albums": simulate.Albums, "saved_shows": simulate.Shows, "saved_episodes": simulate.Episodes, "saved_audiobooks": simulate.Audiobooks,
	}
}

// shelves lets a test run for each of them, with two pages of things.
func shelves(t *testing.T, test func(t *testing.T, resource string, s *stage, shelf *simulate.Shelf)) {
	t.Helper()
	for resource, kind := range saved() {
		t.Run(resource, func(t *testing.T) {
			t.Parallel()
			o := quiet(simulate.Development)
			o.SavedAlbums, o.Shows, o.Episodes, o.Audiobooks = 60, 60, 60, 60
			s := newStage(t, "jobs:\n  "+resource+": {destinations: [lake]}\n", o)
			test(t, resource, s, s.sim.Shelf(0, kind))
		})
	}
}

// night runs a job a day later.
func (s *stage) night(t *testing.T, job string) load.Run {
	t.Helper()
	s.clock.set(s.clock.Now().Add(24 * time.Hour))
	return s.run(t, job, pipeline.Mode{})
}

// ids lists what a resource's table says is there.
func (s *stage) ids(t *testing.T, resource string) []string {
	t.Helper()
	return s.column(t, resource, catalog.Find(resource).Table().Key[1])
}

func truthOf(shelf *simulate.Shelf) []string {
	var out []string
	for _, e := range shelf.Entries() {
		out = append(out, e.ID)
	}
	slices.Sort(out)
	return out
}

// TestWhatIsSavedComesAndGoes compares the tables with the library, and the change log
// with what happened.
func TestWhatIsSavedComesAndGoes(t *testing.T) {
	t.Parallel()
	shelves(t, func(t *testing.T, resource string, s *stage, shelf *simulate.Shelf) {
		t.Helper()
		check := func(want string) {
			t.Helper()
			run := s.night(t, resource)
			if got := changes(run); !strings.HasPrefix(got, want) {
				t.Errorf("%s, want %s: %+v", got, want, run)
			}
			if got := s.ids(t, resource); !slices.Equal(got, truthOf(shelf)) {
				t.Errorf("%d rows, want %d", len(got), len(truthOf(shelf)))
			}
		}
		check("ok +60 ~0 ")
		gone := shelf.Entries()[20].ID
		shelf.Remove(gone)
		check("ok +0 ~0 ")
		came := shelf.Save(1, s.clock.Now())
		check("ok +1 ~0 ")
		shelf.Put(gone, s.clock.Now())
		check("ok +0 ~1 ")
		var logged []string
		s.eachRow(t, "library_changes", func(r arrow.Record, i int) {
			if id := cell(r, "item_id", i); id == gone || id == came[0] {
				name := cell(r, "name", i)
				logged = append(logged, cell(r, "changed_at", i)[:10]+" "+id+" "+cell(r, "change", i)+fmt.Sprint(" ", name != "NULL" && name != ""))
			}
		})
		slices.Sort(logged)
		want := []string{"2026-11-02 " + gone + " added true", "2026-11-03 " + gone + " removed true", "2026-11-04 " + came[0] + " added true", "2026-11-05 " + gone + " returned true"}
		if !slices.Equal(logged, want) {
			t.Errorf("logged %q\nwant %q", logged, want)
		}
	})
}

// TestWhatSpotifyNoLongerHas stays: the list still counts it. After a week the run no
// longer complains.
func TestWhatSpotifyNoLongerHas(t *testing.T) {
	t.Parallel()
	shelves(t, func(t *testing.T, resource string, s *stage, shelf *simulate.Shelf) {
		t.Helper()
		s.night(t, resource)
		before := s.ids(t, resource)
		gone := shelf.Entries()[10].ID
		s.sim.Vanish(gone)
		status := map[load.Status]int{}
		for range 14 { // a weekly full sync finds what an incremental one does not see
			run := s.night(t, resource)
			status[run.Status]++
			if c := run.Tables[resource]; c.Removed > 0 || c.Added > 0 {
				t.Errorf("%+v", run)
			}
		}
		if got := s.ids(t, resource); !slices.Equal(got, before) || status[load.StatusIncomplete] == 0 || status[load.StatusOK]+status[load.StatusIncomplete] != 14 {
			t.Errorf("%d rows, want %d; nights: %v", len(got), len(before), status)
		}
		run := s.night(t, resource)
		if run.Status != load.StatusOK || run.Unreadable != 1 || !strings.Contains(run.Message, "unchanged for seven nights") {
			t.Errorf("two weeks later: %+v", run)
		}
		s.sim.Reappear(gone)
		for range 8 {
			run = s.night(t, resource)
		}
		if run.Status != load.StatusOK || run.Unreadable > 0 || run.Pending > 0 {
			t.Errorf("when it is back: %+v", run)
		}
	})
}

// TestAudiobooksOfAnotherCountry come as null, all of them.
func TestAudiobooksOfAnotherCountry(t *testing.T) {
	t.Parallel()
	o := quiet(simulate.Development)
	o.Audiobooks = 5
	s := newStage(t, "jobs:\n  saved_audiobooks: {destinations: [lake]}\n", o)
	for _, e := range s.sim.Shelf(0, simulate.Audiobooks).Entries() {
		s.sim.Vanish(e.ID)
	}
	for night := range 9 {
		run := s.night(t, "saved_audiobooks")
		want := load.StatusIncomplete
		if night >= 7 {
			want = load.StatusOK
		}
		if run.Status != want && night > 0 || run.Unreadable != 5 || run.Rejects == 0 {
			t.Errorf("night %d: %+v", night, run)
		}
	}
}

func TestTopArtists(t *testing.T) {
	t.Parallel()
	o := quiet(simulate.Development)
	o.TopArtists, o.Artists = 60, 80
	s := newStage(t, `jobs:
  top_artists: {destinations: [lake], options: {time_ranges: [short_term], max_rank: 20}}
  artist_albums: {destinations: [lake], options: {artists: {from: [top_artists]}}}
budgets: {artists/albums: 0}
`, o)
	for day := range 2 {
		run := s.night(t, "top_artists")
		if run.Status != load.StatusOK || run.Tables["top_artists"].Added != 20 || run.Requests > 2 {
			t.Errorf("day %d: %+v", day, run)
		}
	}
	want := s.sim.TopArtists("short_term")[:20]
	got := map[string]bool{}
	s.eachRow(t, "top_artists", func(r arrow.Record, i int) {
		if place := want[int(r.Column(r.Schema().FieldIndices("rank")[0]).(interface{ Value(int) int32 }).Value(i))-1]; cell(r, "artist_id", i) != place {
			t.Errorf("rank %s is %s, want %s", cell(r, "rank", i), cell(r, "artist_id", i), place)
		}
		got[cell(r, "snapshot_date", i)] = true
	})
	if len(got) != 2 {
		t.Errorf("rankings of the days %v", got)
	}
	if run := s.run(t, "artist_albums", pipeline.Mode{}); run.Parents != 20 {
		t.Errorf("%+v", run)
	}
}

func TestProfile(t *testing.T) {
	t.Parallel()
	s := newStage(t, "jobs:\n  profile: {destinations: [lake]}\n", quiet(simulate.Development))
	if run := s.night(t, "profile"); run.Status != load.StatusOK || run.Tables["profile"].Added != 1 {
		t.Errorf("%+v", run)
	}
	for fault, want := range map[string]load.Status{"braces": load.StatusIncomplete, "html": load.StatusFailed, "status": load.StatusFailed} {
		remove := s.sim.Inject(simulate.Fault{Kind: fault, Arg: 503, Path: "/v1/me"})
		run := s.night(t, "profile")
		remove()
		if run.Status != want || run.Tables["profile"].Removed > 0 || len(s.ids(t, "profile")) != 1 {
			t.Errorf("%s: %+v", fault, run)
		}
	}
	s.night(t, "profile")
	if run := s.night(t, "profile"); run.Status != load.StatusOK || run.Requests != 1 || run.Tables["profile"].Unchanged != 1 {
		t.Errorf("%+v", run)
	}
}

// TestAlbumTracks reads each album once in half a year, and what one of them lacks costs
// no neighbour.
func TestAlbumTracks(t *testing.T) {
	t.Parallel()
	a := newAlbums(t, albumJobs+"  album_tracks: {destinations: [lake], options: {albums: {from: [saved_albums]}}}\nbudgets: {albums/tracks: 0}\n", 30)
	a.night(t, pipeline.Mode{})
	long, short := a.pick(t)
	a.sim.Vanish(short) // the table still names it
	requests := 0
	for _, e := range a.shelf.Entries() {
		if e.ID != short {
			requests += 1 + max(0, (len(a.sim.AlbumTracks(e.ID))-1)/50)
		}
	}
	a.sim.ForgetRequests()
	run := a.run(t, "album_tracks", pipeline.Mode{})
	if run.Status != load.StatusOK || run.Parents != 30 || run.UpToDate != 30 || a.sim.Count("/v1/albums/") != requests+1 {
		t.Errorf("%d requests: %+v", a.sim.Count("/v1/albums/"), run)
	}
	want := slices.DeleteFunc(a.truth(), func(row string) bool { return strings.HasPrefix(row, short) })
	var got []string
	a.eachRow(t, "album_tracks", func(r arrow.Record, i int) {
		got = append(got, cell(r, "album_id", i)+" "+cell(r, "track_id", i))
	})
	slices.Sort(got)
	if !slices.Equal(got, want) || !slices.ContainsFunc(got, func(row string) bool { return strings.HasPrefix(row, long) }) {
		t.Errorf("%d tracks, want %d", len(got), len(want))
	}
	asked := func(want int) {
		t.Helper()
		a.sim.ForgetRequests()
		if run := a.stage.night(t, "album_tracks"); run.Status != load.StatusOK || a.sim.Count("/v1/albums/") != want {
			t.Errorf("%d requests, want %d: %+v", a.sim.Count("/v1/albums/"), want, run)
		}
	}
	asked(0)
	a.clock.set(a.clock.Now().Add(30 * 24 * time.Hour))
	asked(0)
	a.shelf.Save(1, a.clock.Now())
	a.stage.night(t, "saved_albums")
	asked(1 + max(0, (len(a.sim.AlbumTracks(a.shelf.Entries()[0].ID))-1)/50))
	a.sim.Reappear(short)
	a.clock.set(a.clock.Now().Add(180 * 24 * time.Hour))
	if run := a.stage.night(t, "album_tracks"); run.Status != load.StatusOK || run.UpToDate != 31 || run.Requests < 31 || run.Tables["album_tracks"].Removed > 0 || run.Tables["album_tracks"].Added == 0 {
		t.Errorf("half a year later: %+v", run)
	}
}
