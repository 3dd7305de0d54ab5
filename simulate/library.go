package simulate

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// SavedTrack is one row of the library, as it truly is.
type SavedTrack struct {
	TrackID string
	Name    string
	AddedAt time.Time
}

// saved is a row of the library: a track of the world, or raw JSON that takes
// its place. A hidden row counts, but is not delivered.
type saved struct {
	ref    ref
	added  time.Time
	raw    string
	hidden bool
}

func (s saved) readable() bool { return s.raw == "" && !s.hidden }

// A library belongs to an account. It can change while it is read.
type library struct {
	world *world

	top     map[string][]ref
	ranked  map[string][]int // artists
	plays   *history
	shelves map[Kind]*Shelf

	mu       sync.RWMutex
	saved    []saved // newest first
	followed []int   // artists, by their place in the world
}

// now is when the made-up past ends, the same in every run.
func epoch() time.Time { return time.Date(2026, 11, 1, 20, 0, 0, 0, time.UTC) }

func newLibrary(w *world, o Options, user int, gone *vanished, live func()) *library {
	o.Seed += uint64(user)
	l := &library{world: w, top: map[string][]ref{}, ranked: map[string][]int{}, plays: newHistory(w, o), followed: firstFollowed(w, user, o.Followed), shelves: newShelves(w, o, gone, live)}
	r := source(o.Seed, "library")
	tracks := w.favourites(o.Seed, "saved", o.SavedTracks)
	at := epoch()
	pace := 9 * 365 * 24 * time.Hour / time.Duration(max(1, len(tracks)))
	for _, t := range tracks {
		l.saved = append(l.saved, saved{ref: t, added: at.Truncate(time.Second)})
		// People save in bursts: many gaps are short, some are long.
		at = at.Add(-time.Duration(float64(pace) * math.Exp(r.NormFloat64()*1.2) * 0.5))
	}
	for i, timeRange := range timeRanges() {
		l.top[timeRange] = w.favourites(o.Seed, "top"+timeRange, o.TopTracks*(i+1)/3)
		l.ranked[timeRange] = l.rank(timeRange)
		if o.TopArtists > 0 {
			l.ranked[timeRange] = l.rankMore(source(o.Seed, "top artists"+timeRange), l.ranked[timeRange], o.TopArtists*(i+1)/3)
		}
	}
	if o.Oddities {
		l.addOddities()
	}
	return l
}

func timeRanges() []string { return []string{"short_term", "medium_term", "long_term"} }

// addOddities puts rows into the library that the real API has now and then.
func (l *library) addOddities() {
	for i, raw := range Oddities() {
		if at := 3 + 4*i; at < len(l.saved) {
			l.saved[at].raw = raw
		}
	}
}

// Oddities are rows of a library as the real API has them now and then, in the
// order in which Options.Oddities puts them at positions 3, 7, 11, ….
func Oddities() []string {
	return []string{
		`null`,
		`{"added_at":"2019-05-01T10:00:00Z","track":null}`,
		`{"added_at":"2019-05-01T10:00:01Z","track":{"album":{"album_type":null,"artists":[],"external_urls":{},"href":null,"id":null,"images":[],"name":"Home Tapes","release_date":null,"release_date_precision":null,"type":"album","uri":null},"artists":[{"external_urls":{},"href":null,"id":null,"name":"Me","type":"artist","uri":null}],"disc_number":0,"duration_ms":61000,"explicit":false,"external_ids":{},"external_urls":{},"href":null,"id":null,"is_local":true,"name":"Demo 3","track_number":0,"type":"track","uri":"spotify:local:Me:Home+Tapes:Demo+3:61"}}`,
		`{"added_at":"2019-05-01T10:00:02Z","track":{"id":"5Zero000000000000000aa","name":"Year \u0000 Nothing","is_local":false,"artists":[{"id":"4Zero000000000000000aa","name":"Nul\u0000l"}],"album":{"id":"3Zero000000000000000aa","name":"","album_type":"album","release_date":"0000","release_date_precision":"year","total_tracks":1,"artists":[]}}}`,
		`{"added_at":"1998-01-25T00:00:00Z","track":{"id":"5Bare000000000000000bb"}}`,
		`{"added_at":"2019-05-01T10:00:03Z","track":{"id":"5Type000000000000000cc","name":"Wrong","duration_ms":"long"}}`,
		`{"added_at":"2019-05-01T10:00:04Z","track":{"id":"5Emoj000000000000000dd","name":"\ud83c\udfb5 \ud800 half","artists":[],"album":null}}`,
	}
}

// page returns a part of the saved tracks and how many there are.
func (l *library) page(offset, limit int) ([]saved, int) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	n := len(l.saved)
	from := min(offset, n)
	return slices.Clone(l.saved[from:min(from+limit, n)]), n
}

