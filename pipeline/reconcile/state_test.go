package reconcile_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tracklake/tracklake/extract/listdiff"
	"github.com/tracklake/tracklake/pipeline/reconcile"
)

// TestBookkeeping checks the times that a list remembers.
func TestBookkeeping(t *testing.T) {
	t.Parallel()
	then, at := now, now.Add(night)
	for _, c := range []struct {
		name                             string
		before, reading                  string
		kind, rechecked                  int
		full, rechecks, unread, holes, e time.Time // e: since when it is empty
	}{
		{name: "the first reading", before: noState, reading: "a", full: at, rechecks: at},
		{name: "the first reading, resumed", before: noState, reading: "a", kind: resumed, full: at},
		{name: "a full sync", before: "a", reading: "b a", full: at, rechecks: at},
		{name: "a full sync in which nothing changed", before: "a", reading: "a", full: at, rechecks: at},
		{name: "a resumed reading", before: "a", reading: "b a", kind: resumed, full: at, rechecks: then},
		{name: "an incremental sync", before: "a", reading: "b a", kind: incremental, full: then, rechecks: then},
		{name: "an incremental sync in which nothing changed", before: "a", reading: "a", kind: incremental, full: then, rechecks: then},
		{name: "an incremental sync that read unreadable entries again", before: "a !", reading: "a !", kind: incremental, rechecked: 2, full: then, rechecks: at, unread: then},

		{name: "unreadable entries", before: "a b", reading: "a b !", full: at, rechecks: at, unread: at},
		{name: "the same unreadable entries", before: "a b !", reading: "c a b !", full: at, rechecks: at, unread: then},
		{name: "the same unreadable entries elsewhere", before: "! a !@2", reading: "!@2 a !", full: at, rechecks: at, unread: then},
		{name: "the same unreadable entries and pending rows", before: "a ! | unreadable: b", reading: "a !", full: at, rechecks: at, unread: then},
		{name: "one more", before: "a !", reading: "a ! !", full: at, rechecks: at, unread: at},
		{name: "one fewer", before: "a ! !", reading: "a !", full: at, rechecks: at, unread: at},
		{name: "another", before: "a !@2", reading: "a !@3", full: at, rechecks: at, unread: at},
		{name: "another pending row", before: "a ! b | unreadable: c", reading: "a ! !", full: at, rechecks: at, unread: at},
		{name: "a pending row came back", before: "a !@2 | unreadable: b@2 c@2", reading: "a c@2 !@2", full: at, rechecks: at, unread: at},
		{name: "none", before: "a !", reading: "a", full: at, rechecks: at},

		{name: "holes", before: "a", reading: "a ?", full: at, rechecks: at, holes: at},
		{name: "the same holes", before: "a ?", reading: "b a ?", full: at, rechecks: at, holes: then},
		{name: "the same holes, and a row removed", before: "a b ?", reading: "a ?", full: at, rechecks: at, holes: at},
		{name: "the same holes, and the row removed a day ago", before: "a ? | holes: b", reading: "a ?", full: at, rechecks: at, holes: then},
		{name: "perhaps others", before: "a b ?", reading: "a c ?", full: at, rechecks: at, holes: at},
		{name: "more holes", before: "a ?", reading: "a ? ?", full: at, rechecks: at, holes: at},
		{name: "fewer holes", before: "a ? ?", reading: "a ?", full: at, rechecks: at, holes: at},
		{name: "no holes any more", before: "a ?", reading: "a", full: at, rechecks: at},

		{name: "empty", before: "a", reading: "", full: at, rechecks: at, e: at},
		{name: "still empty", before: "| empty: a", reading: "", full: at, rechecks: at, e: then},
		{name: "empty no more", before: "| empty: a", reading: "a", full: at, rechecks: at},
		{name: "empty as ever", before: "", reading: "", full: at, rechecks: at},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := reading(keys(c.reading), c.kind)
			r.Rechecked, r.RecheckedTo = c.rechecked, 50*c.rechecked
			after := reconcile.Decide(reconcile.Input{Before: state(c.before, then), Reading: r, Query: "q=1", At: at, Stable: true}).After
			got := []time.Time{after.FullAt, after.RecheckedAt, after.UnreadableAt, after.HolesAt, after.EmptyAt}
			want := []time.Time{c.full, c.rechecks, c.unread, c.holes, c.e}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("full, rechecked, unreadable, holes, empty:\n got %s\nwant %s", got, want)
			}
			if after.Query != "q=1" || after.RecheckedTo != 50*c.rechecked {
				t.Errorf("query %q, rechecked to %d", after.Query, after.RecheckedTo)
			}
		})
	}
}

