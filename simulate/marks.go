package simulate

import "time"

// A LibraryEntry is one entry of the library, as it truly is. Readable says
// whether it is served so: it is neither hidden nor replaced by raw JSON.
type LibraryEntry struct {
	TrackID  string
	Name     string
	AddedAt  time.Time
	Readable bool
}

// Library lists every entry of the first user's library in its order, with
// those that cannot be read.
func (s *Server) Library() []LibraryEntry {
	l := s.life.library(0)
	l.mu.RLock()
	defer l.mu.RUnlock()
	out := make([]LibraryEntry, 0, len(l.saved))
	for _, row := range l.saved {
		song := l.world.song(row.ref)
		out = append(out, LibraryEntry{TrackID: song.id, Name: song.name, AddedAt: row.added, Readable: row.readable()})
	}
	return out
}

// Hide makes the entry that is now at a position a hole: it counts, but is not
// delivered. The hole moves with the entry.
func (s *Server) Hide(position int) {
	s.mark(position, func(row *saved) { row.hidden = true })
}

// SetRaw replaces the entry that is now at a position by JSON, as it stands. The
// JSON moves with the entry; the empty string takes it away.
func (s *Server) SetRaw(position int, raw string) {
	s.mark(position, func(row *saved) { row.raw = raw })
}

// Restore makes the entry at a position what it truly is: it undoes Hide and
// SetRaw.
func (s *Server) Restore(position int) {
	s.mark(position, func(row *saved) { row.raw, row.hidden = "", false })
}

// Raw returns the JSON of the entry at a position as it is served, or would be
// if it were not hidden.
func (s *Server) Raw(position int) string {
	l := s.life.library(0)
	l.mu.RLock()
	row := l.saved[position]
	l.mu.RUnlock()
	return string(s.render.saved(nil, row))
}

func (s *Server) mark(position int, change func(*saved)) {
	l := s.life.library(0)
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.saved[position])
}
