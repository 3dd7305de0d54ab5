//go:build clients

package clienttest_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/internal/simtest"
	"github.com/tracklake/tracklake/simulate"
)

// A client is a program that signs in and walks every list that its library can
// ask for. It gets a task and prints what it read.
type client struct {
	program func(t *testing.T) *exec.Cmd
	lacks   []string // lists for which the library has no call, or no way to sign in
	refused []string // lists that development apps are refused
}

// removed are the lists behind the calls that Spotify took from development
// apps in 2026. Every client still has them.
func removed(more ...string) []string {
	return append(more, "several artists", "several albums", "several tracks", "artist top tracks", "user", "user playlists")
}

func clients() map[string]client {
	return map[string]client{
		// spotipy reads playlists at their address of 2026, items. What follows the
		// address of the next page is refused in a list of playlists: Spotify names
		// users/{id}/playlists there.
		"spotipy": {
			program: func(t *testing.T) *exec.Cmd {
				return exec.Command(setting(t, "TEST_SPOTIPY"), "testdata/spotipy/walk.py")
			},
			lacks: []string{"playlist tracks"}, refused: removed("playlists by next"),
		},
		// The others read the items of a playlist at the address tracks.
		"spotify-web-api-node": {
			program: node("spotify-web-api-node.cjs"),
			lacks:   []string{"signed in with PKCE", "playlists by next", "playlist items"}, refused: removed("playlist tracks"),
		},
		"@spotify/web-api-ts-sdk": {
			program: node("web-api-ts-sdk.cjs"),
			lacks:   []string{"signed in with a code", "playlists by next", "playlist items"}, refused: removed("playlist tracks"),
		},
		"zmb3/spotify": {
			program: func(*testing.T) *exec.Cmd { return exec.Command("go", "run", "-C", "testdata/zmb3", ".") },
			lacks:   []string{"playlist items"}, refused: removed("playlist tracks", "playlists by next"),
		},
	}
}

// setting is a variable of the environment that scripts/with-clients sets.
func setting(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Fatalf("%s is not set; run make test-clients", name)
	}
	return value
}

func node(file string) func(*testing.T) *exec.Cmd {
	return func(t *testing.T) *exec.Cmd {
		cmd := exec.Command("node", "--no-deprecation", "testdata/node/"+file)
		cmd.Env = append(os.Environ(), "NODE_PATH="+setting(t, "TEST_NODE_MODULES"))
		return cmd
	}
}

// A read is what a client says of a list: its ids, or how it was refused.
type read struct {
	IDs     []string
	Refused string
}

func TestClients(t *testing.T) {
	t.Parallel()
	for name, c := range clients() {
		for _, mode := range []simulate.Mode{simulate.Development, simulate.Extended} {
			t.Run(name+"/"+string(mode), func(t *testing.T) {
				t.Parallel()
				world := start(t, mode)
				got := world.walk(t, c.program(t))
				want := world.lists()
				for _, list := range c.lacks {
					delete(want, list)
				}
				if diff := gocmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
					t.Fatalf("the lists that were read: %s", diff)
				}
				for list, ids := range want {
					c.compare(t, mode, list, ids, got[list])
				}
			})
		}
	}
}

func (c client) compare(t *testing.T, mode simulate.Mode, list string, ids []string, got read) {
	t.Helper()
	if mode == simulate.Development && slices.Contains(c.refused, list) {
		// 403 Forbidden, in the words of each client.
		if !strings.Contains(got.Refused, "403") || !strings.Contains(got.Refused, "Forbidden") {
			t.Errorf("%s: %d ids, %q; want it to be refused", list, len(got.IDs), got.Refused)
		}
		return
	}
	if got.Refused != "" {
		t.Errorf("%s: %s", list, got.Refused)
	} else if diff := gocmp.Diff(ids, got.IDs); diff != "" || len(ids) == 0 {
		t.Errorf("%s: %d ids, want %d: %s", list, len(got.IDs), len(ids), diff)
	}
}

// A world is a simulation and what clients are to read of it.
type world struct {
	*simulate.Server
	*simulate.Running
	artist, album, track string
	playlists            []string // a long one, and one with everything that can stand in one
}

