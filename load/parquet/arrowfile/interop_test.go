package arrowfile_test

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/metadata"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/tracklake/tracklake/load/parquet/arrowfile"
)

// writeTheirs writes a record as pqarrow does.
func writeTheirs(t testing.TB, r arrow.Record, o ...parquet.WriterProperty) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := pqarrow.NewFileWriter(r.Schema(), &out, parquet.NewWriterProperties(o...), pqarrow.DefaultWriterProps())
	if err == nil {
		err = w.WriteBuffered(r)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestSchemaIsThatOfPqarrow(t *testing.T) {
	t.Parallel()
	want, err := pqarrow.ToParquet(kinds, nil, pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	r, err := file.NewParquetReader(bytes.NewReader(write(t, arrowfile.Options{}, kinds)))
	if err != nil {
		t.Fatal(err)
	}
	if got := r.MetaData().Schema; !got.Equals(want) {
		t.Errorf("got\n%v\nwant\n%v", got, want)
	}
}

func TestReadsPqarrow(t *testing.T) {
	t.Parallel()
	for name, o := range map[string][]parquet.WriterProperty{
		"as it is":       nil,
		"zstd":           {parquet.WithCompression(compress.Codecs.Zstd), parquet.WithDataPageSize(1000)},
		"snappy":         {parquet.WithCompression(compress.Codecs.Snappy), parquet.WithMaxRowGroupLength(700)},
		"no dictionary":  {parquet.WithDictionaryDefault(false)},
		"second version": {parquet.WithDataPageVersion(parquet.DataPageV2), parquet.WithCompression(compress.Codecs.Zstd), parquet.WithDataPageSize(1000)},
		"uncompressed":   {parquet.WithDataPageVersion(parquet.DataPageV2), parquet.WithDictionaryDefault(false)},
		"format 1.0":     {parquet.WithVersion(parquet.V1_0)},
		"small":          {parquet.WithDictionaryPageSizeLimit(500), parquet.WithDataPageSize(100), parquet.WithBatchSize(10)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, nulls := range []float64{0, 0.3, 1} {
				g := generator{random: rand.New(rand.NewPCG(4, 4)), distinct: 100, length: 20, nulls: nulls}
				r := g.record(kinds, 3000)
				same(t, read(t, writeTheirs(t, r, o...), nil, 1000), r)
			}
		})
	}
}

func TestReadsNullsInLists(t *testing.T) {
	t.Parallel()
	s := arrow.NewSchema([]arrow.Field{{Name: "l", Type: listType, Nullable: true}}, nil)
	r := rows(t, s, `[{"l":[null,"a"]},{"l":null},{"l":[]},{"l":[null]}]`)
	same(t, read(t, writeTheirs(t, r), nil, 10), rows(t, s, `[{"l":["","a"]},{"l":null},{"l":[]},{"l":[""]}]`))
}

func TestPqarrowReads(t *testing.T) {
	t.Parallel()
	for _, nulls := range []float64{0, 0.3, 1} {
		g := generator{random: rand.New(rand.NewPCG(5, 5)), distinct: 100, length: 20, nulls: nulls}
		r := g.record(kinds, 30_000)
		same(t, readAllTheirs(t, write(t, arrowfile.Options{GroupRows: 9000}, kinds, r)), r)
	}
}

func readAllTheirs(t *testing.T, data []byte) arrow.Record {
	t.Helper()
	r, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	reader, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	table, err := reader.ReadTable(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	records := array.NewTableReader(table, -1)
	var all []arrow.Record
	for records.Next() {
		records.Record().Retain()
		all = append(all, array.NewRecord(kinds, records.Record().Columns(), records.Record().NumRows()))
	}
	return join(t, all)
}

func TestForeignTypes(t *testing.T) {
	t.Parallel()
	for _, dt := range []arrow.DataType{
		arrow.PrimitiveTypes.Float64, arrow.PrimitiveTypes.Int16, arrow.PrimitiveTypes.Uint32, arrow.BinaryTypes.Binary,
		arrow.FixedWidthTypes.Timestamp_ms, &arrow.TimestampType{Unit: arrow.Microsecond}, arrow.ListOf(arrow.PrimitiveTypes.Int32),
		arrow.StructOf(arrow.Field{Name: "x", Type: textType}), arrow.MapOf(textType, textType), arrow.ListOf(listType),
	} {
		s := arrow.NewSchema([]arrow.Field{{Name: "fine", Type: textType}, {Name: "foreign", Type: dt, Nullable: true}}, nil)
		_, err := arrowfile.Open(bytes.NewReader(writeTheirs(t, rows(t, s, `[]`))))
		if err == nil || !strings.Contains(err.Error(), "column foreign") {
			t.Errorf("%v: %v", dt, err)
		}
	}
}

// checkStatistics compares what a file tells of its chunks with what they hold.
func checkStatistics(t *testing.T, data []byte) {
	t.Helper()
	r, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	whole := read(t, data, nil, 1<<20)
	from := int64(0)
	for g := range r.NumRowGroups() {
		group := r.RowGroup(g).MetaData()
		part := whole.NewSlice(from, from+group.NumRows())
		from += group.NumRows()
		for i := range group.NumColumns() {
			chunk, err := group.ColumnChunk(i)
			if err != nil {
				t.Fatal(err)
			}
			stats, err := chunk.Statistics()
			if err != nil {
				t.Fatal(err)
			}
			if stats == nil { // a chunk with empty texts has none
				if !hasEmptyText(part.Column(i)) {
					t.Errorf("%s has no statistics", part.ColumnName(i))
				}
				continue
			}
			checkBounds(t, part.ColumnName(i), part.Column(i), stats)
		}
	}
}

func hasEmptyText(a arrow.Array) bool {
	if list, ok := a.(*array.List); ok {
		a = list.ListValues()
	}
	texts, ok := a.(*array.String)
	for i := 0; ok && i < texts.Len(); i++ {
		if texts.IsValid(i) && texts.Value(i) == "" {
			return true
		}
	}
	return false
}

func checkBounds(t *testing.T, name string, a arrow.Array, stats metadata.TypedStatistics) {
	t.Helper()
	nulls := a.NullN()
	least, most := "none", "none"
	set := func(low, high any) { least, most = fmt.Sprint(low), fmt.Sprint(high) }
	switch a := a.(type) {
	case *array.String:
		bounds(a, a.Value, set)
	case *array.Int32:
		bounds(a, a.Value, set)
	case *array.Date32:
		bounds(a, func(i int) int32 { return int32(a.Value(i)) }, set)
	case *array.Int64:
		bounds(a, a.Value, set)
	case *array.Timestamp:
		bounds(a, func(i int) int64 { return int64(a.Value(i)) }, set)
	case *array.Boolean:
		bounds(a, func(i int) string { return fmt.Sprint(a.Value(i)) }, set)
	case *array.List:
		elements := array.NewStringBuilder(memory.DefaultAllocator)
		nulls = 0
		for i := range a.Len() {
			first, end := a.ValueOffsets(i)
			if a.IsNull(i) || first == end {
				nulls++
				continue
			}
			for k := first; k < end; k++ {
				elements.Append(a.ListValues().(*array.String).Value(int(k)))
			}
		}
		all := elements.NewStringArray()
		bounds(all, all.Value, set)
	}
	if stats.NullCount() != int64(nulls) {
		t.Errorf("%s: %d NULLs instead of %d", name, stats.NullCount(), nulls)
	}
	if len(least) > 4096 || len(most) > 4096 {
		return // too long to be there
	}
	low, high := "none", "none"
	if stats.HasMinMax() {
		low, high = told(stats)
	}
	if low != least || high != most {
		t.Errorf("%s: from %q to %q instead of %q to %q", name, low, high, least, most)
	}
}

func bounds[T cmp.Ordered](a arrow.Array, value func(int) T, set func(low, high any)) {
	var all []T
	for i := range a.Len() {
		if a.IsValid(i) {
			all = append(all, value(i))
		}
	}
	if len(all) > 0 {
		set(slices.Min(all), slices.Max(all))
	}
}

func told(stats metadata.TypedStatistics) (low, high string) {
	switch s := stats.(type) {
	case *metadata.ByteArrayStatistics:
		return string(s.Min()), string(s.Max())
	case *metadata.Int32Statistics:
		return fmt.Sprint(s.Min()), fmt.Sprint(s.Max())
	case *metadata.Int64Statistics:
		return fmt.Sprint(s.Min()), fmt.Sprint(s.Max())
	case *metadata.BooleanStatistics:
		return fmt.Sprint(s.Min()), fmt.Sprint(s.Max())
	}
	return "", ""
}
