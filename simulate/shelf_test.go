package simulate_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/simulate"
)

// shelved reads a shelf as the truth is written: what is not readable has no id.
func (s *sim) shelved(t *testing.T, kind simulate.Kind) []simulate.Saved {
	t.Helper()
	var out []simulate.Saved
	for _, entry := range slices.Concat(list{path: "/me/" + string(kind) + "s?limit=3"}.read(t, s)...) {
		var row struct {
			AddedAt time.Time `json:"added_at"`
			ID      *string
		}
		decode(t, entry, &row)
		if kind != simulate.Audiobooks && entry != "null" {
			var fields map[string]json.RawMessage
			decode(t, entry, &fields)
			decode(t, string(fields[string(kind)]), &row)
		}
		saved := simulate.Saved{AddedAt: row.AddedAt}
		if row.ID != nil {
			saved.ID, saved.Readable = *row.ID, true
		}
		out = append(out, saved)
	}
	return out
}

// told is what the API can tell of some entries of a shelf.
func told(kind simulate.Kind, entries []simulate.Saved) []simulate.Saved {
	var out []simulate.Saved
	for _, e := range entries {
		null := kind == simulate.Albums || kind == simulate.Audiobooks
		if !e.Readable {
			e.ID = ""
		}
		if !e.Readable && null || kind == simulate.Audiobooks {
			e.AddedAt = time.Time{}
		}
		out = append(out, e)
	}
	return out
}

func idsOf(entries []simulate.Saved) []string {
	var out []string
	for _, e := range entries {
		out = append(out, e.ID)
	}
	return out
}

// TestShelvesChange changes a shelf in every way and compares what is served.
func TestShelvesChange(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	for _, kind := range simulate.Kinds() {
		s := start(t, func(o *simulate.Options) { o.Audiobooks = 6 })
		f := s.Shelf(0, kind)
		was := idsOf(f.Entries())
		var fresh []string
		for _, c := range []struct {
			name   string
			change func()
			want   func() []string // the ids; empty for what cannot be read
		}{
			{"at first", func() {}, func() []string { return was }},
			{"saved", func() { fresh = f.Save(2, at) }, func() []string { return slices.Concat(fresh, was) }},
			{"removed", func() { f.Remove(was[1]) }, func() []string { return slices.Concat(fresh, was[:1], was[2:]) }},
			{"saved again", func() { f.Put(was[1], at.Add(time.Hour)) }, func() []string { return slices.Concat(was[1:2], fresh, was[:1], was[2:]) }},
			{"saved anew", func() { f.Put(was[2], at) }, func() []string { return slices.Concat(was[2:3], was[1:2], fresh, was[:1], was[3:]) }},
			{"vanished", func() { s.Vanish(was[2]) }, func() []string { return slices.Concat([]string{""}, was[1:2], fresh, was[:1], was[3:]) }},
			{"back", func() { s.Reappear(was[2]) }, func() []string { return slices.Concat(was[2:3], was[1:2], fresh, was[:1], was[3:]) }},
			{"broken", func() { f.Break(was[1], "null") }, func() []string { return slices.Concat(was[2:3], []string{""}, fresh, was[:1], was[3:]) }},
			{"mended", func() { f.Restore(was[1]) }, func() []string { return slices.Concat(was[2:3], was[1:2], fresh, was[:1], was[3:]) }},
		} {
			c.change()
			got := s.shelved(t, kind)
			if diff := cmp.Diff(c.want(), idsOf(got)); diff != "" {
				t.Errorf("%s, %s: %s", kind, c.name, diff)
			}
			if diff := cmp.Diff(told(kind, f.Entries()), got); diff != "" && c.name != "broken" {
				t.Errorf("%s, %s: %s", kind, c.name, diff)
			}
		}
		f.Hide(was[0])
		if page := (list{}).page(t, s, "/me/"+string(kind)+"s?limit=50"); len(page.Items) != len(was)+1 || page.Total.String() != strconv.Itoa(len(was)+2) {
			t.Errorf("%s: %d of %s with a hole", kind, len(page.Items), page.Total)
		}
	}
}

