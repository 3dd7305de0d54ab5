package loadtest

import (
	"testing"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/transform"
)

func (r *run) values(t *testing.T, q load.ValueQuery) []load.ValueCount {
	t.Helper()
	got, err := r.Destination.Values(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func testValueCounts(t *testing.T, r *run) {
	values := func(q load.ValueQuery) []load.ValueCount {
		t.Helper()
		return r.values(t, q)
	}
	if got := values(load.ValueQuery{Account: r.account, Table: "suite_facts", Column: "tags"}); len(got) != 0 {
		t.Errorf("values of an empty table: %v", got)
	}
	other := &run{Harness: r.Harness, account: "acc-2"}
	other.export(t, 0, nil, fact{id: "1", tags: []tag{{"foreign"}}})
	r.export(t, 0, everything(), fact{id: "1", tags: []tag{{"a"}, {"b"}}}, fact{id: "2", tags: []tag{{"b"}}}, fact{id: "3", tags: []tag{{"removed"}}}, fact{id: "4"})
	r.export(t, 5, everything(), fact{id: "1", tags: []tag{{"a"}, {"b"}}}, fact{id: "2", tags: []tag{{"b"}}}, fact{id: "4"})
	same(t, "tags", []load.ValueCount{{Value: "b", Rows: 2}, {Value: "a", Rows: 1}},
		values(load.ValueQuery{Account: r.account, Table: "suite_facts", Column: "tags"}))
	s, _ := r.begin(t, "places", 9)
	write(t, s, batch(t, places(), r.account, append(places3("long", "2026-11-01", 2), places3("short", "2026-10-01", 4)...)...))
	r.finish(t, s, "places", 9)
	same(t, "names of the newest day", []load.ValueCount{{Value: "long0", Rows: 1}, {Value: "long1", Rows: 1}},
		values(load.ValueQuery{Account: r.account, Table: "suite_places", Column: "name", Latest: "day"}))
	short := []load.Match{{Column: "span", Values: []string{"short", "none"}}}
	same(t, "names of the newest day of a span", []load.ValueCount{{Value: "short0", Rows: 1}, {Value: "short1", Rows: 1}, {Value: "short2", Rows: 1}, {Value: "short3", Rows: 1}},
		values(load.ValueQuery{Account: r.account, Table: "suite_places", Column: "name", Latest: "day", Where: short}))
	same(t, "tags of some facts", []load.ValueCount{{Value: "a", Rows: 1}, {Value: "b", Rows: 1}},
		values(load.ValueQuery{Account: r.account, Table: "suite_facts", Column: "tags", Where: []load.Match{{Column: "fact_id", Values: []string{"1", "3", "4"}}}}))
	for _, column := range []string{"title", "absent"} {
		where := []load.Match{{Column: column, Values: []string{"", "NULL", "(null)"}}}
		if got := values(load.ValueQuery{Account: r.account, Table: "suite_facts", Column: "tags", Where: where}); len(got) != 0 {
			t.Errorf("tags where %s has no value: %v", column, got)
		}
	}
}

// testValuesOfAll counts over all accounts. The latest day is that of each
// account: one whose job has not run today does not drop out.
func testValuesOfAll(t *testing.T, r *run) {
	for i, account := range []string{"acc-1", "acc-2", transform.App} {
		own := &run{Harness: r.Harness, account: account}
		own.export(t, 0, nil, fact{id: "1", tags: []tag{{"all"}, {account}}}, fact{id: "2", tags: []tag{{"removed"}}})
		own.export(t, 5, byKeys("2"))
		s, _ := own.begin(t, "places", 9)
		days := []string{"2026-10-30", "2026-10-31", "2026-11-01"}
		write(t, s, batch(t, places(), account, append(places3("long", days[i], 1), places3("old", "2026-10-29", 1)...)...))
		own.finish(t, s, "places", 9)
	}
	same(t, "tags", []load.ValueCount{{Value: "all", Rows: 3}, {Value: "acc-1", Rows: 1}, {Value: "acc-2", Rows: 1}, {Value: "app", Rows: 1}},
		r.values(t, load.ValueQuery{Table: "suite_facts", Column: "tags"}))
	same(t, "names of each account's newest day", []load.ValueCount{{Value: "long0", Rows: 3}},
		r.values(t, load.ValueQuery{Table: "suite_places", Column: "name", Latest: "day"}))
	same(t, "tags of some accounts", []load.ValueCount{{Value: "all", Rows: 2}, {Value: "acc-2", Rows: 1}, {Value: "app", Rows: 1}},
		r.values(t, load.ValueQuery{Table: "suite_facts", Column: "tags", Where: []load.Match{{Column: "account_id", Values: []string{"acc-2", "app"}}}}))
}
