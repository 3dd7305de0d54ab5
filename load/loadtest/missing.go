package loadtest

import (
	"encoding/json"
	"testing"

	"github.com/tracklake/tracklake/load"
)

// testMissing empties tables behind the destination's back: what a job's state
// says was read is then to be read again.
func testMissing(t *testing.T, r *run) {
	minute := 0
	fill := func(s load.Session) {
		t.Helper()
		write(t, s, batch(t, facts(), r.account, fact{id: "a"}, fact{id: "b"}),
			batch(t, things(), r.account, thing{id: "c"}),
			batch(t, places(), r.account, place{span: "week", day: day("2026-11-01"), rank: 1, name: "d"}))
		state := load.State{"read": json.RawMessage(`1`)}
		if _, err := s.Commit(t.Context(), load.Change{Run: r.record("job", minute, load.StatusRunning), State: state}); err != nil {
			t.Fatal(err)
		}
		r.finish(t, s, "job", minute)
	}
	begin := func(entries int, missing ...string) load.Session {
		t.Helper()
		minute++
		looked, err := r.Reopen(t).State(t.Context(), r.job("job", minute))
		if err != nil || len(looked) != entries {
			t.Errorf("state without the lock: %v, %v", looked, err)
		}
		s, start := r.start(t, "job", minute)
		if len(start.State) != entries {
			t.Errorf("state: %v, want %d entries", start.State, entries)
		}
		same(t, "tables that miss rows", missing, start.Missing)
		return s
	}
	fill(begin(0))
	for _, table := range usualTables() {
		r.finish(t, begin(1), "job", minute) // a run that brings nothing takes nothing away
		r.Empty(t, table)
		if !table.Removable { // a ranking may lose rows
			continue
		}
		// A run that ends with nothing must not make the loss good.
		r.finish(t, begin(0, table.Name), "job", minute)
		fill(begin(0))
	}
	// Rows of another account are no loss of this one's.
	other := &run{Harness: r.Harness, account: "acc-2"}
	other.export(t, 30, nil, fact{id: "a"})
	if _, err := r.Destination.Forget(t.Context(), "acc-2", false); err != nil {
		t.Fatal(err)
	}
	fill(begin(1))
}
