package catalog_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/listdiff"
	"github.com/tracklake/tracklake/transform"
)

// A listing is a list behind HTTP, paged by offset, that a test changes.
type listing struct {
	client  *extract.Client
	mu      sync.Mutex
	entries []string // JSON
	asked   int
	then    func(offset int) // before each answer
}

func serve(t *testing.T, entries ...string) *listing {
	t.Helper()
	l := &listing{entries: entries, then: func(int) {}}
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	var err error
	l.client, err = extract.New(extract.Config{
		ClientID: "c", APIURL: server.URL + "/v1", AccountsURL: server.URL,
		Tokens: extract.NewFixedToken(extract.Token{RefreshToken: "r", AccessToken: "a", RenewAt: time.Now().Add(time.Hour)}),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.client.CloseIdle)
	return l
}

// ServeHTTP answers with a page.
func (l *listing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
	offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked++
	l.then(offset)
	from := min(offset, len(l.entries))
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"items":[%s],"total":%d}`, strings.Join(l.entries[from:min(from+limit, len(l.entries))], ","), len(l.entries))
}

// rows reads the first part of a resource, and returns some cells of each of its
// rows, in order.
func (l *listing) rows(t *testing.T, resource string, plan extract.Plan, columns ...string) ([]string, listdiff.Reading) {
	t.Helper()
	r := catalog.Find(resource)
	p := catalog.Params{Account: "acc", Job: "job", Day: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC), Options: r.Defaults(), Parents: []catalog.Parent{{ID: "artist"}}}
	p.Options.Words["include_groups"] = []string{"album", "single", "compilation", "appears_on"}
	feed, err := r.Open(p)
	if err != nil {
		t.Fatal(err)
	}
	defer feed.Release()
	var out []string
	take := func(batches []transform.Batch) {
		for _, b := range batches {
			for i := range int(b.Record.NumRows()) {
				if b.Table.Name == resource {
					out = append(out, cells(b, i, columns))
				}
			}
			b.Record.Release()
		}
	}
	reading := feed.Read(l.client, 0, plan)
	for step, err := range reading.Steps(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if step.Restart {
			feed.Reset()
			out = nil
		}
		take(feed.Append(step))
	}
	take(feed.Flush())
	return out, reading.Result()
}

// cells joins some cells of a row.
func cells(b transform.Batch, row int, columns []string) string {
	out := make([]string, len(columns))
	for c, f := range b.Table.Fields {
		if i := slices.Index(columns, f.Name); i >= 0 {
			out[i] = b.Record.Column(c).ValueStr(row)
		}
	}
	return strings.Join(out, " ")
}

// last returns the last row that begins with an id, as a destination keeps it.
func last(rows []string, id string) string {
	out := ""
	for _, r := range rows {
		if strings.HasPrefix(r, id+" ") {
			out = r
		}
	}
	return out
}

// TestAnAlbumUnderTwoGroups keeps the group that says most, whichever comes first.
func TestAnAlbumUnderTwoGroups(t *testing.T) {
	t.Parallel()
	groups := []string{"album", "single", "compilation", "appears_on"} // the best first
	entry := func(id, group string) string { return fmt.Sprintf(`{"id":%q,"album_group":%q}`, id, group) }
	for i, better := range groups {
		for _, worse := range groups[i+1:] {
			for _, order := range [][]string{{better, worse}, {worse, better}, {worse, better, worse}} {
				var entries []string
				for _, g := range order {
					entries = append(entries, entry("a", g), entry(g, "album"))
				}
				rows, reading := serve(t, entries...).rows(t, "artist_albums", extract.Plan{}, "album_id", "album_group")
				if got := last(rows, "a"); got != "a "+better || !reading.Complete || reading.Keys.Count != len(entries) {
					t.Errorf("%v: %q, complete %v", order, got, reading.Complete)
				}
			}
		}
	}
	rows, _ := serve(t, `{"id":"a"}`, entry("a", "appears_on"), `{"id":"a"}`).rows(t, "artist_albums", extract.Plan{}, "album_id", "album_group")
	if got := last(rows, "a"); got != "a appears_on" {
		t.Errorf("with groups that are not sent: %q", got)
	}
}

// saved is the JSON of a saved track.
func saved(id string, at int) string {
	return fmt.Sprintf(`{"added_at":%q,"track":{"id":%q}}`, savedAt(at), id)
}

func savedAt(at int) string { return time.Unix(int64(at), 0).UTC().Format(time.RFC3339) }

// library has n tracks, saved a second apart, the newest first.
func library(n int) (entries []string, keys []listdiff.Key) {
	for i := range n {
		entries = append(entries, saved("t"+strconv.Itoa(i), 2_000_000-i))
		keys = append(keys, listdiff.NewKey("t"+strconv.Itoa(i), int64(2_000_000-i)))
	}
	return entries, keys
}

// row is what a saved track becomes.
func row(id string, at int) string {
	return id + " " + time.Unix(int64(at), 0).UTC().Format("2006-01-02 15:04:05Z")
}

// TestATrackSavedTwice keeps the latest date, whichever is read first or at all.
func TestATrackSavedTwice(t *testing.T) {
	t.Parallel()
	const newer, older = 3_000_000, 1_000
	newerKey, olderKey := listdiff.NewKey("x", newer), listdiff.NewKey("x", older)
	tests := map[string]struct {
		first, second int // dates at positions 10 and 130
		incremental   bool
		want          string
	}{
		"full, the newer first":                 {newer, older, false, row("x", newer)},
		"full, the older first":                 {older, newer, false, row("x", newer)},
		"incremental sync that reads the newer": {newer, older, true, row("x", newer)},
		"incremental sync that reads the older": {older, newer, true, ""},
	}
	for name, tt := range tests {
		entries, keys := library(150)
		entries[10], entries[130] = saved("x", tt.first), saved("x", tt.second)
		keys[10], keys[130] = newerKey, olderKey
		if tt.first == older {
			keys[10], keys[130] = olderKey, newerKey
		}
		l := serve(t, entries...)
		plan := extract.Plan{}
		if tt.incremental {
			plan = extract.Plan{Incremental: true, Known: listdiff.KeysOf(keys)}
		}
		rows, reading := l.rows(t, "saved_tracks", plan, "track_id", "added_at")
		if got := last(rows, "x"); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
		if !reading.Complete || !slices.Equal(reading.Keys.All(), keys) || tt.incremental != (l.asked == 1) {
			t.Errorf("%s: complete %v with %d keys after %d requests", name, reading.Complete, reading.Keys.Count, l.asked)
		}
		if got := last(rows, "t20"); got != row("t20", 2_000_000-20) {
			t.Errorf("%s: its neighbour is %q", name, got)
		}
	}
}

// TestATrackSavedAgain meets the entry that was added in the head, and the
// older one behind it.
func TestATrackSavedAgain(t *testing.T) {
	t.Parallel()
	entries, keys := library(150)
	l := serve(t, slices.Insert(entries, 0, saved("t20", 2_500_000))...)
	rows, reading := l.rows(t, "saved_tracks", extract.Plan{Incremental: true, Known: listdiff.KeysOf(keys)}, "track_id", "added_at")
	if got := last(rows, "t20"); !reading.Complete || got != row("t20", 2_500_000) {
		t.Errorf("complete %v: %q", reading.Complete, got)
	}
}

// TestAnEntryThatIsReadTwice is appended twice: the second answer is the newer.
func TestAnEntryThatIsReadTwice(t *testing.T) {
	t.Parallel()
	entries, keys := library(150)
	l := serve(t, slices.Delete(entries, 50, 51)...) // no page of a full sync shows it between its neighbours
	rows, reading := l.rows(t, "saved_tracks", extract.Plan{Incremental: true, Known: listdiff.KeysOf(keys)}, "track_id", "added_at")
	want := row("t49", 2_000_000-49)
	n := 0
	for _, r := range rows {
		if r == want {
			n++
		}
	}
	if !reading.Complete || n != 2 {
		t.Errorf("complete %v after %d requests: t49 was appended %d times", reading.Complete, l.asked, n)
	}
}

// TestResetForgetsWhichEntriesCount reads a list again, from which the entry that
// counted most was removed.
func TestResetForgetsWhichEntriesCount(t *testing.T) {
	t.Parallel()
	entries, _ := library(120)
	entries[10], entries[110] = saved("x", 3_000_000), saved("x", 1_000)
	l := serve(t, entries...)
	once := false
	l.then = func(offset int) {
		if offset == 100 && !once {
			once = true
			l.entries = slices.Delete(l.entries, 10, 11)
		}
	}
	rows, reading := l.rows(t, "saved_tracks", extract.Plan{}, "track_id", "added_at")
	if got := last(rows, "x"); !reading.Complete || len(rows) != 119 || got != row("x", 1_000) {
		t.Errorf("complete %v with %d rows: %q", reading.Complete, len(rows), got)
	}
}

// TestRanksBehindOtherEntries counts places that have no row.
func TestRanksBehindOtherEntries(t *testing.T) {
	t.Parallel()
	var entries []string
	for i := range 120 {
		entries = append(entries, fmt.Sprintf(`{"id":"t%d"}`, i+1))
	}
	entries[4], entries[49], entries[70], entries[71] = `null`, `{"id":"t50","type":"artist"}`, `{"id":7}`, entries[70]
	rows, reading := serve(t, entries...).rows(t, "top_tracks", extract.Plan{}, "track_id", "rank")
	if !reading.Complete || len(rows) != 117 {
		t.Errorf("complete %v with %d rows", reading.Complete, len(rows))
	}
	for _, r := range rows {
		if id, rank, _ := strings.Cut(r, " "); id != "t"+rank && r != "t71 72" {
			t.Errorf("row %q", r)
		}
	}
}

// TestTypesAreLookedAt refuses what is of another kind than the list, and keeps
// its id.
func TestTypesAreLookedAt(t *testing.T) {
	t.Parallel()
	tests := []struct {
		resource, entry string
		key             listdiff.Key
	}{
		{"saved_tracks", `{"added_at":"1970-01-01T00:02:03Z","track":{"id":"a","type":"track"}}`, "a 3f"},
		{"saved_tracks", `{"added_at":"1970-01-01T00:02:03Z","track":{"id":"a","type":"episode"}}`, "!a 3f"},
		{"saved_tracks", `{"added_at":"1970-01-01T00:02:03Z","track":null}`, "! 3f"},
		{"saved_tracks", `{"added_at":"1970-01-01T00:02:03Z","track":{"id":12}}`, "! 3f"},
		{"saved_tracks", `{"added_at":"","track":{"id":"a"}}`, "a"},
		{"saved_tracks", `{"added_at":5,"track":{"id":12}}`, "!"},
		{"top_tracks", `{"id":"a","type":"track"}`, "a"},
		{"top_tracks", `{"id":"a","type":"artist"}`, "!a"},
		{"top_tracks", `null`, "!"},
		{"artist_albums", `{"id":"a","type":"album","album_group":"single"}`, "a 3"},
		{"artist_albums", `{"id":"a","type":"artist","album_group":"single"}`, "!a 3"},
		{"artist_albums", `{"id":"a","type":"audiobook"}`, "!a"},
		{"artist_albums", `{"id":"a","album_group":"other"}`, "a"},
	}
	for _, tt := range tests {
		rows, reading := serve(t, tt.entry).rows(t, tt.resource, extract.Plan{}, "track_id")
		if reading.Keys.Lines != tt.key || (len(rows) == 1) != listdiff.IsEntry(tt.key) {
			t.Errorf("%s %s: key %q and %d rows, want %q", tt.resource, tt.entry, reading.Keys.Lines, len(rows), tt.key)
		}
	}
	local := `{"added_at":"1970-01-01T00:02:03Z","track":{"id":null,"is_local":true}}`
	if rows, reading := serve(t, local).rows(t, "saved_tracks", extract.Plan{}, "track_id"); len(rows) > 0 || !strings.HasPrefix(reading.Keys.Lines, "~") {
		t.Errorf("a local file: key %q and %d rows", reading.Keys.Lines, len(rows))
	}
}
