package simulate_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/simulate"
)

// A list is one of the API, with what its entries look like.
type list struct {
	path    string   // with a limit; ARTIST stands for the first artist's id
	wrapped bool     // the entries have their object in a field track
	inside  string   // the field of the answer that has the page, if it is not the answer itself
	wrong   string   // the type that kind gives to entries
	fields  []string // those that mistype changes, in its order
}

func lists() map[string]list {
	track := []string{"duration_ms", "name", "artists", "album", "explicit"}
	return map[string]list{
		"saved tracks": {path: "/me/tracks?limit=50", wrapped: true, wrong: "episode", fields: append(slices.Clone(track), "added_at")},
		"top tracks":   {path: "/me/top/tracks?limit=10", wrong: "episode", fields: track},
		"albums":       {path: "/artists/ARTIST/albums?limit=10", wrong: "artist", fields: []string{"total_tracks", "name", "artists"}},
		"following":    {path: "/me/following?type=artist&limit=2", inside: "artists", wrong: "user", fields: []string{"name", "images"}},
	}
}

// start serves a world in which each list has at least twelve entries.
func (l list) start(t *testing.T) *sim {
	t.Helper()
	return start(t, func(o *simulate.Options) { o.TopTracks, o.AlbumsPerArtist, o.Artists = 40, 60, 130 })
}

// read asks for all pages and returns the entries of each, as they are written.
func (l list) read(t *testing.T, s *sim) [][]string {
	t.Helper()
	var out [][]string
	for path := strings.ReplaceAll(l.path, "ARTIST", s.Artists()[0]); path != ""; {
		page := l.page(t, s, path)
		entries := []string{}
		for _, item := range page.Items {
			entries = append(entries, string(item))
		}
		out = append(out, entries)
		path = strings.TrimPrefix(page.Next, s.APIURL)
	}
	return out
}

type page struct {
	Items  []json.RawMessage
	Next   string
	Total  json.Number
	Limit  json.Number
	Offset json.Number
}

func (l list) page(t *testing.T, s *sim, path string) page {
	t.Helper()
	status, _, body := s.get(t, path)
	var out page
	text := json.RawMessage(body)
	if l.inside != "" {
		var answer map[string]json.RawMessage
		if err := json.Unmarshal(text, &answer); err != nil {
			t.Fatal(err)
		}
		text = answer[l.inside]
	}
	if err := json.Unmarshal(text, &out); err != nil || status != http.StatusOK {
		t.Fatalf("%s: %d %v %.200s", path, status, err, body)
	}
	return out
}

