package simulate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
)

const tracksPerAlbum = 7 // on average over albums and singles

// A world is all the music there is. It does not change once it is made.
type world struct {
	seed    uint64
	genres  []genre
	artists []artist
	spoken  *spoken
	byID    map[string]int // artists by id

	albums func() map[string]ref // the first track of each, by the album's id
	songs  func() map[string]ref // by id
}

// An artist has a discography: albums and singles newest first, then
// compilations. A box set may stand behind it.
type artist struct {
	id     string
	name   string
	genre  int
	albums []album
	listed int // how many of the albums the discography has
}

// discography is what the API lists of an artist's albums.
func (a *artist) discography() []album { return a.albums[:a.listed] }

type album struct {
	id        string
	name      string
	group     string // album, single or compilation
	date      string
	precision string
	tracks    int
}

// A ref names a track by its place: artist, album, number from 0.
type ref struct{ artist, album, track int }

// A song is a track with all that is told of it.
type song struct {
	id       string
	name     string
	guest    int // index of a featured artist, or -1
	ms       int
	explicit bool
	isrc     string
}

// source returns the random numbers of one thing, whatever was made before it.
func source(seed uint64, kind string, numbers ...int) *rand.Rand {
	h := seed*0x9e3779b97f4a7c15 + 0xda942042e4dd58b5
	for _, b := range []byte(kind) {
		h = (h ^ uint64(b)) * 0x100000001b3
	}
	for _, n := range numbers {
		h = (h ^ uint64(n)) * 0xff51afd7ed558ccd
		h ^= h >> 33
	}
	return rand.New(rand.NewPCG(h, h^seed))
}

// newID makes an id as Spotify writes them.
func newID(r *rand.Rand) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	var id [22]byte
	for i := range id {
		id[i] = digits[r.IntN(len(digits))]
	}
	id[0] = digits[r.IntN(8)] // an id is a number of 128 bits
	return string(id[:])
}

func newWorld(o Options) *world {
	w := &world{seed: o.Seed, genres: genres(), spoken: newSpoken(o), byID: map[string]int{}}
	taken := map[string]bool{}
	for i := range o.Artists {
		r := source(o.Seed, "artist", i)
		g := r.IntN(len(w.genres))
		a := artist{id: newID(r), genre: g, name: w.genres[g].artistName(r, taken)}
		a.albums = discography(r, w.genres[g], o.AlbumsPerArtist)
		a.listed = len(a.albums)
		if i%5 == 2 {
			a.albums = append(a.albums, boxSet(source(o.Seed, "box set", i), a.name))
		}
		w.byID[a.id] = i
		w.artists = append(w.artists, a)
	}
	w.albums, w.songs = sync.OnceValue(w.indexAlbums), sync.OnceValue(w.indexSongs)
	return w
}

func (w *world) indexAlbums() map[string]ref {
	out := map[string]ref{}
	for a := range w.artists {
		for n := range w.artists[a].albums {
			out[w.artists[a].albums[n].id] = ref{artist: a, album: n}
		}
	}
	return out
}

func (w *world) indexSongs() map[string]ref {
	out := map[string]ref{}
	for _, p := range w.albums() {
		for p.track = range w.artists[p.artist].albums[p.album].tracks {
			out[w.song(p).id] = p
		}
	}
	return out
}

// discography draws a heavy-tailed number of releases over a career.
func discography(r *rand.Rand, g genre, mean int) []album {
	n := max(1, int(float64(mean)*0.6*math.Exp(r.NormFloat64()*0.8)))
	debut := 1962 + int(62*math.Sqrt(r.Float64()))
	var out []album
	for range n {
		out = append(out, release(r, g, min(2026, debut+r.IntN(1+min(40, 2026-debut)))))
	}
	order := map[string]int{"album": 0, "single": 1, "compilation": 2}
	slices.SortStableFunc(out, func(a, b album) int {
		if d := order[a.group] - order[b.group]; d != 0 {
			return d
		}
		return -compare(a.date, b.date)
	})
	return out
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func release(r *rand.Rand, g genre, year int) album {
	a := album{id: newID(r), name: g.title(r), group: "album", tracks: 8 + r.IntN(8)}
	switch draw := r.Float64(); {
	case draw < 0.5:
		a.group, a.tracks = "single", 1+r.IntN(4)
	case draw > 0.95:
		a.group, a.name = "compilation", "Best of "+strconv.Itoa(year)
	}
	a.date, a.precision = fmt.Sprintf("%04d-%02d-%02d", year, 1+r.IntN(12), 1+r.IntN(28)), "day"
	switch draw := r.Float64(); {
	case draw < 0.06 && year < 1995:
		a.date, a.precision = a.date[:4], "year"
	case draw < 0.08:
		a.date, a.precision = a.date[:7], "month"
	}
	return a
}

// tracksPerDisc is how many tracks a disc of a box set has.
const tracksPerDisc = 30

// boxSet is an album that no discography lists, with more tracks than one page
// of them has.
func boxSet(r *rand.Rand, artist string) album {
	date := date(r, 1998+r.IntN(28))
	return album{id: newID(r), name: "The Complete " + artist, group: "compilation", date: date, precision: "day", tracks: 51 + r.IntN(100)}
}

// song returns the track of a place, the same one every time.
func (w *world) song(p ref) song {
	r := source(w.seed, "song", p.artist, p.album, p.track)
	g := w.genres[w.artists[p.artist].genre]
	s := song{id: newID(r), name: g.title(r), guest: -1}
	if g.explict > 0 && r.Float64() < 0.12 {
		if s.guest = r.IntN(len(w.artists)); s.guest == p.artist {
			s.guest = -1
		} else {
			s.name += " (feat. " + w.artists[s.guest].name + ")"
		}
	}
	s.ms = 1000*(g.seconds[0]+r.IntN(g.seconds[1]-g.seconds[0])) + r.IntN(1000)
	s.explicit = r.Float64() < g.explict
	s.isrc = fmt.Sprintf("%s%s%02d%05d", pick(r, []string{"US", "GB", "SE", "DE", "FR", "JP"}),
		pick(r, []string{"UM7", "ABC", "X1Z", "QFB"}), r.IntN(27), r.IntN(100000))
	return s
}

// favourites lists n different tracks, as the listener of that seed would come
// to know them: few artists with many tracks, many with few.
func (w *world) favourites(seed uint64, kind string, n int) []ref {
	r := source(seed, kind)
	left := make([][]ref, len(w.artists))
	taste := r.Perm(len(w.artists))
	out := make([]ref, 0, n)
	for len(out) < n {
		a := taste[min(int(float64(len(taste))*math.Pow(r.Float64(), 2.2)), len(taste)-1)]
		if left[a] == nil {
			left[a] = w.recordings(r, a)
		}
		for tries := 0; len(left[a]) == 0; tries++ { // all taken: on to the next artist
			if tries > len(taste) {
				return out
			}
			if a = (a + 1) % len(taste); left[a] == nil {
				left[a] = w.recordings(r, a)
			}
		}
		out = append(out, left[a][0])
		left[a] = left[a][1:]
	}
	return out
}

// recordings lists an artist's tracks in random order; never nil.
func (w *world) recordings(r *rand.Rand, a int) []ref {
	out := make([]ref, 0, 8*w.artists[a].listed)
	for b, album := range w.artists[a].discography() {
		for t := range album.tracks {
			out = append(out, ref{a, b, t})
		}
	}
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}
