package extract_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/listdiff"
	"github.com/tracklake/tracklake/internal/simtest"
	"github.com/tracklake/tracklake/simulate"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// row is what these tests keep of a saved track.
type row struct {
	AddedAt time.Time `json:"added_at"`
	Track   *struct {
		ID         string  `json:"id"`
		Type       *string `json:"type"`
		Name       string  `json:"name"`
		IsLocal    bool    `json:"is_local"`
		DurationMS *int32  `json:"duration_ms"`
		Explicit   *bool   `json:"explicit"`
		Artists    []struct {
			ID string `json:"id"`
		} `json:"artists"`
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
		Endpoint: extract.Endpoint{Path: "/me/tracks", Bucket: "me/tracks", Scope: "user-library-read", Limit: 50},
		Key:      (*row).key,
		Unique:   true,
		Check: func(r *row) (why string, rowless bool) {
			switch {
			case r.Track == nil:
				return "the entry has no track", false
			case r.Track.Type != nil && *r.Track.Type != "track":
				return "the entry is no track", false
			case r.Track.ID == "":
				return "the track has no id", r.Track.IsLocal
			}
			return "", false
		},
	}
}

// key tells rows apart by id and time.
func (r *row) key() listdiff.Key {
	id, at := "", int64(0)
	if r.Track != nil {
		id = r.Track.ID
	}
	if !r.AddedAt.IsZero() {
		at = r.AddedAt.Unix()
	}
	return listdiff.NewKey(id, at)
}

// read collects a list as a destination would: the last row of an id wins and
// a restart voids what came before.
func read(ctx context.Context, r *extract.Reading[row]) (ids map[string]bool, rejects []extract.Entry[row], err error) {
	ids = map[string]bool{}
	for page, err := range r.Pages(ctx) {
		if err != nil {
			return ids, rejects, err
		}
		if page.Restart {
			clear(ids)
			rejects = nil
		}
		for _, e := range page.Entries {
			switch {
			case e.Reject == nil:
				ids[e.Item.Track.ID] = true
			case e.Reject.Raw != nil:
				rejects = append(rejects, e)
			}
		}
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

// keysOf are the keys of the library.
func keysOf(sim *simulate.Server) []listdiff.Key {
	var out []listdiff.Key
	for _, s := range sim.SavedTracks() {
		out = append(out, listdiff.NewKey(s.TrackID, s.AddedAt.Unix()))
	}
	return out
}

func TestReadFullList(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 49, 50, 51, 400, 1234} {
		b := setup(t, small(n))
		reading := extract.Read(b.client, savedTracks(), extract.Plan{})
		ids, _, err := read(t.Context(), reading)
		if err != nil {
			t.Fatalf("%d tracks: %v", n, err)
		}
		if len(ids) != n || missing(b.sim, ids) > 0 {
			t.Errorf("%d tracks: read %d, %d missing", n, len(ids), missing(b.sim, ids))
		}
		if r := reading.Result(); !r.Complete || !r.Full || r.Resumed || r.Saved != 0 || r.Keys.Count != n {
			t.Errorf("%d tracks: %+v", n, r)
		}
		if want := max(1, (n+49)/50); b.sim.Count("/v1/") != want {
			t.Errorf("%d tracks: %d requests, want %d", n, b.sim.Count("/v1/"), want)
		}
		if got := b.sim.Count("/api/token"); got != 1 {
			t.Errorf("%d tracks: %d token requests, want 1", n, got)
		}
	}
}
