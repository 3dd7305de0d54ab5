package extract_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/listdiff"
)

// A span is a request for a part of a list.
type span struct{ offset, limit int }

// A listing is a list behind HTTP that a test writes itself.
type listing struct {
	client *extract.Client
	answer func(s span) (refuse int, over int) // status instead of a page; what the total is too high

	mu      sync.Mutex
	entries []string // JSON; "" counts and is not delivered
	asked   []span

	// inTurn lets requests wait until those for what stands before were answered.
	inTurn bool
	turn   *sync.Cond
	next   int // position behind what was answered
}

// serve serves a list with as many tracks as known.
func serve(t *testing.T, tracks int) *listing {
	t.Helper()
	l := &listing{answer: func(span) (int, int) { return 0, 0 }}
	l.turn = sync.NewCond(&l.mu)
	for n := range tracks {
		l.entries = append(l.entries, entry(n))
	}
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	var err error
	l.client, err = extract.New(extract.Config{
		ClientID: "c", APIURL: server.URL + "/v1", AccountsURL: server.URL, RetryDelay: time.Microsecond,
		Pacer:  extract.NewPacer(64), // so that inTurn lacks none
		Tokens: extract.NewFixedToken(extract.Token{RefreshToken: "r", AccessToken: "a", RenewAt: time.Now().Add(time.Hour)}),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.client.CloseIdle)
	return l
}

// entry is the JSON of a track; later ones were saved earlier.
func entry(n int) string {
	return fmt.Sprintf(`{"added_at":%q,"track":{"id":"t%d","name":"Track"}}`, savedAt(n).Format(time.RFC3339), n)
}

func savedAt(n int) time.Time { return time.Unix(2_000_000_000-int64(n), 0).UTC() }

// keyOf is the key of a track.
func keyOf(n int) listdiff.Key {
	return listdiff.NewKey("t"+strconv.Itoa(n), savedAt(n).Unix())
}

// keysUpTo are the keys of the tracks before the n-th.
func keysUpTo(n int) []listdiff.Key {
	var out []listdiff.Key
	for i := range n {
		out = append(out, keyOf(i))
	}
	return out
}

// ServeHTTP answers with a page.
func (l *listing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
	offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
	w.Header().Set("Content-Type", "application/json")
	l.mu.Lock()
	defer l.mu.Unlock()
	s := span{offset, limit}
	stop := context.AfterFunc(r.Context(), func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.turn.Broadcast()
	})
	defer stop()
	for l.inTurn && offset > l.next && r.Context().Err() == nil {
		l.turn.Wait()
	}
	l.next = offset + limit
	l.turn.Broadcast()
	l.asked = append(l.asked, s)
	status, over := l.answer(s)
	if status != 0 {
		message := http.StatusText(status)
		if status == http.StatusBadRequest {
			message = "Invalid limit"
		}
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"error":{"status":%d,"message":%q}}`, status, message)
		return
	}
	from := min(offset, len(l.entries))
	page := slices.Clone(l.entries[from:min(from+limit, len(l.entries))])
	page = slices.DeleteFunc(page, func(e string) bool { return e == "" })
	fmt.Fprintf(w, `{"items":[%s],"total":%d}`, strings.Join(page, ","), len(l.entries)+over)
}

// covers reports whether a request is for one of some positions.
func (s span) covers(positions ...int) bool {
	return slices.ContainsFunc(positions, func(at int) bool { return at >= s.offset && at < s.offset+s.limit })
}

// unserved lets each page fail that holds one of some positions.
func (l *listing) unserved(positions ...int) {
	l.answer = func(s span) (int, int) {
		if s.covers(positions...) {
			return http.StatusInternalServerError, 0
		}
		return 0, 0
	}
}

// forget drops the requests that were noted, and returns them.
func (l *listing) forget() []span {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.asked
	l.asked = nil
	return out
}

// What was read of a list: the newest of each position.
type readout struct {
	listdiff.Reading
	ids      map[int]string // by position
	rejects  map[int]extract.Reject
	pages    int
	restarts int
	asked    []span
	err      error
}

// take reads a list.
func (l *listing) take(ctx context.Context, list extract.List[row], plan extract.Plan) readout {
	out := readout{}
	reading := extract.Read(l.client, list, plan)
	for page, err := range reading.Pages(ctx) {
		if err != nil {
			out.err = err
			break
		}
		if out.pages == 0 || page.Restart {
			out.ids, out.rejects = map[int]string{}, map[int]extract.Reject{}
		}
		if page.Restart {
			out.restarts++
		}
		out.pages++
		for _, e := range page.Entries {
			if e.Reject == nil {
				out.ids[e.Position] = e.Item.Track.ID
				continue
			}
			out.rejects[e.Position] = *e.Reject
		}
	}
	out.Reading, out.asked = reading.Result(), l.forget()
	return out
}

// known returns a plan for an incremental sync.
func known(keys ...listdiff.Key) extract.Plan {
	return extract.Plan{Incremental: true, Known: listdiff.KeysOf(keys)}
}

// keys checks the keys of a reading.
func (o readout) keys(t *testing.T, want []listdiff.Key) {
	t.Helper()
	got := o.Keys.All()
	if slices.Equal(got, want) {
		return
	}
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Errorf("key %d is %q, want %q", i, got[i], want[i])
			break
		}
	}
	t.Errorf("%d keys, want %d", len(got), len(want))
}

// complete checks that the reading is complete, with some keys.
func (o readout) complete(t *testing.T, want []listdiff.Key) {
	t.Helper()
	if o.err != nil || !o.Complete || o.Reason != "" {
		t.Fatalf("complete %v, reason %q, error %v", o.Complete, o.Reason, o.err)
	}
	o.keys(t, want)
}
