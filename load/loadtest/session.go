package loadtest

import (
	"maps"
	"slices"
	"testing"

	"github.com/tracklake/tracklake/load"
)

// commitTests are about several commits of one session.
func commitTests() map[string]func(*testing.T, *run) {
	out := map[string]func(*testing.T, *run){
		"a fan-out with a parent that is given up": testCommits,
		"a row changes in a later commit":          testChangeAgain,
		"a row stays the same in a later commit":   testSameAgain,
		"a stored row changes and changes back":    testChangeBack,
		"commits that remove in the same scope":    testRemoveAgain,
		"a removed row returns in a later commit":  testReturn,
		"a removal before commits of other rows":   testRemoveThenOthers,
		"removals see what earlier commits staged": testRemoveStaged,
		"commits of many rows":                     testManyAgain,
		"a fan-out of many commits, with removals": testFanOut,
		"the commits of a dry run only count":      testDryCommits,
	}
	maps.Copy(out, changeTests())
	return out
}

// A step is one commit.
type step struct {
	facts    []fact
	removals []load.Removal
}

// commits does a run with a commit for each step, and returns what it did to
// the facts. A commit of nothing comes first: a destination that coalesces may
// publish the first one at once.
func (r *run) commits(t *testing.T, minute int, steps ...step) load.Count {
	t.Helper()
	s, _ := r.begin(t, "job", minute)
	r.commit(t, s, minute, step{})
	for _, each := range steps[:len(steps)-1] {
		r.commit(t, s, minute, each)
	}
	last := steps[len(steps)-1]
	if len(last.facts) > 0 {
		write(t, s, batch(t, facts(), r.account, last.facts...))
	}
	return load.Count{}.Add(r.finish(t, s, "job", minute, last.removals...).Tables["suite_facts"])
}

// commit does one that does not end the run.
func (r *run) commit(t *testing.T, s load.Session, minute int, each step) {
	t.Helper()
	if len(each.facts) > 0 {
		write(t, s, batch(t, facts(), r.account, each.facts...))
	}
	if _, err := s.Commit(t.Context(), load.Change{Run: r.record("job", minute, load.StatusRunning), Removals: each.removals}); err != nil {
		t.Fatal(err)
	}
}

// titled is a step of one fact.
func titled(id, title string) step { return step{facts: []fact{{id: id, title: &title}}} }

func byKeys(ids ...string) []load.Removal {
	return []load.Removal{{Table: "suite_facts", Where: []load.Match{{Column: "fact_id", Values: ids}}}}
}

func byTitles(titles ...string) []load.Removal {
	return []load.Removal{{Table: "suite_facts", Where: []load.Match{{Column: "title", Values: titles}}}}
}

// live lists the facts that are not removed.
func (r *run) live(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, cells := range r.Rows(t, schema(facts()), "fact_id", "removed_at") {
		if cells[1] == "NULL" {
			out = append(out, cells[0])
		}
	}
	slices.Sort(out)
	return out
}

func testChangeAgain(t *testing.T, r *run) {
	same(t, "count", load.Count{Added: 1, Changed: 1}, r.commits(t, 5, titled("1", "a"), titled("1", "b")))
	seen := micros(moment(5))
	same(t, "rows", []string{row("1", "b", seen, seen)}, r.lines(t, schema(facts()), "fact_id", "title", "first_seen_at", "last_seen_at"))
}

func testSameAgain(t *testing.T, r *run) {
	same(t, "count", load.Count{Added: 1, Unchanged: 2}, r.commits(t, 5, titled("1", "a"), titled("1", "a"), titled("1", "a")))
	same(t, "count of the next run", load.Count{Unchanged: 2}, r.commits(t, 9, titled("1", "a"), titled("1", "a")))
	seen := micros(moment(5))
	same(t, "rows", []string{row("1", "a", seen, seen)}, r.lines(t, schema(facts()), "fact_id", "title", "first_seen_at", "last_seen_at"))
}

func testChangeBack(t *testing.T, r *run) {
	r.export(t, 0, nil, fact{id: "1", title: ptr("a")})
	same(t, "count", load.Count{Changed: 2, Unchanged: 1}, r.commits(t, 5, titled("1", "b"), titled("1", "b"), titled("1", "a")))
	same(t, "rows", []string{row("1", "a", micros(moment(0)), micros(moment(5)))}, r.lines(t, schema(facts()), "fact_id", "title", "first_seen_at", "last_seen_at"))
}

func testRemoveAgain(t *testing.T, r *run) {
	r.export(t, 0, nil, fact{id: "1", title: ptr("a")}, fact{id: "2", title: ptr("a")}, fact{id: "3", title: ptr("a")})
	first, second := titled("1", "a"), titled("2", "a")
	first.removals, second.removals = everything(), everything()
	same(t, "count", load.Count{Unchanged: 1, Changed: 1, Removed: 3}, r.commits(t, 5, first, second))
	same(t, "live rows", []string{"2"}, r.live(t))
	same(t, "count of the next run", load.Count{Removed: 1}, r.commits(t, 9, step{removals: everything()}, step{removals: everything()}))
}

