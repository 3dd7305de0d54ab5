package extract_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/listdiff"
)

// TestItemsThatComeCutShort are completed once each, but for those that the plan knows.
func TestItemsThatComeCutShort(t *testing.T) {
	t.Parallel()
	refused := "Spotify refused it"
	tests := map[string]struct {
		plan extract.Plan
		want int // items that are completed
	}{
		"a full sync":         {extract.Plan{}, 120},
		"an unchanged list":   {extract.Plan{Incremental: true, Known: listdiff.KeysOf(keysUpTo(120))}, 0},
		"one that is new":     {extract.Plan{Incremental: true, Known: listdiff.KeysOf(keysUpTo(120)[1:])}, 1},
		"a list that resumes": {extract.Plan{Resume: true, Known: listdiff.KeysOf(keysUpTo(50))}, 70},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := serve(t, 120)
			var mu sync.Mutex
			completed := map[string]int{}
			list := savedTracks()
			list.Complete = func(_ context.Context, _ *extract.Client, r *row) (string, error) {
				mu.Lock()
				defer mu.Unlock()
				completed[r.Track.ID]++
				r.Track.Name = "whole"
				return refused, nil
			}
			whole := 0
			for page, err := range extract.Read(l.client, list, tt.plan).Pages(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range page.Entries {
					if (e.Item.Track.Name == "whole") != (e.Short == refused) {
						t.Errorf("item %+v, short %q", e.Item.Track, e.Short)
					}
					if e.Short != "" {
						whole++
					}
				}
			}
			if len(completed) != tt.want || whole != tt.want {
				t.Errorf("%d items were completed and %d came, want %d", len(completed), whole, tt.want)
			}
			for id, n := range completed {
				if n > 1 {
					t.Errorf("%s was completed %d times", id, n)
				}
			}
		})
	}
}

// TestACompletionThatFails ends the reading before the item. What it leaves to resume is
// what was handed on, and a reading that resumes goes on from there.
func TestACompletionThatFails(t *testing.T) {
	t.Parallel()
	l := serve(t, 200)
	failed := errors.New("the bucket is blocked")
	bad := "t120"
	list := savedTracks()
	list.Complete = func(_ context.Context, _ *extract.Client, r *row) (string, error) {
		if r.Track.ID == bad {
			return "", failed
		}
		return "", nil
	}
	plan := extract.Plan{}
	for _, want := range []int{120, 160, 200} {
		reading := extract.Read(l.client, list, plan)
		came, err := map[string]bool{}, error(nil)
		for page, e := range reading.Pages(t.Context()) {
			if err = e; e != nil {
				break
			}
			for _, entry := range page.Entries {
				came[entry.Item.Track.ID] = true
			}
		}
		r := reading.Result()
		if done := want == 200; errors.Is(err, failed) == done || r.Complete != done || !slices.Equal(r.Keys.All(), keysUpTo(want)) {
			t.Fatalf("%d entries came with %d keys, want %d, complete %v: %v", len(came), r.Keys.Count, want, r.Complete, err)
		}
		for _, known := range plan.Known.All() {
			id, _, _ := strings.Cut(string(known), " ")
			came[id] = true
		}
		if len(came) < want {
			t.Errorf("only %d of %d entries came", len(came), want)
		}
		plan = extract.Plan{Resume: true, Known: r.Keys}
		bad = map[int]string{120: "t160"}[want]
	}
}

// answering returns a client of a server that answers everything with a text of the
// test's.
func answering(t *testing.T, answer func(r *http.Request) string) *extract.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, answer(r))
	}))
	t.Cleanup(server.Close)
	c, err := extract.New(extract.Config{
		ClientID: "c", APIURL: server.URL + "/v1", AccountsURL: server.URL, RetryDelay: time.Microsecond,
		Tokens: extract.NewFixedToken(extract.Token{RefreshToken: "r", AccessToken: "a", RenewAt: time.Now().Add(time.Hour)}),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdle)
	return c
}

// TestASingleObject is a list of one.
func TestASingleObject(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answer  string
		rows    int
		rejects int
		failed  string
	}{
		"an object":         {`{"added_at":"2020-01-01T00:00:00Z","track":{"id":"x"}}`, 1, 0, ""},
		"one without an id": {`{"track":{}}`, 0, 1, ""},
		"no object":         {`[]`, 0, 1, ""},
		"null":              {`null`, 0, 1, ""},
		"nothing":           {``, 0, 0, "invalid JSON"},
		"two":               {`{},{}`, 0, 0, "invalid JSON"},
		"half of one":       {`{"track":{"id":"x"`, 0, 0, "invalid JSON"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked []string
			c := answering(t, func(r *http.Request) string {
				asked = append(asked, r.URL.RequestURI())
				return tt.answer
			})
			list := savedTracks()
			list.Endpoint = extract.Endpoint{Path: "/me", Bucket: "me", Limit: 1, Single: true}
			reading := extract.Read(c, list, extract.Plan{})
			rows, rejects, err := read(t.Context(), reading)
			switch {
			case tt.failed != "":
				if err == nil || !strings.Contains(err.Error(), tt.failed) {
					t.Errorf("error = %v, want %q in it", err, tt.failed)
				}
			case err != nil || len(rows) != tt.rows || len(rejects) != tt.rejects || !reading.Result().Complete:
				t.Errorf("%d rows, %d rejects, %+v: %v", len(rows), len(rejects), reading.Result(), err)
			case !slices.Equal(asked, []string{"/v1/me"}):
				t.Errorf("asked %v", asked)
			}
		})
	}
}

// TestAnswersThatAreTooLarge are requested in smaller pages.
func TestAnswersThatAreTooLarge(t *testing.T) {
	t.Parallel()
	padding := strings.Repeat(" ", 300<<10)
	l := serve(t, 60)
	for i := range l.entries {
		l.entries[i] += padding
	}
	got := l.take(t.Context(), savedTracks(), extract.Plan{})
	got.complete(t, keysUpTo(60))
	if want := []span{{0, 50}, {0, 20}, {20, 20}, {40, 10}, {50, 10}}; !slices.Equal(got.asked, want) {
		t.Errorf("asked %v, want %v", got.asked, want)
	}
}