// object reads the object that an entry is about; nil for null.
func (l list) object(t *testing.T, entry string) map[string]json.RawMessage {
	t.Helper()
	var out map[string]json.RawMessage
	if err := json.Unmarshal([]byte(entry), &out); err != nil {
		t.Fatal(err)
	}
	if l.wrapped {
		track := out["track"]
		out = nil
		if err := json.Unmarshal(track, &out); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// strike reads a list before and after a fault was switched on.
func (l list) strike(t *testing.T, fault simulate.Fault) (before, after [][]string) {
	t.Helper()
	s := l.start(t)
	before = l.read(t, s)
	s.Inject(fault)
	return before, l.read(t, s)
}

// TestFaultsStrikePositions follows each kind over all pages of each list: the
// entries at the positions are as documented, the others as they were.
func TestFaultsStrikePositions(t *testing.T) {
	t.Parallel()
	const from, count = 7, 5
	checks := map[string]func(t *testing.T, l list, n int, was, is string){
		"nullrow": func(t *testing.T, _ list, _ int, _, is string) { equal(t, "null", is) },
		"nullitem": func(t *testing.T, l list, _ int, was, is string) {
			want := "null"
			if l.wrapped {
				want = was[:strings.Index(was, `"track":`)] + `"track":null}`
			}
			equal(t, want, is)
		},
		"noid": func(t *testing.T, l list, _ int, was, is string) {
			equal(t, "id=null", strings.Join(l.changed(t, was, is), " "))
		},
		"kind": func(t *testing.T, l list, _ int, was, is string) {
			equal(t, `type="`+l.wrong+`"`, strings.Join(l.changed(t, was, is), " "))
		},
		"mistype": func(t *testing.T, l list, n int, was, is string) {
			l.checkMistype(t, l.fields[n%len(l.fields)], was, is)
		},
	}
	for kind, check := range checks {
		for name, l := range lists() {
			t.Run(kind+" in "+name, func(t *testing.T) {
				t.Parallel()
				before, after := l.strike(t, simulate.Fault{Kind: kind, Arg: from, Count: count})
				was, is := slices.Concat(before...), slices.Concat(after...)
				if len(was) != len(is) || len(was) < from+count {
					t.Fatalf("%d entries, then %d", len(was), len(is))
				}
				for i := range is {
					switch {
					case i >= from && i < from+count:
						check(t, l, i-from, was[i], is[i])
					case was[i] != is[i]:
						t.Errorf("position %d: %.80s", i, is[i])
					}
				}
			})
		}
	}
}

func equal(t *testing.T, want, got string) {
	t.Helper()
	if want != got {
		t.Errorf("got %.300s\nwant %.300s", got, want)
	}
}

// changed lists the fields of an entry's object that are not what they were.
func (l list) changed(t *testing.T, was, is string) []string {
	t.Helper()
	before, after := l.object(t, was), l.object(t, is)
	var out []string
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if string(before[name]) != string(after[name]) {
			out = append(out, name+"="+string(after[name]))
		}
	}
	if len(before) != len(after) {
		t.Errorf("%d fields, then %d", len(before), len(after))
	}
	return out
}

func (l list) checkMistype(t *testing.T, field, was, is string) {
	t.Helper()
	if field == "added_at" {
		equal(t, regexp.MustCompile(`"added_at":"[^"]*"`).ReplaceAllString(was, `"added_at":""`), is)
		return
	}
	changes := l.changed(t, was, is)
	if len(changes) != 1 {
		t.Fatalf("changed are %q", changes)
	}
	name, value, _ := strings.Cut(changes[0], "=")
	if equal(t, field, name); value[0] == string(l.object(t, was)[field])[0] {
		t.Errorf("%s has the type that it had: %s", field, value)
	}
}

// TestHoles checks that pages are shorter, and that nothing else tells of it.
func TestHoles(t *testing.T) {
	t.Parallel()
	for name, l := range lists() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before, after := l.strike(t, simulate.Fault{Kind: "hole", Arg: 7, Count: 5})
			was := slices.Concat(before...)
			if diff := cmp.Diff(slices.Concat(was[:7], was[12:]), slices.Concat(after...)); diff != "" {
				t.Error(diff)
			}
			if len(before) != len(after) {
				t.Errorf("%d pages, then %d", len(before), len(after))
			}
		})
	}
}

func TestEmptyPages(t *testing.T) {
	t.Parallel()
	for fault, want := range map[string]string{
		"emptypage:arg=60":                 "50 0 30",
		"emptypage:arg=49,count=2":         "0 0 30",
		"emptypage:arg=100,count=-1":       "50 50 0",
		"emptypage:count=-1":               "0 0 0",
		"emptypage:count=-1,after=1":       "50 0 0",
		"emptypage:count=-1,every=2":       "50 0 30",
		"emptypage:count=-1,from=50,to=50": "50 0 30",
		"emptypage:arg=500":                "50 50 30",
		"emptypage:count=-1,times=1":       "0 50 30",
		"hole:count=-1":                    "0 0 0",
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			s := start(t, nil)
			s.inject(t, fault)
			var got []string
			for offset := 0; offset < 150; offset += 50 {
				page := s.object(t, fmt.Sprintf("/me/tracks?limit=50&offset=%d", offset))
				got = append(got, strconv.Itoa(len(page["items"].([]any))))
				if page["total"] != 130.0 || (page["next"] == nil) != (offset == 100) {
					t.Errorf("offset %d: total %v, next %v", offset, page["total"], page["next"])
				}
			}
			equal(t, want, strings.Join(got, " "))
		})
	}
}

