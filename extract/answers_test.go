package extract_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tracklake/tracklake/extract"
)

// shared syncs the saved tracks in full, with answers shared, and returns how
// many requests that took.
func (b *bench) shared(t *testing.T, s *extract.Answers) int {
	t.Helper()
	client := b.client.For(nil).Sharing(s, time.Time{})
	reading := extract.Read(client, savedTracks(), extract.Plan{})
	ids, _, err := read(t.Context(), reading)
	if err != nil {
		t.Fatal(err)
	}
	if r := reading.Result(); !r.Complete || len(ids) != len(b.sim.SavedTracks()) || missing(b.sim, ids) > 0 {
		t.Errorf("read %d of %d, complete %v: %s", len(ids), len(b.sim.SavedTracks()), r.Complete, r.Reason)
	}
	return client.Stats().Requests
}

// TestASecondPassReplacesSharedAnswers lets a track go while the list is read.
// There is room to keep the list once, and a page more: the last one is asked
// for by another length.
func TestASecondPassReplacesSharedAnswers(t *testing.T) {
	t.Parallel()
	b := setup(t, small(400))
	b.shared(t, nil)
	s := extract.NewAnswers(int(b.client.Stats().Bytes)*10/8, time.Now)
	b.sim.ForgetRequests()
	var asked atomic.Int64
	b.sim.OnRequest(func(_ int, r *http.Request) {
		if r.URL.Path == "/v1/me/tracks" && asked.Add(1) == 5 {
			b.sim.RemoveTrack(100)
		}
	})
	if n := b.shared(t, s); n <= 8 {
		t.Fatalf("%d requests; the list did not move", n)
	}
	b.sim.OnRequest(nil)
	if n := b.shared(t, s); n != 0 {
		t.Errorf("the second reading took %d requests, want 0", n)
	}
}

func TestSharedAnswersGrowOld(t *testing.T) {
	t.Parallel()
	b := setup(t, small(120))
	now := time.Now()
	s := extract.NewAnswers(1<<20, func() time.Time { return now })
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{0, 3}, {15 * time.Minute, 0}, {time.Second, 3}, {time.Minute, 0}, {-time.Hour, 3}} {
		now = now.Add(step.after)
		if n := b.shared(t, s); n != step.want {
			t.Errorf("%s later: %d requests, want %d", step.after, n, step.want)
		}
	}
}
