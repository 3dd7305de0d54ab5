package simulate

import (
	"math/rand/v2"
	"sync"
	"time"
)

// newShelves fills the shelves of a user, who saves a thing now and then.
func newShelves(w *world, o Options, v *vanished, live func()) map[Kind]*Shelf {
	sizes := map[Kind]int{Albums: o.SavedAlbums, Shows: o.Shows, Episodes: o.Episodes, Audiobooks: o.Audiobooks}
	out := map[Kind]*Shelf{}
	for kind, size := range sizes {
		r := source(o.Seed, "shelf of "+string(kind))
		f := &Shelf{kind: kind, live: live, vanished: v.has, taste: sync.OnceValue(func() []string {
			r := source(o.Seed, "taste in "+string(kind))
			if kind == Albums {
				return w.albumTaste(r)
			}
			return w.spoken.taste(r, kind)
		})}
		at := epoch().Add(-time.Duration(size) * 20 * 24 * time.Hour)
		for range size {
			at = at.Add(time.Duration(1+r.IntN(40*24*3600)) * time.Second)
			if at.After(epoch()) {
				at = epoch()
			}
			f.save(1, at)
		}
		f.presave(r)
		if o.Oddities {
			f.addOddities(v)
		}
		out[kind] = f
	}
	return out
}

// presave gives every seventh album the midnight before which it could not be
// heard: it was saved earlier.
func (f *Shelf) presave(r *rand.Rand) {
	for i := 3; f.kind == Albums && i < len(f.rows); i += 7 {
		f.rows[i].added = f.rows[i].added.AddDate(0, 0, r.IntN(60)).Truncate(24 * time.Hour)
	}
}

// addOddities makes entries odd in the ways in which the real API has them.
func (f *Shelf) addOddities(v *vanished) {
	gone := map[Kind][]int{Albums: {3}, Shows: {3}, Episodes: {2, 7}, Audiobooks: {1}}
	for _, at := range gone[f.kind] {
		if at < len(f.rows) {
			v.set(f.rows[at].id, true)
		}
	}
	if f.kind != Albums {
		return
	}
	if len(f.rows) > 7 {
		f.rows[7].raw = namelessAlbum
	}
	if len(f.rows) > 11 {
		f.rows[11].added = time.Date(1998, 1, 25, 0, 0, 0, 0, time.UTC)
	}
}

// namelessAlbum is a saved album after a takedown: its name is empty, and it has
// no tracks.
const namelessAlbum = `{"added_at":"2019-05-01T10:00:05Z","album":{"album_type":"album","artists":[],"copyrights":[],"external_ids":{},"external_urls":{"spotify":"https://open.spotify.com/album/3Name000000000000000aa"},"genres":[],"href":"https://api.spotify.com/v1/albums/3Name000000000000000aa","id":"3Name000000000000000aa","images":[],"name":"","release_date":"0000","release_date_precision":"year","total_tracks":0,"tracks":{"href":"https://api.spotify.com/v1/albums/3Name000000000000000aa/tracks?offset=0&limit=50","items":[],"limit":50,"next":null,"offset":0,"previous":null,"total":0},"type":"album","uri":"spotify:album:3Name000000000000000aa"}}`

// albumTaste lists all albums in the order in which an account comes to know
// them: every sixth is a box set, as long as there are.
func (w *world) albumTaste(r *rand.Rand) []string {
	var plain, sets []string
	for i := range w.artists {
		for n, a := range w.artists[i].albums {
			if n < w.artists[i].listed {
				plain = append(plain, a.id)
			} else {
				sets = append(sets, a.id)
			}
		}
	}
	for _, ids := range [][]string{plain, sets} {
		r.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	}
	var out []string
	for len(plain) > 0 {
		if len(out)%6 == 1 && len(sets) > 0 {
			out, sets = append(out, sets[0]), sets[1:]
			continue
		}
		out, plain = append(out, plain[0]), plain[1:]
	}
	return append(out, sets...)
}
