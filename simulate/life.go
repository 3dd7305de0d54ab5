package simulate

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// A clock is the one of the options, put forward.
type clock struct {
	base  func() time.Time
	ahead atomic.Int64 // nanoseconds
}

func (c *clock) now() time.Time { return c.base().Add(time.Duration(c.ahead.Load())) }

// Advance puts the server's clock forward: plays and events that lie in between
// have happened then, tokens have ended, and quotas are free again.
func (s *Server) Advance(d time.Duration) { s.clock.ahead.Add(int64(d)) }

// A life has what the accounts have and lets it change as the clock goes on.
// Each event follows from the seed, its time and what the account had before it.
// Events are due in the order of their times, so that what an account has at an
// instant is the same whoever asked for it before. Whoever hands out what an
// account has lets it catch up first.
type life struct {
	options   Options
	world     *world
	libraries []*library // of each user
	lists     *playlists

	mu    sync.Mutex
	until time.Time // all events up to here have happened
}

func newLife(w *world, o Options, gone *vanished) *life {
	l := &life{options: o, world: w, lists: newPlaylists(w, o), until: epoch()}
	for user := range o.Users {
		l.libraries = append(l.libraries, newLibrary(w, o, user, gone, l.catchUp))
	}
	return l
}

// library returns what a user, counted from 0, has now, except for playlists.
func (l *life) library(user int) *library {
	l.catchUp()
	return l.libraries[user]
}

// playlists returns those of all accounts as they are now.
func (l *life) playlists() *playlists {
	l.catchUp()
	return l.lists
}

// catchUp lets happen what is due.
func (l *life) catchUp() {
	if l.options.Life == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.options.Clock()
	for n := dayOf(l.until); n <= dayOf(now); n++ {
		for user := range l.libraries {
			for _, e := range l.day(user, n) {
				if e.at.After(l.until) && !e.at.After(now) {
					l.happen(e)
				}
			}
		}
	}
	if now.After(l.until) {
		l.until = now
	}
}

// An event is something that an account does. Its random numbers are its own.
type event struct {
	user   int
	at     time.Time
	random *rand.Rand
}

// day lists the events of an account on a day, in the order of time.
func (l *life) day(user, n int) []event {
	seed := l.options.Seed + uint64(user)
	r := source(seed, "life", n)
	out := make([]event, int(float64(l.options.Life)*(0.5+r.Float64())+0.5))
	for i := range out {
		at := time.Unix(int64(n)*86400+int64(r.IntN(86400)), 0).UTC()
		out[i] = event{user: user, at: at, random: source(seed, "event", n, i)}
	}
	slices.SortStableFunc(out, func(a, b event) int { return a.at.Compare(b.at) })
	return out
}

// happen lets an event happen; the caller holds the lock.
func (l *life) happen(e event) {
	have := l.libraries[e.user]
	switch draw := e.random.IntN(100); {
	case draw < 30:
		have.saveSome(e)
	case draw < 40:
		have.removeSome(e)
	case draw < 53:
		have.shelves[pick(e.random, []Kind{Albums, Albums, Albums, Shows, Episodes, Episodes, Audiobooks})].save(1, e.at)
	case draw < 59:
		have.shelves[pick(e.random, []Kind{Albums, Albums, Shows, Episodes, Audiobooks})].removeSome(e)
	case draw < 66:
		have.followOrNot(e)
	default:
		l.lists.happen(l.world, e, draw)
	}
}

// saveSome saves a track that is not saved.
func (l *library) saveSome(e event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.world.someTrack(e.random)
	if !slices.ContainsFunc(l.saved, func(row saved) bool { return row.ref == t }) {
		l.saved = slices.Insert(l.saved, 0, saved{ref: t, added: e.at})
	}
}

// someTrack draws a track of the world.
func (w *world) someTrack(r *rand.Rand) ref {
	artist := r.IntN(len(w.artists))
	album := r.IntN(w.artists[artist].listed)
	return ref{artist, album, r.IntN(w.artists[artist].albums[album].tracks)}
}

func (l *library) removeSome(e event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.saved); n > 0 {
		i := e.random.IntN(n)
		l.saved = slices.Delete(l.saved, i, i+1)
	}
}

func (f *Shelf) removeSome(e event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.rows); n > 0 {
		i := e.random.IntN(n)
		f.rows = slices.Delete(f.rows, i, i+1)
	}
}

// followOrNot follows an artist, or unfollows one who is followed.
func (l *library) followOrNot(e event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.followed); n > 0 && e.random.IntN(3) == 0 {
		i := e.random.IntN(n)
		l.followed = slices.Delete(l.followed, i, i+1)
		return
	}
	artist := e.random.IntN(len(l.world.artists))
	if at, found := slices.BinarySearch(l.followed, artist); !found {
		l.followed = slices.Insert(l.followed, at, artist)
	}
}

// happen changes the playlists of an account, or one of its own.
func (ps *playlists) happen(w *world, e event, draw int) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	list := ps.lists[e.user]
	own := slices.DeleteFunc(slices.Clone(list), func(p *playlist) bool { return p.owner != UserIDOf(e.user) })
	if draw >= 98 || len(own) == 0 {
		p := &playlist{id: newID(e.random), name: pick(e.random, adjectives()) + " " + strconv.Itoa(e.at.Year()), owner: UserIDOf(e.user)}
		ps.lists[e.user] = slices.Insert(list, 0, p)
		return
	}
	p := pick(e.random, own)
	// The first playlist stays: plays tell that it was played from.
	stays := p.id == playlistID(w.seed+uint64(e.user), 0)
	switch {
	case draw >= 96 && !stays:
		ps.lists[e.user] = slices.DeleteFunc(list, func(x *playlist) bool { return x == p })
	case draw == 95 && !stays:
		p.name = pick(e.random, adjectives()) + " " + pick(e.random, nouns())
	default:
		p.edit(w, e, draw)
	}
}

// edit adds items, removes one or moves one.
func (p *playlist) edit(w *world, e event, draw int) {
	n := len(p.entries)
	switch {
	case draw < 82 || n < 2:
		for range 1 + e.random.IntN(3) {
			p.entries = append(p.entries, entry{kind: TrackItem, ref: w.someTrack(e.random), added: e.at, by: p.owner})
		}
	case draw < 89:
		i := e.random.IntN(n)
		p.entries = slices.Delete(p.entries, i, i+1)
	default:
		from, to := e.random.IntN(n), e.random.IntN(n)
		moved := p.entries[from]
		p.entries = slices.Insert(slices.Delete(p.entries, from, from+1), to, moved)
	}
	p.changed()
}
