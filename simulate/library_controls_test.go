package simulate_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tracklake/tracklake/simulate"
)

// control asks a control and returns status and body.
func (s *sim) control(t *testing.T, method, path string) (int, string) {
	t.Helper()
	status, _, body := s.send(t, method, s.AccountsURL+"/_sim/"+path, nil)
	return status, body
}

// TestControlsOfTheLibrary does everything by controls and looks at the truth.
func TestControlsOfTheLibrary(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	id := s.playlist("Road Trip")
	items, albums := s.PlaylistItems(id), s.Shelf(0, simulate.Albums)
	first := albums.Entries()[0].ID
	snapshot := s.snapshot(t, id)
	for _, c := range []struct {
		path string
		is   func() bool
	}{
		{"library?save=2", func() bool { return len(s.SavedTracks()) == 132 }},
		{"library?remove=131", func() bool { return len(s.SavedTracks()) == 131 }},
		{"shelf?kind=album&save=2", func() bool { return len(albums.Entries()) == 42 && albums.Entries()[2].ID == first }},
		{"shelf?kind=album&remove=2", func() bool { return len(albums.Entries()) == 41 && albums.Entries()[2].ID != first }},
		{"shelf?kind=audiobook&remove=0", func() bool { return len(s.Shelf(0, simulate.Audiobooks).Entries()) == 3 }},
		{"vanished?id=" + albums.Entries()[5].ID, func() bool {
			return slices.ContainsFunc(albums.Entries(), func(e simulate.Saved) bool { return !e.Readable })
		}},
		{"playlists?create=" + url.QueryEscape("By hand"), func() bool { return s.Playlists()[0].Name == "By hand" }},
		{"playlists?id=" + id + "&do=freeze", func() bool { return true }},
		{"playlists?id=" + id + "&add=2&kind=episode", func() bool {
			is := s.PlaylistItems(id)
			return len(is) == len(items)+2 && is[len(items)].Kind == simulate.EpisodeItem && s.snapshot(t, id) == snapshot
		}},
		{"playlists?id=" + id + "&remove=0", func() bool { return s.PlaylistItems(id)[0] == items[1] }},
		{"playlists?id=" + id + "&move=0:3", func() bool { return s.PlaylistItems(id)[3] == items[1] && s.snapshot(t, id) == snapshot }},
		{"playlists?id=" + id + "&do=restore", func() bool { return s.snapshot(t, id) == snapshot }},
		{"playlists?id=" + id + "&do=touch", func() bool { return s.PlaylistItems(id)[3] == items[1] && s.snapshot(t, id) != snapshot }},
		{"playlists?id=" + id + "&add=1", func() bool { return len(s.PlaylistItems(id)) == len(items)+2 }},
		{"playlists?id=" + id + "&do=forbid", func() bool {
			status, _, _ := s.get(t, "/playlists/"+id+"/items")
			return status == http.StatusForbidden
		}},
		{"playlists?id=" + id + "&do=delete", func() bool { status, _, _ := s.get(t, "/playlists/"+id+"/items"); return status == http.StatusNotFound }},
		{"clock?advance=3h", func() bool { status, _, _ := s.get(t, "/me"); return status == http.StatusUnauthorized }},
	} {
		if status, body := s.control(t, http.MethodPost, c.path); status != http.StatusNoContent || !c.is() {
			t.Errorf("%s: %d %s", c.path, status, body)
		}
	}
	gone := albums.Entries()[5].ID
	if status, _ := s.control(t, http.MethodDelete, "vanished?id="+gone); status != http.StatusNoContent || !albums.Entries()[5].Readable {
		t.Errorf("%s has not come back: %d", gone, status)
	}
}

