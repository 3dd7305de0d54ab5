package simulate_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tracklake/tracklake/simulate"
)

// A list is one of the API, with what its entries look like.
type list struct {
	path     string        // with a limit; ARTIST, ALBUM, PLAYLIST, SHOW and BOOK stand for ids
	mode     simulate.Mode // if it is not the default one
	wrappers []string      // the fields in which an entry has its object
	inside   string        // the field of the answer that has the page, if it is not the answer itself
	wrong    string        // the type that kind gives to entries
	fields   []string      // those that mistype changes, in its order
}

func lists() map[string]list {
	track := []string{"duration_ms", "name", "artists", "album", "explicit"}
	added, played := append(slices.Clone(track), "added_at"), append(slices.Clone(track), "played_at")
	return map[string]list{
		"saved tracks":    {path: "/me/tracks?limit=50", wrappers: []string{"track"}, wrong: "episode", fields: added},
		"top tracks":      {path: "/me/top/tracks?limit=10", wrong: "episode", fields: track},
		"top artists":     {path: "/me/top/artists?limit=10", wrong: "user", fields: []string{"name", "images"}},
		"album tracks":    {path: "/albums/ALBUM/tracks?limit=5", wrong: "episode", fields: []string{"duration_ms", "name", "artists", "explicit"}},
		"albums":          {path: "/artists/ARTIST/albums?limit=10", wrong: "artist", fields: []string{"total_tracks", "name", "artists"}},
		"following":       {path: "/me/following?type=artist&limit=2", inside: "artists", wrong: "user", fields: []string{"name", "images"}},
		"recently played": {path: "/me/player/recently-played?limit=10", wrappers: []string{"track"}, wrong: "episode", fields: played},
		"playlists":       {path: "/me/playlists?limit=10", wrong: "user", fields: []string{"name", "owner", "snapshot_id", "items"}},
		"playlist items":  {path: "/playlists/PLAYLIST/items?limit=30", wrappers: []string{"item"}, wrong: "episode", fields: added},
		"playlist items of an extended app": {
			path: "/playlists/PLAYLIST/items", mode: simulate.Extended, wrappers: []string{"item", "track"}, wrong: "episode", fields: added,
		},
		"saved albums":       {path: "/me/albums?limit=10", wrappers: []string{"album"}, wrong: "artist", fields: []string{"total_tracks", "name", "artists", "added_at"}},
		"shows":              {path: "/me/shows?limit=10", wrappers: []string{"show"}, wrong: "audiobook", fields: []string{"name", "total_episodes", "explicit", "added_at"}},
		"episodes":           {path: "/me/episodes?limit=10", wrappers: []string{"episode"}, wrong: "track", fields: []string{"duration_ms", "name", "show", "explicit", "added_at"}},
		"audiobooks":         {path: "/me/audiobooks?limit=10", wrong: "show", fields: []string{"name", "authors", "total_chapters"}},
		"episodes of a show": {path: "/shows/SHOW/episodes?limit=10", wrong: "track", fields: []string{"duration_ms", "name", "explicit"}},
		"chapters":           {path: "/audiobooks/BOOK/chapters?limit=10", wrong: "track", fields: []string{"duration_ms", "name", "explicit"}},
		"playlist tracks":    {path: "/playlists/PLAYLIST/tracks?limit=20", mode: simulate.Extended, wrappers: []string{"track"}, wrong: "episode", fields: added},
	}
}

// unknownID is an id that nothing has.
const unknownID = "0000000000000000000000"

// evening is when the tests listen: the clock stands still, so that nothing is
// played between two requests.
func evening() time.Time { return time.Date(2026, 11, 2, 21, 0, 0, 0, time.UTC) }

// start serves a world in which each list has at least twelve entries.
func (l list) start(t *testing.T) *sim {
	t.Helper()
	s := start(t, func(o *simulate.Options) {
		o.TopTracks, o.AlbumsPerArtist, o.Artists, o.Clock, o.Mode = 40, 60, 130, evening, l.mode
		o.Shows, o.Episodes, o.Audiobooks = 14, 14, 14
	})
	for range 6 {
		s.CreatePlaylist("Another")
	}
	return s
}

// at is where the list begins.
func (l list) at(s *sim) string {
	return strings.NewReplacer("ARTIST", s.Artists()[0], "ALBUM", s.longAlbum(), "PLAYLIST", s.playlist("Road Trip"),
		"SHOW", s.Shelf(0, simulate.Shows).Entries()[0].ID, "BOOK", s.Shelf(0, simulate.Audiobooks).Entries()[0].ID).Replace(l.path)
}

// longAlbum is the id of an album with twelve tracks or more.
func (s *sim) longAlbum() string {
	for _, artist := range s.Artists() {
		for _, id := range s.ArtistAlbums(artist, "album") {
			if len(s.AlbumTracks(id)) >= 12 {
				return id
			}
		}
	}
	return "no long album"
}

// playlist is the id of a playlist of the first user.
func (s *sim) playlist(name string) string {
	for _, p := range s.Playlists() {
		if p.Name == name {
			return p.ID
		}
	}
	return "no playlist " + name
}

// read asks for all pages and returns the entries of each, as they are written.
func (l list) read(t *testing.T, s *sim) [][]string {
	t.Helper()
	var out [][]string
	for path := l.at(s); path != ""; {
		page := l.page(t, s, path)
		entries := []string{}
		for _, item := range page.Items {
			entries = append(entries, string(item))
		}
		out = append(out, entries)
		path = page.next(s)
	}
	return out
}

type page struct {
	Items   []json.RawMessage
	Next    string
	Total   json.Number
	Limit   json.Number
	Offset  json.Number
	Cursors *struct{ After, Before *string }
}

// next is the path of the next page, empty for none. A list of playlists names
// an address that development apps may not ask.
func (p page) next(s *sim) string {
	return strings.Replace(strings.TrimPrefix(p.Next, s.APIURL), "/users/"+simulate.UserID+"/", "/me/", 1)
}

func (l list) page(t *testing.T, s *sim, path string) page {
	t.Helper()
	status, _, body := s.get(t, path)
	var out page
	text := json.RawMessage(body)
	if l.inside != "" {
		var answer map[string]json.RawMessage
		if err := json.Unmarshal(text, &answer); err != nil {
			t.Fatal(err)
		}
		text = answer[l.inside]
	}
	if err := json.Unmarshal(text, &out); err != nil || status != http.StatusOK {
		t.Fatalf("%s: %d %v %.200s", path, status, err, body)
	}
	return out
}

// object reads the object that an entry is about; nil for null.
func (l list) object(t *testing.T, entry string) map[string]json.RawMessage {
	t.Helper()
	object := json.RawMessage(entry)
	for i, name := range l.wrappers {
		inside := l.member(t, entry, name)
		if i > 0 && string(object) != string(inside) {
			t.Errorf("%s is %.80s, but %s is %.80s", l.wrappers[0], object, name, inside)
		}
		object = inside
	}
	var out map[string]json.RawMessage
	if err := json.Unmarshal(object, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func (l list) member(t *testing.T, object, name string) json.RawMessage {
	t.Helper()
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(object), &fields); err != nil {
		t.Fatal(err)
	}
	return fields[name]
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v: %.200s", err, text)
	}
}
