package pipeline_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/simulate"
)

// albums is the path of an artist's discography.
func albums(artist string) string { return "/v1/artists/" + artist + "/albums" }

// TestADiscographyThatIsCountedTooLong settles: the first night reads it twice, each
// further cycle once, and its rows are there.
func TestADiscographyThatIsCountedTooLong(t *testing.T) {
	t.Parallel()
	c := newCalendar(t, 3, 25, 1000)
	id := c.busiest()
	c.sim.Inject(simulate.Fault{Kind: "total", Arg: 2, Path: albums(id)})
	pages := (len(c.sim.ArtistAlbums(id, "album", "single")) + 2 + 9) / 10
	asked := func() int { return c.sim.Count(albums(id)) }
	for night, want := range []int{2 * pages, 1 + 1, 1 + 1} { // then: the head, and the page with the holes
		run := c.pass(t)
		if run.Status != load.StatusOK || run.Pending > 0 || asked() > want {
			t.Errorf("night %d: %d requests, want at most %d: %+v", night, asked(), want, run)
		}
		if rows := c.rows(t, "artist_id")[id]; rows != len(c.sim.ArtistAlbums(id, "album", "single")) {
			t.Errorf("night %d: %d rows", night, rows)
		}
	}
	if run := c.passIn(t, pipeline.Mode{Backfill: true}); run.Status != load.StatusOK || asked() != pages {
		t.Errorf("a backfill: %d requests for %d pages: %+v", asked(), pages, run)
	}
}

// TestADiscographyOfAlmostNothing is said to have 97 albums, of which four come.
func TestADiscographyOfAlmostNothing(t *testing.T) {
	t.Parallel()
	c := newCalendar(t, 2, 4, 1000)
	id := c.artists[0]
	n := len(c.sim.ArtistAlbums(id, "album", "single"))
	c.sim.Inject(simulate.Fault{Kind: "total", Arg: 97 - n, Path: albums(id)})
	if run := c.pass(t); run.Status != load.StatusOK || c.rows(t, "artist_id")[id] != n {
		t.Errorf("%d rows of %d: %+v", c.rows(t, "artist_id")[id], n, run)
	}
}

// TestAlbumsThatCannotBeReadStay lets albums go bad for two nights.
func TestAlbumsThatCannotBeReadStay(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"nullrow", "noid", "kind", "mistype", "hole"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			c := newCalendar(t, 1, 120, 1000)
			c.pass(t)
			before := c.rows(t, "album_id")
			recover := c.sim.Inject(simulate.Fault{Kind: kind, Arg: 12, Count: 5, Path: albums(c.artists[0])})
			for hour := range 2 {
				run := c.run(t, "artist_albums", pipeline.Mode{Backfill: true})
				c.clock.set(c.clock.Now().Add(time.Hour))
				if bad := kind != "mistype"; bad != (run.Status == load.StatusIncomplete) || bad != (run.Pending == 5) {
					t.Errorf("hour %d: %+v", hour, run)
				}
			}
			recover()
			c.pass(t)
			if after := c.rows(t, "album_id"); len(after) != len(before) {
				t.Errorf("%d rows of %d are live", len(after), len(before))
			}
		})
	}
}

// TestAnAlbumThatAnArtistAppearsOn is found to be removed, although apps in
// development mode are not told the group.
func TestAnAlbumThatAnArtistAppearsOn(t *testing.T) {
	t.Parallel()
	for _, mode := range []simulate.Mode{simulate.Development, simulate.Extended} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			o := world(20)
			o.Mode, o.AppearsOn = mode, true
			s := newStage(t, "jobs:\n  artist_albums: {destinations: [lake], options: {include_groups: [album, single, appears_on], artists: {ids: ["+firstArtist(t, o)+"]}}}\n", o)
			id := firstArtist(t, o)
			groups := []string{"album", "single", "appears_on"}
			s.run(t, "artist_albums", pipeline.Mode{})
			all := s.sim.ArtistAlbums(id, groups...)
			removed := all[len(all)-1]
			s.sim.RemoveAlbum(id, removed)
			s.clock.set(s.clock.Now().Add(24 * time.Hour))
			run := s.run(t, "artist_albums", pipeline.Mode{})
			rows := s.albumGroups(t)
			if _, there := rows[removed]; run.Status != load.StatusOK || there {
				t.Errorf("the album is there: %+v", run)
			}
			// Listed twice, an album is first the artist's own.
			for _, a := range s.sim.Discography(id, "album") {
				if got := rows[a.AlbumID]; mode == simulate.Extended && got != "album" {
					t.Errorf("album %s is in group %s", a.Name, got)
				}
			}
		})
	}
}