func TestControlsRefuse(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	id := s.playlist("Road Trip")
	was := s.had(0)
	for path, want := range map[string]string{
		"library?save=x": "save=x is no number", "library?remove=130": "no such position", "library?remove=-1": "no number", "library?save=100000": "no such",
		"shelf?kind=track&save=1": `unknown kind "track"`, "shelf?kind=show&remove=6": "no such position", "shelf?kind=show&save=-1": "no number",
		"playlists?id=" + unknownID: "there is no playlist", "playlists?id=" + id + "&do=burn": "do=burn", "playlists?id=" + id + "&add=1&kind=film": `unknown kind "film"`,
		"playlists?id=" + id + "&remove=34": "no such position", "playlists?id=" + id + "&move=1": "no positions", "playlists?id=" + id + "&move=0:34": "no positions",
		"playlists?id=" + id + "&add=x": "no number", "clock?advance=-1h": "no duration", "clock": "no duration",
	} {
		if status, body := s.control(t, http.MethodPost, path); status != http.StatusBadRequest || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s, want %s", path, status, body, want)
		}
	}
	for name, list := range s.had(0) {
		if !slices.Equal(was[name], list) {
			t.Errorf("%s have changed", name)
		}
	}
}

// TestSnapshotsThatMislead touches a playlist and freezes it.
func TestSnapshotsThatMislead(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	id := s.playlist("Road Trip")
	was, items := s.snapshot(t, id), s.PlaylistItems(id)
	s.TouchPlaylist(id)
	touched := s.snapshot(t, id)
	if touched == was || !slices.Equal(items, s.items(t, id)) {
		t.Errorf("a touch: %s, then %s", was, touched)
	}
	s.FreezePlaylist(id)
	s.RepeatItem(id, 2, 9, time.Date(2026, 11, 5, 0, 0, 0, 0, time.UTC))
	s.MoveItem(id, 0, 20)
	s.RemoveItem(id, 4)
	if got := s.snapshot(t, id); got != touched || len(s.items(t, id)) != len(items) || s.count(id, items[2].URI) != 2 {
		t.Errorf("frozen: %s, then %s; %d of the repeated", touched, got, s.count(id, items[2].URI))
	}
	s.RestorePlaylist(id)
	if got := s.snapshot(t, id); got != touched {
		t.Errorf("restoring gives the snapshot %s", got)
	}
	s.RemoveItem(id, 4)
	if s.snapshot(t, id) == touched {
		t.Error("the snapshot is still frozen")
	}
}

// TestGoneWhileRead deletes what is read, between two pages.
func TestGoneWhileRead(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	show, id := s.Shelf(0, simulate.Shows).Entries()[0].ID, s.playlist("Road Trip")
	for _, path := range []string{"/playlists/" + id + "/items", "/shows/" + show + "/episodes", "/albums/" + s.longAlbum() + "/tracks"} {
		remove := s.Inject(simulate.Fault{Kind: "gone", Path: "/v1" + path, After: 1, Times: 1})
		var got []int
		for _, offset := range []string{"0", "5", "10"} {
			status, _, _ := s.get(t, path+"?limit=5&offset="+offset)
			got = append(got, status)
		}
		if !slices.Equal([]int{200, 404, 404}, got) {
			t.Errorf("%s: %v", path, got)
		}
		remove()
		if status, _, _ := s.get(t, path); status != http.StatusNotFound {
			t.Errorf("%s is back: %d", path, status)
		}
	}
	if slices.ContainsFunc(s.Playlists(), func(p simulate.Playlist) bool { return p.ID == id }) || s.Shelf(0, simulate.Shows).Entries()[0].Readable {
		t.Error("what is gone is listed")
	}
}

// TestRefusalsOfOneEndpoint refuses one endpoint for a while, and one playlist.
func TestRefusalsOfOneEndpoint(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	id := s.playlist("Road Trip")
	s.inject(t, "status:arg=403,path=/v1/me/albums,times=2")
	s.inject(t, "status:arg=403,path=/v1/playlists/"+id)
	var got []int
	for range 3 {
		status, _, body := s.get(t, "/me/albums")
		if got = append(got, status); status == http.StatusForbidden && body != `{"error":{"status":403,"message":"Forbidden"}}` {
			t.Errorf("%s", body)
		}
	}
	if !slices.Equal([]int{403, 403, 200}, got) {
		t.Errorf("%v", got)
	}
	for path, want := range map[string]int{"/playlists/" + id + "/items": 403, "/playlists/" + s.playlist("Küche 🍝") + "/items": 200, "/me/playlists": 200, "/me/shows": 200} {
		if status, _, _ := s.get(t, path); status != want {
			t.Errorf("%s: %d, want %d", path, status, want)
		}
	}
}
