package simulate_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/simulate"
)

// served reads the library over HTTP, entry by entry as it is written.
func (s *sim) served(t *testing.T) []string {
	t.Helper()
	return slices.Concat(lists()["saved tracks"].read(t, s)...)
}

func TestMarksMoveWithTheirEntry(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	was := s.served(t)
	broken := strings.Replace(s.Raw(60), `"duration_ms":`, `"duration_ms":"long","was":`, 1)
	equal(t, was[60], s.Raw(60))
	s.Hide(50)
	s.SetRaw(60, broken)
	s.SaveTracks(1, time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC))
	s.RemoveTrack(10)
	is := s.served(t)

	want := slices.Concat([]string{s.Raw(0)}, was)
	want[61] = broken
	want = slices.Delete(want, 51, 52)
	want = slices.Delete(want, 10, 11)
	if diff := cmp.Diff(want, is); diff != "" {
		t.Error(diff)
	}
	if page := s.object(t, "/me/tracks?limit=50&offset=50"); len(page["items"].([]any)) != 49 || page["total"] != 130.0 || page["next"] == nil {
		t.Errorf("%d items, total %v, next %v", len(page["items"].([]any)), page["total"], page["next"])
	}
	equal(t, was[50], s.Raw(50))
	equal(t, broken, s.Raw(60))
	s.Restore(50)
	s.Restore(60)
	if diff := cmp.Diff(slices.Concat([]string{s.Raw(0)}, was[:9], was[10:]), s.served(t)); diff != "" {
		t.Error(diff)
	}
}

func TestTheTruthTellsWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	all := s.Library()
	s.Hide(0)
	s.SetRaw(1, "null")
	s.Hide(129)
	s.SetRaw(129, "null")
	all[0].Readable, all[1].Readable, all[129].Readable = false, false, false
	if diff := cmp.Diff(all, s.Library()); diff != "" {
		t.Error(diff)
	}
	var readable []simulate.SavedTrack
	for _, e := range all[2:129] {
		if !e.Readable {
			t.Errorf("%s cannot be read", e.TrackID)
		}
		readable = append(readable, simulate.SavedTrack{TrackID: e.TrackID, Name: e.Name, AddedAt: e.AddedAt})
	}
	if diff := cmp.Diff(readable, s.SavedTracks()); diff != "" {
		t.Error(diff)
	}
}

func TestATrackCanBeSavedTwice(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	was := s.SavedTracks()
	newest, between := was[0].AddedAt.Add(time.Hour), was[100].AddedAt.Add(time.Second)
	s.SaveTrackTwice(5, newest)
	s.Hide(6) // is not copied
	s.SaveTrackTwice(6, between)
	twice, again := was[5], was[5]
	twice.AddedAt, again.AddedAt = newest, between
	want := slices.Insert(slices.Insert(slices.Clone(was), 100, again), 0, twice)
	want = slices.Delete(want, 6, 7)
	if diff := cmp.Diff(want, s.SavedTracks()); diff != "" {
		t.Error(diff)
	}
	if n := len(s.Library()); n != 132 {
		t.Errorf("%d entries", n)
	}
	is := s.served(t)
	equal(t, is[0], s.Raw(0))
	if got := len(slices.DeleteFunc(is, func(e string) bool { return !strings.Contains(e, `"spotify:track:`+twice.TrackID+`"`) })); got != 2 {
		t.Errorf("the track is served %d times", got)
	}
}
