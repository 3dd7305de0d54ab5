package simulate

import (
	"slices"
	"time"
)

// A Playlist is one of an account's list, as it truly is. Readable says whether
// it is listed so: it is neither hidden nor replaced by raw JSON.
type Playlist struct {
	ID            string
	Name          string
	OwnerID       string
	Collaborative bool
	Public        bool
	SnapshotID    string
	Items         int
	Readable      bool
}

// A PlaylistItem is what stands at a position of a playlist, as it truly is.
// Readable is as for a Playlist.
type PlaylistItem struct {
	Kind     ItemKind
	ID       string    // of the track or episode; empty for the other kinds
	URI      string    // empty for NullItem
	Name     string    // empty for NullItem
	AddedAt  time.Time // zero: null
	AddedBy  string    // user; empty: null
	Readable bool
}

// Playlists lists the first user's playlists in the order of the API.
func (s *Server) Playlists() []Playlist { return s.PlaylistsOf(0) }

// PlaylistsOf lists the playlists of a user, counted from 0.
func (s *Server) PlaylistsOf(user int) []Playlist {
	ps := s.life.playlists()
	ps.mu.RLock()
	defer ps.mu.RUnlock()
	var out []Playlist
	for _, p := range ps.lists[user] {
		out = append(out, Playlist{
			ID: p.id, Name: p.name, OwnerID: p.owner, Collaborative: p.collaborative, Public: p.public,
			SnapshotID: p.snapshot(), Items: len(p.entries), Readable: p.raw == "" && !p.hidden,
		})
	}
	return out
}

// PlaylistItems lists the items of a playlist in its order; nil for an unknown
// one.
func (s *Server) PlaylistItems(playlistID string) []PlaylistItem {
	p, _, _ := s.life.playlists().one(playlistID)
	var out []PlaylistItem
	for _, e := range p.entries {
		item := PlaylistItem{Kind: s.render.kindOf(e), AddedAt: e.added, AddedBy: e.by, Readable: e.readable()}
		switch item.Kind {
		case TrackItem:
			song := s.world.song(e.ref)
			item.ID, item.Name, item.URI = song.id, song.name, "spotify:track:"+song.id
		case EpisodeItem:
			episode := s.world.spoken.episode(e.number)
			item.ID, item.Name, item.URI = episode.id, episode.name, "spotify:episode:"+episode.id
		case LocalItem:
			file := s.world.localFile(e.number)
			item.Name, item.URI = file.title, file.uri()
		case NullItem:
		}
		out = append(out, item)
	}
	return out
}

// CreatePlaylist makes an empty private playlist of the first user, at the head
// of the list, and returns its id.
func (s *Server) CreatePlaylist(name string) string {
	return s.newPlaylist(playlist{name: name, owner: UserIDOf(0)})
}

// FollowPlaylist lets the first user follow a new public playlist of somebody
// else, at the head of the list, and returns its id.
func (s *Server) FollowPlaylist(name string) string {
	return s.newPlaylist(playlist{name: name, owner: friend, public: true})
}

func (s *Server) newPlaylist(p playlist) string {
	ps := s.life.playlists()
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p.id = newID(source(s.world.seed, "new playlist", ps.made))
	ps.made++
	ps.lists[0] = slices.Insert(ps.lists[0], 0, &p)
	return p.id
}

// DeletePlaylist takes a playlist out of its list. From then on it is unknown.
func (s *Server) DeletePlaylist(playlistID string) {
	ps := s.life.playlists()
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for user, list := range ps.lists {
		ps.lists[user] = slices.DeleteFunc(list, func(p *playlist) bool { return p.id == playlistID })
	}
}

// RenamePlaylist gives a playlist another name. Its snapshot stays.
func (s *Server) RenamePlaylist(playlistID, name string) {
	s.changePlaylist(playlistID, func(p *playlist) { p.name = name })
}

// ForbidPlaylist makes the items of a playlist unreadable for everybody: 403.
func (s *Server) ForbidPlaylist(playlistID string) {
	s.changePlaylist(playlistID, func(p *playlist) { p.forbidden = true })
}

// HidePlaylist makes a playlist a hole in its list: it counts, but is not
// delivered. The hole moves with the playlist.
func (s *Server) HidePlaylist(playlistID string) {
	s.changePlaylist(playlistID, func(p *playlist) { p.hidden = true })
}

// BreakPlaylist replaces a playlist in its list by JSON, as it stands. The JSON
// moves with the playlist.
func (s *Server) BreakPlaylist(playlistID, raw string) {
	s.changePlaylist(playlistID, func(p *playlist) { p.raw = raw })
}

// TouchPlaylist gives a playlist another snapshot, although nothing changes.
func (s *Server) TouchPlaylist(playlistID string) {
	s.changePlaylist(playlistID, func(p *playlist) { p.changes++ })
}

