// Package loadtest is the suite that every destination passes: one promise,
// one test.
package loadtest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/tracklake/tracklake/transform"
)

// A fact is marked when it is removed.
type fact struct {
	id    string
	title *string
	plays *int32
	loved *bool
	added time.Time
	out   time.Time
	tags  []tag
}

type tag struct{ name string }

// A place belongs to the ranking of a day; removed places are deleted.
type place struct {
	span string
	day  time.Time
	rank int32
	name string
}

// A thing is a row of a second table whose rows are marked.
type thing struct {
	id    string
	score *int64
}

func facts() transform.Table[fact] {
	return transform.Table[fact]{
		Name: "suite_facts", Doc: "Facts of the suite.", Key: []string{"fact_id"}, Removable: true,
		Columns: []transform.Column[fact]{
			transform.String("fact_id", "Id.", func(f *fact) string { return f.id }),
			transform.OptString("title", "Title.", func(f *fact) *string { return f.title }),
			transform.OptInt32("plays", "Plays.", func(f *fact) *int32 { return f.plays }),
			transform.OptBool("loved", "Loved.", func(f *fact) *bool { return f.loved }),
			transform.Time("added_at", "Added.", func(f *fact) time.Time { return f.added }),
			transform.Date("out_on", "Out.", func(f *fact) time.Time { return f.out }),
			transform.Strings("tags", "Tags.", func(f *fact) []tag { return f.tags }, func(t *tag) string { return t.name }),
		},
	}
}

func places() transform.Table[place] {
	return transform.Table[place]{
		Name: "suite_places", Doc: "Places of the suite.", Key: []string{"span", "day", "rank"}, Split: 1,
		Columns: []transform.Column[place]{
			transform.String("span", "Span.", func(p *place) string { return p.span }),
			transform.KeyDate("day", "Day.", func(p *place) time.Time { return p.day }),
			transform.Int32("rank", "Rank.", func(p *place) int32 { return p.rank }),
			transform.String("name", "Name.", func(p *place) string { return p.name }),
		},
	}
}

func things() transform.Table[thing] {
	return transform.Table[thing]{
		Name: "suite_things", Doc: "Things of the suite.", Key: []string{"thing_id"}, Removable: true,
		Columns: []transform.Column[thing]{
			transform.String("thing_id", "Id.", func(t *thing) string { return t.id }),
			transform.OptInt64("score", "Score.", func(t *thing) *int64 { return t.score }),
		},
	}
}

// A keep is logged, and marked when it is removed.
type keep struct{ id, name string }

// A slot is a place of a list that is logged.
type slot struct {
	list          string
	position      int32
	item, address *string
	name          string
}

func keeps() transform.Table[keep] {
	return transform.Table[keep]{
		Name: "suite_keeps", Doc: "Keeps of the suite.", Key: []string{"keep_id"}, Removable: true,
		Log: &transform.Log{Item: []string{"keep_id"}, Name: "name"},
		Columns: []transform.Column[keep]{
			transform.String("keep_id", "Id.", func(k *keep) string { return k.id }),
			transform.String("name", "Name.", func(k *keep) string { return k.name }),
		},
	}
}

func slots() transform.Table[slot] {
	return transform.Table[slot]{
		Name: "suite_slots", Doc: "Slots of the suite.", Key: []string{"list", "position"},
		Log: &transform.Log{Item: []string{"item", "address"}, Name: "name", List: "list"},
		Columns: []transform.Column[slot]{
			transform.String("list", "List.", func(s *slot) string { return s.list }),
			transform.Int32("position", "Position.", func(s *slot) int32 { return s.position }),
			transform.OptString("item", "Item.", func(s *slot) *string { return s.item }),
			transform.OptString("address", "Address.", func(s *slot) *string { return s.address }),
			transform.String("name", "Name.", func(s *slot) string { return s.name }),
		},
	}
}

// Tables are those that the suite writes, beside the change log. A destination that
// needs its tables made beforehand makes these.
func Tables() []*transform.Schema { return append(usualTables(), schema(keeps()), schema(slots())) }

// usualTables are those of most jobs.
func usualTables() []*transform.Schema {
	return []*transform.Schema{schema(facts()), schema(places()), schema(things())}
}

// loggedTables are those of jobs whose changes are logged.
func loggedTables() []*transform.Schema {
	return []*transform.Schema{schema(keeps()), schema(slots()), schema(transform.ChangeLog())}
}

func schema[T any](t transform.Table[T]) *transform.Schema {
	s, err := t.Schema()
	if err != nil {
		panic(fmt.Sprintf("table of the suite: %v", err))
	}
	return s
}

// batch builds one batch. The caller releases it.
func batch[T any](t *testing.T, table transform.Table[T], account string, items ...T) transform.Batch {
	t.Helper()
	set, err := transform.NewSet(memory.NewGoAllocator(), account, table)
	if err != nil {
		t.Fatal(err)
	}
	defer set.Release()
	for i := range items {
		set.Append(&items[i])
	}
	batches := set.Take(1)
	if len(batches) != 1 {
		t.Fatalf("%d batches", len(batches))
	}
	return batches[0]
}

func ptr[T any](v T) *T { return &v }

func day(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

// moment is a time of the suite, n minutes after its beginning.
func moment(n int) time.Time {
	return time.Date(2026, 11, 1, 3, 0, 0, 123456000, time.UTC).Add(time.Duration(n) * time.Minute)
}

// micros writes a time as rows hold it.
func micros(t time.Time) string { return fmt.Sprint(t.UnixMicro()) }

func row(cells ...string) string { return strings.Join(cells, " ") }
