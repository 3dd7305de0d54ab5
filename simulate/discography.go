package simulate

import (
	"slices"
	"sync"
)

// discographies say which albums artists have now, where that is not what the
// world made them with. They are safe for concurrent use.
type discographies struct {
	world *world

	mu      sync.Mutex
	changed map[int][]int // numbers of the world's albums in order, by artist
}

func newDiscographies(w *world) *discographies {
	return &discographies{world: w, changed: map[int][]int{}}
}

// of lists the numbers of an artist's albums of some groups; of all where none
// is named.
func (d *discographies) of(artist int, groups ...string) []int {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []int
	for _, n := range d.all(artist) {
		if len(groups) == 0 || slices.Contains(groups, d.world.artists[artist].albums[n].group) {
			out = append(out, n)
		}
	}
	return out
}

// all lists the numbers of all albums; the caller holds the lock.
func (d *discographies) all(artist int) []int {
	if numbers, ok := d.changed[artist]; ok {
		return numbers
	}
	numbers := make([]int, len(d.world.artists[artist].albums))
	for n := range numbers {
		numbers[n] = n
	}
	return numbers
}

// move takes an album out of the list, and puts it before another one, if that
// is there.
func (d *discographies) move(artist int, album, before string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := func(numbers []int, id string) int {
		return slices.IndexFunc(numbers, func(n int) bool { return d.world.artists[artist].albums[n].id == id })
	}
	numbers := slices.Clone(d.all(artist))
	i := at(numbers, album)
	if i < 0 {
		return
	}
	n := numbers[i]
	numbers = slices.Delete(numbers, i, i+1)
	if to := at(numbers, before); to >= 0 {
		numbers = slices.Insert(numbers, to, n)
	}
	d.changed[artist] = numbers
}

// RemoveAlbum takes an album out of an artist's discography.
func (s *Server) RemoveAlbum(artistID, albumID string) { s.MoveAlbum(artistID, albumID, "") }

// MoveAlbum puts an album before another one, as when its date was corrected.
func (s *Server) MoveAlbum(artistID, albumID, before string) {
	if artist, ok := s.world.byID[artistID]; ok {
		s.albums.move(artist, albumID, before)
	}
}

// ArtistAlbums lists the ids of an artist's albums of the given groups, in
// the order of the API, or nil for an unknown artist.
func (s *Server) ArtistAlbums(artistID string, groups ...string) []string {
	artist, ok := s.world.byID[artistID]
	if !ok {
		return nil
	}
	var out []string
	for _, n := range s.albums.of(artist, groups...) {
		out = append(out, s.world.artists[artist].albums[n].id)
	}
	return out
}
