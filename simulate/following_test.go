package simulate_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/simulate"
)

// field reads a text of each entry's object over all pages of a list.
func (l list) field(t *testing.T, s *sim, name string) []string {
	t.Helper()
	var out []string
	for _, entry := range slices.Concat(l.read(t, s)...) {
		out = append(out, strings.Trim(string(l.object(t, entry)[name]), `"`))
	}
	return out
}

func TestFollowedArtists(t *testing.T) {
	t.Parallel()
	l := lists()["following"]
	s := l.start(t)
	was := s.FollowedArtists()
	if diff := cmp.Diff(was, l.field(t, s, "id")); diff != "" || len(was) != 13 {
		t.Errorf("%d artists, %s", len(was), diff)
	}
	all := s.Artists()
	s.FollowArtist(all[11])
	s.FollowArtist(all[11])
	s.FollowArtist("nobody")
	s.UnfollowArtist(all[0])
	s.UnfollowArtist(all[1])
	want := slices.Insert(slices.Clone(was[1:]), 1, all[11])
	if diff := cmp.Diff(want, l.field(t, s, "id")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want, s.FollowedArtists()); diff != "" {
		t.Error(diff)
	}
	// The cursor of one who has left still leads on.
	if page := l.page(t, s, "/me/following?type=artist&limit=1&after="+all[0]); !strings.Contains(string(page.Items[0]), want[0]) {
		t.Errorf("after the first: %s", page.Items[0])
	}
}

func TestFollowingPages(t *testing.T) {
	t.Parallel()
	l := lists()["following"]
	s := l.start(t)
	ids := s.FollowedArtists()
	first := l.page(t, s, "/me/following?type=artist&limit=12")
	last := l.page(t, s, first.next(s))
	if first.Total != "13" || first.Limit != "12" || first.Cursors.After == nil || *first.Cursors.After != ids[11] || !strings.Contains(first.Next, "limit=12") {
		t.Errorf("the first page: %+v, next %s", first.Cursors, first.Next)
	}
	if len(last.Items) != 1 || last.Total != "13" || last.Next != "" || last.Cursors == nil || last.Cursors.After != nil {
		t.Errorf("the last page: %d items, %+v, next %s", len(last.Items), last.Cursors, last.Next)
	}
	for path, want := range map[string]string{
		"/me/following":                          "No type given",
		"/me/following?type=user":                "Invalid type",
		"/me/following?type=artist&limit=51":     "Invalid limit",
		"/me/following?type=artist&after=0":      "Invalid base62 id",
		"/me/following?type=artist&after=" + "é": "Invalid base62 id",
	} {
		if status, _, body := s.get(t, path); status != http.StatusBadRequest || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}

func TestFollowedArtistsOfUsers(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *simulate.Options) { o.Users = 2 })
	s.token, _ = s.ask(t, simulate.ClientSecret, renewal(s.CredentialsOf(1).RefreshToken))["access_token"].(string)
	got, want := lists()["following"].field(t, s, "id"), s.FollowedArtistsOf(1)
	if diff := cmp.Diff(want, got); diff != "" || len(want) != 2 || want[0] == s.FollowedArtists()[0] {
		t.Errorf("%v %s", want, diff)
	}
}

// TestCirclesLeadBack walks lists whose cursors go in circles.
func TestCirclesLeadBack(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		list, fault string
		want        []int // where the pages begin
	}{
		"one page over and over":     {"following", "circle", []int{0, 1, 1, 1, 1, 1}},
		"two pages":                  {"following", "circle:arg=4,from=6", []int{0, 4, 8, 4, 8, 4}},
		"once":                       {"following", "circle:arg=4,from=6,times=1", []int{0, 4, 8, 4, 8, 12}},
		"behind the end":             {"following", "circle:arg=99", []int{0, 13, 13, 13, 13, 13}},
		"a time over and over":       {"recently played", "circle", []int{0, 1, 1, 1, 1, 1}},
		"times in a circle":          {"recently played", "circle:arg=8,from=12", []int{0, 4, 8, 12, 8, 12}},
		"offsets are not in circles": {"playlists", "circle", []int{0, 4, 8, 12}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lists()[c.list]
			s := l.start(t)
			all := slices.Concat(l.read(t, s)...)
			s.inject(t, c.fault)
			s.object(t, "/me/tracks?offset=50") // is spared, and not counted
			var got []int
			path := strings.Split(l.path, "limit=")[0] + "limit=4"
			for range c.want {
				page, at := l.page(t, s, path), len(all)
				if len(page.Items) > 0 {
					at = slices.Index(all, string(page.Items[0]))
				}
				got = append(got, at)
				path = page.next(s)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
