package loadtest

import (
	"math"
	"testing"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/transform"
)

// testTwoTables commits rows and removals of two tables at once, and integers of
// 64 bits.
func testTwoTables(t *testing.T, r *run) {
	put := func(minute int, fs []fact, ts []thing) load.Result {
		s, _ := r.begin(t, "job", minute)
		write(t, s, batch(t, facts(), r.account, fs...), batch(t, things(), r.account, ts...))
		return r.finish(t, s, "job", minute, load.Removal{Table: "suite_facts"}, load.Removal{Table: "suite_things"})
	}
	big := ptr(int64(math.MaxInt32) + 1)
	put(0, []fact{{id: "1"}, {id: "2"}}, []thing{{id: "1", score: big}, {id: "2"}, {id: "3", score: ptr(int64(math.MinInt64))}, {id: "4"}})
	result := put(5, []fact{{id: "1"}, {id: "3"}}, []thing{{id: "1", score: ptr(*big + 1)}, {id: "2", score: ptr(int64(math.MaxInt64))}, {id: "3", score: ptr(int64(math.MinInt64))}})
	same(t, "counts", map[string]load.Count{
		"suite_facts":  {Added: 1, Unchanged: 1, Removed: 1},
		"suite_things": {Changed: 2, Unchanged: 1, Removed: 1},
	}, map[string]load.Count{
		"suite_facts": load.Count{}.Add(result.Tables["suite_facts"]), "suite_things": load.Count{}.Add(result.Tables["suite_things"]),
	})
	first, second := micros(moment(0)), micros(moment(5))
	same(t, "facts", []string{row("1", first, "NULL"), row("2", second, second), row("3", second, "NULL")},
		r.lines(t, schema(facts()), "fact_id", "last_seen_at", "removed_at"))
	same(t, "things", []string{
		row("1", "2147483649", second, "NULL"), row("2", "9223372036854775807", second, "NULL"),
		row("3", "-9223372036854775808", first, "NULL"), row("4", "NULL", second, second),
	}, r.lines(t, schema(things()), "thing_id", "score", "last_seen_at", "removed_at"))
}

// testAccounts has names of accounts and spans that folders must escape, and that
// readers could take for something else than text.
func testAccounts(t *testing.T, r *run) {
	accounts := []string{"a_b/ç", "a_b", "0123", "123", "..", "a=b", "NULL", "acc-1", transform.App}
	spans := []string{"s h/ort_term", "2026", "%", "long"}
	for _, account := range accounts {
		own := &run{Harness: r.Harness, account: account}
		for minute, size := range []int{3, 2} {
			s, _ := own.begin(t, "job", minute)
			write(t, s, batch(t, facts(), account, numbered(0, size)...))
			for i, span := range spans {
				write(t, s, batch(t, places(), account, places3(span, "2026-11-01", 1+i)...))
			}
			result := own.finish(t, s, "job", minute, load.Removal{Table: "suite_facts"}, placeRemoval(spans[0], "2026-11-01"))
			want := load.Count{Added: 3}
			if minute > 0 {
				want = load.Count{Unchanged: 2, Removed: 1}
			}
			same(t, "count of "+account, want, load.Count{}.Add(result.Tables["suite_facts"]))
		}
	}
	same(t, "number of facts", 3*len(accounts), len(r.lines(t, schema(facts()), "fact_id")))
	same(t, "number of places", 10*len(accounts), len(r.lines(t, schema(places()), "span")))
	for _, account := range accounts {
		got := r.values(t, load.ValueQuery{Account: account, Table: "suite_places", Column: "span"})
		same(t, "spans of "+account, []load.ValueCount{{Value: "long", Rows: 4}, {Value: "%", Rows: 3}, {Value: "2026", Rows: 2}, {Value: "s h/ort_term", Rows: 1}}, got)
		same(t, "rows forgotten of "+account, map[string]int{"suite_facts": 3, "suite_places": 10}, r.forget(t, account, false).Rows)
	}
	same(t, "rows left", nil, r.lines(t, schema(facts()), "account_id"))
}
