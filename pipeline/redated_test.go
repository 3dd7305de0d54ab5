package pipeline_test

import (
	"slices"
	"testing"
	"time"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/simulate"
)

// TestATrackSavedAgainWithAnOlderDate moves to a page that an incremental sync does not
// read. It is not taken for the one that was removed later.
func TestATrackSavedAgainWithAnOlderDate(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault *simulate.Fault
		gone  int // the track that is removed, by its place
	}{
		"Spotify tells what is saved":    {nil, 280},
		"it is removed itself":           {nil, 220},
		"Spotify refuses to tell":        {&simulate.Fault{Kind: "status", Arg: 403, Path: "/v1/me/library/contains"}, 280},
		"Spotify answers something else": {&simulate.Fault{Kind: "braces", Path: "/v1/me/library/contains"}, 280},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, listJobs, world(300))
			s.run(t, "saved_tracks", pipeline.Mode{})
			s.sim.MoveTrack(70, 220)
			night := func() load.Run {
				s.clock.set(s.clock.Now().Add(24 * time.Hour))
				return s.run(t, "saved_tracks", pipeline.Mode{})
			}
			night()
			s.sim.RemoveTrack(tt.gone)
			if tt.fault != nil {
				s.sim.Inject(*tt.fault)
			}
			if run := night(); run.Status != load.StatusOK {
				t.Errorf("%+v", run)
			}
			if got, want := s.live(t), s.truth(); !slices.Equal(got, want) {
				t.Errorf("%d rows, want %d: others", len(got), len(want))
			}
		})
	}
}
