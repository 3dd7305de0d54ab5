package catalog_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/transform"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// client serves a fixed body for every list, and hands on what was asked. What an item
// has behind its first page is served from rest.
func client(t *testing.T, body, rest []byte, asked func(request string)) *extract.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/api/token" {
			fmt.Fprint(w, `{"access_token":"a","token_type":"Bearer","expires_in":3600}`)
			return
		}
		asked(r.Method + " " + r.URL.RequestURI())
		if rest != nil && strings.HasPrefix(r.URL.Path, "/v1/albums/") {
			_, _ = w.Write(rest)
			return
		}
		_, _ = w.Write(body)
	}))
	t.Cleanup(server.Close)
	c, err := extract.New(extract.Config{
		ClientID: "c", APIURL: server.URL + "/v1", AccountsURL: server.URL, Tokens: extract.NewFixedToken(extract.Token{RefreshToken: "r"}), RetryDelay: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdle)
	return c
}

// flatten reads all parts of a resource and returns its rows by table; what
// was asked and what was changed stand beside them, under names in brackets.
func flatten(t *testing.T, name string, body []byte, change ...func(*catalog.Params)) map[string][]string {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	t.Cleanup(func() { mem.AssertSize(t, 0) })
	r := catalog.Find(name)
	p := catalog.Params{
		Account: "acc", Job: "nightly", Day: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC), Options: r.Defaults(),
		Parents: []catalog.Parent{{ID: "parent0000000000000001", Version: "v1"}}, Memory: mem,
	}
	for _, f := range change {
		f(&p)
	}
	feed, err := r.Open(p)
	if err != nil {
		t.Fatal(err)
	}
	defer feed.Release()
	out := map[string][]string{}
	var mu sync.Mutex
	var rest []byte
	if r.Name == "saved_albums" {
		rest = fixture(t, "saved_albums.rest")
	}
	c := client(t, body, rest, func(request string) {
		mu.Lock()
		defer mu.Unlock()
		out["(requests)"] = append(out["(requests)"], request)
	})
	take := func(batches []transform.Batch) {
		mu.Lock()
		defer mu.Unlock()
		for _, b := range batches {
			out[b.Table.Name] = append(out[b.Table.Name], rows(b)...)
			b.Record.Release()
		}
	}
	fieldErrors := 0
	for part := range feed.Parts {
		for step, err := range feed.Read(c, part, extract.Plan{}).Steps(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if step.Restart {
				t.Fatal("the list was read again")
			}
			fieldErrors += step.FieldErrors
			take(feed.Append(step))
		}
	}
	take(feed.Flush())
	for _, s := range feed.Renewed() {
		out["(renewed)"] = append(out["(renewed)"], fmt.Sprintf("%s %v", s.Table, s.Where))
	}
	out["(notes)"] = []string{fmt.Sprintf("%+v, FieldErrors:%d", feed.Notes(), fieldErrors)}
	return out
}

// rows writes each row as name=value, leaving NULLs out.
func rows(b transform.Batch) []string {
	var out []string
	for i := range int(b.Record.NumRows()) {
		var cells []string
		for c, f := range b.Table.Fields {
			if b.Record.Column(c).IsValid(i) {
				cells = append(cells, fmt.Sprintf("%s=%q", f.Name, b.Record.Column(c).ValueStr(i)))
			}
		}
		out = append(out, strings.Join(cells, " "))
	}
	return out
}

func TestFlatten(t *testing.T) {
	t.Parallel()
	for _, r := range catalog.All() {
		for _, mode := range []string{"development", "extended"} {
			t.Run(r.Name+" "+mode, func(t *testing.T) {
				t.Parallel()
				name := filepath.Join("testdata", r.Name+"."+mode)
				golden(t, name+".golden", flatten(t, r.Name, fixture(t, r.Name+"."+mode)))
			})
		}
	}
}

// fixture reads what the API sent.
func fixture(t *testing.T, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func golden(t *testing.T, path string, got map[string][]string) {
	t.Helper()
	var b strings.Builder
	for _, table := range slices.Sorted(maps.Keys(got)) {
		fmt.Fprintf(&b, "# %s\n%s\n\n", table, strings.Join(got[table], "\n"))
	}
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run go test ./catalog -update", err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Error(diff)
	}
}

