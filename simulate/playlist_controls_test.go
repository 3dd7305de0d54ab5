package simulate_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/simulate"
)

// snapshot is what the API says is the version of a playlist.
func (s *sim) snapshot(t *testing.T, id string) string {
	t.Helper()
	for _, p := range s.listed(t) {
		if p.ID == id {
			return p.SnapshotID
		}
	}
	t.Fatalf("playlist %s is not listed", id)
	return ""
}

// count tells how often something stands in a playlist.
func (s *sim) count(id, uri string) (n int) {
	for _, item := range s.PlaylistItems(id) {
		if item.URI == uri {
			n++
		}
	}
	return n
}

// TestSnapshotsChangeWithTheItems changes a playlist in every way.
func TestSnapshotsChangeWithTheItems(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	id := s.playlist("Road Trip")
	was, at := s.PlaylistItems(id), time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	seen := map[string]bool{s.snapshot(t, id): true}
	for _, c := range []struct {
		name    string
		change  func()
		changes bool
		want    func(items []simulate.PlaylistItem) []simulate.PlaylistItem // nil: as they were
	}{
		{"a name", func() { s.RenamePlaylist(id, "Trip Road") }, false, nil},
		{"an item that moves", func() { s.MoveItem(id, 3, 20) }, true, func(items []simulate.PlaylistItem) []simulate.PlaylistItem {
			return slices.Insert(slices.Delete(items, 3, 4), 20, was[3])
		}},
		{"an item that moves back", func() { s.MoveItem(id, 20, 3) }, true, func([]simulate.PlaylistItem) []simulate.PlaylistItem { return slices.Clone(was) }},
		{"an item that is gone", func() { s.RemoveItem(id, 0) }, true, func(items []simulate.PlaylistItem) []simulate.PlaylistItem { return items[1:] }},
		{"a hole", func() { s.HideItem(id, 5) }, false, func(items []simulate.PlaylistItem) []simulate.PlaylistItem {
			items[5].Readable = false
			return items
		}},
		{"a hole that is mended", func() { s.RestoreItem(id, 5) }, false, func([]simulate.PlaylistItem) []simulate.PlaylistItem { return was[1:] }},
	} {
		before := s.PlaylistItems(id)
		c.change()
		after := s.PlaylistItems(id)
		if c.want != nil {
			before = c.want(before)
		}
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		served := slices.DeleteFunc(after, func(i simulate.PlaylistItem) bool { return !i.Readable })
		if diff := cmp.Diff(served, s.items(t, id)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		snapshot := s.snapshot(t, id)
		if seen[snapshot] == c.changes || len(snapshot) != 32 {
			t.Errorf("%s: snapshot %s", c.name, snapshot)
		}
		seen[snapshot] = true
	}
	if names := s.listed(t); names[0].Name != "Trip Road" {
		t.Errorf("the name is %s", names[0].Name)
	}
	for _, kind := range []simulate.ItemKind{simulate.TrackItem, simulate.TrackItem, simulate.EpisodeItem, simulate.LocalItem, simulate.NullItem} {
		s.AddItems(id, 1, 2, kind, at)
		items := s.items(t, id)
		if diff := cmp.Diff(s.PlaylistItems(id), items); diff != "" {
			t.Errorf("%s: %s", kind, diff)
		}
		if fresh := items[1]; fresh.Kind != kind || !fresh.AddedAt.Equal(at) || fresh.AddedBy != simulate.UserID || kind != simulate.NullItem && s.count(id, fresh.URI) != 1 {
			t.Errorf("%s: %+v, %d times", kind, fresh, s.count(id, fresh.URI))
		}
		if snapshot := s.snapshot(t, id); seen[snapshot] {
			t.Errorf("%s: snapshot %s", kind, snapshot)
		}
	}
}

// TestPlaylistsComeAndGo creates, follows and deletes.
func TestPlaylistsComeAndGo(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	was := s.Playlists()
	own, followed := s.CreatePlaylist("Mine"), s.FollowPlaylist("Theirs")
	s.AddItems(own, 0, 3, simulate.TrackItem, time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC))
	s.DeletePlaylist(was[2].ID)
	got := s.listed(t)
	if diff := cmp.Diff(s.Playlists(), got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(slices.Delete(slices.Clone(was), 2, 3), got[2:]); diff != "" {
		t.Error(diff)
	}
	if p := got[1]; p.ID != own || p.Name != "Mine" || p.Items != 3 || p.OwnerID != simulate.UserID || p.Public || len(s.items(t, own)) != 3 {
		t.Errorf("created is %+v", p)
	}
	if p := got[0]; p.ID != followed || p.Name != "Theirs" || p.OwnerID == simulate.UserID || !p.Public {
		t.Errorf("followed is %+v", p)
	}
}

// TestMarkedPlaylistsMove checks that holes and broken entries go where theirs go.
func TestMarkedPlaylistsMove(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	all := s.Playlists()
	broken := strings.Replace(s.RawPlaylist(all[1].ID), `"name":`, `"name":7,"was":`, 1)
	s.HidePlaylist(all[0].ID)
	s.BreakPlaylist(all[1].ID, broken)
	s.HideItem(all[1].ID, 1)
	s.BreakItem(all[1].ID, 2, "7")
	s.CreatePlaylist("Another")
	s.MoveItem(all[1].ID, 5, 0)
	page := lists()["playlists"].page(t, s, "/me/playlists?limit=3")
	if len(page.Items) != 2 || page.Total != "8" || string(page.Items[1]) != broken {
		t.Errorf("%d of %s, %.200s", len(page.Items), page.Total, page.Items)
	}
	items := lists()["playlist items"].page(t, s, "/playlists/"+all[1].ID+"/items?limit=5")
	if len(items.Items) != 4 || items.Total != "261" || string(items.Items[2]) != "7" || string(items.Items[1]) != s.RawItem(all[1].ID, 1) {
		t.Errorf("%d of %s, %.200s", len(items.Items), items.Total, items.Items)
	}
	if truth := s.Playlists(); truth[1].Readable || truth[2].Readable || !truth[3].Readable {
		t.Errorf("the truth is %+v", truth)
	}
	s.RestorePlaylist(all[0].ID)
	s.RestorePlaylist(all[1].ID)
	s.RestoreItem(all[1].ID, 2)
	s.RestoreItem(all[1].ID, 3)
	if diff := cmp.Diff(s.Playlists(), s.listed(t)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(s.PlaylistItems(all[1].ID), s.items(t, all[1].ID)); diff != "" {
		t.Error(diff)
	}
	s.RenamePlaylist("unknown", "nothing happens")
	if s.PlaylistItems("unknown") != nil || s.RawPlaylist("unknown") != "" {
		t.Error("an unknown playlist has items")
	}
}

// TestListsChangeWhileTheyAreRead lets the race detector look.
func TestListsChangeWhileTheyAreRead(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	id, artists := s.playlist("Road Trip"), s.Artists()
	done := make(chan struct{})
	var changing sync.WaitGroup
	changing.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			default:
			}
			s.MoveItem(id, n%30, 0)
			s.HideItem(id, n%30)
			s.RemoveItem(id, 30)
			s.AddItems(id, 0, 1, simulate.TrackItem, evening())
			s.RenamePlaylist(id, "Trip")
			s.DeletePlaylist(s.CreatePlaylist("Another"))
			s.FollowArtist(artists[n%len(artists)])
			s.UnfollowArtist(artists[(n+5)%len(artists)])
			s.AddPlay(evening())
		}
	})
	for range 5 {
		for _, path := range []string{"/me/playlists", "/playlists/" + id + "/items?limit=100", "/playlists/" + id, "/me/following?type=artist", "/me/player/recently-played"} {
			s.object(t, path)
		}
	}
	close(done)
	changing.Wait()
}
