package simulate_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tracklake/tracklake/simulate"
)

// listed reads the playlists as those of the truth are written.
func (s *sim) listed(t *testing.T) []simulate.Playlist {
	t.Helper()
	var out []simulate.Playlist
	for _, entry := range slices.Concat(lists()["playlists"].read(t, s)...) {
		var p struct {
			ID, Name              string
			Owner                 struct{ ID string }
			Collaborative, Public bool
			SnapshotID            string `json:"snapshot_id"`
			Items                 struct{ Total int }
		}
		decode(t, entry, &p)
		out = append(out, simulate.Playlist{
			ID: p.ID, Name: p.Name, OwnerID: p.Owner.ID, Collaborative: p.Collaborative, Public: p.Public,
			SnapshotID: p.SnapshotID, Items: p.Items.Total, Readable: true,
		})
	}
	return out
}

// items reads the items of a playlist as those of the truth are written.
func (s *sim) items(t *testing.T, id string) []simulate.PlaylistItem {
	t.Helper()
	var out []simulate.PlaylistItem
	l := list{path: "/playlists/" + id + "/items?limit=50&additional_types=track,episode"}
	for _, entry := range slices.Concat(l.read(t, s)...) {
		var e struct {
			AddedAt time.Time           `json:"added_at"`
			AddedBy struct{ ID string } `json:"added_by"`
			IsLocal bool                `json:"is_local"`
			Item    *struct{ Type, ID, URI, Name string }
		}
		decode(t, entry, &e)
		item := simulate.PlaylistItem{Kind: simulate.NullItem, AddedAt: e.AddedAt, AddedBy: e.AddedBy.ID, Readable: true}
		if e.Item != nil {
			item.Kind, item.ID, item.URI, item.Name = simulate.ItemKind(e.Item.Type), e.Item.ID, e.Item.URI, e.Item.Name
		}
		if e.IsLocal {
			item.Kind = simulate.LocalItem
		}
		out = append(out, item)
	}
	return out
}

func TestPlaylistsAreListed(t *testing.T) {
	t.Parallel()
	for _, mode := range []simulate.Mode{simulate.Development, simulate.Extended} {
		s := start(t, func(o *simulate.Options) { o.Mode = mode })
		if diff := cmp.Diff(s.Playlists(), s.listed(t)); diff != "" {
			t.Errorf("%s: %s", mode, diff)
		}
		page := lists()["playlists"].page(t, s, "/me/playlists?limit=2&offset=2")
		if page.Next != s.APIURL+"/users/"+simulate.UserID+"/playlists?limit=2&offset=4" {
			t.Errorf("%s: next is %s", mode, page.Next)
		}
		status, _, _ := s.get(t, strings.TrimPrefix(page.Next, s.APIURL))
		if want := map[simulate.Mode]int{simulate.Development: 403, simulate.Extended: 200}[mode]; status != want {
			t.Errorf("%s: the next page answers %d, want %d", mode, status, want)
		}
		base := []string{"collaborative", "description", "external_urls", "href", "id", "images", "items", "name", "owner", "primary_color", "public", "snapshot_id", "type", "uri"}
		if mode == simulate.Extended {
			base = append(base, "tracks")
		}
		slices.Sort(base)
		for i, entry := range page.Items {
			var fields map[string]any
			decode(t, string(entry), &fields)
			if diff := cmp.Diff(base, keys(fields)); diff != "" {
				t.Errorf("%s, %d: %s", mode, i, diff)
			}
		}
	}
}

