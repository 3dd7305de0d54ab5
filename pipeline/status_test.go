package pipeline_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
)

// TestStatusShowsWhatItCanReach reads a lake beside a database that is silent.
func TestStatusShowsWhatItCanReach(t *testing.T) {
	t.Parallel()
	s := besideASilentDatabase(t)
	if run := s.runner.Run(t.Context(), pipeline.Task{Job: s.config.Job("top_tracks"), User: s.user}, pipeline.Mode{}); run.Status != load.StatusOK {
		t.Fatalf("run = %+v", run)
	}
	if err := s.runner.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	jobs, err := s.config.Select(nil)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	byJob := map[string]pipeline.JobStatus{}
	for _, one := range s.runner.Status(t.Context(), jobs) {
		byJob[one.Job] = one
	}
	if took := time.Since(began); took > 13*time.Second {
		t.Errorf("it took %s", took)
	}
	if got := byJob["top_tracks"]; got.Err != nil || got.Last == nil {
		t.Errorf("top_tracks: %+v", got)
	}
	if got := byJob["tracks"]; got.Err != nil || got.Last != nil {
		t.Errorf("tracks: %+v", got)
	}
	if got := byJob["copy"]; !strings.Contains(fmt.Sprint(got.Err), "open destination warehouse: ") || pipeline.Hint(got.Err) == "" {
		t.Errorf("copy: %+v", got)
	}
}

// TestOverdue: a job is overdue when two slots have passed without a run that
// succeeded, also when none ever did.
func TestOverdue(t *testing.T) {
	t.Parallel()
	for _, ever := range []bool{true, false} {
		s := newStage(t, nightly, world(5)) // it is noon of 1 November
		if !ever {
			s.sim.GrantOnly("user-top-read")
			s.user.Scopes = []string{"user-top-read"}
		}
		jobs, err := s.config.Select(nil)
		if err != nil {
			t.Fatal(err)
		}
		overdue := func(day, hour int) bool {
			s.clock.set(time.Date(2026, 11, day, hour, 0, 0, 0, time.UTC))
			return s.runner.Status(t.Context(), jobs)[0].Overdue
		}
		if overdue(1, 13) || overdue(20, 13) {
			t.Error("a job that never ran is overdue")
		}
		s.clock.set(time.Date(2026, 11, 1, 13, 0, 0, 0, time.UTC))
		s.runner.Run(t.Context(), pipeline.Task{Job: jobs[0], User: s.user}, pipeline.Mode{})
		if run := s.next(t); (run.Status == load.StatusOK) != ever {
			t.Fatalf("run = %+v", run)
		}
		if overdue(2, 4) || overdue(3, 2) {
			t.Errorf("overdue after one slot; it has succeeded: %t", ever)
		}
		if !overdue(3, 4) || !overdue(20, 4) {
			t.Errorf("not overdue after two slots; it has succeeded: %t", ever)
		}
	}
}
