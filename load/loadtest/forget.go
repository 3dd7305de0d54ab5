package loadtest

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/transform"
)

// exportFor does a run of another account, with state.
func (r *run) exportFor(t *testing.T, account string, minute int, items ...fact) {
	t.Helper()
	other := &run{Harness: r.Harness, account: account}
	s, _ := other.begin(t, "job", minute)
	write(t, s, batch(t, facts(), account, items...), batch(t, things(), account, thing{id: "thing of " + items[0].id}))
	state := load.State{"cursor": json.RawMessage(`"x"`), "other": json.RawMessage(`1`)}
	if _, err := s.Commit(t.Context(), load.Change{Run: other.record("job", minute, load.StatusRunning), State: state}); err != nil {
		t.Fatal(err)
	}
	other.finish(t, s, "job", minute)
}

func (r *run) forget(t *testing.T, account string, dryRun bool) load.Forgotten {
	t.Helper()
	out, err := r.Destination.Forget(t.Context(), account, dryRun)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func testForget(t *testing.T, r *run) {
	accounts := []string{"acc-1", "acc-10", "acc-1.5", "acc%-1", transform.App}
	for i, account := range accounts {
		r.exportFor(t, account, i, fact{id: account + " a"}, fact{id: account + " b"})
	}
	rows := func() []string { return r.lines(t, schema(facts()), "account_id", "fact_id") }
	before := rows()
	want := load.Forgotten{Rows: map[string]int{"suite_facts": 2, "suite_things": 1}, State: 2, Runs: 1}
	same(t, "what a dry run counts", want, r.forget(t, "acc-1", true))
	same(t, "rows after a dry run", before, rows())
	same(t, "what was deleted", want, r.forget(t, "acc-1", false))
	same(t, "what is left", load.Forgotten{Rows: map[string]int{}}, r.forget(t, "acc-1", true))
	same(t, "what is deleted again", load.Forgotten{Rows: map[string]int{}}, r.forget(t, "acc-1", false))
	var left []string
	for _, line := range before {
		if line != "acc-1 acc-1 a" && line != "acc-1 acc-1 b" {
			left = append(left, line)
		}
	}
	same(t, "rows of the others", left, rows())
	same(t, "number of things of the others", len(accounts)-1, len(r.lines(t, schema(things()), "thing_id")))
	runs, err := r.Reopen(t).Runs(t.Context(), load.RunsQuery{Limit: 10})
	if err != nil || len(runs) != len(accounts)-1 {
		t.Errorf("%d runs are left, %v", len(runs), err)
	}
	for _, run := range runs {
		if run.Account == "acc-1" {
			t.Error("a run of the account is left")
		}
	}
	// The account may come back, as if it had never been here.
	s, state := r.begin(t, "job", 9)
	same(t, "state", load.State{}, state)
	write(t, s, batch(t, facts(), r.account, fact{id: "back"}))
	result := r.finish(t, s, "job", 9)
	same(t, "rows that came back", load.Count{Added: 1}, load.Count{}.Add(result.Tables["suite_facts"]))
	if _, err := r.Destination.Forget(t.Context(), "", false); err == nil {
		t.Error("an account without a name was forgotten")
	}
}

func testForgetLocked(t *testing.T, r *run) {
	r.exportFor(t, r.account, 0, fact{id: "a"})
	s, _ := r.begin(t, "job", 1)
	_, err := r.Reopen(t).Forget(t.Context(), r.account, false)
	var locked *load.LockedError
	if !errors.As(err, &locked) || locked.Job != "job" {
		t.Errorf("forgetting amid a run: %v, want a LockedError", err)
	}
	same(t, "rows", []string{"a"}, r.lines(t, schema(facts()), "fact_id"))
	r.finish(t, s, "job", 1)
	r.forget(t, r.account, false)
	same(t, "rows after the run", nil, r.lines(t, schema(facts()), "fact_id"))
}

// testForgetFence forgets an account while a process that was stopped for a
// while still believes in its lock.
func testForgetFence(t *testing.T, r *run) {
	zombie := r.Destination.(interface {
		LoseLock(ctx context.Context, s load.Session) error
	})
	s, _ := r.begin(t, "job", 0)
	write(t, s, batch(t, facts(), r.account, fact{id: "zombie"}))
	if err := zombie.LoseLock(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	r.forget(t, r.account, false)
	// The account comes back, and its job begins anew.
	back, _ := r.begin(t, "job", 5)
	if _, err := s.Commit(t.Context(), load.Change{Run: r.record("job", 0, load.StatusOK)}); !errors.Is(err, load.ErrFenced) {
		t.Errorf("commit after forgetting: %v, want ErrFenced", err)
	}
	r.finish(t, back, "job", 5)
	same(t, "rows", nil, r.lines(t, schema(facts()), "fact_id"))
}
