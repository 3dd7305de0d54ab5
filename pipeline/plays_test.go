package pipeline_test

import (
	"testing"
	"time"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/simulate"
)

func TestPlaysAreAdded(t *testing.T) {
	t.Parallel()
	s := newStage(t, "jobs:\n  plays: {destinations: [lake]}\n", quiet(simulate.Development))
	at := s.clock.Now().Add(-24 * time.Hour)
	want := 0
	for _, n := range []int{3, 0, 49, 60, 1} {
		for range n {
			at = at.Add(3 * time.Minute)
			s.sim.AddPlay(at)
		}
		seen := min(n, 50) // the others are lost
		want += seen
		run := s.run(t, "plays", pipeline.Mode{})
		if run.Status != load.StatusOK || run.Requests > 3 || run.Tables["plays"].Added != seen || run.Tables["plays"].Removed != 0 {
			t.Errorf("%d plays: %+v", n, run)
		}
		if rows := s.column(t, "plays", "played_at"); len(rows) != want {
			t.Errorf("%d rows, want %d", len(rows), want)
		}
		s.clock.set(s.clock.Now().Add(time.Hour))
	}
	s.sim.AddPlay(at.Add(-10 * time.Minute)) // a phone that was offline reports it later
	if run := s.run(t, "plays", pipeline.Mode{}); run.Tables["plays"].Added != 1 {
		t.Errorf("a play reported later: %+v", run)
	}
}
