package arrowfile_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	lake "github.com/tracklake/tracklake/load/parquet"
	"github.com/tracklake/tracklake/load/parquet/arrowfile"
)

const benchRows = 100_000

// TestMain runs a child that BenchmarkMemory measures.
func TestMain(m *testing.M) {
	if err := lake.ReuseCompressors(); err != nil {
		panic(err)
	}
	if os.Getenv("ARROWFILE_CHILD") != "" {
		child()
		return
	}
	os.Exit(m.Run())
}

// A target is a writer of records.
type target interface {
	Write(arrow.Record) error
	Close() error
}

func ours(w io.Writer, group int) (target, error) {
	return arrowfile.NewWriter(w, tracks, arrowfile.Options{Sorting: []string{"track_id"}, CreatedBy: "bench", GroupRows: group})
}

type buffered struct{ *pqarrow.FileWriter }

func (b buffered) Write(r arrow.Record) error { return b.WriteBuffered(r) }

// theirs is pqarrow's writer as load/parquet had it.
func theirs(w io.Writer, group int) (target, error) {
	o := []parquet.WriterProperty{
		parquet.WithCompression(compress.Codecs.Zstd), parquet.WithMaxRowGroupLength(int64(group)), parquet.WithDataPageSize(64 << 10),
		parquet.WithDictionaryPageSizeLimit(64 << 10), parquet.WithCreatedBy("bench"), parquet.WithDictionaryFor("track_id", false),
	}
	writer, err := pqarrow.NewFileWriter(tracks, w, parquet.NewWriterProperties(o...), pqarrow.NewArrowWriterProperties(pqarrow.WithAllocator(memory.DefaultAllocator)))
	return buffered{writer}, err
}

var targets = map[string]func(io.Writer, int) (target, error){"arrowfile": ours, "pqarrow": theirs}

func library100k(batch int) (all []arrow.Record) {
	l := newLibrary(benchRows)
	for r := l.next(batch); r != nil; r = l.next(batch) {
		all = append(all, r)
	}
	return all
}

func BenchmarkWrite(b *testing.B) {
	for _, batch := range []int{2048, 8192} {
		records := library100k(batch)
		for _, name := range []string{"arrowfile", "pqarrow"} {
			for _, group := range []int{16 << 10, 61_440} {
				b.Run(fmt.Sprintf("%s/batch=%d/group=%d", name, batch, group), func(b *testing.B) {
					var size int
					timed(b, func() { size = len(fill(b, name, group, records)) })
					b.ReportMetric(float64(size)/benchRows, "bytes/row")
				})
			}
		}
	}
}

// timed reports the speed by the clock, and what all processors did for a row.
func timed(b *testing.B, f func()) {
	b.ReportAllocs()
	before := processor(b)
	for b.Loop() {
		f()
	}
	b.ReportMetric(float64(b.N)*benchRows/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(processor(b)-before)/float64(b.N)/benchRows, "cpu-ns/row")
}

// processor is the processor time of this process in nanoseconds.
func processor(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

func fill(b testing.TB, name string, group int, records []arrow.Record) []byte {
	b.Helper()
	var out bytes.Buffer
	out.Grow(64 << 20)
	w, err := targets[name](&out, group)
	for _, r := range records {
		if err == nil {
			err = w.Write(r)
		}
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}

func BenchmarkRead(b *testing.B) {
	whole := fill(b, "arrowfile", 61_440, library100k(2048))
	foreign := fill(b, "pqarrow", 61_440, library100k(2048))
	for name, read := range map[string]func(testing.TB, []byte) int64{"arrowfile": readOurs, "pqarrow": readTheirs} {
		for of, data := range map[string][]byte{"arrowfile": whole, "pqarrow": foreign} {
			b.Run(name+"/of="+of, func(b *testing.B) {
				timed(b, func() {
					if n := read(b, data); n != benchRows {
						b.Fatal(n)
					}
				})
			})
		}
	}
}

func readOurs(b testing.TB, data []byte) (n int64) {
	for record, err := range open(b, data).Records(nil, 4096) {
		if err != nil {
			b.Fatal(err)
		}
		n += record.NumRows()
	}
	return n
}

func readTheirs(b testing.TB, data []byte) (n int64) {
	r, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		b.Fatal(err)
	}
	reader, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{BatchSize: 4096}, memory.DefaultAllocator)
	if err != nil {
		b.Fatal(err)
	}
	records, err := reader.GetRecordReader(b.Context(), nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer records.Release()
	for records.Next() {
		n += records.Record().NumRows()
	}
	return n
}

// BenchmarkMemory is the largest memory of a process that writes 200,000 rows.
func BenchmarkMemory(b *testing.B) {
	for _, name := range []string{"none", "arrowfile", "pqarrow"} {
		for _, gogc := range []int{100, 15} {
			for _, batch := range []int{2048, 8192} {
				for _, group := range []int{30_720, 61_440, 122_880} {
					b.Run(fmt.Sprintf("%s/gogc=%d/batch=%d/group=%d", name, gogc, batch, group), func(b *testing.B) {
						for b.Loop() {
							command := exec.CommandContext(b.Context(), os.Args[0])
							command.Env = append(os.Environ(), fmt.Sprintf("ARROWFILE_CHILD=%s %d %d", name, batch, group), "GOGC="+strconv.Itoa(gogc))
							out, err := command.Output()
							if err != nil {
								b.Fatal(err)
							}
							peak, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
							if err != nil {
								b.Fatal(err)
							}
							b.ReportMetric(peak, "peak-MB")
						}
					})
				}
			}
		}
	}
}

// child writes a file and prints its largest memory in MB.
func child() {
	var name string
	var batch, group int
	if _, err := fmt.Sscan(os.Getenv("ARROWFILE_CHILD"), &name, &batch, &group); err != nil {
		panic(err)
	}
	l := newLibrary(200_000)
	debug.FreeOSMemory()
	w := target(nothing{})
	if make := targets[name]; make != nil {
		var err error
		if w, err = make(io.Discard, group); err != nil {
			panic(err)
		}
	}
	for r := l.next(batch); r != nil; r = l.next(batch) {
		if err := w.Write(r); err != nil {
			panic(err)
		}
		r.Release()
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		panic(err)
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	kb, err := strconv.ParseFloat(strings.Fields(after)[0], 64)
	if err != nil {
		panic(err)
	}
	fmt.Println(kb / 1024)
}

type nothing struct{}

func (nothing) Write(arrow.Record) error { return nil }
func (nothing) Close() error             { return nil }
