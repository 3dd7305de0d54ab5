package catalog_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/transform"
)

var update = flag.Bool("update", false, "write the golden files anew") //nolint:gochecknoglobals // package flag wants it so

// token is a token store of tests.
type token struct{}

func (token) Load(context.Context) (extract.Token, error) {
	return extract.Token{RefreshToken: "r"}, nil
}
func (token) Save(context.Context, extract.Token) error { return nil }

// client serves a fixed body for every list.
func client(t *testing.T, body []byte) *extract.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/api/token" {
			fmt.Fprint(w, `{"access_token":"a","token_type":"Bearer","expires_in":3600}`)
			return
		}
		_, _ = w.Write(body)
	}))
	t.Cleanup(server.Close)
	c, err := extract.New(extract.Config{
		ClientID: "c", APIURL: server.URL + "/v1", AccountsURL: server.URL, Tokens: token{}, RetryDelay: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdle)
	return c
}

// flatten reads all parts of a resource and returns its rows by table.
func flatten(t *testing.T, name string, body []byte) map[string][]string {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	t.Cleanup(func() { mem.AssertSize(t, 0) })
	r := catalog.Find(name)
	feed, err := r.Open(catalog.Params{
		Account: "acc", Day: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC), Options: r.Defaults(),
		Parents: []string{"artist0000000000000001"}, Memory: mem,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer feed.Release()
	c := client(t, body)
	out := map[string][]string{}
	take := func(batches []transform.Batch) {
		for _, b := range batches {
			out[b.Table.Name] = append(out[b.Table.Name], rows(b)...)
			b.Record.Release()
		}
	}
	for part := range feed.Parts {
		for step, err := range feed.Read(t.Context(), c, part) {
			if err != nil {
				t.Fatal(err)
			}
			take(step.Batches)
		}
	}
	take(feed.Flush())
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
				body, err := os.ReadFile(name + ".json")
				if err != nil {
					t.Fatal(err)
				}
				golden(t, name+".golden", flatten(t, r.Name, body))
			})
		}
	}
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

// TestEmptyItems feeds items without any field through every resource.
func TestEmptyItems(t *testing.T) {
	t.Parallel()
	for _, r := range catalog.All() {
		for _, item := range []string{`{}`, `{"track":{}}`, `null`, `[]`, `7`} {
			got := flatten(t, r.Name, []byte(`{"items":[`+item+`],"total":1}`))
			if n := len(got["rejects"]); n == 0 {
				t.Errorf("%s of %s: no reject", r.Name, item)
			}
		}
	}
}

func TestFindAndTables(t *testing.T) {
	t.Parallel()
	if catalog.Find("nothing") != nil {
		t.Error("found a resource that there is not")
	}
	var names []string
	for _, s := range catalog.Tables() {
		names = append(names, s.Name)
	}
	slices.Sort(names)
	want := []string{"albums", "artist_albums", "artists", "rejects", "saved_tracks", "top_tracks", "track_artists", "tracks"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
}