// TestEverythingCanBeSaved saves until nothing is left.
func TestEverythingCanBeSaved(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *simulate.Options) { o.SavedAlbums, o.Shows, o.Episodes, o.Audiobooks, o.Users = 0, 0, 0, 0, 2 })
	for _, kind := range simulate.Kinds() {
		first, second := s.Shelf(0, kind), s.Shelf(1, kind)
		if n := len(first.Entries()); n != 0 {
			t.Errorf("%s: %d are saved at first", kind, n)
		}
		all := first.Save(1_000_000, evening())
		if slices.Sort(all); len(slices.Compact(slices.Clone(all))) != len(all) || len(all) < 12 || len(first.Save(1, evening())) != 0 {
			t.Errorf("%s: %d can be saved", kind, len(all))
		}
		first.Remove(all[5])
		if diff := cmp.Diff([]string{all[5]}, first.Save(2, evening())); diff != "" {
			t.Errorf("%s: %s", kind, diff)
		}
		if others := second.Save(5, evening()); slices.Equal(others, all[:5]) || len(second.Entries()) != 5 {
			t.Errorf("%s: the second user has %v", kind, second.Entries())
		}
	}
}

// TestSavedAlbumsHaveTracks compares the pages of tracks inside of albums with
// those of their own address.
func TestSavedAlbumsHaveTracks(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	long, sorted := 0, true
	entries := s.Shelf(0, simulate.Albums).Entries()
	for i, e := range entries {
		sorted = sorted && (i == 0 || !e.AddedAt.After(entries[i-1].AddedAt))
	}
	for i, item := range (list{}).page(t, s, "/me/albums?limit=50").Items {
		var row struct {
			Album struct {
				ID          string
				TotalTracks int `json:"total_tracks"`
				Tracks      struct {
					Items []struct{ ID string }
					Total int
					Next  string
				}
			}
		}
		decode(t, string(item), &row)
		var got []string
		for _, track := range row.Album.Tracks.Items {
			got = append(got, track.ID)
		}
		for path := row.Album.Tracks.Next; path != ""; {
			page := (list{}).page(t, s, strings.TrimPrefix(path, s.APIURL))
			for _, track := range page.Items {
				var object struct{ ID string }
				decode(t, string(track), &object)
				got = append(got, object.ID)
			}
			path = page.Next
			long++
		}
		if diff := cmp.Diff(s.AlbumTracks(entries[i].ID), got); diff != "" || row.Album.TotalTracks != len(got) || row.Album.Tracks.Total != len(got) {
			t.Errorf("%s: total %d: %s", row.Album.ID, row.Album.TotalTracks, diff)
		}
	}
	if long < 2 || sorted {
		t.Errorf("%d albums have more tracks than a page; in the order of their times: %v", long, sorted)
	}
}

// TestBoxSetsHaveDiscs checks that the tracks of a long album count within
// their disc.
func TestBoxSetsHaveDiscs(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	i := slices.IndexFunc(s.Shelf(0, simulate.Albums).Entries(), func(e simulate.Saved) bool { return len(s.AlbumTracks(e.ID)) > 50 })
	path := "/albums/" + s.Shelf(0, simulate.Albums).Entries()[i].ID + "/tracks?limit=50"
	for n, item := range (list{}).page(t, s, path).Items {
		var track struct {
			Disc int `json:"disc_number"`
			At   int `json:"track_number"`
		}
		decode(t, string(item), &track)
		if track.Disc != 1+n/30 || track.At != 1+n%30 {
			t.Errorf("the track at %d is the %dth of disc %d", n, track.At, track.Disc)
		}
	}
}

// TestObjectsOfBothModes lists the fields of shows, episodes, audiobooks and
// chapters.
func TestObjectsOfBothModes(t *testing.T) {
	t.Parallel()
	about := "copyrights description explicit external_urls href html_description id images languages media_type name type uri"
	part := "audio_preview_url description duration_ms explicit external_urls href html_description id images is_playable languages name release_date release_date_precision resume_point type uri"
	want := map[string]string{
		"show": about + " is_externally_hosted total_episodes episodes", "audiobook": about + " authors edition narrators total_chapters chapters",
		"episode": part + " is_externally_hosted language show", "chapter": part + " audiobook chapter_number",
	}
	extended := map[string]string{"show": " available_markets publisher", "audiobook": " available_markets publisher", "chapter": " available_markets"}
	for _, mode := range []simulate.Mode{simulate.Development, simulate.Extended} {
		s := start(t, func(o *simulate.Options) { o.Mode = mode })
		book := s.Shelf(0, simulate.Audiobooks).Entries()[0].ID
		of := map[string]string{
			"show": s.Shelf(0, simulate.Shows).Entries()[0].ID, "episode": s.Shelf(0, simulate.Episodes).Entries()[0].ID, "audiobook": book,
			"chapter": names(s.object(t, "/audiobooks/"+book+"/chapters")["items"])[0],
		}
		for kind, id := range of {
			fields := want[kind]
			if mode == simulate.Extended {
				fields += extended[kind]
			}
			object := s.object(t, "/"+kind+"s/"+id)
			if diff := cmp.Diff(slices.Sorted(slices.Values(strings.Fields(fields))), keys(object)); diff != "" || object["id"] != id {
				t.Errorf("%s, %s: %v %s", mode, kind, object["id"], diff)
			}
			if status, _, body := s.get(t, "/"+kind+"s/"+unknownID); status != http.StatusNotFound {
				t.Errorf("%s, an unknown %s: %d %s", mode, kind, status, body)
			}
			if kind == "audiobook" && object["uri"] != "spotify:show:"+id {
				t.Errorf("the URI of an audiobook is %v", object["uri"])
			}
		}
		s.GrantOnly("user-library-read")
		s.token, _ = s.ask(t, simulate.ClientSecret, renewal(s.Credentials().RefreshToken))["access_token"].(string)
		for _, kind := range []string{"episode", "chapter"} {
			if object := s.object(t, "/"+kind+"s/"+of[kind]); object["resume_point"] != nil {
				t.Errorf("%s, %s: the resume point needs a scope", mode, kind)
			}
		}
		if status, _, body := s.get(t, "/me/episodes"); status != http.StatusForbidden || !strings.Contains(body, "Insufficient client scope") {
			t.Errorf("%s: episodes without both scopes: %d %.80s", mode, status, body)
		}
	}
}

