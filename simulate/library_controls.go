package simulate

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// steered is a handler of a control that changes what the parameters say; an
// error is the caller's mistake.
func steered(change func(*Server, url.Values) error) handler {
	return func(s *Server, w http.ResponseWriter, r *http.Request) {
		if err := change(s, r.URL.Query()); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

// number reads a parameter that is a number from 0 to below a limit.
func number(q url.Values, name string, limit int) (n int, given bool, err error) {
	if !q.Has(name) {
		return 0, false, nil
	}
	if n, err = strconv.Atoi(q.Get(name)); err != nil || n < 0 {
		return 0, true, fmt.Errorf("%s=%s is no number", name, q.Get(name))
	}
	if n >= limit {
		return 0, true, errors.New("there is no such position")
	}
	return n, true, nil
}

// atOnce is how many entries one request may add.
const atOnce = 100_000

func changeTracks(s *Server, q url.Values) error {
	save, _, err := number(q, "save", atOnce)
	if err != nil {
		return err
	}
	if save > 0 {
		s.SaveTracks(save, s.clock.now())
	}
	_, total := s.life.library(0).page(0, 0)
	at, given, err := number(q, "remove", total)
	if given && err == nil {
		s.RemoveTrack(at)
	}
	return err
}

func changeShelf(s *Server, q url.Values) error {
	f, known := s.life.library(0).shelves[Kind(q.Get("kind"))]
	if !known {
		return fmt.Errorf("unknown kind %q; use album, show, episode or audiobook", q.Get("kind"))
	}
	save, _, err := number(q, "save", atOnce)
	if err != nil {
		return err
	}
	f.Save(save, s.clock.now())
	entries := f.Entries()
	at, given, err := number(q, "remove", len(entries))
	if given && err == nil {
		f.Remove(entries[at].ID)
	}
	return err
}

func changePlaylist(s *Server, q url.Values) error {
	if q.Has("create") {
		s.CreatePlaylist(q.Get("create"))
		return nil
	}
	id := q.Get("id")
	p, _, found := s.life.playlists().one(id)
	if !found {
		return fmt.Errorf("there is no playlist %q", id)
	}
	if q.Has("do") {
		return treatPlaylist(s, id, q.Get("do"))
	}
	return changeItems(s, p, q)
}

// treatPlaylist does to a playlist what has a name.
func treatPlaylist(s *Server, id, treatment string) error {
	does := map[string]func(string){
		"delete": s.DeletePlaylist, "forbid": s.ForbidPlaylist, "touch": s.TouchPlaylist, "freeze": s.FreezePlaylist, "restore": s.RestorePlaylist,
	}
	do, known := does[treatment]
	if !known {
		return fmt.Errorf("do=%s is unknown; use delete, forbid, touch, freeze or restore", treatment)
	}
	do(id)
	return nil
}

func changeItems(s *Server, p playlist, q url.Values) error {
	add, _, err := number(q, "add", atOnce)
	if err != nil {
		return err
	}
	kind := ItemKind(q.Get("kind"))
	switch kind {
	case "":
		kind = TrackItem
	case TrackItem, EpisodeItem, LocalItem, NullItem:
	default:
		return fmt.Errorf("unknown kind %q; use track, episode, local or null", kind)
	}
	if add > 0 {
		s.AddItems(p.id, len(p.entries), add, kind, s.clock.now())
	}
	at, remove, err := number(q, "remove", len(p.entries))
	if remove && err == nil {
		s.RemoveItem(p.id, at)
	}
	if err != nil || !q.Has("move") {
		return err
	}
	return moveItem(s, p, q.Get("move"))
}

func moveItem(s *Server, p playlist, text string) error {
	from, to, _ := strings.Cut(text, ":")
	f, err := strconv.Atoi(from)
	t, wrong := strconv.Atoi(to)
	if n := len(p.entries); err != nil || wrong != nil || min(f, t) < 0 || max(f, t) >= n {
		return fmt.Errorf("move=%s names no positions", text)
	}
	s.MoveItem(p.id, f, t)
	return nil
}

func advanceClock(s *Server, q url.Values) error {
	d, err := time.ParseDuration(q.Get("advance"))
	if err != nil || d < 0 {
		return fmt.Errorf("advance=%s is no duration like 24h", q.Get("advance"))
	}
	s.Advance(d)
	return nil
}
