package simulate

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
)

// appearsOn is the group of other artists' albums in a discography.
const appearsOn = "appears_on"

// A listing is an entry of a discography: an album of the world in a group, or
// raw JSON that takes its place. A hidden entry counts, but is not delivered.
type listing struct {
	artist, album int // the album is the artist's n-th, who need not be the list's
	group         string
	raw           string
	hidden        bool
}

func (l listing) readable() bool { return l.raw == "" && !l.hidden }

// discographies say which albums artists have now. They are safe for concurrent
// use.
type discographies struct {
	world   *world
	appears bool // there are groups appears_on

	mu    sync.Mutex
	lists map[int][]listing // by artist, made when first asked for
}

func newDiscographies(w *world, appears bool) *discographies {
	return &discographies{world: w, appears: appears, lists: map[int][]listing{}}
}

// page returns a part of an artist's albums of some groups, or of all where none
// is named, and how many there are.
func (d *discographies) page(artist, offset, limit int, groups []string) ([]listing, int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	all, total := d.all(artist), 0
	out := make([]listing, 0, min(limit, len(all)))
	for i := range all {
		if len(groups) > 0 && !slices.Contains(groups, all[i].group) {
			continue
		}
		if total >= offset && len(out) < limit {
			out = append(out, all[i])
		}
		total++
	}
	return out, total
}

// all lists the entries of an artist; the caller holds the lock.
func (d *discographies) all(artist int) []listing {
	if list, ok := d.lists[artist]; ok {
		return list
	}
	albums := d.world.artists[artist].discography()
	list := make([]listing, 0, len(albums))
	for n, a := range albums {
		list = append(list, listing{artist: artist, album: n, group: a.group})
	}
	if d.appears {
		list = append(list, d.world.appearances(artist)...)
	}
	d.lists[artist] = list
	return list
}

// appearances lists albums of others that an artist is on, and one of the
// artist's own, which is listed twice so. They have no order.
func (w *world) appearances(artist int) []listing {
	r := source(w.seed, appearsOn, artist)
	var out []listing
	if own, ok := w.ownAlbum(r, artist); ok {
		out = append(out, listing{artist: artist, album: own, group: appearsOn})
	}
	for range 3 + r.IntN(12) {
		other := r.IntN(len(w.artists))
		l := listing{artist: other, album: r.IntN(w.artists[other].listed), group: appearsOn}
		if other != artist && !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// ownAlbum picks an album of an artist that is in the group album, if there is
// one.
func (w *world) ownAlbum(r *rand.Rand, artist int) (int, bool) {
	var own []int
	for n, a := range w.artists[artist].discography() {
		if a.group == "album" {
			own = append(own, n)
		}
	}
	if len(own) == 0 {
		return 0, false
	}
	return pick(r, own), true
}

func (d *discographies) id(l listing) string { return d.world.artists[l.artist].albums[l.album].id }

// change lets f replace the list of an artist.
func (d *discographies) change(artistID string, f func([]listing) []listing) {
	artist, ok := d.world.byID[artistID]
	if !ok {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lists[artist] = f(d.all(artist))
}

// is tells whether an entry is an album's, in one of the groups or, where none
// is named, in any.
func (d *discographies) is(l listing, albumID string, groups []string) bool {
	return d.id(l) == albumID && (len(groups) == 0 || slices.Contains(groups, l.group))
}

// mark changes the entries of an album in some groups; in all where none is
// named.
func (d *discographies) mark(artistID, albumID string, groups []string, f func(*listing)) {
	d.change(artistID, func(list []listing) []listing {
		for i := range list {
			if d.is(list[i], albumID, groups) {
				f(&list[i])
			}
		}
		return list
	})
}

// RemoveAlbum takes an album out of the groups of an artist's discography; out
// of all where none is named.
func (s *Server) RemoveAlbum(artistID, albumID string, groups ...string) {
	s.albums.change(artistID, func(list []listing) []listing {
		return slices.DeleteFunc(list, func(l listing) bool { return s.albums.is(l, albumID, groups) })
	})
}

// MoveAlbum puts an album before another one, as when its date was corrected. An
// album is gone when the other one is not there.
func (s *Server) MoveAlbum(artistID, albumID, before string) {
	s.albums.change(artistID, func(list []listing) []listing {
		at := func(id string) int {
			return slices.IndexFunc(list, func(l listing) bool { return s.albums.id(l) == id })
		}
		from := at(albumID)
		if from < 0 {
			return list
		}
		moved := list[from]
		list = slices.Delete(list, from, from+1)
		if to := at(before); to >= 0 {
			list = slices.Insert(list, to, moved)
		}
		return list
	})
}

// HideAlbum makes an artist's album a hole in the groups, or in all where none
// is named: it counts, but is not delivered. The hole moves with the album.
func (s *Server) HideAlbum(artistID, albumID string, groups ...string) {
	s.albums.mark(artistID, albumID, groups, func(l *listing) { l.hidden = true })
}

// BreakAlbum replaces an artist's album by JSON, as it stands, in the groups, or
// in all where none is named. The JSON moves with the album.
func (s *Server) BreakAlbum(artistID, albumID, raw string, groups ...string) {
	s.albums.mark(artistID, albumID, groups, func(l *listing) { l.raw = raw })
}

// RestoreAlbum undoes HideAlbum and BreakAlbum.
func (s *Server) RestoreAlbum(artistID, albumID string, groups ...string) {
	s.albums.mark(artistID, albumID, groups, func(l *listing) { l.raw, l.hidden = "", false })
}

// RawAlbum returns the JSON of an artist's album as it is served, or would be if
// it were not hidden: of its first entry in the groups. It is empty if there is
// none.
func (s *Server) RawAlbum(artistID, albumID string, groups ...string) string {
	for _, l := range s.listings(artistID, groups) {
		if s.albums.id(l) == albumID {
			return string(s.render.listed(nil, l))
		}
	}
	return ""
}

// A ListedAlbum is one entry of a discography, as it truly is. Readable says
// whether it is served so: it is neither hidden nor replaced by raw JSON.
type ListedAlbum struct {
	AlbumID  string
	Name     string
	Group    string
	Readable bool
}

// Discography lists every entry of an artist's discography in the order of the
// API, with those that cannot be read; nil for an unknown artist.
func (s *Server) Discography(artistID string, groups ...string) []ListedAlbum {
	var out []ListedAlbum
	for _, l := range s.listings(artistID, groups) {
		a := s.world.artists[l.artist].albums[l.album]
		out = append(out, ListedAlbum{AlbumID: a.id, Name: a.name, Group: l.group, Readable: l.readable()})
	}
	return out
}

// ArtistAlbums lists the ids of an artist's albums of the given groups, in
// the order of the API, or nil for an unknown artist. Those that cannot be read
// are left out; one that is listed twice is named twice.
func (s *Server) ArtistAlbums(artistID string, groups ...string) []string {
	var out []string
	for _, l := range s.listings(artistID, groups) {
		if l.readable() {
			out = append(out, s.albums.id(l))
		}
	}
	return out
}

func (s *Server) listings(artistID string, groups []string) []listing {
	artist, ok := s.world.byID[artistID]
	if !ok {
		return nil
	}
	list, _ := s.albums.page(artist, 0, math.MaxInt, groups)
	return list
}
