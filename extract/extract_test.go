package extract_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/internal/simtest"
	"github.com/tracklake/tracklake/simulate"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// row is what these tests keep of a saved track.
type row struct {
	AddedAt time.Time `json:"added_at"`
	Track   *struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"track"`
}

// memoryTokens keeps a refresh token in memory.
type memoryTokens struct {
	mu    sync.Mutex
	token extract.Token
	saved int
}

func (m *memoryTokens) Renew(ctx context.Context, stale string, ask func(context.Context, extract.Token) (extract.Token, error)) (extract.Token, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.token.Usable(stale, time.Now()) {
		return m.token, nil
	}
	fresh, err := ask(ctx, m.token)
	if err != nil {
		return extract.Token{}, err
	}
	if fresh.RefreshToken != m.token.RefreshToken {
		m.saved++
	}
	m.token = fresh
	return fresh, nil
}

// bench is a simulated Spotify with a client for it.
type bench struct {
	sim    *simulate.Server
	client *extract.Client
	tokens *memoryTokens
}

func setup(t *testing.T, o simulate.Options, change ...func(*extract.Config)) *bench {
	t.Helper()
	sim, running := simtest.Start(t, o)
	c := sim.Credentials()
	tokens := &memoryTokens{token: extract.Token{RefreshToken: c.RefreshToken}}
	config := extract.Config{
		ClientID: c.ClientID, ClientSecret: c.ClientSecret, APIURL: running.APIURL, AccountsURL: running.AccountsURL,
		Tokens: tokens, RetryDelay: time.Millisecond,
	}
	for _, f := range change {
		f(&config)
	}
	client, err := extract.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdle)
	return &bench{sim: sim, client: client, tokens: tokens}
}

func small(tracks int) simulate.Options {
	o := simulate.DefaultOptions()
	o.SavedTracks, o.TopTracks = tracks, 30
	return o
}

func savedTracks() extract.List[row] {
	return extract.List[row]{
		Endpoint: extract.Endpoint{Path: "/me/tracks", Family: "me/tracks", Scope: "user-library-read", Limit: 50},
		Key:      func(r *row) string { return r.Track.ID },
		Check: func(r *row) string {
			if r.Track == nil || r.Track.ID == "" {
				return "no id"
			}
			return ""
		},
	}
}

// read collects a list as a destination would: the last row of a key wins and
// a restart voids what came before.
func read(ctx context.Context, r *extract.Reading[row]) (ids map[string]bool, rejects []extract.Reject, err error) {
	ids = map[string]bool{}
	for page, err := range r.Pages(ctx) {
		if err != nil {
			return ids, rejects, err
		}
		if page.Restart {
			clear(ids)
			rejects = nil
		}
		for i := range page.Items {
			ids[page.Items[i].Track.ID] = true
		}
		rejects = append(rejects, page.Rejects...)
	}
	return ids, rejects, nil
}

// missing counts the tracks of the library that were not read.
func missing(sim *simulate.Server, ids map[string]bool) int {
	n := 0
	for _, s := range sim.SavedTracks() {
		if !ids[s.TrackID] {
			n++
		}
	}
	return n
}

func TestReadWholeList(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 49, 50, 51, 400, 1234} {
		b := setup(t, small(n))
		reading := extract.ReadOffset(b.client, savedTracks())
		ids, _, err := read(t.Context(), reading)
		if err != nil {
			t.Fatalf("%d tracks: %v", n, err)
		}
		if len(ids) != n || missing(b.sim, ids) > 0 {
			t.Errorf("%d tracks: read %d, %d missing", n, len(ids), missing(b.sim, ids))
		}
		o := reading.Outcome()
		if !o.Complete || o.Total != n || o.Passes != 1 {
			t.Errorf("%d tracks: outcome %+v", n, o)
		}
		if want := max(1, (n+49)/50); b.sim.Count("/v1/") != want {
			t.Errorf("%d tracks: %d requests, want %d", n, b.sim.Count("/v1/"), want)
		}
		if got := b.sim.Count("/api/token"); got != 1 {
			t.Errorf("%d tracks: %d token requests, want 1", n, got)
		}
	}
}