func (s *sim) inject(t *testing.T, text string) {
	t.Helper()
	f, err := simulate.ParseFault(text)
	if err != nil {
		t.Fatal(err)
	}
	s.Inject(f)
}

func TestTotalsAndVacantLists(t *testing.T) {
	t.Parallel()
	for name, l := range lists() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := l.start(t)
			path := strings.ReplaceAll(l.path, "ARTIST", s.Artists()[0])
			was := l.page(t, s, path)
			s.inject(t, "total:arg=2")
			is := l.page(t, s, path)
			n, _ := was.Total.Int64()
			equal(t, strconv.FormatInt(n+2, 10), is.Total.String())
			was.Total = is.Total
			equal(t, fmt.Sprintf("%s", was), fmt.Sprintf("%s", is))
			s.ClearFaults()
			s.inject(t, "vacant")
			if got := l.page(t, s, path); len(got.Items) != 0 || got.Total != "0" || got.Next != "" || got.Limit != was.Limit {
				t.Errorf("a vacant page is %+v", got)
			}
		})
	}
}

// TestFaultsComeTogether checks that changes of several faults meet in one
// answer, that positions stay those of the list, and what outranks changes.
func TestFaultsComeTogether(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	var want []string
	for _, e := range s.Library()[:10] {
		want = append(want, e.TrackID)
	}
	want = slices.Delete(want, 2, 5)
	want[len(want)-1] = "null"
	s.Hide(2)
	for _, fault := range []string{"floats", "hole:arg=3,count=2", "nullrow:arg=9", "total:arg=7"} {
		s.inject(t, fault)
	}
	_, _, body := s.get(t, "/me/tracks?limit=10")
	var got []string
	var answer struct {
		Items []*struct{ Track struct{ ID string } }
		Total json.Number
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatal(err)
	}
	for _, item := range answer.Items {
		if item == nil {
			got = append(got, "null")
			continue
		}
		got = append(got, item.Track.ID)
	}
	if diff := cmp.Diff(want, got); diff != "" || answer.Total != "137.0" {
		t.Errorf("total %s, %s", answer.Total, diff)
	}
	s.inject(t, "rate:arg=3")
	if status, _, _ := s.get(t, "/me/tracks?limit=10"); status != http.StatusTooManyRequests {
		t.Errorf("status %d", status)
	}
}

// TestFaultsStrikeOddEntries checks entries that lack what a fault changes.
func TestFaultsStrikeOddEntries(t *testing.T) {
	t.Parallel()
	tests := map[string]map[string]string{ // by fault, what becomes of an entry
		"kind":     {`{}`: `{"type":"episode"}`, `null`: `null`, `{"track":null}`: `{"track":null}`, `{"track":{"id":"x"}}`: `{"track":{"id":"x","type":"episode"}}`},
		"noid":     {`{"track":{}}`: `{"track":{"id":null}}`, `7`: `7`},
		"nullitem": {`{"added_at":"x","track":null}`: `{"added_at":"x","track":null}`, `{}`: `null`},
		"mistype":  {`{"track":{"id":"x"}}`: `{"track":{"id":"x","duration_ms":"long"}}`, `null`: `null`},
		"nullrow":  {`7`: `null`},
	}
	for fault, entries := range tests {
		s := start(t, nil)
		s.inject(t, fault)
		for was, want := range entries {
			s.SetRaw(0, was)
			_, _, body := s.get(t, "/me/tracks?limit=1")
			_, body, _ = strings.Cut(body, `"items":[`)
			is, _, _ := strings.Cut(body, `],"limit"`)
			equal(t, want, is)
		}
	}
}

// TestChangesKeepHeaders checks that a refusal is passed on as it is.
func TestChangesKeepHeaders(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *simulate.Options) { o.RateLimit = 1 })
	s.inject(t, "floats")
	s.object(t, library)
	if status, header, body := s.get(t, library); status != http.StatusTooManyRequests || header.Get("Retry-After") == "" || !strings.Contains(body, `"status":429,`) {
		t.Errorf("%d, Retry-After %q, %s", status, header.Get("Retry-After"), body)
	}
}
