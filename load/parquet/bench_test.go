package parquet_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	arrowparquet "github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/internal/pyreader"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/load/parquet"
	"github.com/tracklake/tracklake/transform"
)

const (
	benchRows  = 50_000
	benchBatch = 1024 // as the catalog hands them on
)

func BenchmarkFirstLoad(b *testing.B) {
	table, records := savedTracks(b)
	var floor time.Duration
	for b.Loop() {
		b.StopTimer()
		floor += writePlainly(b, table, records)
		root := b.TempDir()
		b.StartTimer()
		count := loadAll(b, root, 1, table, records)
		if count != (load.Count{Added: benchRows}) {
			b.Fatalf("%+v", count)
		}
	}
	report(b, floor)
}

func BenchmarkReloadUnchanged(b *testing.B) {
	table, records := savedTracks(b)
	root := b.TempDir()
	loadAll(b, root, 1, table, records)
	var floor time.Duration
	gen := 1
	for b.Loop() {
		b.StopTimer()
		floor += writePlainly(b, table, records)
		gen++
		b.StartTimer()
		count := loadAll(b, root, gen, table, records)
		if count != (load.Count{Unchanged: benchRows}) {
			b.Fatalf("%+v", count)
		}
	}
	report(b, floor)
}

// report gives the speed, and how many times as long as Arrow's writer alone
// it took.
func report(b *testing.B, floor time.Duration) {
	b.Helper()
	b.ReportMetric(float64(b.N)*benchRows/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(b.N)*benchRows/floor.Seconds(), "floor-rows/s")
	b.ReportMetric(b.Elapsed().Seconds()/floor.Seconds(), "x-floor")
}

func loadAll(b *testing.B, root string, gen int, table *transform.Schema, records []arrow.Record) load.Count {
	b.Helper()
	d, err := parquet.Open(b.Context(), root, parquet.Options{Version: "bench", Tables: []*transform.Schema{table, changeLog()}})
	must(b, err)
	j := job(gen)
	j.Tables = []*transform.Schema{table, changeLog()}
	s, _, err := d.Begin(b.Context(), j)
	must(b, err)
	for _, r := range records {
		must(b, s.Write(b.Context(), transform.Batch{Table: table, Record: r}))
	}
	result, err := s.Commit(b.Context(), load.Change{Run: record(gen, load.StatusOK), Removals: []load.Removal{{Table: table.Name}}})
	must(b, err)
	must(b, s.Close(b.Context()))
	return load.Count{}.Add(result.Tables[table.Name])
}

// writePlainly is the floor: Arrow's writer alone, same compression and row
// groups, nothing compared, synced or recorded.
func writePlainly(b *testing.B, table *transform.Schema, records []arrow.Record) time.Duration {
	b.Helper()
	path := filepath.Join(b.TempDir(), "plain.parquet")
	began := time.Now()
	out, err := os.Create(path)
	must(b, err)
	properties := arrowparquet.NewWriterProperties(arrowparquet.WithCompression(compress.Codecs.Zstd), arrowparquet.WithMaxRowGroupLength(16<<10))
	w, err := pqarrow.NewFileWriter(table.Record(), out, properties, pqarrow.DefaultWriterProps())
	must(b, err)
	for _, r := range records {
		must(b, w.WriteBuffered(r))
	}
	must(b, w.Close())
	return time.Since(began)
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// savedTracks makes records of the catalog's table that look like a library.
func savedTracks(b *testing.B) (*transform.Schema, []arrow.Record) {
	b.Helper()
	var table *transform.Schema
	for _, s := range catalog.Tables() {
		if s.Name == "saved_tracks" {
			table = s
		}
	}
	if table == nil {
		b.Fatal("the catalog has no saved_tracks")
	}
	var records []arrow.Record
	for from := 0; from < benchRows; from += benchBatch {
		builder := array.NewRecordBuilder(memory.DefaultAllocator, table.Record())
		for i := from; i < min(from+benchBatch, benchRows); i++ {
			for c, f := range table.Fields {
				appendLike(b, builder.Field(c), f.Name, i)
			}
		}
		records = append(records, builder.NewRecord())
		builder.Release()
	}
	return table, records
}

// distinct is how many values a text column has, where not every row its own.
func distinct(column string) int {
	return map[string]int{
		transform.AccountID: 1, "artist_ids": 4000, "artist_names": 4000, "album_id": 15_000, "album_name": 15_000,
		"album_type": 3, "release_date": 5000, "release_date_precision": 2,
	}[column]
}

func appendLike(b *testing.B, to array.Builder, column string, i int) {
	b.Helper()
	scattered := int(uint32(i) * 2654435761 >> 4)
	text := func(n int) string { return column + "-" + strconv.FormatUint(uint64(n+1)*0x9e3779b97f4a7c15, 36) }
	n := i
	if d := distinct(column); d > 0 {
		n = scattered % d
	}
	switch to := to.(type) {
	case *array.StringBuilder:
		to.Append(text(n))
	case *array.ListBuilder:
		to.Append(true)
		for k := range 1 + i%2 {
			to.ValueBuilder().(*array.StringBuilder).Append(text(n + k))
		}
	case *array.Int32Builder:
		to.Append(int32(scattered % 300_000))
	case *array.BooleanBuilder:
		to.Append(scattered%7 == 0)
	case *array.Date32Builder:
		to.Append(arrow.Date32(scattered % 20_000))
	case *array.TimestampBuilder:
		to.Append(arrow.Timestamp((1_700_000_000 - int64(i)*3600) * 1_000_000))
	default:
		b.Fatal(fmt.Errorf("column %s of type %T", column, to))
	}
}

// BenchmarkThousandAccounts opens a view over the files of 1,000 accounts in DuckDB:
// the time from asking to the first row, and to the count of all.
func BenchmarkThousandAccounts(b *testing.B) {
	table, records := savedTracks(b)
	root := b.TempDir()
	loadAll(b, root, 1, table, records[:1])
	files, err := filepath.Glob(filepath.Join(root, table.Name, "*", "part-0.parquet"))
	must(b, err)
	for i := range 999 {
		must(b, os.CopyFS(filepath.Join(root, table.Name, fmt.Sprintf("account%d", i)), os.DirFS(filepath.Dir(files[0]))))
	}
	const script = `
import sys, time, duckdb
con = duckdb.connect()
con.execute("set threads = 2")
con.execute(open(sys.argv[1] + "/views.sql").read())
best = {}
for _ in range(5):
    for q in ("describe saved_tracks", "select track_id from saved_tracks limit 1", "select count(*) from saved_tracks"):
        began = time.time(); con.execute(q).fetchall(); best[q] = min(best.get(q, 9), time.time() - began)
print(*best.values())
`
	var opened, first, counted float64
	for b.Loop() {
		if _, err := fmt.Sscan(pyreader.Run(b, script, root), &opened, &first, &counted); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(opened, "s-to-open")
	b.ReportMetric(first, "s-to-first-row")
	b.ReportMetric(counted, "s-to-count")
}
