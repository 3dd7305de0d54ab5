package simulate_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/simulate"
)

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
			for _, name := range l.wrappers {
				was = strings.Replace(was, `"`+name+`":`+string(l.member(t, was, name)), `"`+name+`":null`, 1)
				want = was
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
	if strings.HasSuffix(field, "_at") {
		equal(t, regexp.MustCompile(`"`+field+`":"[^"]*"`).ReplaceAllString(was, `"`+field+`":""`), is)
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

// TestBadItemsStrikeTheirPage checks that positions are told from the address of
// a page.
func TestBadItemsStrikeTheirPage(t *testing.T) {
	t.Parallel()
	for name, l := range lists() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := l.start(t)
			s.Inject(simulate.Fault{Kind: "baditem", Arg: 11, Times: 1})
			begin := 0
			for path := l.at(s); path != ""; {
				status, _, _ := s.get(t, path)
				page := l.page(t, s, path)
				if bad := status != http.StatusOK; bad != (begin <= 11 && 11 < begin+len(page.Items)) {
					t.Errorf("the page of %d items from %d on is struck: %v", len(page.Items), begin, bad)
				}
				begin += len(page.Items)
				path = page.next(s)
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
			path := l.at(s)
			was := l.page(t, s, path)
			s.inject(t, "total:arg=2")
			is := l.page(t, s, path)
			more, none := "", ""
			if n, err := was.Total.Int64(); err == nil {
				more, none = strconv.FormatInt(n+2, 10), "0"
			}
			equal(t, more, is.Total.String())
			was.Total = is.Total
			if !reflect.DeepEqual(was, is) {
				t.Errorf("more than the total has changed: %.300s", is.Items)
			}
			s.ClearFaults()
			s.inject(t, "vacant")
			if got := l.page(t, s, path); len(got.Items) != 0 || got.Total.String() != none || got.Next != "" || got.Limit != was.Limit {
				t.Errorf("a vacant page is %+v", got)
			} else if (got.Cursors != nil) != (l.inside != "") || got.Cursors != nil && got.Cursors.After != nil {
				t.Errorf("the cursors of a vacant page are %+v", got.Cursors)
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
