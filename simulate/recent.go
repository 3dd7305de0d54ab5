package simulate

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// keptPlays is how many plays the API remembers.
const keptPlays = 50

// recentPlays lists what the API remembers of the plays of the user who asks,
// newest first, and the part of it that the cursors of the request choose.
func (s *Server) recentPlays(r *http.Request) (plays []play, from, to int) {
	plays = s.libraryOf(r).plays.between(time.Time{}, s.options.Clock(), keptPlays)
	to = len(plays)
	if before, err := strconv.ParseInt(r.URL.Query().Get("before"), 10, 64); err == nil {
		from = behind(plays, before)
	}
	if after, err := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64); err == nil {
		to = behind(plays, after+1)
	}
	return plays, from, to
}

// behind returns how many of some plays, newest first, are not before a time in
// milliseconds.
func behind(plays []play, ms int64) int {
	if i := slices.IndexFunc(plays, func(p play) bool { return p.at.UnixMilli() < ms }); i >= 0 {
		return i
	}
	return len(plays)
}

// recentlyPlayed lists the last plays by their times: the newest of those that
// the cursor leaves. As recordings show, a full page has a next one even when
// nothing is left, and that of a page asked with after goes by after, too, with
// the time of the page's oldest play.
// https://developer.spotify.com/documentation/web-api/reference/get-recently-played
func recentlyPlayed(s *Server, w http.ResponseWriter, r *http.Request) {
	limit, _, ok := paging(w, r, pageOfMany, 50)
	if !ok {
		return
	}
	direction, problem := directionOf(r)
	if problem != "" {
		fail(w, http.StatusBadRequest, problem)
		return
	}
	plays, from, end := s.recentPlays(r)
	to, at := min(from+limit, end), positionsOf(r)
	next, cursors := "null", "null"
	last, more := at.lead(to, len(plays), to-from == limit)
	if more {
		next = strconv.Quote(address(r, r.URL.Path, "limit", strconv.Itoa(limit), direction, cursor(plays[last-1])))
	}
	if from < to {
		cursors = fmt.Sprintf(`{"after":%q,"before":%q}`, cursor(plays[from]), cursor(plays[last-1]))
	}
	b := items([]byte(`{"items":[`), at, from, to-from, func(b []byte, i int) []byte { return s.render.played(b, plays[from+i]) })
	href := address(r, r.URL.Path, "limit", strconv.Itoa(limit))
	writeJSON(w, http.StatusOK, fmt.Appendf(b, `],"next":%s,"cursors":%s,"limit":%d,"href":%q}`, next, cursors, limit, href))
}

// directionOf returns the cursor that a request goes by. The wording of the
// problem is ours: what the API says is not known.
func directionOf(r *http.Request) (name, problem string) {
	after, before := r.URL.Query().Get("after"), r.URL.Query().Get("before")
	name = "before"
	switch {
	case after != "" && before != "":
		return "", "Only one of after and before may be given"
	case after != "":
		name = "after"
	}
	if text := after + before; text != "" {
		if ms, err := strconv.ParseInt(text, 10, 64); err != nil || ms < 0 {
			return "", "Invalid " + name
		}
	}
	return name, ""
}

func cursor(p play) string { return strconv.FormatInt(p.at.UnixMilli(), 10) }

// played is an entry of the history.
func (r *renderer) played(b []byte, p play) []byte {
	b = append(b, `{"track":`...)
	b = r.track(b, p.ref)
	b = append(b, `,"played_at":"`...)
	b = p.at.AppendFormat(b, "2006-01-02T15:04:05.000Z")
	b = append(b, `","context":`...)
	if p.kind == "" {
		return append(b, `null}`...)
	}
	url := p.kind + "s/" + p.id
	return fmt.Appendf(b, `{"type":%q,"external_urls":{"spotify":"https://open.spotify.com/%s/%s"},"href":"https://api.spotify.com/v1/%s","uri":%q}}`,
		p.kind, p.kind, p.id, url, p.context())
}
