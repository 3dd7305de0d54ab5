package loadtest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/transform"
)

// changeTests are about the log of what came and went.
func changeTests() map[string]func(*testing.T, *run) {
	return map[string]func(*testing.T, *run){
		"changes of rows are logged":             testChangesOfRows,
		"changes of lists are logged":            testChangesOfLists,
		"a list that leaves is logged":           testChangesOfLeavingLists,
		"changes of several commits are logged":  testChangesOfCommits,
		"changes within a fan-out are logged":    testChangesOfFanOut,
		"a dry run logs nothing":                 testChangesOfDryRun,
		"what is not committed is not logged":    testChangesDiscarded,
		"changes are logged by account and job":  testChangesOfJobs,
		"changes of many rows are logged":        testChangesOfMany,
		"the log is forgotten with the account":  testChangesForgotten,
		"a job that is logged announces the log": testChangesUnannounced,
	}
}

// An edit is one commit of logged rows.
type edit struct {
	keeps    []keep
	slots    []slot
	removals []load.Removal
}

func kept(ids ...string) []keep {
	var out []keep
	for _, id := range ids {
		out = append(out, keep{id: id, name: strings.ToUpper(id)})
	}
	return out
}

// snapshot is all that is kept.
func snapshot(ids ...string) edit {
	return edit{keeps: kept(ids...), removals: []load.Removal{{Table: "suite_keeps"}}}
}

// listed are the slots of a list. An item that begins with : has an address only, and
// one that is empty has neither id nor address.
func listed(list string, items ...string) []slot {
	var out []slot
	for i, item := range items {
		s := slot{list: list, position: int32(i + 1), name: strings.ToUpper(item)}
		switch {
		case strings.HasPrefix(item, ":"):
			s.address = &item
		case item != "":
			s.item, s.address = &item, ptr("address of "+item)
		}
		out = append(out, s)
	}
	return out
}

func ofList(lists ...string) []load.Removal {
	return []load.Removal{{Table: "suite_slots", Where: []load.Match{{Column: "list", Values: lists}}}}
}

// replaced is a list as it is now.
func replaced(list string, items ...string) edit {
	return edit{slots: listed(list, items...), removals: ofList(list)}
}

func (e edit) write(t *testing.T, r *run, s load.Session) {
	t.Helper()
	if len(e.keeps) > 0 {
		write(t, s, batch(t, keeps(), r.account, e.keeps...))
	}
	if len(e.slots) > 0 {
		write(t, s, batch(t, slots(), r.account, e.slots...))
	}
}