func testReturn(t *testing.T, r *run) {
	for i, removals := range [][]load.Removal{byKeys("1", "unknown"), byTitles("a")} {
		r.export(t, 10*i, nil, fact{id: "1", title: ptr("a")}, fact{id: "2", title: ptr("b")})
		same(t, "count", load.Count{Removed: 1, Changed: 1}, r.commits(t, 10*i+5, step{removals: removals}, titled("1", "a")))
		same(t, "rows", []string{row("1", micros(moment(0)), micros(moment(10*i+5)), "NULL"), row("2", micros(moment(0)), micros(moment(0)), "NULL")},
			r.lines(t, schema(facts()), "fact_id", "first_seen_at", "last_seen_at", "removed_at"))
	}
	// It does not when it returns in the same commit.
	again := titled("1", "a")
	again.removals = byKeys("1", "2")
	same(t, "count of one commit", load.Count{Unchanged: 1, Removed: 1}, r.commits(t, 40, again))
}

func testRemoveThenOthers(t *testing.T, r *run) {
	r.export(t, 0, nil, fact{id: "1"}, fact{id: "2"}, fact{id: "3"})
	same(t, "count", load.Count{Removed: 1, Added: 2, Changed: 1},
		r.commits(t, 5, step{removals: byKeys("1")}, titled("4", "a"), titled("5", "a"), titled("2", "b")))
	same(t, "live rows", []string{"2", "3", "4", "5"}, r.live(t))
}

func testRemoveStaged(t *testing.T, r *run) {
	r.export(t, 0, nil, fact{id: "1", title: ptr("a")})
	same(t, "count", load.Count{Changed: 1, Added: 2, Removed: 2},
		r.commits(t, 5, titled("1", "b"), titled("2", "b"), titled("3", "c"), step{removals: byTitles("a", "b")}))
	same(t, "live rows", []string{"3"}, r.live(t))
	same(t, "count by keys", load.Count{Changed: 1, Added: 1, Removed: 2},
		r.commits(t, 9, titled("1", "b"), titled("4", "d"), step{removals: byKeys("1", "4")}))
	same(t, "live rows", []string{"3"}, r.live(t))
}

// testManyAgain has commits of more rows than a destination may keep in memory.
func testManyAgain(t *testing.T, r *run) {
	same(t, "count", load.Count{Added: 5001, Unchanged: 4000, Removed: 1000},
		r.commits(t, 5, titled("a", "a"), step{facts: numbered(0, 5000)}, step{removals: byKeys(ids(0, 1000)...)}, step{facts: numbered(1000, 5000)}))
	same(t, "number of live rows", 4001, len(r.live(t)))
}

func testFanOut(t *testing.T, r *run) {
	const parents = 60
	parent := func(i int) string { return moment(0).AddDate(0, 0, i).Format("2006-01-02") }
	for minute, each := range []int{3, 2} {
		s, _ := r.begin(t, "job", minute)
		for i := range parents {
			write(t, s, batch(t, places(), r.account, places3("long", parent(i), each)...))
			r.commit(t, s, minute, step{removals: []load.Removal{placeRemoval("long", parent(i))}})
		}
		want := load.Count{Added: 3 * parents}
		if minute > 0 {
			want = load.Count{Unchanged: 2 * parents, Removed: parents}
		}
		same(t, "count", want, load.Count{}.Add(r.finish(t, s, "job", minute).Tables["suite_places"]))
	}
	same(t, "number of rows", 2*parents, len(r.lines(t, schema(places()), "day", "rank")))
}

func testDryCommits(t *testing.T, r *run) {
	r.export(t, 0, nil, fact{id: "1", title: ptr("a")})
	s, _ := r.begin(t, "job", 5)
	var result load.Result
	for i, each := range []step{titled("1", "b"), titled("2", "a"), titled("2", "b"), {removals: everything()}} {
		if len(each.facts) > 0 {
			write(t, s, batch(t, facts(), r.account, each.facts...))
		}
		status := load.StatusRunning
		if i == 3 {
			status = load.StatusOK
		}
		var err error
		result, err = s.Commit(t.Context(), load.Change{Run: r.record("job", 5, status), Removals: each.removals, DryRun: true})
		if err != nil {
			t.Fatal(err)
		}
	}
	same(t, "count", load.Count{Changed: 1, Added: 2, Removed: 1}, load.Count{}.Add(result.Tables["suite_facts"]))
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	same(t, "rows", []string{row("1", "a", "NULL")}, r.lines(t, schema(facts()), "fact_id", "title", "removed_at"))
}

func ids(from, to int) []string {
	var out []string
	for _, f := range numbered(from, to) {
		out = append(out, f.id)
	}
	return out
}

func testRemovalByKeys(t *testing.T, r *run) {
	const n = 12000
	r.export(t, 0, nil, numbered(0, n)...)
	kept := numbered(0, 10)
	result := r.export(t, 5, byKeys(append(ids(0, 8000), ids(n, n+3000)...)...), kept...)
	same(t, "count", load.Count{Unchanged: 10, Removed: 7990}, load.Count{}.Add(result.Tables["suite_facts"]))
	same(t, "number of live rows", n-7990, len(r.live(t)))
	same(t, "count of removed rows", load.Count{}, load.Count{}.Add(r.export(t, 9, byKeys(ids(100, 8000)...)).Tables["suite_facts"]))
	same(t, "count when they return", load.Count{Changed: 1}, load.Count{}.Add(r.export(t, 12, nil, numbered(100, 101)...).Tables["suite_facts"]))
	same(t, "count of no keys", load.Count{}, load.Count{}.Add(r.export(t, 15, byKeys()).Tables["suite_facts"]))
	same(t, "number of live rows", n-7989, len(r.live(t)))
}