func firstArtist(t *testing.T, o simulate.Options) string {
	t.Helper()
	sim, err := simulate.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return sim.Artists()[0]
}

// TestMostArtistsAreUnknown is a fault of the API or the address.
func TestMostArtistsAreUnknown(t *testing.T) {
	t.Parallel()
	c := newCalendar(t, 15, 10, 1000)
	c.pass(t)
	before := c.rows(t, "album_id")
	c.sim.Inject(simulate.Fault{Kind: "status", Arg: 404, Path: "/v1/artists/"})
	run := c.pass(t)
	if run.Status != load.StatusFailed || run.UpToDate != 0 || !strings.Contains(run.Message, "404") || run.Hint == "" {
		t.Errorf("%+v", run)
	}
	if after := c.rows(t, "album_id"); len(after) != len(before) {
		t.Errorf("%d rows of %d are live", len(after), len(before))
	}
	c.sim.ClearFaults()
	if run := c.pass(t); run.Status != load.StatusOK || run.UpToDate != 15 || c.sim.Count("/v1/artists/") < 15 {
		t.Errorf("the night after: %+v", run)
	}
}

// TestOneBadArtist costs the others nothing, and at most three requests a night.
func TestOneBadArtist(t *testing.T) {
	t.Parallel()
	for _, status := range []int{403, 404, 500} {
		c := newCalendar(t, 12, 30, 1000)
		c.pass(t)
		id := c.busiest()
		c.sim.Inject(simulate.Fault{Kind: "status", Arg: status, Path: albums(id)})
		for night := range 3 {
			run := c.pass(t)
			if n := c.sim.Count(albums(id)); n > 3 || n == 0 && status != 404 {
				t.Errorf("%d, night %d: %d requests", status, night, n)
			}
			want := load.StatusIncomplete
			if len(c.rows(t, "artist_id")) != 12 || run.Status != want || !strings.Contains(run.Message, id) {
				t.Errorf("%d, night %d: %+v", status, night, run)
			}
		}
	}
}

// TestAnArtistWithABadPage keeps its other albums, and is read again.
func TestAnArtistWithABadPage(t *testing.T) {
	t.Parallel()
	c := newCalendar(t, 6, 60, 1000)
	id := c.busiest()
	recover := c.sim.Inject(simulate.Fault{Kind: "status", Arg: 500, From: 20, To: 29, Path: albums(id)})
	n := len(c.sim.ArtistAlbums(id, "album", "single"))
	run := c.pass(t)
	if rows := c.rows(t, "artist_id")[id]; run.Status != load.StatusIncomplete || run.Unreadable != 10 || rows != n-10 {
		t.Errorf("%d rows of %d: %+v", rows, n, run)
	}
	if run := c.pass(t); c.sim.Count(albums(id)) > 3 {
		t.Errorf("%d requests: %+v", c.sim.Count(albums(id)), run)
	}
	recover()
	if run := c.pass(t); run.Status != load.StatusOK || c.rows(t, "artist_id")[id] != n {
		t.Errorf("%d rows of %d: %+v", c.rows(t, "artist_id")[id], n, run)
	}
}

