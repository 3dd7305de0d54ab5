package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tracklake/tracklake/internal/pgtest"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/simulate"
)

// The benchmarks run the program as users do, as a process of its own, against
// a simulated Spotify in this one. Beside each stand its floors, measured in
// the same run: what cannot be saved whatever the program does.

// world is a simulated Spotify and a folder to export to.
type world struct {
	binary, dir string
	env         []string
	sim         *simulate.Server
	cpu         time.Duration // processor time of the last export
}

func newWorld(b *testing.B, tracks int, latency time.Duration) *world {
	b.Helper()
	o := simulate.DefaultOptions()
	o.SavedTracks, o.Latency = tracks, latency
	return newWorldOf(b, o)
}

func newWorldOf(b *testing.B, o simulate.Options) *world {
	b.Helper()
	sim, err := simulate.New(o)
	if err != nil {
		b.Fatal(err)
	}
	running, err := sim.Start("127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := running.Close(); err != nil {
			b.Error(err)
		}
	})
	w := &world{dir: b.TempDir(), sim: sim}
	w.binary = filepath.Join(w.dir, "exporter")
	build := exec.Command("go", "build", "-o", w.binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	c := sim.Credentials()
	w.env = append(os.Environ(), "HOME="+w.dir, "SPOTIFY_API_URL="+running.APIURL, "SPOTIFY_ACCOUNTS_URL="+running.AccountsURL,
		"SPOTIFY_CLIENT_ID="+c.ClientID, "SPOTIFY_CLIENT_SECRET="+c.ClientSecret, "SPOTIFY_REFRESH_TOKEN="+c.RefreshToken)
	w.write(b, "jobs.yaml", `destinations:
  lake: {type: parquet, path: ./data}
  warehouse: {type: postgres, url: "${DATABASE_URL}"}
jobs:
  lake: {resource: saved_tracks, destinations: [lake]}
  warehouse: {resource: saved_tracks, destinations: [warehouse]}
`)
	w.write(b, "whole.yaml", `destinations:
  lake: {type: parquet, path: ./data}
  warehouse: {type: postgres, url: "${DATABASE_URL}"}
jobs:
  lake_whole: {resource: saved_tracks, destinations: [lake], full_every: 0d}
  warehouse_whole: {resource: saved_tracks, destinations: [warehouse], full_every: 0d}
`)
	return w
}

func (w *world) write(b *testing.B, name, text string) {
	b.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
}

// export runs a job and returns how long the process took, its largest memory
// in MB, and its record. Jobs that fill the same rows as others are in a file
// of their own.
func (w *world) export(b *testing.B, job string, env ...string) (time.Duration, float64, load.Run) {
	b.Helper()
	config := "jobs.yaml"
	if strings.HasSuffix(job, "_whole") {
		config = "whole.yaml"
	}
	cmd := exec.Command(w.binary, "run", "--json", "--config", config, job)
	var out bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout = w.dir, append(w.env, env...), &out
	began := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	peak := watchMemory(cmd.Process.Pid)
	err := cmd.Wait()
	took := time.Since(began)
	if err != nil {
		b.Fatalf("%v\n%s", err, out.String())
	}
	w.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	var runs []load.Run
	if err := json.Unmarshal(out.Bytes(), &runs); err != nil {
		b.Fatal(err)
	}
	return took, <-peak, runs[0]
}

// watchMemory reads the largest resident memory of a process until it ends, in
// MB. What wait(2) tells would be this process's own memory if that is larger:
// a child begins as a copy of its parent.
func watchMemory(pid int) <-chan float64 {
	out := make(chan float64, 1)
	go func() {
		var peak float64
		for {
			text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			_, after, found := strings.Cut(string(text), "VmHWM:")
			var kB float64
			if _, scanned := fmt.Sscan(after, &kB); err != nil || !found || scanned != nil {
				out <- peak
				return
			}
			peak = max(peak, kB*1024/1e6)
			time.Sleep(5 * time.Millisecond)
		}
	}()
	return out
}