// FreezePlaylist keeps the snapshot of a playlist, whatever changes.
func (s *Server) FreezePlaylist(playlistID string) {
	s.changePlaylist(playlistID, func(p *playlist) { p.frozen = true })
}

// RestorePlaylist undoes ForbidPlaylist, HidePlaylist, BreakPlaylist and
// FreezePlaylist. What has changed meanwhile is not told of.
func (s *Server) RestorePlaylist(playlistID string) {
	s.changePlaylist(playlistID, func(p *playlist) { p.raw, p.hidden, p.forbidden, p.frozen = "", false, false, false })
}

// RawPlaylist returns the JSON of a playlist as it is listed, or would be if it
// were not hidden; empty for an unknown one.
func (s *Server) RawPlaylist(playlistID string) string {
	p, _, found := s.life.playlists().one(playlistID)
	if !found {
		return ""
	}
	return string(s.render.listedPlaylist(nil, p))
}

// AddItems puts n further items of a kind into a playlist, before the item at a
// position. Tracks are ones that the playlist does not have yet.
func (s *Server) AddItems(playlistID string, position, n int, kind ItemKind, at time.Time) {
	s.changeItems(playlistID, func(p *playlist) []entry {
		fresh := make([]entry, n)
		tracks := s.world.further(p.entries, n)
		for i := range fresh {
			fresh[i] = entry{kind: kind, added: at, by: p.owner, number: 1000*(1+p.changes) + i}
			switch kind {
			case TrackItem:
				fresh[i].ref = tracks[i]
			case EpisodeItem:
				fresh[i].number = s.world.spoken.known(fresh[i].number)
			case LocalItem, NullItem:
			}
		}
		return slices.Insert(p.entries, position, fresh...)
	})
}

// further lists n tracks of the world that are not among some entries.
func (w *world) further(entries []entry, n int) []ref {
	have := map[ref]bool{}
	for _, e := range entries {
		have[e.ref] = true
	}
	var out []ref
	for a := len(w.artists) - 1; a >= 0 && len(out) < n; a-- {
		for _, t := range w.recordings(source(w.seed, "further", a), a) {
			if !have[t] && len(out) < n {
				out = append(out, t)
			}
		}
	}
	return out
}

// RemoveItem takes the item at a position out of a playlist.
func (s *Server) RemoveItem(playlistID string, position int) {
	s.changeItems(playlistID, func(p *playlist) []entry { return slices.Delete(p.entries, position, position+1) })
}

// MoveItem puts the item at a position elsewhere in its playlist.
func (s *Server) MoveItem(playlistID string, from, to int) {
	s.changeItems(playlistID, func(p *playlist) []entry {
		moved := p.entries[from]
		return slices.Insert(slices.Delete(p.entries, from, from+1), to, moved)
	})
}

// RepeatItem puts the item at a position into its playlist once more.
func (s *Server) RepeatItem(playlistID string, from, to int, at time.Time) {
	s.changeItems(playlistID, func(p *playlist) []entry {
		again := p.entries[from]
		again.added = at
		return slices.Insert(p.entries, to, again)
	})
}

// HideItem makes the item that is now at a position a hole: it counts, but is
// not delivered. The hole moves with the item, and the snapshot stays.
func (s *Server) HideItem(playlistID string, position int) {
	s.changePlaylist(playlistID, func(p *playlist) { p.entries[position].hidden = true })
}

// BreakItem replaces the item that is now at a position by JSON, as it stands.
// The JSON moves with the item, and the snapshot stays.
func (s *Server) BreakItem(playlistID string, position int, raw string) {
	s.changePlaylist(playlistID, func(p *playlist) { p.entries[position].raw = raw })
}

// RestoreItem undoes HideItem and BreakItem.
func (s *Server) RestoreItem(playlistID string, position int) {
	s.changePlaylist(playlistID, func(p *playlist) { p.entries[position].raw, p.entries[position].hidden = "", false })
}

// RawItem returns the JSON of the item at a position as it is served to a
// request that wants episodes, or would be if it were not hidden.
func (s *Server) RawItem(playlistID string, position int) string {
	p, _, _ := s.life.playlists().one(playlistID)
	return string(s.render.item(nil, p.entries[position], s.render.itemFields(), true))
}

// changePlaylist lets f change a playlist, if there is one with that id.
func (s *Server) changePlaylist(playlistID string, f func(p *playlist)) {
	ps := s.life.playlists()
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if p, _ := ps.find(playlistID); p != nil {
		f(p)
	}
}

// changeItems lets f replace the items of a playlist, which gives it another
// snapshot.
func (s *Server) changeItems(playlistID string, f func(p *playlist) []entry) {
	s.changePlaylist(playlistID, func(p *playlist) {
		p.entries = f(p)
		p.changed()
	})
}
