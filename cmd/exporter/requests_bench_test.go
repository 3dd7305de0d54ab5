package main

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/load/parquet"
	"github.com/tracklake/tracklake/simulate"
)

// BenchmarkQuietNight runs over a library of 10,000 tracks that has not changed.
func BenchmarkQuietNight(b *testing.B) {
	w := newWorldOf(b, rationed())
	w.export(b, "lake")
	var requests, written int
	var cpu time.Duration
	for b.Loop() {
		w.sim.ForgetRequests()
		_, _, run := w.export(b, "lake")
		cpu += w.cpu
		requests = max(requests, w.sim.Count("/"))
		written += rowsWritten(run)
	}
	b.ReportMetric(float64(requests), "requests")
	b.ReportMetric(float64(written), "rows-written")
	perRun := cpu.Seconds() / float64(b.N)
	b.ReportMetric(perRun, "cpu-s/run")
	if requests > 2 || written > 0 || perRun > 0.15 {
		b.Errorf("%d requests, %d rows written, %.2f s of processor time", requests, written, perRun)
	}
}

// BenchmarkBusyNight runs after 30 tracks were saved and 2 removed at places
// that nobody knows.
func BenchmarkBusyNight(b *testing.B) {
	w := newWorldOf(b, rationed())
	w.export(b, "lake")
	r := rand.New(rand.NewPCG(1, 1))
	most, sum := 0, 0
	for range 10 { // other places each time
		for range 2 {
			w.sim.RemoveTrack(r.IntN(len(w.sim.SavedTracks())))
		}
		w.sim.SaveTracks(30, time.Now())
		w.sim.ForgetRequests()
		_, _, run := w.export(b, "lake")
		n := w.sim.Count("/")
		most, sum = max(most, n), sum+n
		if live, want := w.live(b), w.saved(); run.Status != load.StatusOK || run.Throttled > 0 || !slices.Equal(live, want) {
			b.Errorf("%d rows, the library has %d: %+v", len(live), len(want), run)
		}
	}
	b.ReportMetric(float64(most), "requests-most")
	b.ReportMetric(float64(sum)/10, "requests-mean")
	if most > 25 {
		b.Errorf("%d requests", most)
	}
}

// BenchmarkLibraryNights exports a library of middling size for the first time, and again a
// day later, when nothing has changed but the rankings.
func BenchmarkLibraryNights(b *testing.B) {
	for b.Loop() {
		n := newNights(b, middling(), catalog.Of(catalog.Library))
		first := n.run(b)
		n.sleep()
		next := n.run(b)
		if wrong := tooMany(first, next); wrong != "" {
			b.Fatal(wrong)
		}
		all, _ := besides(first)
		again, few := besides(next)
		b.ReportMetric(float64(all), "requests-first")
		b.ReportMetric(float64(again), "requests-next")
		b.ReportMetric(float64(few), "requests-besides-rankings")
	}
}

// BenchmarkChangedPlaylists exports 100 playlists of which three have changed.
func BenchmarkChangedPlaylists(b *testing.B) {
	for b.Loop() {
		all, _ := besides(changedPlaylists(b))
		b.ReportMetric(float64(all), "requests")
		if all != 5 {
			b.Fatalf("%d requests, want 3 and the list's 2", all)
		}
	}
}

// rationed is a library of 10,000 tracks of which 400 pages a day may be asked.
func rationed() simulate.Options {
	o := simulate.DefaultOptions()
	o.SavedTracks, o.Quota = 10_000, map[string]int{"me/tracks": 400}
	return o
}

// live lists the tracks that the files hold as not removed.
func (w *world) live(b *testing.B) []string {
	b.Helper()
	d, err := parquet.Open(b.Context(), filepath.Join(w.dir, "data"), parquet.Options{Tables: catalog.Tables()})
	if err != nil {
		b.Fatal(err)
	}
	values, err := d.Values(b.Context(), load.ValueQuery{Account: simulate.AccountID, Table: "saved_tracks", Column: "track_id"})
	if err != nil {
		b.Fatal(err)
	}
	var out []string
	for _, v := range values {
		out = append(out, v.Value)
	}
	slices.Sort(out)
	return out
}

// saved lists the tracks of the library.
func (w *world) saved() []string {
	var out []string
	for _, row := range w.sim.SavedTracks() {
		out = append(out, row.TrackID)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func rowsWritten(run load.Run) int {
	n := 0
	for _, c := range run.Tables {
		n += c.Added + c.Changed + c.Removed
	}
	return n
}
