package simulate

import (
	"math/rand/v2"
	"strconv"
	"sync"
	"time"
)

// leastParts is how many episodes a show has, and chapters an audiobook, at the
// least.
const leastParts = 20

// spoken is what the world has besides music: shows with episodes, audiobooks
// with chapters. Shows are numbered from 0; the episodes of the n-th show are
// those whose number leaves n when it is divided by the number of shows, newest
// first. Audiobooks and chapters are numbered likewise, in their order.
type spoken struct {
	seed         uint64
	shows, books int
	unhosted     bool                   // shows with an odd number do not say whether they are hosted elsewhere
	index        func() map[string]work // by id
}

// A work is a show, an episode, an audiobook or a chapter, with its number.
type work struct {
	kind   Kind
	number int
}

type show struct {
	id, name  string
	publisher string
	language  string
	explicit  bool
	unhosted  bool
	episodes  int
}

type episode struct {
	id, name string
	show     show
	date     string
	ms       int
	heard    int // milliseconds that were played
}

type audiobook struct {
	id, name                    string
	author, narrator, publisher string
	chapters                    int
}

type chapter struct {
	id   string
	book audiobook
	n    int // counted from 0
	ms   int
}

func newSpoken(o Options) *spoken {
	p := &spoken{seed: o.Seed, shows: max(12, 2*o.Shows, o.Episodes/leastParts*2), books: max(12, 2*o.Audiobooks), unhosted: o.Oddities}
	p.index = sync.OnceValue(p.makeIndex)
	return p
}

func (p *spoken) makeIndex() map[string]work {
	out := map[string]work{}
	for n := range p.shows {
		show := p.show(n)
		out[show.id] = work{Shows, n}
		for i := range show.episodes {
			out[p.episode(n+i*p.shows).id] = work{Episodes, n + i*p.shows}
		}
	}
	for n := range p.books {
		book := p.book(n)
		out[book.id] = work{Audiobooks, n}
		for i := range book.chapters {
			out[p.chapter(n+i*p.books).id] = work{chapters, n + i*p.books}
		}
	}
	return out
}

// find returns the number of a work of a kind.
func (p *spoken) find(kind Kind, id string) (number int, found bool) {
	w, found := p.index()[id]
	return w.number, found && w.kind == kind
}

func (p *spoken) show(n int) show {
	r := source(p.seed, "show", n)
	s := show{id: newID(r), name: "The " + pick(r, nouns()) + " Hour", publisher: "Studio " + pick(r, places()), episodes: leastParts + r.IntN(400)}
	s.language, s.explicit, s.unhosted = pick(r, []string{"en", "en", "sv", "de"}), r.IntN(5) == 0, p.unhosted && n%2 == 1
	return s
}

// known returns the number of an episode that its show has.
func (p *spoken) known(number int) int { return number % (leastParts * p.shows) }

// episode returns an episode. Each show has one a week.
func (p *spoken) episode(n int) episode {
	r := source(p.seed, "episode", n)
	e := episode{id: newID(r), show: p.show(n % p.shows)}
	weeks := n / p.shows
	e.name = strconv.Itoa(e.show.episodes-weeks) + ": " + pick(r, adjectives()) + " " + pick(r, nouns())
	e.ms = 900_000 + r.IntN(4_000_000)
	e.date = epoch().AddDate(0, 0, -7*weeks-n%p.shows).Format(time.DateOnly)
	if r.IntN(3) == 0 {
		e.heard = r.IntN(e.ms)
	}
	return e
}

func (p *spoken) book(n int) audiobook {
	r := source(p.seed, "audiobook", n)
	return audiobook{
		id: newID(r), name: "The " + pick(r, adjectives()) + " " + pick(r, nouns()), author: person(r), narrator: person(r),
		publisher: "Papers of " + pick(r, places()), chapters: leastParts + r.IntN(30),
	}
}

func person(r *rand.Rand) string {
	return pick(r, []string{"Ada", "Björn", "Chloé", "Dev", "Esther", "Farid", "Greta", "Hiro"}) + " " +
		pick(r, []string{"Almqvist", "Baptiste", "Carver", "Dahl", "Eze", "Fuchs", "Grant"})
}

func (p *spoken) chapter(n int) chapter {
	r := source(p.seed, "chapter", n)
	return chapter{id: newID(r), book: p.book(n % p.books), n: n / p.books, ms: 600_000 + r.IntN(2_000_000)}
}

// taste lists all works of a kind in the order in which an account comes to know
// them.
func (p *spoken) taste(r *rand.Rand, kind Kind) []string {
	count, id := p.shows, func(n int) string { return p.show(n).id }
	switch kind {
	case Episodes:
		count, id = leastParts*p.shows, func(n int) string { return p.episode(n).id }
	case Audiobooks:
		count, id = p.books, func(n int) string { return p.book(n).id }
	case Shows, Albums, chapters:
	}
	out := make([]string, count)
	for i, n := range r.Perm(count) {
		out[i] = id(n)
	}
	return out
}

func date(r *rand.Rand, year int) string {
	return time.Date(year, time.Month(1+r.IntN(12)), 1+r.IntN(28), 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
}
