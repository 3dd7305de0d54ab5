package loadtest

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/transform"
)

// A Harness is a destination under test.
type Harness struct {
	Destination load.Destination
	// Reopen opens the same destination again, as another process would.
	Reopen func(t *testing.T) load.Destination
	// Rows reads columns of a table with a reader that is not ours. A missing
	// value is "NULL", a time its microseconds since 1970, a date 2006-01-02,
	// a list its texts with | between them in [ ]. Order does not matter.
	Rows func(t *testing.T, table *transform.Schema, columns ...string) [][]string
	// Empty takes all rows from a table behind the destination's back.
	Empty func(t *testing.T, table *transform.Schema)
}

// Run runs the suite. open returns a new, empty destination each time.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	t.Helper()
	runAll(t, open, tests())
}

// RunCommits runs the part of the suite that is about several commits of one
// session. A destination that coalesces commits runs it with and without.
func RunCommits(t *testing.T, open func(t *testing.T) Harness) {
	t.Helper()
	runAll(t, open, commitTests())
}

func runAll(t *testing.T, open func(t *testing.T) Harness, tests map[string]func(*testing.T, *run)) {
	t.Helper()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, &run{Harness: open(t), account: "acc-1"})
		})
	}
}

func tests() map[string]func(*testing.T, *run) {
	out := map[string]func(*testing.T, *run){
		"values survive":                     testValues,
		"a repeated run changes nothing":     testRepeat,
		"changed rows keep their first time": testChange,
		"the last of several versions wins":  testVersions,
		"tables are committed together":      testTwoTables,
		"accounts are kept apart":            testAccounts,
		"removals mark facts":                testRemoval,
		"removals delete places":             testRemovalOfPlaces,
		"a removal covers all partitions":    testRemovalOfDay,
		"removals keep to their scope":       testScope,
		"removals by thousands of keys":      testRemovalByKeys,
		"a removal names what there is":      testRemovalOfNothing,
		"the run record is kept":             testRecord,
		"discarded rows leave no trace":      testDiscard,
		"a dry run only counts":              testDryRun,
		"live rows are counted":              testRows,
		"state is kept":                      testState,
		"state ends with its rows":           testMissing,
		"one session a job":                  testLock,
		"an abandoned run is recorded":       testAbandoned,
		"an overtaken run cannot commit":     testFence,
		"history":                            testHistory,
		"runs are found by job and account":  testRunsQuery,
		"old runs are forgotten":             testOldRuns,
		"a check changes nothing":            testCheck,
		"values are counted":                 testValueCounts,
		"values of all accounts are counted": testValuesOfAll,
		"an account is forgotten":            testForget,
		"nobody is forgotten amid a run":     testForgetLocked,
		"forgetting overtakes a lost run":    testForgetFence,
		"jobs commit side by side":           testConcurrent,
		"an empty run":                       testEmpty,
		"many rows":                          testMany,
	}
	maps.Copy(out, commitTests())
	return out
}

// A run begins sessions at the harness.
type run struct {
	Harness
	account string
}

func (r *run) begin(t *testing.T, job string, minute int) (load.Session, load.State) {
	t.Helper()
	s, start := r.start(t, job, minute)
	return s, start.State
}

func (r *run) start(t *testing.T, job string, minute int) (load.Session, load.Start) {
	t.Helper()
	s, start, err := r.Destination.Begin(t.Context(), r.job(job, minute))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil && !t.Failed() {
			t.Error(err)
		}
	})
	return s, start
}

func (r *run) job(job string, minute int) load.Job {
	return load.Job{Account: r.account, Name: job, Resource: "suite", Tables: usualTables(), Run: r.record(job, minute, load.StatusRunning)}
}

func (r *run) record(job string, minute int, status load.Status) load.Run {
	return load.Run{
		ID: r.account + " " + job + moment(minute).Format(" 20060102150405"), Account: r.account, Job: job, Resource: "suite", Kind: "run",
		Status: status, StartedAt: moment(minute), FinishedAt: moment(minute + 1), Version: "test",
	}
}