// TestARemovalAtEveryArtistIsRefused lets each discography lose less than the limit
// of one list, and all together more.
func TestARemovalAtEveryArtistIsRefused(t *testing.T) {
	t.Parallel()
	c := newCalendar(t, 20, 14, 10_000)
	c.configure(t, "budgets: {artists/albums: 0}\ndestinations: {lake: {type: parquet, path: "+t.TempDir()+"}}\njobs:\n  artist_albums: {destinations: [lake], options: {artists: {ids: [%s]}}}\n", nil)
	c.pass(t)
	before := len(c.rows(t, "album_id"))
	removed := 0
	for _, id := range c.artists {
		all := c.sim.ArtistAlbums(id, "album", "single")
		for _, album := range all[:len(all)/2] {
			c.sim.RemoveAlbum(id, album)
			removed++
		}
	}
	for night := range 2 {
		run := c.pass(t)
		if run.Status != load.StatusIncomplete || run.Pending != removed || !strings.Contains(run.Message, fmt.Sprintf("refused to remove %d rows of ", removed)) || len(c.rows(t, "album_id")) != before {
			t.Errorf("night %d: %d removed of %d: %+v", night, removed, before, run)
		}
	}
	if run := c.passIn(t, pipeline.Mode{AcceptRemovals: true}); run.Status != load.StatusOK || len(c.rows(t, "album_id")) != before-removed {
		t.Errorf("%+v", run)
	}
}

const topJobs = "jobs:\n  top_tracks: {destinations: [lake], options: {time_ranges: [long_term]}}\n"

// TestRanksAreThePlacesOfTheAPI also behind entries that cannot be read.
func TestRanksAreThePlacesOfTheAPI(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"baditem", "nullrow", "noid", "kind"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			o := world(100)
			o.TopTracks = 59
			s := newStage(t, topJobs, o)
			s.sim.Inject(simulate.Fault{Kind: kind, Arg: 12, Path: "/v1/me/top/"})
			run := s.run(t, "top_tracks", pipeline.Mode{})
			if run.Status != load.StatusIncomplete || run.Unreadable != 1 {
				t.Errorf("%+v", run)
			}
			s.ranksAre(t, 12)
		})
	}
}

// ranksAre checks the stored ranking, which lacks some places counted from 0.
func (s *stage) ranksAre(t *testing.T, lacking ...int) {
	t.Helper()
	truth, got := s.sim.TopTracks("long_term"), s.ranking(t)
	if len(got) != len(truth)-len(lacking) {
		t.Errorf("%d places of %d", len(got), len(truth))
	}
	for place, id := range truth {
		want := id
		if slices.Contains(lacking, place) {
			want = ""
		}
		if track := got[rank(place)]; track != want {
			t.Errorf("rank %d is %q, want %q", place+1, track, want)
		}
	}
}

// TestARankingIsReplacedOnlyByABetterOne of the same day.
func TestARankingIsReplacedOnlyByABetterOne(t *testing.T) {
	t.Parallel()
	o := world(100)
	o.TopTracks = 59
	s := newStage(t, topJobs, o)
	s.run(t, "top_tracks", pipeline.Mode{})
	s.ranksAre(t)
	recover := s.sim.Inject(simulate.Fault{Kind: "nullrow", Arg: 12, Count: 6, Path: "/v1/me/top/"})
	if run := s.run(t, "top_tracks", pipeline.Mode{}); run.Status != load.StatusIncomplete || run.Tables["top_tracks"].Removed > 0 {
		t.Errorf("%+v", run)
	}
	s.ranksAre(t)
	s.config.Job("top_tracks").Options.Numbers["max_rank"] = 20 // a shallower one
	recover()
	if run := s.run(t, "top_tracks", pipeline.Mode{}); run.Status != load.StatusOK || run.Tables["top_tracks"].Removed > 0 {
		t.Errorf("%+v", run)
	}
	s.ranksAre(t)
}

// TestARankingThatIsNotStored neither mixes its rows with those of the day's earlier
// ranking, nor counts rejects that are not in the table.
func TestARankingThatIsNotStored(t *testing.T) {
	t.Parallel()
	s := newStage(t, topJobs, world(60))
	if run := s.run(t, "top_tracks", pipeline.Mode{}); run.Status != load.StatusOK {
		t.Fatalf("%+v", run)
	}
	s.sim.Inject(simulate.Fault{Kind: "nullitem", Arg: 3, Path: "/v1/me/top"})
	run := s.run(t, "top_tracks", pipeline.Mode{})
	if run.Status != load.StatusIncomplete || run.Unreadable != 1 || run.Rejects > 0 || (load.Count{}).Add(run.Tables["top_tracks"]) != (load.Count{}) {
		t.Errorf("%+v", run)
	}
}
