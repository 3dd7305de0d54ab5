package pipeline_test

import (
	"fmt"
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

const albumJobs = "jobs:\n  saved_albums: {destinations: [lake]}\n"

// An albumStage is what a test knows of an account's saved albums.
type albumStage struct {
	*stage
	shelf *simulate.Shelf
}

func newAlbums(t testing.TB, jobs string, saved int) albumStage {
	t.Helper()
	o := quiet(simulate.Development)
	o.SavedAlbums = saved
	s := newStage(t, jobs, o)
	return albumStage{s, s.sim.Shelf(0, simulate.Albums)}
}

// night runs the job a day later, and returns what it did to both tables and how many
// requests it took.
func (a albumStage) night(t *testing.T, mode pipeline.Mode) (load.Run, string) {
	t.Helper()
	a.clock.set(a.clock.Now().Add(24 * time.Hour))
	run := a.run(t, "saved_albums", mode)
	tracks := run.Tables["saved_album_tracks"]
	return run, fmt.Sprintf("%s, tracks +%d -%d, %d requests", changes(run), tracks.Added, tracks.Removed, run.Requests)
}

// truth lists the tracks of all saved albums.
func (a albumStage) truth() []string {
	var out []string
	for _, e := range a.shelf.Entries() {
		for _, track := range a.sim.AlbumTracks(e.ID) {
			out = append(out, e.ID+" "+track)
		}
	}
	slices.Sort(out)
	return out
}

// tracks lists the tracks in the lake that are there.
func (a albumStage) tracks(t testing.TB) []string {
	t.Helper()
	var out []string
	a.eachRow(t, "saved_album_tracks", func(r arrow.Record, i int) {
		if cell(r, "removed_at", i) == "NULL" {
			out = append(out, cell(r, "album_id", i)+" "+cell(r, "track_id", i))
		}
	})
	slices.Sort(out)
	return out
}

// check compares both tables with the truth.
func (a albumStage) check(t *testing.T) {
	t.Helper()
	var ids []string
	for _, e := range a.shelf.Entries() {
		ids = append(ids, e.ID)
	}
	slices.Sort(ids)
	if got := a.column(t, "saved_albums", "album_id"); !slices.Equal(got, ids) {
		t.Errorf("%d albums, want %d", len(got), len(ids))
	}
	if got := a.tracks(t); !slices.Equal(got, a.truth()) {
		t.Errorf("%d tracks, want %d", len(got), len(a.truth()))
	}
}

// rest is how many requests the tracks behind the first fifty take.
func (a albumStage) rest() (requests int) {
	for _, e := range a.shelf.Entries() {
		requests += max(0, (len(a.sim.AlbumTracks(e.ID))-1)/50)
	}
	return requests
}

// long returns a saved album of more than fifty tracks, and short one of fewer, which are
// neither the newest nor the oldest.
func (a albumStage) pick(t testing.TB) (long, short string) {
	t.Helper()
	entries := a.shelf.Entries()
	for _, e := range entries[1 : len(entries)-1] {
		if len(a.sim.AlbumTracks(e.ID)) > 50 {
			long = e.ID
		} else {
			short = e.ID
		}
	}
	if long == "" || short == "" {
		t.Fatal("the library has no such albums")
	}
	return long, short
}

func TestSavedAlbums(t *testing.T) {
	t.Parallel()
	a := newAlbums(t, albumJobs, 120)
	night := func(want string, mode ...pipeline.Mode) {
		t.Helper()
		run, got := a.night(t, append(mode, pipeline.Mode{})[0])
		if got != want {
			t.Errorf("%s\nwant %s\n%+v", got, want, run)
		}
		a.check(t)
	}
	all, tracks := len(a.shelf.Entries()), len(a.truth())
	if a.rest() == 0 {
		t.Fatal("no album is long")
	}
	night(fmt.Sprintf("ok +%d ~0 =0 -0, tracks +%d -0, %d requests", all, tracks, 1+3+a.rest())) // one for the account
	night("ok +0 ~0 =50 -0, tracks +0 -0, 1 requests")

	long, short := a.pick(t)
	for _, gone := range []string{long, short} {
		n := len(a.sim.AlbumTracks(gone))
		a.shelf.Remove(gone)
		run, got := a.night(t, pipeline.Mode{})
		if !strings.HasPrefix(got, "ok +0 ~0 ") || !strings.Contains(got, fmt.Sprintf(" -1, tracks +0 -%d, ", n)) || run.Requests > 6 {
			t.Errorf("an album was removed: %s: %+v", got, run)
		}
		a.check(t)
	}
	a.shelf.Put(long, a.clock.Now())
	run, got := a.night(t, pipeline.Mode{})
	if want := "ok +0 ~1 "; !strings.HasPrefix(got, want) || run.Requests > 3+len(a.sim.AlbumTracks(long))/50 {
		t.Errorf("an album was saved again: %s: %+v", got, run)
	}
	a.check(t)
	night("ok +0 ~0 =50 -0, tracks +0 -0, 1 requests") // with a long one in the head
	a.clock.set(a.clock.Now().Add(7 * 24 * time.Hour))
	night(fmt.Sprintf("ok +0 ~0 =%d -0, tracks +0 -0, %d requests", all-1, 3+a.rest()))
}

// TestSavedAlbumsThatChangePlaces compares every kind of change with what an incremental
// sync makes of it.
func TestSavedAlbumsThatChangePlaces(t *testing.T) {
	t.Parallel()
	tests := map[string]func(a albumStage){
		"one saved": func(a albumStage) { a.shelf.Save(1, a.clock.Now()) },
		"one saved and one removed": func(a albumStage) {
			a.shelf.Remove(a.shelf.Entries()[70].ID)
			a.shelf.Save(1, a.clock.Now())
		},
		"one moved to the head": func(a albumStage) { a.shelf.Put(a.shelf.Entries()[90].ID, a.clock.Now()) },
		"the last removed":      func(a albumStage) { a.shelf.Remove(a.shelf.Entries()[119].ID) },
		"three removed": func(a albumStage) {
			for _, at := range []int{3, 55, 101} {
				a.shelf.Remove(a.shelf.Entries()[at].ID)
			}
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAlbums(t, albumJobs, 120)
			a.night(t, pipeline.Mode{})
			change(a)
			if run, got := a.night(t, pipeline.Mode{}); run.Status != load.StatusOK {
				t.Errorf("%s: %+v", got, run)
			}
			a.check(t)
		})
	}
}

