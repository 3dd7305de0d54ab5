package simulate

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

// A Kind says what a shelf has on it.
type Kind string

// The kinds of shelves.
const (
	Albums     Kind = "album"
	Shows      Kind = "show"
	Episodes   Kind = "episode"
	Audiobooks Kind = "audiobook"
	chapters   Kind = "chapter" // nobody can save one
)

// Kinds lists the kinds of shelves.
func Kinds() []Kind { return []Kind{Albums, Shows, Episodes, Audiobooks} }

// A Saved is one entry of a shelf, as it truly is. Readable says whether it is
// served so: it has not vanished, and is neither hidden nor replaced by raw JSON.
type Saved struct {
	ID       string
	AddedAt  time.Time // the API does not tell it of audiobooks
	Readable bool
}

// A Shelf is what an account has saved of one kind. It can change while it is
// read.
type Shelf struct {
	kind     Kind
	taste    func() []string // what can be saved, in the order in which the account comes to know it
	vanished func(id string) bool
	live     func() // lets happen what is due

	mu   sync.RWMutex
	rows []shelved // as the API lists them: what was saved last comes first
	next int       // in taste
}

// shelved is an entry of a shelf. raw and hidden are as in saved.
type shelved struct {
	id     string
	added  time.Time
	raw    string
	hidden bool
}

// Shelf returns the shelf of a user, counted from 0.
func (s *Server) Shelf(user int, kind Kind) *Shelf { return s.life.library(user).shelves[kind] }

// Entries lists what is saved in the order of the API. Albums are not in the
// order of their times.
func (f *Shelf) Entries() []Saved {
	f.live()
	f.mu.RLock()
	defer f.mu.RUnlock()
	var out []Saved
	for _, row := range f.rows {
		out = append(out, Saved{ID: row.id, AddedAt: row.added, Readable: row.raw == "" && !row.hidden && !f.vanished(row.id)})
	}
	return out
}

// Save saves n further ones at the head of the list and returns their ids.
func (f *Shelf) Save(n int, at time.Time) []string {
	f.live()
	return f.save(n, at)
}

func (f *Shelf) save(n int, at time.Time) []string {
	taste := f.taste()
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for tries := 0; len(out) < n && tries < len(taste); tries++ {
		id := taste[f.next%len(taste)]
		f.next++
		if f.find(id) < 0 && !f.vanished(id) {
			f.rows = slices.Insert(f.rows, 0, shelved{id: id, added: at.UTC().Truncate(time.Second)})
			out = append(out, id)
		}
	}
	slices.Reverse(out)
	return out
}

// Put saves a certain one at the head of the list, for the first time or again.
func (f *Shelf) Put(id string, at time.Time) {
	f.Remove(id)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rows = slices.Insert(f.rows, 0, shelved{id: id, added: at.UTC().Truncate(time.Second)})
}

// Remove takes an entry off the shelf.
func (f *Shelf) Remove(id string) {
	f.live()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rows = slices.DeleteFunc(f.rows, func(row shelved) bool { return row.id == id })
}

// Hide makes an entry a hole: it counts, but is not delivered.
func (f *Shelf) Hide(id string) { f.mark(id, func(row *shelved) { row.hidden = true }) }

// Break replaces an entry by JSON, as it stands.
func (f *Shelf) Break(id, raw string) { f.mark(id, func(row *shelved) { row.raw = raw }) }

// Restore undoes Hide and Break.
func (f *Shelf) Restore(id string) {
	f.mark(id, func(row *shelved) { row.raw, row.hidden = "", false })
}

func (f *Shelf) mark(id string, change func(*shelved)) {
	f.live()
	f.mu.Lock()
	defer f.mu.Unlock()
	if i := f.find(id); i >= 0 {
		change(&f.rows[i])
	}
}

// find returns the position of an entry, or -1; the caller holds the lock.
func (f *Shelf) find(id string) int {
	return slices.IndexFunc(f.rows, func(row shelved) bool { return row.id == id })
}

func (f *Shelf) page(offset, limit int) ([]shelved, int) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return slices.Clone(cut(f.rows, offset, limit)), len(f.rows)
}

// shelf serves what the user who asks has saved of a kind.
// https://developer.spotify.com/documentation/web-api/reference/get-users-saved-albums
// https://developer.spotify.com/documentation/web-api/reference/get-users-saved-shows
// https://developer.spotify.com/documentation/web-api/reference/get-users-saved-episodes
// https://developer.spotify.com/documentation/web-api/reference/get-users-saved-audiobooks
func shelf(kind Kind, find finder) handler {
	return func(s *Server, w http.ResponseWriter, r *http.Request) {
		limit, offset, ok := paging(w, r, pageOfMany, 50)
		if !ok {
			return
		}
		rows, total := s.libraryOf(r).shelves[kind].page(offset, limit)
		s.page(w, r, view{limit: limit, offset: offset, rows: len(rows), total: total}, func(b []byte, i int) []byte {
			if rows[i].hidden {
				return b
			}
			return rows[i].append(b, kind, func(b []byte) ([]byte, bool) { return find(s, b, r, rows[i].id) })
		})
	}
}

// append appends an entry. What has vanished leaves a hollow object or null.
func (row shelved) append(b []byte, kind Kind, object func([]byte) ([]byte, bool)) []byte {
	start := len(b)
	switch {
	case row.raw != "":
		return append(b, row.raw...)
	case kind != Audiobooks:
		b = append(b, `{"added_at":"`...)
		b = row.added.AppendFormat(b, "2006-01-02T15:04:05Z")
		b = append(b, `","`+string(kind)+`":`...)
	}
	b, found := object(b)
	switch {
	case kind == Audiobooks && found:
		return b
	case found:
		return append(b, '}')
	case kind == Albums || kind == Audiobooks:
		return append(b[:start], `null`...)
	}
	return append(append(b, hollow(kind)...), '}')
}

// vanished are the ids of what Spotify no longer has.
type vanished struct {
	mu  sync.RWMutex
	ids map[string]bool
}

func (v *vanished) has(id string) bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.ids[id]
}

func (v *vanished) set(id string, gone bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ids[id] = gone
}

// Vanish takes an album, a show, an episode or an audiobook out of Spotify: its
// own addresses answer 404, and where it is saved, a hollow object or null is
// left. The episodes of a show vanish with it, and the chapters of an audiobook.
func (s *Server) Vanish(id string) { s.vanished.set(id, true) }

// Reappear undoes Vanish.
func (s *Server) Reappear(id string) { s.vanished.set(id, false) }