// TestPartsAreThoseOfTheWhole compares the list of a show's episodes, and of an
// audiobook's chapters, with what their own addresses tell.
func TestPartsAreThoseOfTheWhole(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for _, c := range []struct {
		kind         simulate.Kind
		whole, parts string
	}{{simulate.Shows, "show", "episodes"}, {simulate.Audiobooks, "audiobook", "chapters"}} {
		id := s.Shelf(0, c.kind).Entries()[1].ID
		address := "/" + c.whole + "s/" + id
		ids := list{path: address + "/" + c.parts + "?limit=50"}.field(t, s, "id")
		var dates []string
		for i, part := range ids {
			alone := s.object(t, "/"+c.parts+"/"+part)
			if of := alone[c.whole].(map[string]any); of["id"] != id || c.kind == simulate.Audiobooks && alone["chapter_number"] != float64(i) {
				t.Errorf("%s %d: %v of %v", c.parts, i, alone["chapter_number"], of["id"])
			}
			dates = append([]string{alone["release_date"].(string)}, dates...)
		}
		if total := s.object(t, address)["total_"+c.parts]; total != float64(len(ids)) || !slices.IsSorted(dates) {
			t.Errorf("%d %s, total %v, newest first: %v", len(ids), c.parts, total, slices.IsSorted(dates))
		}
	}
}