// evening is when the clients read. The clock stands still, so that nobody
// listens meanwhile.
func evening() time.Time { return time.Date(2026, 11, 2, 21, 0, 0, 0, time.UTC) }

func start(t *testing.T, mode simulate.Mode) *world {
	t.Helper()
	o := simulate.DefaultOptions()
	o.Mode, o.Clock, o.SavedTracks, o.AlbumsPerArtist = mode, evening, 230, 40
	server, running := simtest.Start(t, o)
	w := &world{Server: server, Running: running}
	w.artist = slices.MaxFunc(server.Artists(), func(a, b string) int {
		return cmp.Compare(len(server.ArtistAlbums(a)), len(server.ArtistAlbums(b)))
	})
	w.album = slices.MaxFunc(server.ArtistAlbums(w.artist), func(a, b string) int {
		return cmp.Compare(len(server.AlbumTracks(a)), len(server.AlbumTracks(b)))
	})
	w.track = server.SavedTracks()[0].TrackID
	for _, name := range []string{"Everything, Always", "Odds & Ends"} {
		i := slices.IndexFunc(server.Playlists(), func(p simulate.Playlist) bool { return p.Name == name })
		w.playlists = append(w.playlists, server.Playlists()[i].ID)
	}
	return w
}

// walk runs a program and returns what it read, by list.
func (w *world) walk(t *testing.T, program *exec.Cmd) map[string]read {
	t.Helper()
	task, err := json.Marshal(map[string]any{
		"api": w.APIURL, "accounts": w.AccountsURL, "client_id": simulate.ClientID, "client_secret": simulate.ClientSecret,
		"redirect_uri": simulate.RedirectURI, "scopes": simulate.AllScopes,
		"artist": w.artist, "album": w.album, "track": w.track, "playlists": w.playlists, "user": simulate.UserID,
	})
	if err != nil {
		t.Fatal(err)
	}
	program.Args = append(program.Args, string(task))
	var stdout, stderr bytes.Buffer
	program.Stdout, program.Stderr = &stdout, &stderr
	if err := program.Run(); err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var out map[string]read
	if err := json.Unmarshal(stdout.Bytes(), &out); err != nil {
		t.Fatalf("%v: %.200s", err, stdout.String())
	}
	return out
}

// lists are the ids of every list, as the simulation has them.
func (w *world) lists() map[string][]string {
	me := []string{simulate.UserID}
	var items []string // by URI
	for _, playlist := range w.playlists {
		items = append(items, ids(w.PlaylistItems(playlist), func(i simulate.PlaylistItem) string { return i.URI })...)
	}
	playlists := ids(w.Playlists(), func(p simulate.Playlist) string { return p.ID })
	plays := w.Plays(evening().Add(-90*24*time.Hour), evening())[:50]
	return map[string][]string{
		"signed in with a code": me,
		"signed in with PKCE":   me,
		"signed in as an app":   {w.artist},
		"renewed":               me,
		"me":                    me,
		"saved tracks":          ids(w.SavedTracks(), func(s simulate.SavedTrack) string { return s.TrackID }),
		"top tracks":            w.TopTracks("long_term"),
		"top artists":           w.TopArtists("long_term"),
		"artist albums":         w.ArtistAlbums(w.artist),
		"followed artists":      w.FollowedArtists(),
		"playlists":             playlists,
		"playlists by next":     playlists,
		"user playlists":        playlists,
		"playlist items":        items,
		"playlist tracks":       items,
		"recently played":       ids(plays, func(p simulate.Play) string { return p.TrackID }),
		"album tracks":          w.AlbumTracks(w.album),
		"one artist":            {w.artist},
		"one album":             {w.album},
		"one track":             {w.track},
		"several artists":       {w.artist},
		"several albums":        {w.album},
		"several tracks":        {w.track},
		"artist top tracks":     w.ArtistTopTracks(w.artist),
		"user":                  me,
	}
}

func ids[T any](items []T, id func(T) string) []string {
	out := make([]string, len(items))
	for i := range items {
		out[i] = id(items[i])
	}
	return out
}