// TestALongAlbumThatIsRefused costs no neighbour: what was read of it is kept, and nothing
// of it is removed.
func TestALongAlbumThatIsRefused(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusNotFound, http.StatusForbidden, http.StatusInternalServerError} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			a := newAlbums(t, albumJobs, 30)
			long, _ := a.pick(t)
			refuse := func() (remove func()) {
				return a.sim.Inject(simulate.Fault{Kind: "status", Arg: status, Path: "/v1/albums/" + long})
			}
			remove := refuse()
			run, got := a.night(t, pipeline.Mode{})
			missing := len(a.truth()) - len(a.tracks(t))
			if run.Status != load.StatusIncomplete || !strings.HasPrefix(run.Message, "saved_albums: 1 item came cut short") || run.Rejects != 1 || missing != len(a.sim.AlbumTracks(long))-50 {
				t.Errorf("%s, %d tracks are missing: %+v", got, missing, run)
			}
			if reasons := a.column(t, "rejects", "reason"); len(reasons) != 1 || !strings.Contains(reasons[0], fmt.Sprintf("only 50 of the album's %d tracks came: /albums/%s/tracks: HTTP %d", len(a.sim.AlbumTracks(long)), long, status)) {
				t.Errorf("rejects: %q", reasons)
			}
			remove()
			a.night(t, pipeline.Mode{Backfill: true})
			a.check(t)
			refuse()
			if run, got := a.night(t, pipeline.Mode{Backfill: true}); run.Status != load.StatusIncomplete || run.Tables["saved_album_tracks"].Removed > 0 {
				t.Errorf("%s: %+v", got, run)
			}
			a.check(t)
		})
	}
}

// TestABudgetThatEndsWhileAlbumsAreCompleted defers the run; the next ones go on.
func TestABudgetThatEndsWhileAlbumsAreCompleted(t *testing.T) {
	t.Parallel()
	a := newAlbums(t, albumJobs+"budgets: {albums/tracks: 2}\n", 200)
	if a.rest() <= 2 {
		t.Fatalf("%d requests are no more than the budget", a.rest())
	}
	run, got := a.night(t, pipeline.Mode{})
	stored := len(a.column(t, "saved_albums", "album_id"))
	if run.Status != load.StatusDeferred || stored == 0 || stored == len(a.shelf.Entries()) || run.Tables["saved_album_tracks"].Removed > 0 {
		t.Fatalf("%d albums are stored: %s: %+v", stored, got, run)
	}
	completed := 2
	for night := 0; run.Status == load.StatusDeferred && night < 10; night++ {
		a.clock.set(a.clock.Now().Add(time.Hour)) // the budget is that of 24 hours
		run, got = a.night(t, pipeline.Mode{})
		completed += 2
	}
	if run.Status != load.StatusOK || completed > a.rest()+1 {
		t.Errorf("%s: %+v", got, run)
	}
	a.check(t)
}

// TestTracksThatLeaveAnAlbum are removed only if the album tells of all its tracks.
func TestTracksThatLeaveAnAlbum(t *testing.T) {
	t.Parallel()
	const track = `{"id":"%s","type":"track","name":"A track","disc_number":1,"track_number":%d,"artists":[]}`
	tests := map[string]struct {
		tracks string
		gone   bool
	}{
		"fewer":                {`{"items":[` + fmt.Sprintf(track, "first", 1) + `],"total":1}`, true},
		"none":                 {`{"items":[],"total":0}`, false},
		"no list":              {`null`, false},
		"more than came":       {`{"items":[],"total":3}`, false},
		"one that is null":     {`{"items":[` + fmt.Sprintf(track, "first", 1) + `,null],"total":2}`, false},
		"one that has no id":   {`{"items":[` + fmt.Sprintf(track, "first", 1) + `,{}],"total":2}`, false},
		"a total of no number": {`{"items":[` + fmt.Sprintf(track, "first", 1) + `],"total":"one"}`, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAlbums(t, albumJobs, 20)
			a.night(t, pipeline.Mode{})
			_, id := a.pick(t)
			n := len(a.sim.AlbumTracks(id))
			at := slices.IndexFunc(a.shelf.Entries(), func(e simulate.Saved) bool { return e.ID == id })
			a.shelf.Break(id, fmt.Sprintf(`{"added_at":%q,"album":{"id":%q,"type":"album","name":"Shorter","tracks":%s}}`, a.shelf.Entries()[at].AddedAt.Format(time.RFC3339), id, tt.tracks))
			run, got := a.night(t, pipeline.Mode{Backfill: true})
			want := 0
			if tt.gone {
				want = n - 1
			}
			if c := run.Tables["saved_album_tracks"]; c.Removed != want || run.Status != load.StatusOK {
				t.Errorf("%s, want %d tracks removed: %+v", got, want, run)
			}
		})
	}
}