// TestPlaylistsHaveEverythingInThem looks at what a client must cope with.
func TestPlaylistsHaveEverythingInThem(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	all := map[string]simulate.Playlist{}
	for _, p := range s.Playlists() {
		all[p.Name] = p
	}
	if n := all["Everything, Always"].Items; n <= 250 || all["New Playlist"].Items != 0 {
		t.Errorf("%d items in the large one, %d in the empty one", n, all["New Playlist"].Items)
	}
	kinds, adders := map[simulate.ItemKind]int{}, map[string]int{}
	for _, item := range s.items(t, all["Odds & Ends"].ID) {
		kinds[item.Kind]++
	}
	for _, item := range s.items(t, all["Küche 🍝"].ID) {
		adders[item.AddedBy]++
	}
	if len(kinds) != 4 || len(adders) != 2 || adders[simulate.UserID] == 0 {
		t.Errorf("kinds %v, added by %v", kinds, adders)
	}
	if old := s.items(t, all["Odds & Ends"].ID)[0]; !old.AddedAt.IsZero() || old.AddedBy != "" {
		t.Errorf("the oldest item is %+v", old)
	}
	twice := map[string]int{}
	for _, item := range s.items(t, all["Everything, Always"].ID) {
		twice[item.URI]++
	}
	if len(twice) != all["Everything, Always"].Items-1 {
		t.Errorf("%d different tracks", len(twice))
	}
	for _, p := range all {
		if p.OwnerID != simulate.UserID && !p.Collaborative {
			continue
		}
		if diff := cmp.Diff(s.PlaylistItems(p.ID), s.items(t, p.ID)); diff != "" {
			t.Errorf("%s: %s", p.Name, diff)
		}
	}
}

// TestPlaylistsThatMayBeRead asks for everybody's playlists in both modes.
func TestPlaylistsThatMayBeRead(t *testing.T) {
	t.Parallel()
	tests := map[simulate.Mode]map[string]string{
		simulate.Development: {"Road Trip": "200 403 200", "Küche 🍝": "200 403 200", "Sunday Vinyl": "403 403 200", "another": "404 403 404", "Mint": "404 403 404", "secret": "403 403 200", "gone": "404 403 404"},
		simulate.Extended:    {"Road Trip": "200 200 200", "Küche 🍝": "200 200 200", "Sunday Vinyl": "200 200 200", "another": "404 404 404", "Mint": "200 200 200", "secret": "403 403 200", "gone": "404 404 404"},
	}
	for mode, playlists := range tests {
		s := start(t, func(o *simulate.Options) { o.Mode, o.Oddities = mode, true })
		secret, gone := s.CreatePlaylist("secret"), s.CreatePlaylist("gone")
		s.ForbidPlaylist(secret)
		s.DeletePlaylist(gone)
		for name, want := range playlists {
			id := s.playlist(name)
			switch name {
			case "gone":
				id = gone
			case "another":
				id = unknownID
			}
			var got []string
			for _, path := range []string{"/items", "/tracks", ""} {
				status, _, body := s.get(t, "/playlists/"+id+path)
				got = append(got, map[int]string{200: "200", 403: "403", 404: "404"}[status])
				if path == "" && status == http.StatusOK && strings.Contains(body, `"items":`) != strings.HasPrefix(want, "200") {
					t.Errorf("%s, %s has items or not: %.200s", mode, name, body)
				}
			}
			if got := strings.Join(got, " "); got != want {
				t.Errorf("%s, %s: %s, want %s", mode, name, got, want)
			}
		}
		s.RestorePlaylist(secret)
		s.items(t, secret)
	}
}

func TestOnePlaylist(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	id := s.playlist("Road Trip")
	one := s.object(t, "/playlists/"+id)
	var listed map[string]any
	decode(t, s.RawPlaylist(id), &listed)
	if items := one["items"].(map[string]any); len(items["items"].([]any)) != 34 || items["total"] != 34.0 || one["followers"] == nil {
		t.Errorf("%v", keys(items))
	}
	if diff := cmp.Diff(listed, one, cmpopts.IgnoreMapEntries(func(k string, _ any) bool { return k == "items" || k == "followers" })); diff != "" {
		t.Error(diff)
	}
}