// clean removes what was exported.
func (w *world) clean(b *testing.B) {
	b.Helper()
	if err := os.RemoveAll(filepath.Join(w.dir, "data")); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkLatency exports 10,000 saved tracks to Parquet with 50 ms a request.
// The floor is one token, one profile, one first page, and the other 199 pages
// eight at a time.
func BenchmarkLatency(b *testing.B) {
	w := newWorld(b, 10000, 50*time.Millisecond)
	floor := (3 + (199.0+7)/8) * 0.05
	var total time.Duration
	for b.Loop() {
		w.clean(b)
		took, _, _ := w.export(b, "lake")
		total += took
	}
	seconds := total.Seconds() / float64(b.N)
	b.ReportMetric(seconds, "s/run")
	b.ReportMetric(floor, "floor-s")
	b.ReportMetric(seconds/floor, "x-floor")
}

// BenchmarkArtists exports the discographies of 60 artists of three pages each with
// 50 ms a request. The floor is one token and 180 pages, eight at a time.
func BenchmarkArtists(b *testing.B) {
	o := simulate.DefaultOptions()
	o.SavedTracks, o.Artists, o.AlbumsPerArtist, o.Latency = 10, 500, 40, 50*time.Millisecond
	w := newWorldOf(b, o)
	var ids []string
	for _, id := range w.sim.Artists() {
		if n := len(w.sim.ArtistAlbums(id, "album", "single")); n > 20 && n <= 30 && len(ids) < 60 {
			ids = append(ids, id)
		}
	}
	w.write(b, "jobs.yaml", `budgets: {artists/albums: 0}
destinations:
  lake: {type: parquet, path: ./data}
jobs:
  artist_albums: {destinations: [lake], options: {artists: {ids: [`+strings.Join(ids, ", ")+`]}}}
`)
	floor := (1 + (180.0+7)/8) * 0.05
	var total time.Duration
	for b.Loop() {
		w.clean(b)
		w.sim.ForgetRequests()
		took, _, run := w.export(b, "artist_albums")
		total += took
		if run.UpToDate != 60 || w.sim.Count("/v1/artists/") != 180 {
			b.Fatalf("%d requests: %+v", w.sim.Count("/v1/artists/"), run)
		}
	}
	seconds := total.Seconds() / float64(b.N)
	b.ReportMetric(seconds, "s/run")
	b.ReportMetric(floor, "floor-s")
	b.ReportMetric(seconds/floor, "x-floor")
}

// BenchmarkParquet exports 100,000 saved tracks without latency.
func BenchmarkParquet(b *testing.B) {
	w := newWorld(b, 100000, 0)
	var total time.Duration
	for b.Loop() {
		w.clean(b)
		took, _, _ := w.export(b, "lake")
		total += took
	}
	read := w.readAlone(b)
	write := parquetAlone(b, filepath.Join(w.dir, "data"))
	w.report(b, total, read, write, "parquet-alone-s")
}

// BenchmarkPostgres exports 100,000 saved tracks without latency.
func BenchmarkPostgres(b *testing.B) {
	w := newWorld(b, 100000, 0)
	var total time.Duration
	var address string
	for b.Loop() {
		address = pgtest.URL(b)
		w.export(b, "warehouse_whole", "DATABASE_URL="+address) // makes the schema, and warms nothing else up
		truncate(b, address)
		took, _, _ := w.export(b, "warehouse", "DATABASE_URL="+address)
		total += took
	}
	w.report(b, total, w.readAlone(b), copyAlone(b, address, w.dir), "copy-alone-s")
}

func (w *world) report(b *testing.B, total, read, write time.Duration, writer string) {
	b.Helper()
	seconds := total.Seconds() / float64(b.N)
	b.ReportMetric(seconds, "s/run")
	b.ReportMetric(w.cpu.Seconds(), "cpu-s")
	b.ReportMetric(read.Seconds(), "read-alone-s")
	b.ReportMetric(write.Seconds(), writer)
	b.ReportMetric(seconds/(read+write).Seconds(), "x-floors")
}

// BenchmarkMemory exports 200,000 saved tracks, then reads them whole once more,
// and tells the largest memory of the two processes.
func BenchmarkMemory(b *testing.B) {
	w := newWorld(b, 200000, 0)
	for _, job := range []string{"lake", "warehouse"} {
		b.Run(job, func(b *testing.B) {
			var total time.Duration
			var first, again, whole float64
			for b.Loop() {
				w.clean(b)
				address := "DATABASE_URL=" + pgtest.URL(b)
				var took time.Duration
				took, first, _ = w.export(b, job, address)
				total += took
				_, again, _ = w.export(b, job, address)
				_, whole, _ = w.export(b, job+"_whole", address)
			}
			b.ReportMetric(total.Seconds()/float64(b.N), "s/run")
			b.ReportMetric(first, "first-MB")
			b.ReportMetric(again, "again-MB")
			b.ReportMetric(whole, "whole-MB")
		})
	}
}

// BenchmarkUnchanged reads 100,000 saved tracks whole that PostgreSQL has
// already.
func BenchmarkUnchanged(b *testing.B) {
	w := newWorld(b, 100000, 0)
	address := pgtest.URL(b)
	w.export(b, "warehouse_whole", "DATABASE_URL="+address)
	onServer(b, address, "VACUUM") // or the first to read the rows marks them as committed, and logs their pages
	onServer(b, address, "CHECKPOINT")
	before := onServer(b, address, "SELECT pg_current_wal_lsn()")
	var total time.Duration
	changed := 0
	for b.Loop() {
		took, _, run := w.export(b, "warehouse_whole", "DATABASE_URL="+address)
		total += took
		for _, c := range run.Tables {
			changed += c.Added + c.Changed + c.Removed
		}
	}
	var wal float64
	if _, err := fmt.Sscan(onServer(b, address, "SELECT pg_current_wal_lsn() - '"+before+"'::pg_lsn"), &wal); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(total.Seconds()/float64(b.N), "s/run")
	b.ReportMetric(float64(changed), "rows-changed")
	b.ReportMetric(wal/1000/float64(b.N), "WAL-kB/run")
}
