package simulate_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/simulate"
)

// living serves two accounts whose libraries change sixty times a day.
func living(t *testing.T, change func(*simulate.Options)) *sim {
	t.Helper()
	return start(t, func(o *simulate.Options) {
		o.Life, o.Users, o.Clock, o.TokenLife = 60, 2, evening, 1000*time.Hour
		if change != nil {
			change(o)
		}
	})
}

// had is what an account has, by list.
func (s *sim) had(user int) map[string][]string {
	out := map[string][]string{"artists": s.FollowedArtistsOf(user)}
	for _, track := range s.SavedTracksOf(user) {
		out["tracks"] = append(out["tracks"], track.TrackID)
	}
	for _, kind := range simulate.Kinds() {
		out[string(kind)+"s"] = idsOf(s.Shelf(user, kind).Entries())
	}
	for _, p := range s.PlaylistsOf(user) {
		out["playlists"] = append(out["playlists"], p.ID+" "+p.Name+" "+p.SnapshotID)
		for _, item := range s.PlaylistItems(p.ID) {
			out["items"] = append(out["items"], p.ID+" "+item.URI+item.AddedAt.String())
		}
	}
	return out
}

// TestLifeFollowsFromSeedAndClock compares servers of which one was asked all
// the time, and another at the end alone.
func TestLifeFollowsFromSeedAndClock(t *testing.T) {
	t.Parallel()
	often, once, other := living(t, nil), living(t, nil), living(t, func(o *simulate.Options) { o.Seed = 2 })
	alone := living(t, func(o *simulate.Options) { o.Users = 1 })
	was := once.had(0)
	for i := range 100 {
		often.Advance(time.Duration(1+i%7) * time.Hour)
		switch i % 3 {
		case 0:
			often.object(t, "/me/albums?limit=1")
		case 1:
			often.Playlists()
		}
	}
	for _, s := range []*sim{once, other, alone} {
		for i := range 100 {
			s.Advance(time.Duration(1+i%7) * time.Hour)
		}
	}
	is := once.had(0)
	for user := range 2 {
		if diff := cmp.Diff(often.had(user), once.had(user)); diff != "" {
			t.Errorf("user %d: %.2000s", user, diff)
		}
	}
	if diff := cmp.Diff(alone.had(0), is); diff != "" {
		t.Errorf("the second user changes the first one: %.2000s", diff)
	}
	for name, list := range is {
		added := slices.ContainsFunc(list, func(id string) bool { return !slices.Contains(was[name], id) })
		removed := slices.ContainsFunc(was[name], func(id string) bool { return !slices.Contains(list, id) })
		if !added || !removed && name != "episodes" && name != "audiobooks" && name != "shows" {
			t.Errorf("%s: something was added: %v, removed: %v", name, added, removed)
		}
		if cmp.Equal(other.had(0)[name], list) || cmp.Equal(once.had(1)[name], list) {
			t.Errorf("%s: other seeds and users have the same", name)
		}
	}
}

// TestLifeIsServed compares what is served with the truth, at several instants.
func TestLifeIsServed(t *testing.T) {
	t.Parallel()
	s := living(t, nil)
	for range 4 {
		s.Advance(50 * time.Hour)
		if diff := cmp.Diff(s.Playlists(), s.listed(t)); diff != "" {
			t.Error(diff)
		}
		id := s.playlist("Road Trip")
		if diff := cmp.Diff(s.PlaylistItems(id), s.items(t, id)); diff != "" {
			t.Error(diff)
		}
		for _, kind := range simulate.Kinds() {
			if diff := cmp.Diff(told(kind, s.Shelf(0, kind).Entries()), s.shelved(t, kind)); diff != "" {
				t.Errorf("%s: %s", kind, diff)
			}
		}
		if diff := cmp.Diff(s.FollowedArtists(), list{path: "/me/following?type=artist&limit=50", inside: "artists"}.field(t, s, "id")); diff != "" {
			t.Error(diff)
		}
	}
}

// TestLifeOfPlaylists follows what becomes of snapshots and lists.
func TestLifeOfPlaylists(t *testing.T) {
	t.Parallel()
	s := living(t, nil)
	first := s.playlist("Road Trip")
	items, snapshots, known := map[string][]simulate.PlaylistItem{}, map[string]string{}, map[string]bool{}
	moved, created, deleted, edited := 0, 0, 0, 0
	for range 150 {
		listed := map[string]bool{}
		for _, p := range s.Playlists() {
			was, is := items[p.ID], s.PlaylistItems(p.ID)
			same := cmp.Equal(was, is)
			if known[p.ID] && same != (snapshots[p.ID] == p.SnapshotID) && !same {
				t.Fatalf("%s has changed, but not its snapshot", p.Name)
			}
			if !known[p.ID] {
				created++
			} else if !same {
				edited++
				if len(was) == len(is) {
					moved++
				}
			}
			items[p.ID], snapshots[p.ID], known[p.ID], listed[p.ID] = is, p.SnapshotID, true, true
		}
		for id := range known {
			if !listed[id] {
				deleted++
				delete(known, id)
			}
		}
		s.Advance(2 * time.Hour)
	}
	if created < 16 || deleted < 1 || edited < 50 || moved < 3 || !known[first] {
		t.Errorf("%d created, %d deleted, %d edited, %d moved, the first is there: %v", created, deleted, edited, moved, known[first])
	}
}

// TestLifeAndEditsGoTogether lets tests and requests meet the life of an account
// at the same time.
func TestLifeAndEditsGoTogether(t *testing.T) {
	t.Parallel()
	s := living(t, nil)
	id := s.playlist("Road Trip")
	var group sync.WaitGroup
	for _, do := range []func(){
		func() { s.SaveTracks(1, evening()) }, func() { s.Hide(0) }, func() { s.Restore(0) }, func() { s.Raw(0) },
		func() { s.FollowArtist(s.Artists()[3]) }, func() { s.Shelf(0, simulate.Albums).Save(1, evening()) },
		func() { s.AddItems(id, 0, 1, simulate.EpisodeItem, evening()) }, func() { s.DeletePlaylist(s.CreatePlaylist("new")) },
		func() { s.TouchPlaylist(id) }, func() { s.get(t, "/me/playlists") }, func() { s.get(t, "/playlists/"+id+"/items") },
	} {
		group.Go(func() {
			for range 20 {
				s.Advance(13 * time.Minute)
				do()
			}
		})
	}
	group.Wait()
	if n := len(s.SavedTracks()); n < 130 {
		t.Errorf("%d tracks", n)
	}
}

// TestAdvance puts the clock forward, without a life.
func TestAdvance(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *simulate.Options) { o.Clock = evening })
	was, recent := s.had(0), s.recent(t, "limit=50")
	s.Advance(48 * time.Hour)
	if diff := cmp.Diff(was, s.had(0)); diff != "" {
		t.Errorf("the library lives: %.500s", diff)
	}
	if status, _, body := s.get(t, "/me"); status != http.StatusUnauthorized || !strings.Contains(body, "expired") {
		t.Errorf("the token has not ended: %d %s", status, body)
	}
	s.token = s.AccessToken()
	if diff := cmp.Diff(recent, s.recent(t, "limit=50")); diff == "" {
		t.Error("nothing was played")
	}
}