func (r *run) beginLogged(t *testing.T, job string, minute int) load.Session {
	t.Helper()
	j := r.job(job, minute)
	j.Tables = loggedTables()
	s, _, err := r.Destination.Begin(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	return s
}

// edits does a run with a commit for each edit, and returns what it did to the log. A
// commit of nothing comes first; see commits.
func (r *run) edits(t *testing.T, job string, minute int, edits ...edit) load.Count {
	t.Helper()
	s := r.beginLogged(t, job, minute)
	r.commit(t, s, minute, step{})
	for _, e := range edits[:len(edits)-1] {
		e.write(t, r, s)
		change := load.Change{Run: r.record(job, minute, load.StatusRunning), Removals: e.removals}
		if _, err := s.Commit(t.Context(), change); err != nil {
			t.Fatal(err)
		}
	}
	last := edits[len(edits)-1]
	last.write(t, r, s)
	result := r.finish(t, s, job, minute, last.removals...)
	return load.Count{}.Add(result.Tables[transform.LibraryChanges])
}

// changes are the entries of the log that an account has: when, where, what.
func (r *run) changes(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, c := range r.Rows(t, schema(transform.ChangeLog()), "account_id", "changed_at", "resource", "list_id", "item_id", "name", "change") {
		at, err := strconv.ParseInt(c[1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		minute := time.UnixMicro(at).Sub(moment(0)) / time.Minute
		if c[0] == r.account {
			out = append(out, fmt.Sprintf("%02d %s", minute, strings.Join(c[2:], " ")))
		}
	}
	slices.Sort(out)
	return out
}

// since are the entries of a minute.
func (r *run) since(t *testing.T, minute int) []string {
	t.Helper()
	return slices.DeleteFunc(r.changes(t), func(line string) bool { return !strings.HasPrefix(line, fmt.Sprintf("%02d ", minute)) })
}

func testChangesOfRows(t *testing.T, r *run) {
	same(t, "count of the first run", load.Count{Added: 3}, r.edits(t, "job", 0, snapshot("a", "b", "c")))
	same(t, "count of a run that changes nothing", load.Count{}, r.edits(t, "job", 3, snapshot("a", "b", "c")))
	renamed := snapshot("a", "c")
	renamed.keeps[1].name = "Sea"
	same(t, "count when one goes and one changes", load.Count{Added: 1}, r.edits(t, "job", 6, renamed))
	same(t, "count when all go", load.Count{Added: 2}, r.edits(t, "job", 9, snapshot()))
	same(t, "count when two return", load.Count{Added: 3}, r.edits(t, "job", 12, snapshot("a", "b", "d")))
	same(t, "log", []string{
		"00 suite_keeps  a A added", "00 suite_keeps  b B added", "00 suite_keeps  c C added",
		"06 suite_keeps  b B removed",
		"09 suite_keeps  a A removed", "09 suite_keeps  c Sea removed",
		"12 suite_keeps  a A returned", "12 suite_keeps  b B returned", "12 suite_keeps  d D added",
	}, r.changes(t))
}

func testChangesOfLists(t *testing.T, r *run) {
	same(t, "count of the first run", load.Count{Added: 5}, r.edits(t, "job", 0, edit{slots: append(listed("one", "a", "b", "c"), listed("two", "a", "d")...)}))
	same(t, "count when items move and repeat", load.Count{}, r.edits(t, "job", 3, replaced("one", "c", "b", "a", "a", "")))
	same(t, "count when one of two places goes", load.Count{}, r.edits(t, "job", 4, replaced("one", "c", "b", "a")))
	same(t, "count when items come and go", load.Count{Added: 4}, r.edits(t, "job", 6, replaced("one", "b", "", ":x", "e", "", ":x")))
	same(t, "count when one returns", load.Count{Added: 3}, r.edits(t, "job", 9, replaced("one", "a", "b", "a")))
	same(t, "log", []string{
		"00 suite_slots one a A added", "00 suite_slots one b B added", "00 suite_slots one c C added", "00 suite_slots two a A added", "00 suite_slots two d D added",
		"06 suite_slots one :x :X added", "06 suite_slots one a A removed", "06 suite_slots one c C removed", "06 suite_slots one e E added",
		"09 suite_slots one :x :X removed", "09 suite_slots one a A returned", "09 suite_slots one e E removed",
	}, r.changes(t))
}

// testChangesOfLeavingLists removes lists as a whole, as when nobody follows them any
// more, and has one come back.
func testChangesOfLeavingLists(t *testing.T, r *run) {
	r.edits(t, "job", 0, replaced("one", "a", "b"), replaced("two", "a"), replaced("three", "c"))
	same(t, "count when two lists leave", load.Count{Added: 3}, r.edits(t, "job", 3, edit{removals: ofList("one", "three", "unknown")}))
	same(t, "count when one returns", load.Count{Added: 2}, r.edits(t, "job", 6, replaced("one", "b", "d")))
	same(t, "count when all leave", load.Count{Added: 3}, r.edits(t, "job", 9, edit{removals: []load.Removal{{Table: "suite_slots"}}}))
	same(t, "log", []string{
		"03 suite_slots one a A removed", "03 suite_slots one b B removed", "03 suite_slots three c C removed",
		"06 suite_slots one b B returned", "06 suite_slots one d D added",
		"09 suite_slots one b B removed", "09 suite_slots one d D removed", "09 suite_slots two a A removed",
	}, r.changes(t)[4:])
}

// testChangesOfCommits has items that come and go within a run: the last change counts.
func testChangesOfCommits(t *testing.T, r *run) {
	with := func(a, b edit) edit {
		return edit{keeps: append(a.keeps, b.keeps...), slots: append(a.slots, b.slots...), removals: append(a.removals, b.removals...)}
	}
	count := r.edits(t, "job", 0,
		with(snapshot("a", "b"), replaced("one", "x", "y")),
		with(snapshot("b"), replaced("one", "y", "z")),
		with(snapshot("a", "b"), replaced("one", "x")))
	same(t, "count", load.Count{Added: 5, Changed: 6}, count)
	same(t, "log", []string{
		"00 suite_keeps  a A returned", "00 suite_keeps  b B added",
		"00 suite_slots one x X returned", "00 suite_slots one y Y removed", "00 suite_slots one z Z removed",
	}, r.changes(t))
	count = r.edits(t, "job", 5, with(snapshot("b"), replaced("one", "z")), with(snapshot("a", "b"), replaced("one", "x")))
	same(t, "count of the next run", load.Count{Added: 3, Changed: 3}, count)
	same(t, "log of the next run", []string{
		"05 suite_keeps  a A returned", "05 suite_slots one x X returned", "05 suite_slots one z Z removed",
	}, r.since(t, 5))
}

func testChangesOfFanOut(t *testing.T, r *run) {
	const lists = 40
	name := func(i int) string { return fmt.Sprintf("list-%02d", (i*7)%lists) } // in no order
	all := func(items ...string) (out []edit) {
		for i := range lists {
			out = append(out, replaced(name(i), items...))
		}
		return out
	}
	same(t, "count of the first run", load.Count{Added: 3 * lists}, r.edits(t, "job", 0, all("a", "b", "c")...))
	same(t, "count of the next run", load.Count{Added: 2 * lists}, r.edits(t, "job", 3, all("b", "d", "c")...))
	same(t, "count of an unchanged run", load.Count{}, r.edits(t, "job", 6, all("b", "d", "c")...))
	same(t, "count of the last run", load.Count{Added: 2 * lists}, r.edits(t, "job", 9, append(all("b", "d", "c", "a"), all("b", "c", "a")...)...))
	same(t, "log of one list", []string{
		"00 suite_slots list-07 a A added", "00 suite_slots list-07 b B added", "00 suite_slots list-07 c C added",
		"03 suite_slots list-07 a A removed", "03 suite_slots list-07 d D added",
		"09 suite_slots list-07 a A returned", "09 suite_slots list-07 d D removed",
	}, slices.DeleteFunc(r.changes(t), func(line string) bool { return !strings.Contains(line, "list-07") }))
}

func testChangesOfDryRun(t *testing.T, r *run) {
	r.edits(t, "job", 0, snapshot("a", "b"))
	s := r.beginLogged(t, "job", 3)
	edit{keeps: kept("b", "c"), slots: listed("one", "x")}.write(t, r, s)
	result, err := s.Commit(t.Context(), load.Change{Run: r.record("job", 3, load.StatusOK), Removals: snapshot().removals, DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "count", load.Count{Added: 3}, load.Count{}.Add(result.Tables[transform.LibraryChanges]))
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	same(t, "log", []string{"00 suite_keeps  a A added", "00 suite_keeps  b B added"}, r.changes(t))
}

func testChangesDiscarded(t *testing.T, r *run) {
	s := r.beginLogged(t, "job", 0)
	edit{keeps: kept("x"), slots: listed("one", "x")}.write(t, r, s)
	if err := s.Discard(t.Context()); err != nil {
		t.Fatal(err)
	}
	edit{keeps: kept("a")}.write(t, r, s)
	r.finish(t, s, "job", 0)
	s = r.beginLogged(t, "job", 3)
	snapshot("b").write(t, r, s)
	if err := s.Close(t.Context()); err != nil { // abandoned
		t.Fatal(err)
	}
	same(t, "log", []string{"00 suite_keeps  a A added"}, r.changes(t))
}

// testChangesOfJobs has two accounts, and a job that takes another one's rows over, as
// when somebody gives it a new name.
func testChangesOfJobs(t *testing.T, r *run) {
	other := &run{Harness: r.Harness, account: "acc-2"}
	r.edits(t, "job", 0, snapshot("a", "b"), replaced("one", "a", "b"))
	other.edits(t, "job", 1, snapshot("a"), replaced("one", "b"))
	r.edits(t, "job", 3, snapshot("b"), replaced("one", "b"))
	same(t, "count of another job", load.Count{Added: 4}, r.edits(t, "other", 6, snapshot("a"), replaced("one", "a")))
	same(t, "log of the account", []string{
		"06 suite_keeps  a A returned", "06 suite_keeps  b B removed", "06 suite_slots one a A returned", "06 suite_slots one b B removed",
	}, r.since(t, 6))
	same(t, "log of the other account", []string{"01 suite_keeps  a A added", "01 suite_slots one b B added"}, other.changes(t))
	same(t, "jobs", []string{"job", "job", "job", "job", "job", "job", "job", "job", "other", "other", "other", "other"},
		r.lines(t, schema(transform.ChangeLog()), "job"))
}

// testChangesOfMany logs more rows than a destination may keep in memory.
func testChangesOfMany(t *testing.T, r *run) {
	const n = 20000
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("%05d", (i*7)%n))
	}
	first := edit{keeps: kept(names...)}
	for i := 0; i < n; i += 2000 {
		first.slots = append(first.slots, listed(fmt.Sprintf("list-%05d", i), names[i:i+2000]...)...)
	}
	same(t, "count", load.Count{Added: 2 * n}, r.edits(t, "job", 0, first))
	same(t, "count when half of them go", load.Count{Added: n/2 + 1000}, r.edits(t, "job", 3, snapshot(names[:n/2]...), replaced("list-02000", names[3000:4000]...)))
	same(t, "entries", 2*n+n/2+1000, len(r.lines(t, schema(transform.ChangeLog()), "item_id")))
}

func testChangesForgotten(t *testing.T, r *run) {
	other := &run{Harness: r.Harness, account: "acc-2"}
	r.edits(t, "job", 0, snapshot("a", "b"))
	other.edits(t, "job", 0, snapshot("a"))
	same(t, "rows forgotten", map[string]int{"suite_keeps": 2, transform.LibraryChanges: 2}, r.forget(t, r.account, false).Rows)
	same(t, "log", nil, r.changes(t))
	same(t, "log of the other account", []string{"00 suite_keeps  a A added"}, other.changes(t))
	r.edits(t, "job", 3, snapshot("b"))
	same(t, "log when the account is back", []string{"03 suite_keeps  b B added"}, r.changes(t))
}

func testChangesUnannounced(t *testing.T, r *run) {
	j := r.job("job", 0)
	j.Tables = []*transform.Schema{schema(keeps())}
	s, _, err := r.Destination.Begin(t.Context(), j)
	if err == nil {
		_ = s.Close(t.Context())
		t.Fatal("a run began that could not log its changes")
	}
	if !strings.Contains(err.Error(), transform.LibraryChanges) {
		t.Errorf("%v does not name the log", err)
	}
}
