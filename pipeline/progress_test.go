package pipeline_test

import (
	"testing"
	"time"

	"github.com/tracklake/tracklake/pipeline"
)

// progressOf runs a job and returns what it reported between its start and its end.
func progressOf(t *testing.T, s *stage, job string) []pipeline.Event {
	t.Helper()
	var out []pipeline.Event
	ended := s.runner.Observe
	s.runner.Observe = func(e pipeline.Event) {
		if e.Kind == pipeline.PageRead || e.Kind == pipeline.Committed {
			out = append(out, e)
		}
		ended(e)
	}
	s.run(t, job, pipeline.Mode{})
	s.runner.Observe = ended
	if len(out) == 0 {
		t.Fatalf("%s reported nothing", job)
	}
	return out
}

// TestProgressOfAList knows from the first page on how many requests there will be.
func TestProgressOfAList(t *testing.T) {
	t.Parallel()
	s := newStage(t, fanOutJobs, world(300))
	for _, want := range []int{6, 1} { // in full, and incrementally
		for _, e := range progressOf(t, s, "saved_tracks") {
			if e.Requests+e.Left != want {
				t.Errorf("%d requests made and %d left, want %d together", e.Requests, e.Left, want)
			}
		}
	}
}

// TestProgressOfAFanOut expects of artists that were never read what others took, and
// of those that were, what they will take.
func TestProgressOfAFanOut(t *testing.T) {
	t.Parallel()
	s := newStage(t, fanOutJobs, world(60))
	s.run(t, "saved_tracks", pipeline.Mode{})
	first := progressOf(t, s, "artist_albums")
	last := first[len(first)-1]
	if last.Left != 0 || last.Done != last.Parents {
		t.Errorf("at the end %d requests are left, with %d of %d artists", last.Left, last.Done, last.Parents)
	}
	for _, e := range first[len(first)/3:] {
		if all := e.Requests + e.Left; all < last.Requests*2/3 || all > last.Requests*3/2 {
			t.Errorf("after %d requests, %d are expected in all; there were %d", e.Requests, all, last.Requests)
		}
	}
	s.clock.set(s.clock.Now().Add(time.Hour))
	for _, e := range progressOf(t, s, "artist_albums") {
		if e.Requests+e.Left != last.Parents {
			t.Errorf("%d requests made and %d left, want one for each of %d artists", e.Requests, e.Left, last.Parents)
		}
	}
}

// TestProgressEndsWithTheBudget does not expect requests for which there is no budget.
func TestProgressEndsWithTheBudget(t *testing.T) {
	t.Parallel()
	s := newStage(t, "budgets: {artists/albums: 10}\n"+fanOutJobs, world(60))
	s.run(t, "saved_tracks", pipeline.Mode{})
	for _, e := range progressOf(t, s, "artist_albums") {
		if e.Requests+e.Left > 10 {
			t.Errorf("%d requests made and %d left, with a budget of 10", e.Requests, e.Left)
		}
	}
}