// page writes some items as the API sends them to a resource, of which a single one has
// no page.
func page(r *catalog.Resource, items ...string) []byte {
	if r.Endpoint.Single {
		return []byte(items[0])
	}
	body := fmt.Sprintf(`{"items":[%s],"total":%d,"cursors":null}`, strings.Join(items, ","), len(items))
	if wrap := r.Endpoint.Wrap; wrap != "" {
		body = fmt.Sprintf(`{%q:%s}`, wrap, body)
	}
	return []byte(body)
}

// TestEmptyItems feeds items without any field through every resource.
func TestEmptyItems(t *testing.T) {
	t.Parallel()
	for _, r := range catalog.All() {
		for _, item := range []string{`{}`, `null`, `[]`, `7`, wrapped(t, r, `{}`)} {
			got := flatten(t, r.Name, page(r, item))
			if n := len(got["rejects"]); n == 0 {
				t.Errorf("%s of %s: no reject", r.Name, item)
			}
		}
	}
}

// wrapped puts a thing where the items of a resource have theirs, which the first of
// its recorded items tells.
func wrapped(t *testing.T, r *catalog.Resource, thing string) string {
	t.Helper()
	body := fixture(t, r.Name+".development")
	if r.Endpoint.Single {
		return thing
	}
	var outer map[string]json.RawMessage
	if r.Endpoint.Wrap != "" {
		if err := json.Unmarshal(body, &outer); err != nil {
			t.Fatal(err)
		}
		body = outer[r.Endpoint.Wrap]
	}
	var recorded struct{ Items []map[string]json.RawMessage }
	if err := json.Unmarshal(body, &recorded); err != nil || len(recorded.Items) == 0 {
		t.Fatalf("%s: no items, %v", r.Name, err)
	}
	item := recorded.Items[0]
	if item["id"] != nil {
		return thing
	}
	for name, value := range item {
		var inner struct{ ID *string }
		if json.Unmarshal(value, &inner) == nil && inner.ID != nil {
			item[name] = json.RawMessage(thing)
		}
	}
	text, err := json.Marshal(item)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestSparseItems feeds items that are objects with next to nothing in them: each is
// kept or refused, once, and none costs its neighbours.
func TestSparseItems(t *testing.T) {
	t.Parallel()
	for _, r := range catalog.All() {
		var items []string
		for _, thing := range []string{
			`{"id":"a","artists":[null],"album":{}}`,
			`{"id":"b","artists":null,"album":{"artists":[null]},"external_ids":null,"linked_from":null}`,
			`{"id":"c","artists":[{}],"album":{"id":""},"linked_from":{}}`,
			`{"id":"d","release_date":"","album":{"release_date":"2021-13-45"}}`,
			`{"id":{},"artists":{},"album":[]}`,
		} {
			items = append(items, wrapped(t, r, thing))
		}
		pages := [][]byte{page(r, items...)}
		if r.Endpoint.Single {
			pages = nil
			for _, item := range items {
				pages = append(pages, page(r, item))
			}
		}
		lists, kept, refused := 0, 0, 0
		for _, body := range pages {
			got := flatten(t, r.Name, body)
			lists, kept, refused = lists+len(got["(requests)"]), kept+len(got[r.Name]), refused+len(got["rejects"])
		}
		lists /= len(pages)
		if kept != 4*lists || refused != lists {
			t.Errorf("%s: %d lists kept %d and refused %d", r.Name, lists, kept, refused)
		}
	}
}

// TestAlbumGroups derives the group for apps that are not sent it, and only
// where what was asked for leaves no doubt.
func TestAlbumGroups(t *testing.T) {
	t.Parallel()
	const sent, unsent = `{"id":"a","album_type":"single","album_group":"appears_on"}`, `{"id":"a","album_type":"single"}`
	tests := []struct {
		asked, item, want string
	}{
		{"album,single,compilation,appears_on", sent, `album_group="appears_on"`},
		{"appears_on", sent, `album_group="appears_on"`},
		{"appears_on", unsent, `album_group="appears_on"`},
		{"album,single,compilation", unsent, `album_group="single"`},
		{"album,single,compilation,appears_on", unsent, ""},
		{"album,single", `{"id":"a"}`, ""},
	}
	for _, tt := range tests {
		got := flatten(t, "artist_albums", []byte(`{"items":[`+tt.item+`],"total":1}`), func(p *catalog.Params) {
			p.Options.Words["include_groups"] = strings.Split(tt.asked, ",")
		})["artist_albums"]
		if len(got) != 1 || strings.Contains(got[0], "album_group") != (tt.want != "") || !strings.Contains(got[0], tt.want) {
			t.Errorf("asked for %s, sent %s: %v, want %s", tt.asked, tt.item, got, tt.want)
		}
	}
}

// TestOlderSpelling reads playlists and their items as they were called until 2026.
func TestOlderSpelling(t *testing.T) {
	t.Parallel()
	for name, change := range map[string][2]string{
		"playlists":      {`"items": {`, `"tracks": {`},
		"playlist_items": {`"item":`, `"track":`},
	} {
		body, err := os.ReadFile(filepath.Join("testdata", name+".development.json"))
		if err != nil {
			t.Fatal(err)
		}
		older := strings.ReplaceAll(string(body), change[0], change[1])
		if older == string(body) {
			t.Errorf("%s: nothing is spelt %s", name, change[0])
		}
		want, got := flatten(t, name, body), flatten(t, name, []byte(older))
		for i, request := range got["(requests)"] {
			if strings.Contains(request, "/tracks") || request != want["(requests)"][i] {
				t.Errorf("%s: asked %s", name, request)
			}
		}
		delete(want, "rejects") // which keep the JSON
		delete(got, "rejects")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestFindAndTables(t *testing.T) {
	t.Parallel()
	if catalog.Find("nothing") != nil {
		t.Error("found a resource that there is not")
	}
	tables := catalog.Tables()
	for _, r := range catalog.All() {
		if catalog.Find(r.Name).Name != r.Name || r.Table().Name != r.Name {
			t.Errorf("%s has the table %s", r.Name, r.Table().Name)
		}
		for _, own := range r.Tables {
			if own.Name == "rejects" || own.Name == transform.LibraryChanges {
				continue
			}
			before := len(tables)
			tables = slices.DeleteFunc(tables, func(s *transform.Schema) bool { return s.Name == own.Name })
			if len(tables) != before-1 {
				t.Errorf("%s shares the table %s", r.Name, own.Name)
			}
		}
	}
	var shared []string
	for _, s := range tables {
		shared = append(shared, s.Name)
	}
	if !slices.Equal(shared, []string{"rejects", "library_changes"}) {
		t.Errorf("tables of no resource: %v", shared)
	}
}

// TestLoggedResourcesFillTheLog tells the resources whose items come and go.
func TestLoggedResourcesFillTheLog(t *testing.T) {
	t.Parallel()
	isLog := func(s *transform.Schema) bool { return s.Name == transform.LibraryChanges }
	for _, r := range catalog.All() {
		logged := slices.ContainsFunc(r.Tables, func(s *transform.Schema) bool { return s.Log != nil })
		if slices.ContainsFunc(r.Tables, isLog) != logged {
			t.Errorf("%s: a table has a log: %v; tables %v", r.Name, logged, r.Tables)
		}
		if snapshot := r.Mode == catalog.Snapshot && r.Parents == nil; snapshot && !r.Endpoint.Single && !logged {
			t.Errorf("%s: its items come and go, and no table has a log", r.Name)
		}
	}
}

// TestLists compares the lists of each resource with its table, and with each other:
// what one of them replaces or removes must not be another one's.
func TestLists(t *testing.T) {
	t.Parallel()
	for _, r := range catalog.All() {
		feed, err := r.Open(catalog.Params{
			Account: "acc", Job: "job", Day: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC), Options: r.Defaults(),
			Parents: []catalog.Parent{{ID: "a", Version: "1"}, {ID: "b", Version: "1"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, p := range feed.Parts {
			rows := fmt.Sprint(p.Rows)
			if seen[p.Name] || seen[rows] {
				t.Errorf("%s: the list %q is there twice, or has the rows %s of another", r.Name, p.Name, rows)
			}
			seen[p.Name], seen[rows] = true, true
			dated := false
			for _, m := range p.Rows.Where {
				i := r.Table().Index(m.Column)
				if i < 0 {
					t.Fatalf("%s: the table has no column %s", r.Name, m.Column)
				}
				dated = dated || r.Table().Fields[i].Type.ID() == arrow.DATE32
			}
			if p.Mode == catalog.Replace && (p.Version == "" || p.Dated != dated) {
				t.Errorf("%s %s is replaced: version %q, dated %v, rows %s", r.Name, p.Name, p.Version, p.Dated, rows)
			}
		}
		feed.Release()
	}
}
