package pipeline_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/simulate"
)

func TestFollowedArtists(t *testing.T) {
	t.Parallel()
	s := newStage(t, "jobs:\n  followed_artists: {destinations: [lake]}\n", quiet(simulate.Development))
	check := func(want string) {
		t.Helper()
		s.clock.set(s.clock.Now().Add(24 * time.Hour))
		run := s.run(t, "followed_artists", pipeline.Mode{})
		if got := changes(run); got != want {
			t.Errorf("%s, want %s: %+v", got, want, run)
		}
	}
	followed := s.sim.FollowedArtists()
	n := len(followed)
	check(fmt.Sprintf("ok +%d ~0 =0 -0", n))
	i := slices.IndexFunc(s.sim.Artists(), func(id string) bool { return !slices.Contains(followed, id) })
	s.sim.FollowArtist(s.sim.Artists()[i])
	s.sim.UnfollowArtist(followed[0])
	check(fmt.Sprintf("ok +1 ~0 =%d -1", n-1))
	want := s.sim.FollowedArtists()
	slices.Sort(want)
	if got := s.column(t, "followed_artists", "artist_id"); !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	remove := s.sim.Inject(simulate.Fault{Kind: "circle"})
	for _, fault := range []simulate.Fault{{Kind: "truncate"}, {Kind: "status", Arg: 500}} {
		removeIt := s.sim.Inject(fault)
		check("failed +0 ~0 =0 -0")
		removeIt()
	}
	remove()
	s.sim.FollowArtist(followed[0])
	check(fmt.Sprintf("ok +0 ~1 =%d -0", n))
}

// TestCursorsInACircle lets the pages of a long list name each other.
func TestCursorsInACircle(t *testing.T) {
	t.Parallel()
	o := quiet(simulate.Development)
	o.Artists = 80
	s := newStage(t, "jobs:\n  followed_artists: {destinations: [lake]}\n", o)
	for _, id := range s.sim.Artists() {
		s.sim.FollowArtist(id)
	}
	if n := len(s.sim.FollowedArtists()); n <= 50 {
		t.Fatalf("%d artists are one page", n)
	}
	s.sim.Inject(simulate.Fault{Kind: "circle"})
	run := s.run(t, "followed_artists", pipeline.Mode{})
	if run.Status != load.StatusFailed || !strings.Contains(run.Message, "circle") || run.Requests > 10 {
		t.Errorf("%+v", run)
	}
}
