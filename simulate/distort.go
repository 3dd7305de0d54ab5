package simulate

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"time"
)

// changeKinds lists the faults that change the API's answer as a whole.
func changeKinds() []FaultKind {
	return []FaultKind{
		{"truncate", "the answer cut off after arg percent, the connection closed"},
		{"trailing", "the answer with an HTML comment behind it"},
		{"stall", "headers, then nothing for arg milliseconds, then the end"},
		{"foreign", "next points to another host"},
		{"circle", "the cursors of a page lead back to the position arg (0: 1) of the list, also on its last page"},
		{"norefresh", "the token endpoint sends no refresh token, even for a code (path /api/token)"},
		{"gone", "the playlist, album, show, episode or audiobook that the path names is deleted before the answer, and stays so"},
		{"total", "a total that is arg higher than the truth"},
		{"vacant", "a page of an empty list: no items, total 0, no next"},
		{"floats", "every integer written as a float, from arg (0: 250000) on with an exponent: 204053.0, 2.64531E5"},
	}
}

// floatsWithExponent is where floats get an exponent. Durations of tracks are
// on both sides of it.
const floatsWithExponent = 250_000

// A reply is an answer of the API while faults change it.
type reply struct {
	host   string
	status int
	body   []byte
	at     []int // the positions of its items in their list
}

// distort lets the API answer and changes what it says.
func distort(w http.ResponseWriter, r *http.Request, api http.Handler, struck []Fault) {
	var at positions
	for _, f := range struck {
		if f.Kind == "circle" {
			at.circle = max(f.Arg, 1)
		}
	}
	real := httptest.NewRecorder()
	api.ServeHTTP(real, r.WithContext(context.WithValue(r.Context(), positionsKey{}, &at)))
	answer := reply{host: r.Host, status: real.Code, body: real.Body.Bytes(), at: at.delivered}
	// Numbers are rewritten last: the other changes read them.
	slices.SortStableFunc(struck, func(a, b Fault) int { return whenLast(a) - whenLast(b) })
	for _, f := range struck {
		answer.change(f)
	}
	maps.Copy(w.Header(), real.Header())
	w.Header().Del("Content-Length")
	answer.send(w, r, struck)
}

func whenLast(f Fault) int {
	if f.Kind == "floats" {
		return 1
	}
	return 0
}

func (a *reply) change(f Fault) {
	switch f.Kind {
	case "truncate", "stall": // concern the sending
	case "circle", "gone": // the API has done so
	case "trailing":
		a.body = append(a.body, "<!-- served by a proxy -->"...)
	case "norefresh":
		var answer map[string]any
		if json.Unmarshal(a.body, &answer) == nil {
			delete(answer, "refresh_token")
			a.body, _ = json.Marshal(answer)
		}
	case "foreign":
		a.body = bytes.Replace(a.body, []byte(`"next":"http://`+a.host), []byte(`"next":"http://127.0.0.2:9`), 1)
	case "floats":
		if a.status == http.StatusOK {
			a.body = withFloats(a.body, int64(cmp.Or(f.Arg, floatsWithExponent)))
		}
	default:
		a.changePage(f)
	}
}

// changePage changes the object that has the items, if the answer is a page.
func (a *reply) changePage(f Fault) {
	from, to, found := pageIn(a.body)
	if !found {
		return
	}
	page := a.body[from:to]
	switch f.Kind {
	case "total":
		page = raiseTotal(page, f.Arg)
	case "vacant":
		cursors := `null`
		if _, _, counted := member(page, "total"); counted {
			cursors = `{"after":null}`
		}
		for name, value := range map[string]string{"items": "[]", "total": "0", "next": "null", "cursors": cursors} {
			page = replace(page, name, value)
		}
		a.at = nil
	case "emptypage":
		page = replace(page, "items", "[]")
		a.at = nil
	default:
		page = a.changeEntries(page, f)
	}
	a.body = splice(a.body, from, to, page)
}

func raiseTotal(page []byte, by int) []byte {
	from, to, found := member(page, "total")
	n, err := strconv.Atoi(string(page[from:to]))
	if !found || err != nil {
		return page
	}
	return splice(page, from, to, []byte(strconv.Itoa(n+by)))
}

// send writes the answer, unless a fault cuts it off.
func (a *reply) send(w http.ResponseWriter, r *http.Request, struck []Fault) {
	for _, f := range struck {
		switch f.Kind {
		case "truncate":
			w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
			w.WriteHeader(a.status)
			_, _ = w.Write(a.body[:len(a.body)*min(max(f.Arg, 0), 99)/100])
			panic(http.ErrAbortHandler)
		case "stall":
			w.WriteHeader(a.status)
			_ = http.NewResponseController(w).Flush()
			f.stall(r)
		}
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}

// stall keeps the connection open for a while, then cuts it.
func (f Fault) stall(r *http.Request) {
	select {
	case <-time.After(time.Duration(f.Arg) * time.Millisecond):
	case <-r.Context().Done():
	}
	panic(http.ErrAbortHandler)
}
