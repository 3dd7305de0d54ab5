package loadtest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/transform"
)

func testDiscard(t *testing.T, r *run) {
	r.export(t, 0, everything(), fact{id: "1", title: ptr("a")})
	s, _ := r.begin(t, "job", 5)
	write(t, s, batch(t, facts(), r.account, numbered(0, 5000)...))
	write(t, s, batch(t, facts(), r.account, fact{id: "1", title: ptr("changed")}))
	if err := s.Discard(t.Context()); err != nil {
		t.Fatal(err)
	}
	write(t, s, batch(t, facts(), r.account, fact{id: "2"}))
	result := r.finish(t, s, "job", 5, everything()...)
	same(t, "count", load.Count{Added: 1, Removed: 1}, load.Count{}.Add(result.Tables["suite_facts"]))
	same(t, "rows", []string{row("1", "a"), row("2", "NULL")}, r.lines(t, schema(facts()), "fact_id", "title"))
}

// testCommits is a fan-out: each parent is committed by itself, one of them is
// given up, and the counts are of the whole session.
func testCommits(t *testing.T, r *run) {
	r.export(t, 0, nil, fact{id: "p1-removed", title: ptr("p1")}, fact{id: "p3-stays", title: ptr("p3")})
	s, _ := r.begin(t, "job", 5)
	removal := func(p string) []load.Removal {
		return []load.Removal{{Table: "suite_facts", Where: []load.Match{{Column: "title", Values: []string{p}}}}}
	}
	for _, p := range []string{"p1", "p2"} {
		write(t, s, batch(t, facts(), r.account, fact{id: p + "-a", title: ptr(p)}, fact{id: p + "-b", title: ptr(p)}))
		if _, err := s.Commit(t.Context(), load.Change{Run: r.record("job", 5, load.StatusRunning), Removals: removal(p)}); err != nil {
			t.Fatal(err)
		}
	}
	write(t, s, batch(t, facts(), r.account, fact{id: "p3-a", title: ptr("p3")}))
	if err := s.Discard(t.Context()); err != nil {
		t.Fatal(err)
	}
	result := r.finish(t, s, "job", 5)
	same(t, "count", load.Count{Added: 4, Removed: 1}, load.Count{}.Add(result.Tables["suite_facts"]))
	same(t, "rows", []string{"p1-a", "p1-b", "p1-removed", "p2-a", "p2-b", "p3-stays"}, r.lines(t, schema(facts()), "fact_id"))
	runs, err := r.Destination.Runs(t.Context(), load.RunsQuery{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "count in the record", load.Count{Added: 4, Removed: 1}, load.Count{}.Add(runs[0].Tables["suite_facts"]))
}

func testDryRun(t *testing.T, r *run) {
	r.export(t, 0, everything(), numbered(0, 3000)...)
	s, _ := r.begin(t, "job", 5)
	write(t, s, batch(t, facts(), r.account, numbered(1, 3001)...), batch(t, things(), r.account, thing{id: "t"}))
	result, err := s.Commit(t.Context(), load.Change{Run: r.record("job", 5, load.StatusOK), Removals: everything(), DryRun: true, State: load.State{"k": []byte(`1`)}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	same(t, "facts", load.Count{Added: 1, Unchanged: 2999, Removed: 1}, load.Count{}.Add(result.Tables["suite_facts"]))
	same(t, "things", load.Count{Added: 1}, load.Count{}.Add(result.Tables["suite_things"]))
	if n := len(r.lines(t, schema(facts()), "fact_id")); n != 3000 {
		t.Errorf("rows = %d, want 3000", n)
	}
	same(t, "things", nil, r.lines(t, schema(things()), "thing_id"))
	runs, err := r.Destination.Runs(t.Context(), load.RunsQuery{Limit: 5})
	if err != nil {
		t.Fatal(err)
	}
	if len(runs) != 1 {
		t.Errorf("%d runs are recorded, want only the real one", len(runs))
	}
	if _, state := r.begin(t, "job", 9); len(state) != 0 {
		t.Errorf("state = %v", state)
	}
}

// testFence takes the job over while the first session still believes in its
// lock, as happens to a process that was stopped for a while.
func testFence(t *testing.T, r *run) {
	zombie, ok := r.Destination.(interface {
		LoseLock(ctx context.Context, s load.Session) error
	})
	if !ok {
		t.Fatal("the destination cannot lose a lock in tests")
	}
	s, _ := r.begin(t, "job", 0)
	write(t, s, batch(t, facts(), r.account, fact{id: "zombie"}))
	if err := zombie.LoseLock(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	second, _ := r.begin(t, "job", 5)
	write(t, second, batch(t, facts(), r.account, fact{id: "alive"}))
	r.finish(t, second, "job", 5, everything()...)
	_, err := s.Commit(t.Context(), load.Change{Run: r.record("job", 0, load.StatusOK), Removals: everything()})
	if !errors.Is(err, load.ErrFenced) {
		t.Errorf("commit of the overtaken session: %v, want ErrFenced", err)
	}
	same(t, "rows", []string{row("alive", "NULL")}, r.lines(t, schema(facts()), "fact_id", "removed_at"))
}

// testRecord finds a run record as it was committed, with the counts.
func testRecord(t *testing.T, r *run) {
	s, _ := r.begin(t, "job", 0)
	write(t, s, batch(t, facts(), r.account, fact{id: "1"}))
	want := r.record("job", 0, load.StatusIncomplete)
	want.Items, want.Rejects, want.Pending, want.Unreadable, want.FieldErrors = 1, 2, 3, 4, 5
	want.Requests, want.Retries, want.SavedRequests, want.Throttled, want.WaitedMS = 6, 7, 8, 9, 10
	want.Message, want.Hint, want.DeferredTo, want.Parents, want.UpToDate = "message", "hint", moment(99), 11, 12
	if _, err := s.Commit(t.Context(), load.Change{Run: want}); err != nil {
		t.Fatal(err)
	}
	runs, err := r.Reopen(t).Runs(t.Context(), load.RunsQuery{Limit: 1})
	if err != nil || len(runs) != 1 {
		t.Fatalf("runs = %v, %v", runs, err)
	}
	one, none := 1, 0
	want.Fence = runs[0].Fence
	want.Tables = map[string]load.Count{"suite_facts": {Rows: &one, Added: 1}, "suite_places": {Rows: &none}, "suite_things": {Rows: &none}}
	same(t, "record", want, runs[0])
}

func testHistory(t *testing.T, r *run) {
	for i := range 3 {
		r.export(t, 10*i, nil, fact{id: "1", plays: ptr(int32(i))})
	}
	s, _ := r.begin(t, "other", 15)
	r.finish(t, s, "other", 15)
	runs, err := r.Reopen(t).Runs(t.Context(), load.RunsQuery{Limit: 2})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	fences := map[string]int64{} // of the newest run of each job
	for _, run := range runs {
		if fences[run.Job] == 0 {
			fences[run.Job] = run.Fence
		}
		got = append(got, row(run.Job, run.StartedAt.UTC().Format(time.RFC3339Nano), string(run.Status), run.Kind, run.Version, fmt.Sprint(run.Fence-fences[run.Job]), fmt.Sprint(run.Tables["suite_facts"].Changed)))
	}
	at := func(n int) string { return moment(n).Format(time.RFC3339Nano) }
	same(t, "runs", []string{
		row("job", at(20), "ok", "run", "test", "0", "1"),
		row("other", at(15), "ok", "run", "test", "0", "0"),
		row("job", at(10), "ok", "run", "test", "-1", "1"),
	}, got)
}

func testRunsQuery(t *testing.T, r *run) {
	for i, account := range []string{"acc-1", "acc-10", "b_%.c"} {
		own := &run{Harness: r.Harness, account: account}
		for n := range 3 {
			for _, job := range []string{"job", "job.2"} {
				s, _ := own.begin(t, job, 10*n+i)
				own.finish(t, s, job, 10*n+i)
			}
		}
	}
	for _, c := range []struct {
		query load.RunsQuery
		want  int
	}{
		{load.RunsQuery{}, 18},
		{load.RunsQuery{Limit: 2}, 12},
		{load.RunsQuery{Job: "job", Limit: 1}, 3},
		{load.RunsQuery{Account: "acc-1"}, 6},
		{load.RunsQuery{Account: "b_%.c", Job: "job.2", Limit: 2}, 2},
		{load.RunsQuery{Account: "acc"}, 0},
		{load.RunsQuery{Job: "2"}, 0},
	} {
		runs, err := r.Reopen(t).Runs(t.Context(), c.query)
		if err != nil {
			t.Fatal(err)
		}
		if len(runs) != c.want {
			t.Errorf("%+v finds %d runs, want %d", c.query, len(runs), c.want)
		}
		before := moment(100)
		for _, run := range runs {
			if run.StartedAt.After(before) || c.query.Job != "" && run.Job != c.query.Job || c.query.Account != "" && run.Account != c.query.Account ||
				c.query.Limit > 0 && run.StartedAt.Before(moment(10*(3-c.query.Limit))) {
				t.Errorf("%+v finds the run of %s of %s at %s", c.query, run.Job, run.Account, run.StartedAt)
			}
			before = run.StartedAt
		}
	}
}

func testOldRuns(t *testing.T, r *run) {
	const day = 24 * 60
	other := &run{Harness: r.Harness, account: "acc-2"}
	other.export(t, 0, nil, fact{id: "1"})
	for _, minute := range []int{0, 5 * day, 366 * day} {
		r.export(t, minute, nil, fact{id: "1"})
	}
	runs, err := r.Reopen(t).Runs(t.Context(), load.RunsQuery{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, run := range runs {
		got = append(got, row(run.Account, run.StartedAt.Format(time.DateOnly)))
	}
	same(t, "runs", []string{"acc-1 2027-11-02", "acc-1 2026-11-06", "acc-2 2026-11-01"}, got)
}

func testCheck(t *testing.T, r *run) {
	check := func(d load.Destination) {
		t.Helper()
		if pending, err := d.Check(t.Context()); err != nil || len(pending) > 0 {
			t.Errorf("check: %v, pending %q", err, pending)
		}
	}
	check(r.Destination)
	r.export(t, 0, nil, numbered(0, 10)...)
	rows := r.lines(t, schema(facts()), "fact_id", "removed_at")
	s, _ := r.begin(t, "job", 5)
	check(r.Reopen(t)) // amid a run
	r.finish(t, s, "job", 5)
	check(r.Destination)
	same(t, "rows", rows, r.lines(t, schema(facts()), "fact_id", "removed_at"))
	runs, err := r.Destination.Runs(t.Context(), load.RunsQuery{})
	if err != nil || len(runs) != 2 {
		t.Errorf("%d runs, %v", len(runs), err)
	}
}

// testConcurrent lets jobs of three accounts commit at once, two of each account.
// One of the two has rows of the same keys as the other accounts' have; both fill
// a table of which each has a part.
func testConcurrent(t *testing.T, r *run) {
	const jobs, each = 6, 800
	group, ctx := errgroup.WithContext(t.Context())
	for j := range jobs {
		own := &run{Harness: r.Harness, account: fmt.Sprint("acc-", j/2)}
		job := fmt.Sprint("job", j)
		batches := []transform.Batch{batch(t, places(), own.account, places3(job, "2026-11-01", each)...)}
		if j%2 == 0 {
			batches = append(batches, batch(t, facts(), own.account, numbered(0, each)...))
		}
		s, _ := own.begin(t, job, j)
		group.Go(func() error {
			for _, b := range batches {
				defer b.Record.Release()
				if err := s.Write(ctx, b); err != nil {
					return err
				}
			}
			if _, err := s.Commit(ctx, load.Change{Run: own.record(job, j, load.StatusOK)}); err != nil {
				return err
			}
			return s.Close(ctx)
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	for table, want := range map[*transform.Schema]int{schema(facts()): jobs / 2 * each, schema(places()): jobs * each} {
		if got := len(r.lines(t, table, "account_id")); got != want {
			t.Errorf("%s has %d rows, want %d", table.Name, got, want)
		}
	}
}

func testEmpty(t *testing.T, r *run) {
	result := r.export(t, 0, everything())
	same(t, "count", load.Count{}, load.Count{}.Add(result.Tables["suite_facts"]))
	runs, err := r.Destination.Runs(t.Context(), load.RunsQuery{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	if len(runs) != 1 || runs[0].Status != load.StatusOK {
		t.Errorf("runs = %+v", runs)
	}
}
