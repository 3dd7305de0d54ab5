package simulate

import "net/http"

// playback is the scope that lets an app know how much of an episode was played.
const playback = "user-read-playback-position"

// appendShow appends a show without its episodes.
func appendShow(s *Server, b []byte, _ *http.Request, id string) ([]byte, bool) {
	n, found := s.world.spoken.find(Shows, id)
	if !found || s.vanished.has(id) {
		return b, false
	}
	return append(s.render.showFields(append(b, '{'), s.world.spoken.show(n)), '}'), true
}

// appendEpisode appends an episode with its show. It is gone when its show is.
func appendEpisode(s *Server, b []byte, r *http.Request, id string) ([]byte, bool) {
	n, found := s.world.spoken.find(Episodes, id)
	if !found || s.vanished.has(id) {
		return b, false
	}
	e := s.world.spoken.episode(n)
	if s.vanished.has(e.show.id) {
		return b, false
	}
	return s.render.fullEpisode(b, e, s.grantOf(r).allows(playback)), true
}

// appendAudiobook appends an audiobook without its chapters.
func appendAudiobook(s *Server, b []byte, _ *http.Request, id string) ([]byte, bool) {
	n, found := s.world.spoken.find(Audiobooks, id)
	if !found || s.vanished.has(id) {
		return b, false
	}
	return append(s.render.bookFields(append(b, '{'), s.world.spoken.book(n)), '}'), true
}

// appendChapter appends a chapter with its audiobook.
func appendChapter(s *Server, b []byte, r *http.Request, id string) ([]byte, bool) {
	n, found := s.world.spoken.find(chapters, id)
	if !found {
		return b, false
	}
	c := s.world.spoken.chapter(n)
	if s.vanished.has(c.book.id) {
		return b, false
	}
	b = s.render.chapterFields(append(b, '{'), c, s.grantOf(r).allows(playback))
	return append(s.render.bookFields(append(b, `,"audiobook":{`...), c.book), `}}`...), true
}

// A series is the list of the parts of a show or an audiobook: how many there
// are, and what appends the one at a position.
type series func(s *Server, r *http.Request, id string) (total int, part func(b []byte, i int) []byte, found bool)

func episodesOf(s *Server, r *http.Request, id string) (int, func([]byte, int) []byte, bool) {
	p := s.world.spoken
	n, found := p.find(Shows, id)
	if !found || s.vanished.has(id) {
		return 0, nil, false
	}
	heard := s.grantOf(r).allows(playback)
	return p.show(n).episodes, func(b []byte, i int) []byte {
		return append(s.render.episodeFields(append(b, '{'), p.episode(n+i*p.shows), heard), '}')
	}, true
}

func chaptersOf(s *Server, r *http.Request, id string) (int, func([]byte, int) []byte, bool) {
	p := s.world.spoken
	n, found := p.find(Audiobooks, id)
	if !found || s.vanished.has(id) {
		return 0, nil, false
	}
	heard := s.grantOf(r).allows(playback)
	return p.book(n).chapters, func(b []byte, i int) []byte {
		return append(s.render.chapterFields(append(b, '{'), p.chapter(n+i*p.books), heard), '}')
	}, true
}

// parts serves the list of the parts of what the path names.
// https://developer.spotify.com/documentation/web-api/reference/get-a-shows-episodes
// https://developer.spotify.com/documentation/web-api/reference/get-audiobook-chapters
func parts(of series) handler {
	return func(s *Server, w http.ResponseWriter, r *http.Request) {
		total, part, found := of(s, r, r.PathValue("id"))
		if !found {
			notFound(w)
			return
		}
		limit, offset, ok := paging(w, r, pageOfMany, 50)
		if !ok {
			return
		}
		v := view{limit: limit, offset: offset, rows: max(0, min(limit, total-offset)), total: total}
		s.page(w, r, v, func(b []byte, i int) []byte { return part(b, offset+i) })
	}
}

// withParts appends what a finder finds, and in it the first page of its parts.
func withParts(find finder, name string, of series) finder {
	return func(s *Server, b []byte, r *http.Request, id string) ([]byte, bool) {
		b, found := find(s, b, r, id)
		if !found {
			return b, false
		}
		total, part, _ := of(s, r, id)
		v := view{path: r.URL.Path + "/" + name, limit: 50, rows: min(50, total), total: total}
		b = v.append(append(b[:len(b)-1], `,"`+name+`":`...), unasked(r), nil, part)
		return append(b, '}'), true
	}
}

// unasked is a request without its parameters, which addresses of pages inside
// of objects do not repeat.
func unasked(r *http.Request) *http.Request {
	u := *r.URL
	u.RawQuery = ""
	return &http.Request{Host: r.Host, URL: &u}
}