func TestPlaylistParameters(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *simulate.Options) { o.Mode = simulate.Extended })
	items := "/playlists/" + s.playlist("Everything, Always")
	for path, want := range map[string]int{items + "/items": 20, items + "/items?limit=100": 100, items + "/tracks": 100, items + "/items?offset=250": 11, items + "/items?offset=300": 0} {
		if page := lists()["playlist items"].page(t, s, path); len(page.Items) != want || page.Total != "261" {
			t.Errorf("%s: %d of %s items, want %d", path, len(page.Items), page.Total, want)
		}
	}
	remove := s.Inject(simulate.Fault{Kind: "baditem", Arg: 60})
	for path, want := range map[string]int{items + "/items": 200, items + "/tracks": 500} {
		if status, _, _ := s.get(t, path); status != want {
			t.Errorf("%s with a bad item at 60: %d, want %d", path, status, want)
		}
	}
	remove()
	for path, want := range map[string]string{
		items + "/items?limit=101": "Invalid limit", items + "/tracks?limit=0": "Invalid limit", items + "/items?offset=x": "Invalid offset",
		"/me/playlists?limit=51": "Invalid limit", "/me/playlists?offset=100001": "Invalid offset", "/users/x/playlists": "does not simulate",
		"/playlists/unknown/items": "Invalid base62 id", "/playlists/unknown": "Invalid base62 id",
	} {
		if status, _, body := s.get(t, path); status < 400 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}

// TestItemsOfBothModes looks at the fields of each kind of item, with episodes
// and without.
func TestItemsOfBothModes(t *testing.T) {
	t.Parallel()
	track := "album artists disc_number duration_ms explicit external_ids external_urls href id is_local name track_number type uri"
	episode := "audio_preview_url description duration_ms episode explicit external_urls href html_description id images is_externally_hosted is_playable language languages name release_date release_date_precision show track type uri"
	legacy := " available_markets episode linked_from popularity preview_url track"
	for mode, want := range map[simulate.Mode]map[int]string{
		simulate.Development: {1: track + " is_playable", 2: episode, 3: track, 102: track + " episode is_playable track"},
		simulate.Extended:    {1: track + " is_playable" + legacy, 2: episode, 3: track + " available_markets popularity preview_url", 102: track + " is_playable" + legacy},
	} {
		s := start(t, func(o *simulate.Options) { o.Mode = mode })
		path := "/playlists/" + s.playlist("Odds & Ends") + "/items?"
		with, without := s.object(t, path+"additional_types=track,episode")["items"].([]any), s.object(t, path)["items"].([]any)
		rows := map[int]any{1: with[1], 2: with[2], 3: with[3], 102: without[2]}
		for i, row := range rows {
			entry := row.(map[string]any)
			item := entry["item"].(map[string]any)
			fields := append(slices.DeleteFunc(keys(item), func(k string) bool { return k == "linked_from" }), "linked_from")
			if !strings.Contains(want[i], "linked_from") {
				fields = fields[:len(fields)-1]
			}
			slices.Sort(fields)
			if diff := cmp.Diff(slices.Sorted(slices.Values(strings.Fields(want[i]))), fields); diff != "" {
				t.Errorf("%s, %d: %s", mode, i, diff)
			}
			if old, sent := entry["track"]; sent != (mode == simulate.Extended) || sent && !cmp.Equal(item, old) {
				t.Errorf("%s, %d: track is %v", mode, i, old)
			}
		}
		if entry := with[7].(map[string]any); entry["item"] != nil || entry["is_local"] != false || with[3].(map[string]any)["is_local"] != true {
			t.Errorf("%s: an item that is gone: %v", mode, entry)
		}
	}
}