// TestVanishing takes things away and asks all that told of them.
func TestVanishing(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	id := s.playlist("Odds & Ends")
	position := slices.IndexFunc(s.PlaylistItems(id), func(i simulate.PlaylistItem) bool { return i.Kind == simulate.EpisodeItem })
	episode := s.PlaylistItems(id)[position].ID
	show := s.object(t, "/episodes/"+episode)["show"].(map[string]any)["id"].(string)
	s.Shelf(0, simulate.Episodes).Put(episode, evening())
	s.Shelf(0, simulate.Shows).Put(show, evening())
	s.Vanish(show)
	for _, path := range []string{"/shows/" + show, "/shows/" + show + "/episodes", "/episodes/" + episode} {
		if status, _, body := s.get(t, path); status != http.StatusNotFound {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if diff := cmp.Diff(s.PlaylistItems(id), s.items(t, id)); diff != "" || s.items(t, id)[position].Kind != simulate.NullItem {
		t.Errorf("in a playlist: %s", diff)
	}
	for path, want := range map[string]string{"/me/shows": "show", "/me/episodes": "episode"} {
		var row map[string]map[string]any
		_, hollow, _ := strings.Cut(string((list{}).page(t, s, path).Items[0]), ",")
		decode(t, "{"+hollow, &row)
		if row[want]["id"] != nil || row[want]["href"] != "https://api.spotify.com/v1/"+want+"s/null" || want == "episode" && row[want]["release_date"] != "0000" {
			t.Errorf("%s: %v", path, row)
		}
	}
	album := s.Shelf(0, simulate.Albums).Entries()[0].ID
	s.Vanish(album)
	for _, path := range []string{"/albums/" + album, "/albums/" + album + "/tracks"} {
		if status, _, _ := s.get(t, path); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
	s.Reappear(show)
	s.object(t, "/episodes/"+episode)
}

// TestOddShelves looks at what Oddities puts on the shelves.
func TestOddShelves(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *simulate.Options) { o.Oddities = true })
	for kind, want := range map[simulate.Kind][]int{simulate.Albums: {3, 7}, simulate.Shows: {3}, simulate.Episodes: {2, 7}, simulate.Audiobooks: {1}} {
		for i, e := range s.Shelf(0, kind).Entries() {
			vanishedWithShow := kind == simulate.Episodes // also those of the show that is gone
			if odd := slices.Contains(want, i); odd && e.Readable || !odd && !e.Readable && !vanishedWithShow {
				t.Errorf("%s at %d: %+v", kind, i, e)
			}
		}
	}
	if at := s.Shelf(0, simulate.Albums).Entries()[11].AddedAt; at.Year() != 1998 {
		t.Errorf("the album at 11 was saved in %v", at)
	}
	_, _, body := s.get(t, "/me/shows")
	if !strings.Contains(body, `"is_externally_hosted":null,"languages":["`) {
		t.Error("no show leaves open where it is hosted")
	}
	_, _, body = s.get(t, "/me/albums?limit=50")
	for _, want := range []string{`},null,{`, `"name":"","release_date":"0000"`} {
		if !strings.Contains(body, want) {
			t.Errorf("no saved album has %s", want)
		}
	}
}

// TestContains asks what is in the library.
func TestContains(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *simulate.Options) { o.Mode = simulate.Extended })
	var saved []string
	for _, kind := range simulate.Kinds() {
		saved = append(saved, "spotify:"+string(kind)+":"+s.Shelf(0, kind).Entries()[1].ID)
	}
	saved = append(saved, "spotify:track:"+s.SavedTracks()[3].TrackID, "spotify:artist:"+s.FollowedArtists()[0], "spotify:playlist:"+s.playlist("Road Trip"),
		"spotify:show:"+s.Shelf(0, simulate.Audiobooks).Entries()[0].ID)
	foreign := []string{"spotify:track:" + unknownID, "spotify:user:" + simulate.UserID, "spotify:playlist:" + unknownID}
	want := strings.Repeat("true,", len(saved)) + "false,false,false"
	if _, _, body := s.get(t, "/me/library/contains?uris="+strings.Join(slices.Concat(saved, foreign), ",")); body != "["+want+"]" {
		t.Errorf("%s, want %s", body, want)
	}
	for path, want := range map[string]string{
		"/me/tracks/contains?ids=" + s.SavedTracks()[0].TrackID + "," + unknownID:                  "[true,false]",
		"/me/albums/contains?ids=" + unknownID + "," + s.Shelf(0, simulate.Albums).Entries()[0].ID: "[false,true]",
		"/me/following/contains?type=artist&ids=" + s.FollowedArtists()[1]:                         "[true]",
		"/me/library/contains": `{"error":{"status":400,"message":"Invalid URI"}}`,
		"/me/library/contains?uris=" + strings.TrimSuffix(strings.Repeat(saved[0]+",", 41), ","): `{"error":{"status":400,"message":"Too many uris requested"}}`,
		"/me/tracks/contains?ids=x": `{"error":{"status":400,"message":"Invalid base62 id"}}`,
	} {
		if _, _, body := s.get(t, path); body != want {
			t.Errorf("%s: %s, want %s", path, body, want)
		}
	}
}

// TestSizes asks for the lists of a library whose sizes are all set.
func TestSizes(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *simulate.Options) {
		o.Artists, o.TopArtists, o.Followed, o.Playlists, o.SavedAlbums = 0, 90, 150, 5, 200
		o.Shows, o.Episodes, o.Audiobooks = 30, 70, 20
	})
	for path, want := range map[string]string{
		"/me/top/artists?time_range=long_term": "90", "/me/top/artists?time_range=short_term": "30", "/me/playlists": "12",
		"/me/albums": "200", "/me/shows": "30", "/me/episodes": "70", "/me/audiobooks": "20",
		"/playlists/" + s.playlist("Mixtape 5") + "/items": "100",
	} {
		if got := (list{}).page(t, s, path).Total.String(); got != want {
			t.Errorf("%s: total %s, want %s", path, got, want)
		}
	}
	if n := len(s.FollowedArtists()); n != 150 {
		t.Errorf("%d artists are followed", n)
	}
	for _, timeRange := range []string{"long_term", "short_term"} {
		l := list{path: "/me/top/artists?limit=50&time_range=" + timeRange}
		if diff := cmp.Diff(s.TopArtists(timeRange), l.field(t, s, "id")); diff != "" {
			t.Errorf("%s: %s", timeRange, diff)
		}
	}
}