// SavedTracks lists the first user's library as it truly is, newest first; rows
// of raw JSON and hidden ones are left out.
func (s *Server) SavedTracks() []SavedTrack { return s.SavedTracksOf(0) }

// SavedTracksOf lists the library of a user, counted from 0.
func (s *Server) SavedTracksOf(user int) []SavedTrack {
	l := s.life.library(user)
	l.mu.RLock()
	defer l.mu.RUnlock()
	var out []SavedTrack
	for _, row := range l.saved {
		if row.readable() {
			song := l.world.song(row.ref)
			out = append(out, SavedTrack{TrackID: song.id, Name: song.name, AddedAt: row.added})
		}
	}
	return out
}

// SaveTracks saves n further tracks at the head of the list, at the given time.
func (s *Server) SaveTracks(n int, at time.Time) {
	l := s.life.library(0)
	l.mu.Lock()
	defer l.mu.Unlock()
	have := map[ref]bool{}
	for _, row := range l.saved {
		have[row.ref] = true
	}
	var fresh []saved
	for a := len(l.world.artists) - 1; a >= 0 && len(fresh) < n; a-- {
		for _, t := range l.world.recordings(source(l.world.seed, "more", a), a) {
			if !have[t] && len(fresh) < n {
				fresh = append(fresh, saved{ref: t, added: at})
			}
		}
	}
	l.saved = append(fresh, l.saved...)
}

// SaveTrackDated saves a further track with a date that need not be the newest:
// it stands in the list where its date puts it.
func (s *Server) SaveTrackDated(at time.Time) {
	s.SaveTracks(1, at)
	l := s.life.library(0)
	l.mu.Lock()
	defer l.mu.Unlock()
	row := l.saved[0]
	l.saved = l.saved[1:]
	l.insert(row)
}

// SaveTrackTwice saves the track at a position once more. Its second entry
// stands where its date puts it.
func (s *Server) SaveTrackTwice(position int, at time.Time) {
	l := s.life.library(0)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.insert(saved{ref: l.saved[position].ref, added: at})
}

// insert puts a row where its date puts it; the caller holds the lock.
func (l *library) insert(row saved) {
	i := slices.IndexFunc(l.saved, func(o saved) bool { return !o.added.After(row.added) })
	if i < 0 {
		i = len(l.saved)
	}
	l.saved = slices.Insert(l.saved, i, row)
}

// SaveTrackAgain removes the track at a position and saves it anew, at the
// head of the list.
func (s *Server) SaveTrackAgain(position int, at time.Time) {
	l := s.life.library(0)
	l.mu.Lock()
	defer l.mu.Unlock()
	row := l.saved[position]
	row.added = at
	l.saved = slices.Insert(slices.Delete(l.saved, position, position+1), 0, row)
}

// MoveTrack puts the track at a position elsewhere, with the date that it has.
func (s *Server) MoveTrack(from, to int) {
	l := s.life.library(0)
	l.mu.Lock()
	defer l.mu.Unlock()
	row := l.saved[from]
	l.saved = slices.Insert(slices.Delete(l.saved, from, from+1), to, row)
}

// RemoveTrack removes the track at a position of the list and returns its id.
func (s *Server) RemoveTrack(position int) string {
	l := s.life.library(0)
	l.mu.Lock()
	defer l.mu.Unlock()
	row := l.saved[position]
	l.saved = slices.Delete(l.saved, position, position+1)
	return l.world.song(row.ref).id
}

// TopTracks lists the ids of a ranking.
func (s *Server) TopTracks(timeRange string) []string {
	var out []string
	for _, p := range s.life.library(0).top[timeRange] {
		out = append(out, s.world.song(p).id)
	}
	return out
}

// rankMore ranks n artists, those of the top tracks before others.
func (l *library) rankMore(r *rand.Rand, known []int, n int) []int {
	for _, a := range r.Perm(len(l.world.artists)) {
		if len(known) < n && !slices.Contains(known, a) {
			known = append(known, a)
		}
	}
	return known[:min(n, len(known))]
}

// rank ranks the artists of the top tracks by how many they have there.
func (l *library) rank(timeRange string) []int {
	var out []int
	tracks := map[int]int{}
	for _, p := range l.top[timeRange] {
		if tracks[p.artist]++; tracks[p.artist] == 1 {
			out = append(out, p.artist)
		}
	}
	slices.SortStableFunc(out, func(a, b int) int { return tracks[b] - tracks[a] })
	return out
}

// TopArtists lists the ids of a ranking.
func (s *Server) TopArtists(timeRange string) []string {
	var out []string
	for _, a := range s.life.library(0).ranked[timeRange] {
		out = append(out, s.world.artists[a].id)
	}
	return out
}

// Artists lists the ids of all artists of the world.
func (s *Server) Artists() []string {
	var out []string
	for _, a := range s.world.artists {
		out = append(out, a.id)
	}
	return out
}
