package simulate

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// A Play is a track that was played, as it truly was.
type Play struct {
	TrackID  string
	Name     string
	PlayedAt time.Time // to the millisecond
	Context  string    // URI of the album or playlist that it was played from; empty: none
}

// play is a track of the world that was played. kind and id say what it was
// played from; both are empty for nothing.
type play struct {
	ref      ref
	at       time.Time
	kind, id string
}

func (p play) context() string {
	if p.kind == "" {
		return ""
	}
	return "spotify:" + p.kind + ":" + p.id
}

// A history is what an account has played. It grows with the clock: each day's
// plays follow from the seed, whoever asks for them and when.
type history struct {
	world  *world
	seed   uint64
	perDay int
	taste  func() []ref

	mu    sync.Mutex
	added []play
}

func newHistory(w *world, o Options) *history {
	return &history{
		world: w, seed: o.Seed, perDay: o.PlaysPerDay,
		taste: sync.OnceValue(func() []ref { return w.favourites(o.Seed, "plays", 300) }),
	}
}

// dayOf counts the days of UTC.
func dayOf(t time.Time) int { return int(t.Unix() / 86400) }

// day lists the plays of a day, oldest first. No two have the same time.
func (h *history) day(n int) []play {
	r := source(h.seed, "plays", n)
	left := int(float64(h.perDay) * (0.25 + 1.5*r.Float64()))
	if left == 0 || r.IntN(12) == 0 { // now and then nobody listens
		return nil
	}
	at := time.Unix(int64(n)*86400, 0).UTC().Add(6*time.Hour + milliseconds(r, 3*time.Hour))
	var out []play
	for left > 0 {
		session := h.session(r, min(left, 3+r.IntN(12)))
		left -= len(session)
		for _, p := range session {
			at = at.Add(time.Duration(h.world.song(p.ref).ms)*time.Millisecond + milliseconds(r, 3*time.Second))
			if dayOf(at) != n {
				return out
			}
			p.at = at
			out = append(out, p)
		}
		at = at.Add(milliseconds(r, 3*time.Hour))
	}
	return out
}

// milliseconds draws a duration below a limit.
func milliseconds(r *rand.Rand, limit time.Duration) time.Duration {
	return time.Duration(r.Int64N(limit.Milliseconds())) * time.Millisecond
}

// session picks tracks that are played in a row: of an album, of a playlist, or
// as they come.
func (h *history) session(r *rand.Rand, length int) []play {
	kind, first := r.IntN(3), pick(r, h.taste())
	album := h.world.artists[first.artist].albums[first.album]
	if kind == 0 {
		length = min(length, album.tracks)
	}
	out := make([]play, length)
	for i := range out {
		switch kind {
		case 0:
			out[i] = play{ref: ref{first.artist, first.album, i}, kind: "album", id: album.id}
		case 1:
			out[i] = play{ref: pick(r, h.taste()), kind: "playlist", id: playlistID(h.seed, 0)}
		default:
			out[i] = play{ref: pick(r, h.taste())}
		}
	}
	return out
}

// between lists the plays after a time and not later than another, newest
// first; no more than most of them.
func (h *history) between(after, until time.Time, most int) []play {
	h.mu.Lock()
	out := slices.Clone(h.added)
	h.mu.Unlock()
	days := 0
	for n := dayOf(until); h.perDay > 0 && days < most && n >= dayOf(after); n-- {
		day := slices.DeleteFunc(h.day(n), func(p play) bool { return p.at.After(until) })
		days += len(day)
		out = append(out, day...)
	}
	out = slices.DeleteFunc(out, func(p play) bool { return p.at.After(until) || !p.at.After(after) })
	slices.SortStableFunc(out, func(a, b play) int { return b.at.Compare(a.at) })
	return out[:min(most, len(out))]
}

// Plays lists what the first user has played after a time and not later than
// another, newest first, whether or not the API still remembers it.
func (s *Server) Plays(after, until time.Time) []Play { return s.PlaysOf(0, after, until) }

// PlaysOf lists what a user, counted from 0, has played.
func (s *Server) PlaysOf(user int, after, until time.Time) []Play {
	var out []Play
	for _, p := range s.life.library(user).plays.between(after, until, math.MaxInt) {
		out = append(out, s.told(p))
	}
	return out
}

func (s *Server) told(p play) Play {
	song := s.world.song(p.ref)
	return Play{TrackID: song.id, Name: song.name, PlayedAt: p.at, Context: p.context()}
}

// AddPlay adds a play of the first user at a time, which may lie before other
// plays or in the future; it is served from then on. It is of another track than
// the plays that were added before, as far as there are.
func (s *Server) AddPlay(at time.Time) Play {
	h := s.life.library(0).plays
	taste := h.taste()
	h.mu.Lock()
	defer h.mu.Unlock()
	p := play{ref: taste[len(h.added)%len(taste)], at: at.UTC().Truncate(time.Millisecond)}
	h.added = append(h.added, p)
	return s.told(p)
}