// list is one in which everything is set.
func list(lines ...string) *reconcile.List {
	day := func(n int) time.Time { return now.AddDate(0, 0, n) }
	return &reconcile.List{
		FullAt: day(0), Query: "include_groups=album&x=<y>", Pending: []string{"p 3f", "q"}, Why: reconcile.Unreadable, Refused: []string{"r 9"}, Lost: []string{"s 8"}, Came: true,
		UnreadableAt: day(1), RecheckedAt: day(2), RecheckedTo: 150, HolesAt: day(3), Hidden: 2, EmptyAt: day(4),
		Keys: listdiff.KeysOf(lines),
	}
}

func TestListJSON(t *testing.T) {
	t.Parallel()
	for _, l := range []*reconcile.List{
		{},
		{Query: "q", Keys: listdiff.KeysOf([]string{"a"})},
		list(),
		list("a"),
		list("a 3f9", "!", "! 3f9", "!b 3f9", "~x_-", "?", "?"),
		list(`qu"ote`, "b"),
		list(`back\slash`, `\n`, `"}`),
		list("tab\t"),
		list("\x7f", "\u2028", "ä", "日本"),
		list("<&>"),
	} {
		text, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		got := new(reconcile.List)
		if err := json.Unmarshal(text, got); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		if !reflect.DeepEqual(got, l) {
			t.Errorf("\n got %+v\nwant %+v\nfrom %s", got, l, text)
		}
		if !got.Same(l) {
			t.Errorf("not the same: %s", text)
		}
	}
	if err := json.Unmarshal([]byte(`{"keys":["a"]}`), new(reconcile.List)); err == nil {
		t.Error("keys of another form were read")
	}
}

// TestListJSONSkipsZeros keeps the state of the many small lists small.
func TestListJSONSkipsZeros(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(&reconcile.List{FullAt: now, Keys: listdiff.KeysOf(keys("a@1 b"))})
	if want := `{"full_at":"2025-03-14T04:00:00Z","keys":"a 1\nb"}`; err != nil || string(text) != want {
		t.Errorf("got %s, %v\nwant %s", text, err, want)
	}
}

// TestSame changes each field of a list in turn, so that one which is added to List
// and not compared is found.
func TestSame(t *testing.T) {
	t.Parallel()
	var none *reconcile.List
	if !none.Same(nil) || none.Same(list()) || list().Same(nil) || !list("a").Same(list("a")) {
		t.Error("nil, or equal lists")
	}
	for i := range reflect.TypeFor[reconcile.List]().NumField() {
		l := list("a")
		field := reflect.ValueOf(l).Elem().Field(i)
		switch v := field.Addr().Interface().(type) {
		case *time.Time:
			*v = v.Add(1)
		case *int:
			*v++
		case *bool:
			*v = !*v
		case *string:
			*v += "x"
		case *reconcile.Reason:
			*v += "x"
		case *[]string:
			*v = append(*v, "x")
		case *listdiff.Keys:
			*v = listdiff.KeysOf([]string{"b"})
		default:
			t.Fatalf("a field of type %s", field.Type())
		}
		if name := reflect.TypeFor[reconcile.List]().Field(i).Name; l.Same(list("a")) {
			t.Errorf("lists that differ in %s are the same", name)
		}
	}
	moved := list("a")
	moved.FullAt = moved.FullAt.In(time.FixedZone("", 3600))
	if !moved.Same(list("a")) {
		t.Error("the same time in another zone")
	}
}

func TestPostponeAndRefuse(t *testing.T) {
	t.Parallel()
	l := state("a | resumed: c@2", now)
	pending := l.Pending
	l.Postpone([]string{"d", "b"})
	l.Refuse([]string{"f", "e"})
	if got := fmt.Sprintf("%q %s %q", l.Pending, l.Why, l.Refused); got != `["b" "c 2" "d"] unread ["e" "f"]` {
		t.Error(got)
	}
	if strings.Join(pending, " ") != "c 2" {
		t.Errorf("the pending rows of whom it was copied from changed: %q", pending)
	}
}