func write(t *testing.T, s load.Session, batches ...transform.Batch) {
	t.Helper()
	for _, b := range batches {
		err := s.Write(t.Context(), b)
		b.Record.Release()
		if err != nil {
			t.Fatal(err)
		}
	}
}

// finish commits as ok and closes.
func (r *run) finish(t *testing.T, s load.Session, job string, minute int, removals ...load.Removal) load.Result {
	t.Helper()
	result, err := s.Commit(t.Context(), load.Change{Run: r.record(job, minute, load.StatusOK), Removals: removals})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return result
}

// export does a whole run with some facts.
func (r *run) export(t *testing.T, minute int, removals []load.Removal, items ...fact) load.Result {
	t.Helper()
	s, _ := r.begin(t, "job", minute)
	if len(items) > 0 {
		write(t, s, batch(t, facts(), r.account, items...))
	}
	return r.finish(t, s, "job", minute, removals...)
}

func (r *run) lines(t *testing.T, table *transform.Schema, columns ...string) []string {
	t.Helper()
	var out []string
	for _, cells := range r.Rows(t, table, columns...) {
		out = append(out, strings.Join(cells, " "))
	}
	slices.Sort(out)
	return out
}

func same[T any](t *testing.T, what string, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func everything() []load.Removal { return []load.Removal{{Table: "suite_facts"}} }

func testState(t *testing.T, r *run) {
	s, state := r.begin(t, "job", 0)
	if len(state) != 0 {
		t.Errorf("a new job has state %v", state)
	}
	_, err := s.Commit(t.Context(), load.Change{
		Run:   r.record("job", 0, load.StatusOK),
		State: load.State{"a": json.RawMessage(`{"n":1}`), "b": json.RawMessage(`"x"`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, state = r.begin(t, "job", 5)
	same(t, "state", map[string]string{"a": `{"n":1}`, "b": `"x"`}, compact(t, state))
	looked, err := r.Reopen(t).State(t.Context(), r.job("job", 5))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "state without the lock", map[string]string{"a": `{"n":1}`, "b": `"x"`}, compact(t, looked))
	if none, err := r.Destination.State(t.Context(), r.job("another", 5)); err != nil || len(none) != 0 {
		t.Errorf("another job's state: %v, %v", none, err)
	}
	if _, err := s.Commit(t.Context(), load.Change{Run: r.record("job", 5, load.StatusOK), State: load.State{"a": nil}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, other := r.begin(t, "other", 6)
	if len(other) != 0 {
		t.Errorf("another job sees state %v", other)
	}
	_, state = r.begin(t, "job", 7)
	same(t, "state", map[string]string{"b": `"x"`}, compact(t, state))
}

func compact(t *testing.T, s load.State) map[string]string {
	t.Helper()
	out := map[string]string{}
	for k, v := range s {
		var value any
		if err := json.Unmarshal(v, &value); err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		out[k] = string(text)
	}
	return out
}

func testLock(t *testing.T, r *run) {
	s, _ := r.begin(t, "job", 0)
	second := r.Reopen(t)
	_, _, err := second.Begin(t.Context(), r.job("job", 1))
	var locked *load.LockedError
	if !errors.As(err, &locked) || locked.Holder == "" {
		t.Fatalf("second session: %v, want a LockedError that names the holder", err)
	}
	other, _, err := second.Begin(t.Context(), r.job("other", 1))
	if err != nil {
		t.Fatalf("another job: %v", err)
	}
	if err := other.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	again, _, err := second.Begin(t.Context(), r.job("job", 2))
	if err != nil {
		t.Fatalf("after the first was closed: %v", err)
	}
	if err := again.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func testAbandoned(t *testing.T, r *run) {
	s, _ := r.begin(t, "job", 0)
	write(t, s, batch(t, facts(), r.account, fact{id: "1"}))
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	runs, err := r.Destination.Runs(t.Context(), load.RunsQuery{Limit: 5})
	if err != nil {
		t.Fatal(err)
	}
	if len(runs) != 1 || runs[0].Status != load.StatusFailed || runs[0].Message == "" {
		t.Errorf("runs = %+v, want one that failed and says why", runs)
	}
	same(t, "rows", nil, r.lines(t, schema(facts()), "fact_id"))
}
