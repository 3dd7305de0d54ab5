package postgres_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tracklake/tracklake/internal/pgtest"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/load/postgres"
	"github.com/tracklake/tracklake/transform"
)

const (
	benchRows  = 100000
	benchBatch = 10000
)

// batches are the benchmarks' rows as a run hands them over.
func batches(b *testing.B) []transform.Batch {
	b.Helper()
	var out []transform.Batch
	for from := 0; from < benchRows; from += benchBatch {
		batch := tracks("acc", span(from, from+benchBatch))
		b.Cleanup(batch.Record.Release)
		out = append(out, batch)
	}
	return out
}

func stage(b *testing.B, s load.Session, batches []transform.Batch) {
	b.Helper()
	for _, batch := range batches {
		if err := s.Write(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
}

// a bench is a database with what the floor is measured by.
type bench struct {
	address string
	d       *postgres.Destination
	conn    *pgx.Conn
}

func newBench(b *testing.B) *bench {
	b.Helper()
	address := pgtest.URL(b)
	d, err := postgres.Open(b.Context(), address, postgres.Options{})
	if err != nil {
		b.Fatal(err)
	}
	conn, err := pgx.Connect(b.Context(), address)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		conn.Close(context.Background())
		_ = d.Close(context.Background())
	})
	return &bench{address, d, conn}
}

func (x *bench) do(b *testing.B, sql string) {
	b.Helper()
	if _, err := x.conn.Exec(b.Context(), sql); err != nil {
		b.Fatal(err)
	}
}

// run does a whole run and returns how long it took from the first row on.
func (x *bench) run(b *testing.B, n int, rows []transform.Batch, want load.Count) time.Duration {
	b.Helper()
	s, _ := begin(b, x.d, "job", n)
	start := time.Now()
	stage(b, s, rows)
	result, err := s.Commit(b.Context(), load.Change{Run: record("job", n, load.StatusOK), Removals: []load.Removal{{Table: "saved_tracks"}}})
	took := time.Since(start)
	if err != nil || (load.Count{}).Add(result.Tables["saved_tracks"]) != want {
		b.Fatalf("%+v, %v; want %+v", result, err, want)
	}
	if err := s.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
	return took
}

// dump writes the loaded rows to a file.
func (x *bench) dump(b *testing.B, format string) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "rows."+format)
	pgtest.Dump(b, x.address, "spotify.saved_tracks", format, path)
	return path
}

// floor is how long it takes to copy the same rows from a file into an identical, empty
// table.
func (x *bench) floor(b *testing.B, path, format string) time.Duration {
	b.Helper()
	x.do(b, "DROP TABLE IF EXISTS public.floor; CREATE TABLE public.floor (LIKE spotify.saved_tracks INCLUDING ALL); CHECKPOINT")
	took, rows := pgtest.Restore(b, x.address, "public.floor", format, path)
	if rows != benchRows {
		b.Fatalf("copied %d rows of %d", rows, benchRows)
	}
	return took
}

func report(b *testing.B, took time.Duration) {
	b.Helper()
	b.ReportMetric(float64(benchRows)*float64(b.N)/took.Seconds(), "rows/s")
}

// BenchmarkCopy stages rows and publishes nothing.
func BenchmarkCopy(b *testing.B) {
	x, rows := newBench(b), batches(b)
	s, _ := begin(b, x.d, "job", 0)
	var took time.Duration
	for b.Loop() {
		start := time.Now()
		stage(b, s, rows)
		took += time.Since(start)
		b.StopTimer()
		if err := s.Discard(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	report(b, took)
}

// BenchmarkFirstLoad fills an empty table, each time followed by the floors,
// so that both meet the same machine.
func BenchmarkFirstLoad(b *testing.B) {
	x, rows := newBench(b), batches(b)
	x.run(b, 0, rows, load.Count{Added: benchRows})
	text, binary := x.dump(b, "text"), x.dump(b, "binary")
	var took, textFloor, binaryFloor time.Duration
	n := 0
	for b.Loop() {
		n++
		b.StopTimer()
		x.do(b, "TRUNCATE spotify.saved_tracks, spotify.library_changes; CHECKPOINT")
		b.StartTimer()
		took += x.run(b, n, rows, load.Count{Added: benchRows})
		b.StopTimer()
		textFloor += x.floor(b, text, "text")
		binaryFloor += x.floor(b, binary, "binary")
		b.StartTimer()
	}
	report(b, took)
	b.ReportMetric(took.Seconds()/textFloor.Seconds(), "x-copy-text")
	b.ReportMetric(took.Seconds()/binaryFloor.Seconds(), "x-copy-binary")
}

// BenchmarkReloadUnchanged meets a table that holds every row already.
func BenchmarkReloadUnchanged(b *testing.B) {
	x, rows := newBench(b), batches(b)
	x.run(b, 0, rows, load.Count{Added: benchRows})
	text, binary := x.dump(b, "text"), x.dump(b, "binary")
	var took, textFloor, binaryFloor time.Duration
	n := 0
	for b.Loop() {
		n++
		took += x.run(b, n, rows, load.Count{Unchanged: benchRows})
		b.StopTimer()
		textFloor += x.floor(b, text, "text")
		binaryFloor += x.floor(b, binary, "binary")
		b.StartTimer()
	}
	report(b, took)
	b.ReportMetric(took.Seconds()/textFloor.Seconds(), "x-copy-text")
	b.ReportMetric(took.Seconds()/binaryFloor.Seconds(), "x-copy-binary")
}
