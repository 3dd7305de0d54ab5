package transform_test

import (
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/transform"
)

type song struct {
	id      string
	title   *string
	plays   *int32
	loved   *bool
	at, day time.Time
	singers []singer
}

type singer struct{ id string }

func songs() transform.Table[song] {
	return transform.Table[song]{
		Name: "songs", Doc: "Songs.", Key: []string{"song_id"}, Removable: true,
		Columns: []transform.Column[song]{
			transform.String("song_id", "Id.", func(s *song) string { return s.id }),
			transform.OptString("title", "Title.", func(s *song) *string { return s.title }),
			transform.OptInt32("plays", "Plays.", func(s *song) *int32 { return s.plays }),
			transform.OptBool("loved", "Loved.", func(s *song) *bool { return s.loved }),
			transform.Time("at", "At.", func(s *song) time.Time { return s.at }),
			transform.Date("day", "Day.", func(s *song) time.Time { return s.day }),
			transform.Strings("singers", "Singers.", func(s *song) []singer { return s.singers }, func(s *singer) string { return s.id }),
		},
	}
}

func singers() transform.Table[singer] {
	return transform.Table[singer]{
		Name: "singers", Doc: "Singers.", Key: []string{"singer_id"},
		Columns: []transform.Column[singer]{transform.String("singer_id", "Id.", func(s *singer) string { return s.id })},
	}
}

func ptr[T any](v T) *T { return &v }

// rowsOf renders a record row by row, as Arrow prints its values.
func rowsOf(r arrow.Record) []string {
	var out []string
	for i := range int(r.NumRows()) {
		var cells []string
		for _, c := range r.Columns() {
			cells = append(cells, c.ValueStr(i))
		}
		out = append(out, strings.Join(cells, "|"))
	}
	return out
}

func TestSet(t *testing.T) {
	t.Parallel()
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	t.Cleanup(func() { mem.AssertSize(t, 0) })
	set, err := transform.NewSet(mem, "acc", songs())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(set.Release)
	set.Append(&song{
		id: "1", title: ptr("a\x00b"), plays: ptr(int32(0)), loved: ptr(false),
		at: time.Date(1969, 7, 20, 20, 17, 40, 123456000, time.FixedZone("x", 3600)), day: time.Date(1959, 2, 3, 0, 0, 0, 0, time.UTC),
		singers: []singer{{"x"}, {"y"}, {"x"}},
	})
	set.Append(&song{id: "2", singers: []singer{}})
	set.Append(&song{id: "3", singers: nil})

	batches := set.Take(1)
	got := map[string][]string{}
	for _, b := range batches {
		got[b.Table.Name] = rowsOf(b.Record)
		b.Record.Release()
	}
	want := map[string][]string{
		"songs": {
			`acc|1|a�b|0|false|1969-07-20 19:17:40.123456Z|1959-02-03|["x","y","x"]`,
			`acc|2|(null)|(null)|(null)|(null)|(null)|[]`,
			`acc|3|(null)|(null)|(null)|(null)|(null)|(null)`,
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n := set.Notes().Replaced; n != 1 {
		t.Errorf("replaced = %d, want 1", n)
	}
}

func TestResetDropsWhatWaits(t *testing.T) {
	t.Parallel()
	set, err := transform.NewSet(memory.NewGoAllocator(), "acc", singers())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(set.Release)
	set.Append(&singer{"a"})
	set.Reset()
	set.Append(&singer{"b"})
	batches := set.Take(1)
	if len(batches) != 1 {
		t.Fatalf("%d batches", len(batches))
	}
	defer batches[0].Record.Release()
	if diff := cmp.Diff([]string{"acc|b"}, rowsOf(batches[0].Record)); diff != "" {
		t.Error(diff)
	}
}

func TestTakeWaitsForEnoughRows(t *testing.T) {
	t.Parallel()
	set, err := transform.NewSet(memory.NewGoAllocator(), "acc", singers())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(set.Release)
	set.Append(&singer{"a"})
	if got := set.Take(2); got != nil {
		t.Errorf("took %d batches of too few rows", len(got))
	}
	set.Append(&singer{"b"})
	for _, b := range set.Take(2) {
		if n := b.Record.NumRows(); n != 2 {
			t.Errorf("rows = %d, want 2", n)
		}
		b.Record.Release()
	}
}

func TestSchemaRefusesContradictions(t *testing.T) {
	t.Parallel()
	id := transform.String("singer_id", "Id.", func(s *singer) string { return s.id })
	rank := transform.Int32("rank", "Rank.", func(*singer) int32 { return 0 })
	logged := func(removable bool, log transform.Log) transform.Table[singer] {
		return transform.Table[singer]{Name: "t", Doc: "T.", Key: []string{"singer_id", "rank"}, Removable: removable, Log: &log, Columns: []transform.Column[singer]{id, rank}}
	}
	tests := map[string]struct {
		table transform.Table[singer]
		want  string
	}{
		"log of no column":  {logged(false, transform.Log{Item: []string{"x"}, Name: "singer_id", List: "singer_id"}), `column "x" of the log`},
		"log of a number":   {logged(false, transform.Log{Item: []string{"rank"}, Name: "singer_id", List: "singer_id"}), `column "rank" of the log`},
		"log without name":  {logged(false, transform.Log{Item: []string{"singer_id"}, List: "singer_id"}), `column "" of the log`},
		"log without item":  {logged(false, transform.Log{Name: "singer_id", List: "singer_id"}), "has no item"},
		"log without list":  {logged(false, transform.Log{Item: []string{"singer_id"}, Name: "singer_id"}), "does not begin with the list"},
		"log of half a key": {logged(true, transform.Log{Item: []string{"singer_id"}, Name: "singer_id"}), "are logged by their key"},
		"no key":            {transform.Table[singer]{Name: "t", Doc: "T."}, "needs a name and a key"},
		"unknown key":       {transform.Table[singer]{Name: "t", Key: []string{"x"}, Columns: []transform.Column[singer]{id}}, "key column x is not declared"},
		"twice":             {transform.Table[singer]{Name: "t", Key: []string{"singer_id"}, Columns: []transform.Column[singer]{id, id}}, "declared twice"},
		"no description":    {transform.Table[singer]{Name: "t", Key: []string{"a"}, Columns: []transform.Column[singer]{transform.String("a", "", func(*singer) string { return "" })}}, "needs a name and a description"},
		"nullable key":      {transform.Table[singer]{Name: "t", Key: []string{"a"}, Columns: []transform.Column[singer]{transform.OptString("a", "A.", func(*singer) *string { return nil })}}, "may be NULL"},
		"folder of numbers": {transform.Table[singer]{Name: "t", Key: []string{"n"}, Split: 1, Columns: []transform.Column[singer]{transform.Int32("n", "N.", func(*singer) int32 { return 0 })}}, "is not text"},
		"reserved name":     {transform.Table[singer]{Name: "t", Key: []string{"first_seen_at"}, Columns: []transform.Column[singer]{transform.String("first_seen_at", "A.", func(*singer) string { return "" })}}, "declared twice"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := tt.table.Schema()
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestAccountColumn(t *testing.T) {
	t.Parallel()
	s, err := songs().Schema()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range s.Columns() {
		names = append(names, f.Name)
	}
	want := []string{"account_id", "song_id", "title", "plays", "loved", "at", "day", "singers", "first_seen_at", "last_seen_at", "removed_at"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	if doc, _ := s.Record().Field(1).Metadata.GetValue("description"); doc != "Id." {
		t.Errorf("description in the Arrow schema = %q", doc)
	}
}