// TestEditorialPlaylists looks at what becomes of Spotify's own playlists.
func TestEditorialPlaylists(t *testing.T) {
	t.Parallel()
	for mode, null := range map[simulate.Mode]bool{simulate.Development: true, simulate.Extended: false} {
		s := start(t, func(o *simulate.Options) { o.Mode, o.Oddities = mode, true })
		page := lists()["playlists"].page(t, s, "/me/playlists")
		p := s.Playlists()[3]
		if got := string(page.Items[3]) == "null"; got != null || p.Readable == null || !strings.HasPrefix(p.ID, "37i9dQZF1") || len(p.ID) != 22 {
			t.Errorf("%s: null %v, %+v", mode, got, p)
		}
	}
}

func TestPlaylistsOfUsers(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *simulate.Options) { o.Users = 2 })
	first := s.Playlists()
	s.token, _ = s.ask(t, simulate.ClientSecret, renewal(s.CredentialsOf(1).RefreshToken))["access_token"].(string)
	names := map[string]any{}
	var got []string
	for _, item := range s.object(t, "/me/playlists")["items"].([]any) {
		p := item.(map[string]any)
		owner := p["owner"].(map[string]any)
		names[owner["id"].(string)] = owner["display_name"]
		got = append(got, p["id"].(string)+" "+owner["id"].(string))
	}
	if diff := cmp.Diff(map[string]any{simulate.UserIDOf(1): simulate.DisplayName(1), "nils_simulated": "Nils", "stranger_simulated": nil}, names); diff != "" {
		t.Error(diff)
	}
	var want []string
	for i, p := range s.PlaylistsOf(1) {
		want = append(want, p.ID+" "+p.OwnerID)
		if p.ID == first[i].ID {
			t.Errorf("%s is in both lists", p.Name)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for i, status := range map[int]int{0: 403, 4: 403} { // owned and collaborative, but of somebody else
		if got, _, _ := s.get(t, "/playlists/"+first[i].ID+"/items"); got != status {
			t.Errorf("%s: %d", first[i].Name, got)
		}
	}
}

// TestScopesAndBuckets checks what each list needs and which quota it spends.
func TestScopesAndBuckets(t *testing.T) {
	t.Parallel()
	for path, c := range map[string]struct{ scope, bucket string }{
		"/me/following?type=artist":  {"user-follow-read", "me/following"},
		"/me/player/recently-played": {"user-read-recently-played", "me/player/recently-played"},
		"/me/playlists":              {"playlist-read-private", "me/playlists"},
		"/playlists/PLAYLIST/items":  {"playlist-read-private", "playlists/items"},
		"/playlists/PLAYLIST":        {"playlist-read-private", "playlists"},
	} {
		s := start(t, func(o *simulate.Options) { o.Quota = map[string]int{c.bucket: 1} })
		path := strings.Replace(path, "PLAYLIST", s.playlist("Road Trip"), 1)
		s.object(t, path)
		if status, _, body := s.get(t, path); status != http.StatusTooManyRequests || !strings.Contains(body, "QUOTA_EXCEEDED") {
			t.Errorf("%s: %d %.200s", path, status, body)
		}
		other := start(t, nil)
		other.GrantOnly(strings.Replace(simulate.AllScopes, c.scope, "", 1))
		other.token = other.ask(t, simulate.ClientSecret, renewal(other.Credentials().RefreshToken))["access_token"].(string)
		if status, _, body := other.get(t, path); status != http.StatusForbidden || !strings.Contains(body, "scope") {
			t.Errorf("%s without %s: %d %.200s", path, c.scope, status, body)
		}
	}
	s := start(t, nil)
	s.GrantOnly("playlist-read-private")
	s.token = s.ask(t, simulate.ClientSecret, renewal(s.Credentials().RefreshToken))["access_token"].(string)
	var want []json.RawMessage
	for _, p := range s.Playlists() {
		if !p.Collaborative {
			want = append(want, json.RawMessage(s.RawPlaylist(p.ID)))
		}
	}
	if page := lists()["playlists"].page(t, s, "/me/playlists"); page.Total != "6" || !cmp.Equal(want, page.Items) {
		t.Errorf("without the scope for collaborative ones: %d of %s", len(page.Items), page.Total)
	}
}
