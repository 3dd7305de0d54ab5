package loadtest

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/tracklake/tracklake/load"
)

func testValues(t *testing.T, r *run) {
	long := strings.Repeat("long ", 14000)
	s, _ := r.begin(t, "job", 0)
	write(t, s, batch(t, facts(), r.account,
		fact{id: "all", title: ptr("Ünï \U0001F3B5 \"q\" \\ ,;\t\n' %_"), plays: ptr(int32(math.MaxInt32)), loved: ptr(true), added: moment(0), out: day("1959-02-03"), tags: []tag{{"a"}, {""}, {"c,d"}}},
		fact{id: "none"},
		fact{id: "zero", title: ptr(""), plays: ptr(int32(0)), loved: ptr(false), added: time.Date(1969, 12, 31, 23, 59, 59, 999999000, time.UTC), tags: []tag{}},
		fact{id: "low", plays: ptr(int32(math.MinInt32)), title: ptr(long)},
	))
	result := r.finish(t, s, "job", 0)
	same(t, "count", load.Count{Added: 4}, load.Count{}.Add(result.Tables["suite_facts"]))
	rows := map[string][]string{}
	for _, cells := range r.Rows(t, schema(facts()), "fact_id", "account_id", "title", "plays", "loved", "added_at", "out_on", "tags", "first_seen_at", "last_seen_at", "removed_at") {
		rows[cells[0]] = cells[1:]
	}
	seen := micros(moment(0))
	same(t, "rows", map[string][]string{
		"all":  {"acc-1", "Ünï \U0001F3B5 \"q\" \\ ,;\t\n' %_", "2147483647", "true", micros(moment(0)), "1959-02-03", "[a||c,d]", seen, seen, "NULL"},
		"none": {"acc-1", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", seen, seen, "NULL"},
		"zero": {"acc-1", "", "0", "false", "-1", "NULL", "[]", seen, seen, "NULL"},
		"low":  {"acc-1", long, "-2147483648", "NULL", "NULL", "NULL", "NULL", seen, seen, "NULL"},
	}, rows)
}

func testRepeat(t *testing.T, r *run) {
	items := []fact{{id: "1", title: ptr("a"), tags: []tag{{"x"}}}, {id: "2", plays: ptr(int32(2))}}
	r.export(t, 0, everything(), items...)
	result := r.export(t, 5, everything(), items...)
	same(t, "count", load.Count{Unchanged: 2}, load.Count{}.Add(result.Tables["suite_facts"]))
	seen := micros(moment(0))
	same(t, "rows", []string{row("1", seen, seen), row("2", seen, seen)}, r.lines(t, schema(facts()), "fact_id", "first_seen_at", "last_seen_at"))
}

func testChange(t *testing.T, r *run) {
	r.export(t, 0, nil, fact{id: "1", title: ptr("a")}, fact{id: "2", title: ptr("b")}, fact{id: "3", tags: []tag{{"x"}}})
	result := r.export(t, 5, nil, fact{id: "1", title: ptr("z")}, fact{id: "2"}, fact{id: "3", tags: []tag{}}, fact{id: "4"})
	same(t, "count", load.Count{Added: 1, Changed: 3}, load.Count{}.Add(result.Tables["suite_facts"]))
	first, second := micros(moment(0)), micros(moment(5))
	same(t, "rows", []string{
		row("1", "z", "NULL", first, second), row("2", "NULL", "NULL", first, second),
		row("3", "NULL", "[]", first, second), row("4", "NULL", "NULL", second, second),
	}, r.lines(t, schema(facts()), "fact_id", "title", "tags", "first_seen_at", "last_seen_at"))
}

func testVersions(t *testing.T, r *run) {
	r.export(t, 0, nil, fact{id: "back", title: ptr("b")}, fact{id: "old", title: ptr("a"), plays: ptr(int32(1))}, fact{id: "same", title: ptr("s")})
	s, _ := r.begin(t, "job", 5)
	version := func(title string, more ...fact) {
		write(t, s, batch(t, facts(), r.account, append(more, fact{id: "new", title: &title}, fact{id: "old", title: &title}, fact{id: "same", title: ptr("s")})...))
	}
	version("1", fact{id: "new", title: ptr("0"), plays: ptr(int32(1))})
	version("2")
	write(t, s, batch(t, facts(), r.account, fact{id: "back", title: ptr("x")}), batch(t, facts(), r.account, fact{id: "back", title: ptr("b")}))
	result := r.finish(t, s, "job", 5, everything()...)
	same(t, "facts", load.Count{Added: 1, Changed: 1, Unchanged: 2}, load.Count{}.Add(result.Tables["suite_facts"]))
	first, second := micros(moment(0)), micros(moment(5))
	same(t, "rows", []string{row("back", "b", "NULL", first), row("new", "2", "NULL", second), row("old", "2", "NULL", second), row("same", "s", "NULL", first)},
		r.lines(t, schema(facts()), "fact_id", "title", "plays", "last_seen_at"))
}

func testRemoval(t *testing.T, r *run) {
	other := &run{Harness: r.Harness, account: "acc-2"}
	other.export(t, 0, nil, fact{id: "x"})
	r.export(t, 0, everything(), fact{id: "1"}, fact{id: "2"}, fact{id: "3"})
	result := r.export(t, 5, everything(), fact{id: "1"})
	same(t, "count", load.Count{Unchanged: 1, Removed: 2}, load.Count{}.Add(result.Tables["suite_facts"]))
	first, second, third := micros(moment(0)), micros(moment(5)), micros(moment(9))
	same(t, "rows", []string{row("1", first, "NULL"), row("2", second, second), row("3", second, second), row("x", first, "NULL")},
		r.lines(t, schema(facts()), "fact_id", "last_seen_at", "removed_at"))
	result = r.export(t, 9, everything(), fact{id: "1"}, fact{id: "2"})
	same(t, "count when one is back", load.Count{Unchanged: 1, Changed: 1}, load.Count{}.Add(result.Tables["suite_facts"]))
	same(t, "rows", []string{row("1", first, first, "NULL"), row("2", first, third, "NULL"), row("3", first, second, second), row("x", first, first, "NULL")},
		r.lines(t, schema(facts()), "fact_id", "first_seen_at", "last_seen_at", "removed_at"))
	result = r.export(t, 12, everything())
	same(t, "count when all are removed", load.Count{Removed: 2}, load.Count{}.Add(result.Tables["suite_facts"]))
}

func places3(span, d string, n int) []place {
	var out []place
	for i := range n {
		out = append(out, place{span: span, day: day(d), rank: int32(i + 1), name: fmt.Sprint(span, i)})
	}
	return out
}

func placeRemoval(span, d string) load.Removal {
	return load.Removal{Table: "suite_places", Where: []load.Match{{Column: "span", Values: []string{span}}, {Column: "day", Values: []string{d}}}}
}

func testRemovalOfPlaces(t *testing.T, r *run) {
	s, _ := r.begin(t, "job", 0)
	write(t, s, batch(t, places(), r.account, append(append(places3("long", "2026-11-01", 3), places3("short", "2026-11-01", 2)...), places3("long", "2026-10-31", 2)...)...))
	r.finish(t, s, "job", 0)
	s, _ = r.begin(t, "job", 5)
	write(t, s, batch(t, places(), r.account, places3("long", "2026-11-01", 1)...))
	result := r.finish(t, s, "job", 5, placeRemoval("long", "2026-11-01"), placeRemoval("short", "2026-11-01"))
	same(t, "count", load.Count{Unchanged: 1, Removed: 4}, load.Count{}.Add(result.Tables["suite_places"]))
	same(t, "rows", []string{row("long", "2026-10-31", "1"), row("long", "2026-10-31", "2"), row("long", "2026-11-01", "1")},
		r.lines(t, schema(places()), "span", "day", "rank"))
}

// testRemovalOfDay names one of two partition columns.
func testRemovalOfDay(t *testing.T, r *run) {
	s, _ := r.begin(t, "job", 0)
	write(t, s, batch(t, places(), r.account, append(append(places3("long", "2026-11-01", 1), places3("s h/ort", "2026-11-01", 2)...), places3("long", "2026-10-31", 2)...)...))
	r.finish(t, s, "job", 0)
	s, _ = r.begin(t, "job", 5)
	result := r.finish(t, s, "job", 5, load.Removal{Table: "suite_places", Where: []load.Match{{Column: "day", Values: []string{"2026-11-01"}}}})
	same(t, "count", load.Count{Removed: 3}, load.Count{}.Add(result.Tables["suite_places"]))
	same(t, "rows", []string{row("long", "2026-10-31"), row("long", "2026-10-31")}, r.lines(t, schema(places()), "span", "day"))
}

func testRemovalOfNothing(t *testing.T, r *run) {
	r.export(t, 0, nil, fact{id: "1"})
	s, _ := r.begin(t, "job", 5)
	for _, removal := range []load.Removal{{Table: "absent"}, {Table: "suite_facts", Where: []load.Match{{Column: "absent", Values: []string{"1"}}}}} {
		if _, err := s.Commit(t.Context(), load.Change{Run: r.record("job", 5, load.StatusRunning), Removals: []load.Removal{removal}}); err == nil {
			t.Errorf("%+v is no error", removal)
		}
	}
	same(t, "count", load.Count{Removed: 1}, load.Count{}.Add(r.finish(t, s, "job", 5, everything()...).Tables["suite_facts"]))
}

func testScope(t *testing.T, r *run) {
	r.export(t, 0, nil, fact{id: "1", title: ptr("a")}, fact{id: "2", title: ptr("b")}, fact{id: "3"}, fact{id: "4", title: ptr("c")})
	removal := load.Removal{Table: "suite_facts", Where: []load.Match{{Column: "title", Values: []string{"a", "b"}}}}
	result := r.export(t, 5, []load.Removal{removal}, fact{id: "1", title: ptr("a")})
	same(t, "count", load.Count{Unchanged: 1, Removed: 1}, load.Count{}.Add(result.Tables["suite_facts"]))
	removed := micros(moment(5))
	same(t, "rows", []string{row("1", "NULL"), row("2", removed), row("3", "NULL"), row("4", "NULL")}, r.lines(t, schema(facts()), "fact_id", "removed_at"))
}

func numbered(from, to int) []fact {
	var out []fact
	for i := from; i < to; i++ {
		out = append(out, fact{id: fmt.Sprintf("%06d", i), plays: ptr(int32(i))})
	}
	return out
}

func testMany(t *testing.T, r *run) {
	const n = 20000
	put := func(minute, from, to int) load.Count {
		s, _ := r.begin(t, "job", minute)
		for i := from; i < to; i += 3000 {
			write(t, s, batch(t, facts(), r.account, numbered(i, min(i+3000, to))...))
		}
		return load.Count{}.Add(r.finish(t, s, "job", minute, everything()...).Tables["suite_facts"])
	}
	same(t, "first", load.Count{Added: n}, put(0, 0, n))
	same(t, "again", load.Count{Unchanged: n}, put(5, 0, n))
	same(t, "moved", load.Count{Added: 1000, Unchanged: n - 1000, Removed: 1000}, put(9, 1000, n+1000))
	if got := len(r.lines(t, schema(facts()), "fact_id")); got != n+1000 {
		t.Errorf("rows = %d, want %d", got, n+1000)
	}
}

// rows are those of the tables as a result counts them.
func rows(t *testing.T, r load.Result) map[string]int {
	t.Helper()
	out := map[string]int{}
	for table, c := range r.Tables {
		if c.Rows == nil {
			t.Errorf("the rows of %s are not counted", table)
			continue
		}
		out[table] = *c.Rows
	}
	return out
}

// testRows counts what is there after each run, whether or not it changed a table.
func testRows(t *testing.T, r *run) {
	same(t, "rows of nothing", map[string]int{"suite_facts": 0, "suite_places": 0, "suite_things": 0}, rows(t, r.export(t, 0, nil)))
	r.account = "acc-2"
	r.export(t, 1, nil, numbered(0, 7)...)
	r.account = "acc-1"
	same(t, "rows", 3000, rows(t, r.export(t, 2, nil, numbered(0, 3000)...))["suite_facts"])
	same(t, "rows of an unchanged table", 3000, rows(t, r.export(t, 3, nil))["suite_facts"])
	same(t, "rows after a removal", 2998, rows(t, r.export(t, 4, byKeys("000000", "000001")))["suite_facts"])
	s, _ := r.begin(t, "job", 5)
	write(t, s, batch(t, facts(), r.account, numbered(0, 1)...))
	result, err := s.Commit(t.Context(), load.Change{Run: r.record("job", 5, load.StatusRunning)})
	if err != nil || result.Tables["suite_facts"].Rows != nil {
		t.Errorf("a run that goes on counts the rows: %v, %v", result.Tables, err)
	}
	write(t, s, batch(t, facts(), r.account, numbered(2, 4)...))
	last := r.finish(t, s, "job", 5, byKeys("000004")...)
	same(t, "rows after one came back and another went", 2998, rows(t, last)["suite_facts"])
	same(t, "live rows", 2998, len(r.live(t))-7)
	runs, err := r.Destination.Runs(t.Context(), load.RunsQuery{Account: r.account, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "the record", last.Tables, runs[0].Tables)
	s, _ = r.begin(t, "job", 9)
	write(t, s, batch(t, facts(), r.account, numbered(4000, 4010)...))
	result, err = s.Commit(t.Context(), load.Change{Run: r.record("job", 9, load.StatusOK), Removals: byKeys("000007"), DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "rows of a dry run", 2998, rows(t, result)["suite_facts"])
}
