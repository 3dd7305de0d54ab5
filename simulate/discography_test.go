package simulate_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/simulate"
)

// A row is what a discography serves of an album.
type row struct{ id, group, date string }

// discography reads the albums of an artist over HTTP.
func (s *sim) discography(t *testing.T, artist, query string) []row {
	t.Helper()
	var out []row
	for path := "/artists/" + artist + "/albums?limit=10" + query; path != ""; {
		page := s.object(t, path)
		for _, item := range page["items"].([]any) {
			album, _ := item.(map[string]any)
			id, _ := album["id"].(string)
			group, told := album["album_group"].(string)
			if !told {
				group = "-"
			}
			date, _ := album["release_date"].(string)
			out = append(out, row{id, group, date})
		}
		next, _ := page["next"].(string)
		path = strings.TrimPrefix(next, s.APIURL)
	}
	return out
}

// TestAppearsOn reads discographies with the group in both modes.
func TestAppearsOn(t *testing.T) {
	t.Parallel()
	for _, mode := range []simulate.Mode{simulate.Development, simulate.Extended} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			s := start(t, func(o *simulate.Options) { o.Mode, o.AppearsOn = mode, true })
			plain := start(t, func(o *simulate.Options) { o.Mode = mode })
			for _, artist := range s.Artists() {
				served := s.discography(t, artist, "")
				equal(t, rows(s.Discography(artist), mode), strings.Join(ids(served), "\n"))
				own, appears := s.discography(t, artist, "&include_groups=album,single,compilation"), s.discography(t, artist, "&include_groups=appears_on")
				if diff := cmp.Diff(ids(plain.discography(t, artist, "")), ids(own)); diff != "" {
					t.Errorf("the other groups: %s", diff)
				}
				if diff := cmp.Diff(ids(served), ids(slices.Concat(own, appears))); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

// rows writes the truth as served rows are written.
func rows(truth []simulate.ListedAlbum, mode simulate.Mode) string {
	var out []string
	for _, a := range truth {
		if mode == simulate.Development {
			a.Group = "-"
		}
		out = append(out, a.AlbumID+" "+a.Group)
	}
	return strings.Join(out, "\n")
}

func ids(rows []row) []string {
	var out []string
	for _, r := range rows {
		out = append(out, r.id+" "+r.group)
	}
	return out
}

// TestAppearsOnIsUnorderedAndDouble looks at what makes the group hard to read.
func TestAppearsOnIsUnorderedAndDouble(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *simulate.Options) { o.Mode, o.AppearsOn = simulate.Extended, true })
	unordered, double := 0, 0
	for _, artist := range s.Artists() {
		appears := s.discography(t, artist, "&include_groups=appears_on")
		if !slices.IsSortedFunc(appears, func(a, b row) int { return strings.Compare(b.date, a.date) }) {
			unordered++
		}
		albums := s.ArtistAlbums(artist, "album")
		twice := slices.DeleteFunc(s.ArtistAlbums(artist, "appears_on"), func(id string) bool { return !slices.Contains(albums, id) })
		if len(twice) != min(1, len(albums)) {
			t.Errorf("%d of %d albums are listed twice", len(twice), len(albums))
		}
		double += len(twice)
	}
	if unordered < 15 || double < 10 {
		t.Errorf("%d of %d are unordered, %d albums are listed twice", unordered, len(s.Artists()), double)
	}
}

// busy is an artist with an album that is listed twice, and that album.
func (s *sim) busy(t *testing.T) (artist, double string) {
	t.Helper()
	for _, artist := range s.Artists() {
		for _, id := range s.ArtistAlbums(artist, "appears_on") {
			if slices.Contains(s.ArtistAlbums(artist, "album"), id) && len(s.ArtistAlbums(artist)) > 12 {
				return artist, id
			}
		}
	}
	t.Fatal("no artist has enough albums")
	return "", ""
}

func TestAlbumsAreMarked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		groups []string
		left   int // of two entries
	}{
		"in all groups": {nil, 0},
		"in one group":  {[]string{"appears_on"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, func(o *simulate.Options) { o.AppearsOn = true })
			artist, album := s.busy(t)
			was, truth := s.discography(t, artist, ""), s.Discography(artist)
			count := func(rows []row) (n int) {
				for _, r := range rows {
					if r.id == album {
						n++
					}
				}
				return n
			}

			s.HideAlbum(artist, album, c.groups...)
			if got := s.discography(t, artist, ""); count(got) != c.left || len(got) != len(was)-2+c.left {
				t.Errorf("hidden: served %d times, %d of %d albums", count(got), len(got), len(was))
			}
			raw := s.RawAlbum(artist, album, "appears_on")
			if !strings.Contains(raw, `"id":"`+album+`"`) {
				t.Errorf("as served: %.200s", raw)
			}
			s.RestoreAlbum(artist, album, c.groups...)
			s.BreakAlbum(artist, album, strings.Replace(raw, album, "broken", -1), c.groups...)
			if got := s.discography(t, artist, ""); count(got) != c.left || len(got) != len(was) {
				t.Errorf("broken: served %d times, %d of %d albums", count(got), len(got), len(was))
			}
			if n := len(s.ArtistAlbums(artist)); n != len(was)-2+c.left || len(s.Discography(artist)) != len(was) {
				t.Errorf("%d of %d albums can be read", n, len(was))
			}
			s.RestoreAlbum(artist, album)
			if diff := cmp.Diff(truth, s.Discography(artist)); diff != "" {
				t.Error(diff)
			}
			s.RemoveAlbum(artist, album, c.groups...)
			if got := s.discography(t, artist, ""); count(got) != c.left || len(got) != len(was)-2+c.left {
				t.Errorf("removed: served %d times, %d of %d albums", count(got), len(got), len(was))
			}
		})
	}
}

// TestMarkedAlbumsMove checks that a hole goes where its album goes.
func TestMarkedAlbumsMove(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *simulate.Options) { o.AppearsOn = true })
	artist, _ := s.busy(t)
	all := s.Discography(artist)
	s.HideAlbum(artist, all[11].AlbumID)
	s.MoveAlbum(artist, all[11].AlbumID, all[0].AlbumID)
	page := s.object(t, "/artists/"+artist+"/albums?limit=10")
	if n := len(page["items"].([]any)); n != 9 || page["total"] != float64(len(all)) {
		t.Errorf("%d items, total %v of %d", n, page["total"], len(all))
	}
	if got := s.Discography(artist)[0]; got.AlbumID != all[11].AlbumID || got.Readable {
		t.Errorf("first is %+v", got)
	}
}
