package arrowfile_test

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/tracklake/tracklake/load/parquet/arrowfile"
)

// kinds is a schema with a column of each type, with and without NULLs.
var kinds = arrow.NewSchema([]arrow.Field{
	{Name: "id", Type: arrow.BinaryTypes.String},
	{Name: "text", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "number", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
	{Name: "position", Type: arrow.PrimitiveTypes.Int32},
	{Name: "long", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "size", Type: arrow.PrimitiveTypes.Int64},
	{Name: "flag", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
	{Name: "sure", Type: arrow.FixedWidthTypes.Boolean},
	{Name: "day", Type: arrow.FixedWidthTypes.Date32, Nullable: true},
	{Name: "born", Type: arrow.FixedWidthTypes.Date32},
	{Name: "at", Type: arrow.FixedWidthTypes.Timestamp_us, Nullable: true},
	{Name: "seen", Type: arrow.FixedWidthTypes.Timestamp_us},
	{Name: "names", Type: arrow.ListOf(arrow.BinaryTypes.String), Nullable: true},
	{Name: "ids", Type: arrow.ListOf(arrow.BinaryTypes.String)},
}, nil)

const start = `[
	{"id":"a","text":"x","number":1,"position":-2147483648,"long":1,"size":-9007199254740991,"flag":true,"sure":true,"day":"2024-02-29","born":"1969-12-31","at":"2024-02-29T12:34:56.789012Z","seen":"1969-12-31T23:59:59.999999Z","names":["n1","n2",""],"ids":["i"]},
	{"id":"","text":null,"number":null,"position":2147483647,"long":null,"size":9007199254740991,"flag":null,"sure":false,"day":null,"born":"0001-01-01","at":null,"seen":"0001-01-01T00:00:00Z","names":null,"ids":[]},
	{"id":"ü","text":"","number":0,"position":0,"long":0,"size":0,"flag":false,"sure":true,"day":"9999-12-31","born":"9999-12-31","at":"9999-12-31T23:59:59.999999Z","seen":"9999-12-31T23:59:59.999999Z","names":[],"ids":["","",""]}
]`

// rows makes a record from JSON.
func rows(t testing.TB, s *arrow.Schema, text string) arrow.Record {
	t.Helper()
	r, _, err := array.RecordFromJSON(memory.DefaultAllocator, s, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Release)
	return r
}

func write(t testing.TB, o arrowfile.Options, s *arrow.Schema, records ...arrow.Record) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := arrowfile.NewWriter(&out, s, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func open(t testing.TB, file []byte) *arrowfile.Reader {
	t.Helper()
	r, err := arrowfile.Open(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// read joins all records of a file to one.
func read(t testing.TB, file []byte, columns []string, batch int) arrow.Record {
	t.Helper()
	r := open(t, file)
	var all []arrow.Record
	for record, err := range r.Records(columns, batch) {
		if err != nil {
			t.Fatal(err)
		}
		if int(record.NumRows()) > batch {
			t.Errorf("a record of %d rows, asked for %d", record.NumRows(), batch)
		}
		record.Retain()
		all = append(all, record)
	}
	return join(t, all)
}

func join(t testing.TB, all []arrow.Record) arrow.Record {
	t.Helper()
	if len(all) == 0 {
		return nil
	}
	var columns []arrow.Array
	for i := range all[0].Columns() {
		var parts []arrow.Array
		for _, r := range all {
			parts = append(parts, r.Column(i))
		}
		whole, err := array.Concatenate(parts, memory.DefaultAllocator)
		if err != nil {
			t.Fatal(err)
		}
		columns = append(columns, whole)
	}
	return array.NewRecord(all[0].Schema(), columns, int64(columns[0].Len()))
}

func same(t testing.TB, got, want arrow.Record) {
	t.Helper()
	if got == nil {
		t.Fatal("no rows")
	}
	if !array.RecordEqual(got, want) {
		t.Errorf("got\n%v\nwant\n%v", got, want)
	}
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	r := rows(t, kinds, start)
	for _, batch := range []int{1, 2, 3, math.MaxInt32} {
		same(t, read(t, write(t, arrowfile.Options{}, kinds, r), nil, batch), r)
	}
	for _, group := range []int{1, 2, 3, 4, 7} {
		many := []arrow.Record{r, r.NewSlice(1, 3), r.NewSlice(2, 2), r.NewSlice(0, 1), r}
		same(t, read(t, write(t, arrowfile.Options{GroupRows: group}, kinds, many...), nil, 2), join(t, many))
	}
}

func TestRandomRows(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		rows, batch, group, distinct, length int
		nulls                                float64
	}{
		{rows: 1, batch: 1, group: 1},
		{rows: 5000, batch: 1, group: 3000, distinct: 3, length: 30, nulls: 0.1},
		{rows: 20_000, batch: 700, group: 9000, distinct: 1 << 30, length: 30, nulls: 0.5}, // a dictionary is given up
		{rows: 20_000, batch: 20_000, group: 20_000, distinct: 15_000, length: 200},        // a dictionary becomes too large
		{rows: 30_000, batch: 4096, group: 30_000, distinct: 1, length: 5, nulls: 0.001},
		{rows: 70_000, batch: 8192, distinct: 300, length: 12, nulls: 0.9}, // more than a row group
		{rows: 2000, batch: 1000, distinct: 20, length: 70_000},
		{rows: 500, batch: 100, distinct: 20, nulls: 1},
	} {
		t.Run(fmt.Sprintf("%+v", test), func(t *testing.T) {
			t.Parallel()
			g := generator{random: rand.New(rand.NewPCG(7, uint64(test.rows))), distinct: test.distinct, length: test.length, nulls: test.nulls}
			var all []arrow.Record
			for left := test.rows; left > 0; left -= test.batch {
				all = append(all, g.record(kinds, min(left, test.batch)))
			}
			file := write(t, arrowfile.Options{GroupRows: test.group}, kinds, all...)
			if n := open(t, file).Rows(); n != int64(test.rows) {
				t.Errorf("%d rows", n)
			}
			same(t, read(t, file, nil, 5000), join(t, all))
			checkStatistics(t, file)
		})
	}
}

// A generator makes random rows.
type generator struct {
	random           *rand.Rand
	distinct, length int
	nulls            float64
}

func (g *generator) record(s *arrow.Schema, n int) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, s)
	defer b.Release()
	for range n {
		for i, f := range s.Fields() {
			if f.Nullable && g.random.Float64() < g.nulls {
				b.Field(i).AppendNull()
			} else {
				g.value(b.Field(i))
			}
		}
	}
	return b.NewRecord()
}

func (g *generator) text() string {
	n := g.random.IntN(max(g.distinct, 1))
	return strings.Repeat(fmt.Sprintf("%016x", uint64(n)*0x9e3779b97f4a7c15), 1+g.length/16)[:n%(g.length+1)]
}

func (g *generator) value(b array.Builder) {
	switch b := b.(type) {
	case *array.StringBuilder:
		b.Append(g.text())
	case *array.Int32Builder:
		b.Append(int32(g.random.IntN(max(g.distinct, 1)) - 1))
	case *array.Int64Builder:
		b.Append(g.random.Int64())
	case *array.BooleanBuilder:
		b.Append(g.random.IntN(3) == 0)
	case *array.Date32Builder:
		b.Append(arrow.Date32(g.random.IntN(40_000) - 20_000))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(-g.random.Int64N(1 << 50)))
	case *array.ListBuilder:
		b.Append(true)
		for range g.random.IntN(4) {
			b.ValueBuilder().(*array.StringBuilder).Append(g.text())
		}
	}
}

func TestNoRows(t *testing.T) {
	t.Parallel()
	for name, records := range map[string][]arrow.Record{"no record": nil, "an empty one": {rows(t, kinds, "[]")}} {
		r := open(t, write(t, arrowfile.Options{Metadata: map[string]string{"k": "v"}}, kinds, records...))
		if r.Rows() != 0 || !r.Schema().Equal(kinds) {
			t.Errorf("%s: %d rows of %v", name, r.Rows(), r.Schema())
		}
		for record, err := range r.Records(nil, 10) {
			t.Errorf("%s: %v, %v", name, record, err)
		}
	}
}

func TestColumns(t *testing.T) {
	t.Parallel()
	r := rows(t, kinds, start)
	source := &countingSource{Reader: bytes.NewReader(write(t, arrowfile.Options{GroupRows: 2}, kinds, r, r))}
	f, err := arrowfile.Open(source)
	if err != nil {
		t.Fatal(err)
	}
	for _, names := range [][]string{{"names", "id"}, {"at"}, {"flag", "flag"}, {}} {
		n := 0
		for record, err := range f.Records(names, 100) {
			if err != nil {
				t.Fatal(err)
			}
			n += int(record.NumRows())
			for i, name := range names {
				if record.ColumnName(i) != name {
					t.Errorf("column %d is %s, not %s", i, record.ColumnName(i), name)
				}
			}
		}
		if n != 6 {
			t.Errorf("%v: %d rows", names, n)
		}
	}
	for _, err := range f.Records([]string{"id", "absent"}, 1) {
		if err == nil || !strings.Contains(err.Error(), "absent") {
			t.Error(err)
		}
	}
}

func TestOnlyAskedColumnsAreRead(t *testing.T) {
	t.Parallel()
	g := generator{random: rand.New(rand.NewPCG(1, 1)), distinct: 1 << 30, length: 40}
	file := write(t, arrowfile.Options{}, kinds, g.record(kinds, 50_000))
	source := &countingSource{Reader: bytes.NewReader(file)}
	f, err := arrowfile.Open(source)
	if err != nil {
		t.Fatal(err)
	}
	source.n.Store(0)
	for _, err := range f.Records([]string{"position"}, 1000) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := source.n.Load(); n == 0 || n > int64(len(file)/10) {
		t.Errorf("read %d bytes of %d for one column of %d", n, len(file), kinds.NumFields())
	}
}

// A countingSource counts the bytes that are read.
type countingSource struct {
	*bytes.Reader
	n atomic.Int64
}

func (s *countingSource) ReadAt(p []byte, at int64) (int, error) {
	n, err := s.Reader.ReadAt(p, at)
	s.n.Add(int64(n))
	return n, err
}

func TestRecordsAreReleased(t *testing.T) {
	t.Parallel()
	r := rows(t, kinds, start)
	f := open(t, write(t, arrowfile.Options{}, kinds, r, r))
	var kept arrow.Record
	for record, err := range f.Records([]string{"id"}, 4) {
		if err != nil {
			t.Fatal(err)
		}
		if kept == nil {
			record.Retain()
			kept = record
			continue
		}
		break // the rest is not read
	}
	defer kept.Release()
	if got := kept.Column(0).(*array.String).Value(3); got != "a" {
		t.Errorf("a kept record has %q", got)
	}
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	options := arrowfile.Options{Metadata: map[string]string{"b": "ü", "a": ""}}
	file := write(t, options, kinds)
	f := open(t, file)
	for key, want := range options.Metadata {
		if got, ok := f.Metadata(key); !ok || got != want {
			t.Errorf("%s: %q, %t", key, got, ok)
		}
	}
	if got, ok := f.Metadata("c"); ok {
		t.Errorf("c: %q", got)
	}
	for range 5 {
		if again := write(t, options, kinds); !bytes.Equal(again, file) {
			t.Fatal("the same file comes out otherwise")
		}
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	fresh := func(f arrow.Field) *arrow.Schema { return arrow.NewSchema([]arrow.Field{f}, nil) }
	for _, dt := range []arrow.DataType{
		arrow.PrimitiveTypes.Float64, arrow.PrimitiveTypes.Uint32, arrow.BinaryTypes.Binary, arrow.BinaryTypes.LargeString,
		arrow.FixedWidthTypes.Timestamp_ms, &arrow.TimestampType{Unit: arrow.Microsecond}, arrow.ListOf(arrow.PrimitiveTypes.Int32),
		arrow.StructOf(arrow.Field{Name: "x", Type: textType}), arrow.Null,
	} {
		if _, err := arrowfile.NewWriter(io.Discard, fresh(arrow.Field{Name: "odd", Type: dt}), arrowfile.Options{}); err == nil || !strings.Contains(err.Error(), "odd") {
			t.Errorf("%v: %v", dt, err)
		}
	}
	if _, err := arrowfile.NewWriter(io.Discard, kinds, arrowfile.Options{Sorting: []string{"absent"}}); err == nil || !strings.Contains(err.Error(), "absent") {
		t.Error(err)
	}
	if _, err := arrowfile.NewWriter(io.Discard, kinds, arrowfile.Options{Metadata: map[string]string{"k": "\xff"}}); err == nil {
		t.Error("metadata that is not UTF-8 is taken")
	}
	lists := arrow.Field{Name: "c", Type: listType, Nullable: true}
	for name, test := range map[string]struct {
		file arrow.Field
		rows arrow.Record
	}{
		"a NULL":              {arrow.Field{Name: "c", Type: textType}, rows(t, fresh(arrow.Field{Name: "c", Type: textType, Nullable: true}), `[{"c":null}]`)},
		"a NULL list":         {arrow.Field{Name: "c", Type: listType}, rows(t, fresh(lists), `[{"c":null}]`)},
		"a column of another": {arrow.Field{Name: "c", Type: textType}, rows(t, fresh(arrow.Field{Name: "c", Type: intType}), `[{"c":1}]`)},
		"too many columns":    {arrow.Field{Name: "c", Type: textType}, rows(t, kinds, start)},
	} {
		w, err := arrowfile.NewWriter(io.Discard, fresh(test.file), arrowfile.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(test.rows); err == nil {
			t.Errorf("%s is written", name)
		}
		if err := w.Close(); err == nil {
			t.Errorf("%s: the file is closed as if it were whole", name)
		}
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	w, err := arrowfile.NewWriter(io.Discard, kinds, arrowfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if w.Write(rows(t, kinds, start)) == nil || w.Close() == nil {
		t.Error("a closed file takes more")
	}
}

// TestFailingWriter lets the disk fill up at many places, and at each of the last
// bytes.
func TestFailingWriter(t *testing.T) {
	t.Parallel()
	r := rows(t, kinds, start)
	whole := len(write(t, arrowfile.Options{GroupRows: 2}, kinds, r, r))
	for limit := 0; limit < whole; limit++ {
		if limit%61 > 0 && limit < whole-16 {
			continue
		}
		for _, silent := range []bool{false, true} {
			w, err := arrowfile.NewWriter(&fullDisk{left: limit, silent: silent}, kinds, arrowfile.Options{GroupRows: 2})
			for range 2 {
				if err == nil {
					err = w.Write(r)
				}
			}
			if err == nil {
				err = w.Close()
			}
			if err == nil {
				t.Fatalf("no error when byte %d of %d cannot be written", limit, whole)
			}
		}
	}
}

// A fullDisk has room for so many bytes.
type fullDisk struct {
	left   int
	silent bool // it writes less without an error
}

func (d *fullDisk) Write(p []byte) (int, error) {
	if n := min(len(p), d.left); n < len(p) {
		d.left = 0
		if d.silent {
			return n, nil
		}
		return n, io.ErrShortBuffer
	}
	d.left -= len(p)
	return len(p), nil
}
