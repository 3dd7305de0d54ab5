package arrowfile_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/internal/pyreader"
	"github.com/tracklake/tracklake/load/parquet/arrowfile"
)

// recent has what all readers can hold.
const recent = `[
	{"id":"a","text":"x","number":1,"position":-2147483648,"long":1,"size":-9007199254740991,"flag":true,"sure":true,"day":"2024-02-29","born":"1969-12-31","at":"2024-02-29T12:34:56.789012Z","seen":"1969-12-31T23:59:59.999999Z","names":["n1","n2",""],"ids":["i"]},
	{"id":"b","text":null,"number":null,"position":2147483647,"long":null,"size":9007199254740991,"flag":null,"sure":false,"day":null,"born":"1904-02-29","at":null,"seen":"2024-01-01T00:00:00Z","names":null,"ids":[]},
	{"id":"ü","text":"","number":0,"position":0,"long":0,"size":0,"flag":false,"sure":true,"day":"2099-12-31","born":"2000-01-01","at":"2099-12-31T23:59:59.999999Z","seen":"2000-01-01T00:00:00Z","names":[],"ids":["","",""]}
]`

const readThem = `
import datetime, json, sys
import duckdb, pandas, polars, pyarrow.parquet as pq

def plain(v):
    if v is None or v is pandas.NaT or v is pandas.NA: return None
    if isinstance(v, datetime.datetime):
        text = v.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".")
        return text + "Z"
    if isinstance(v, datetime.date): return v.isoformat()
    if isinstance(v, str | bool): return v
    if hasattr(v, "__iter__"): return [plain(e) for e in v]
    return v.item() if hasattr(v, "item") else v

def rows(dicts): return [{k: plain(v) for k, v in d.items()} for d in dicts]

path = sys.argv[1]
duck = duckdb.connect()
duck.execute("set timezone = 'UTC'")
found = duck.execute("select * from read_parquet(?)", [path])
names = [d[0] for d in found.description]
types = {d[0]: str(d[1]) for d in found.description}
file = pq.ParquetFile(path)
meta = file.metadata
chunks = [meta.row_group(0).column(i) for i in range(meta.num_columns)]
order = [[(s.column_index, s.descending, s.nulls_first) for s in meta.row_group(g).sorting_columns] for g in range(meta.num_row_groups)]
print(json.dumps({
    "duckdb": rows(dict(zip(names, r)) for r in found.fetchall()),
    "pandas": rows(pandas.read_parquet(path, dtype_backend="pyarrow").to_dict("records")),
    "polars": rows(polars.read_parquet(path).to_dicts()),
    "pyarrow": rows(pq.read_table(path).to_pylist()),
    "types": types,
    "logical": {str(c.path): str(c.logical_type) for c in [meta.schema.column(i) for i in range(meta.num_columns)]},
    "groups": [meta.row_group(g).num_rows for g in range(meta.num_row_groups)],
    "order": order,
    "created_by": meta.created_by,
    "metadata": {k.decode(): v.decode() for k, v in meta.metadata.items()},
    "bounds": {c.path_in_schema: c.statistics and [plain(c.statistics.min), plain(c.statistics.max), c.statistics.null_count, c.statistics.distinct_count] for c in chunks},
    "compression": sorted({c.compression for c in chunks}),
}))
`

// TestReaders lets other readers read a file, and look at what it says of itself.
func TestReaders(t *testing.T) {
	t.Parallel()
	options := arrowfile.Options{Sorting: []string{"id", "position"}, Metadata: map[string]string{"b": "2", "a": "ü"}, CreatedBy: "arrowfile test", GroupRows: 2}
	path := save(t, "file.parquet", write(t, options, kinds, rows(t, kinds, recent)))
	var got struct {
		DuckDB, Pandas, Polars, PyArrow []map[string]any
		Types, Logical, Metadata        map[string]string
		Groups                          []int
		Order                           [][][3]any
		CreatedBy                       string `json:"created_by"`
		Bounds                          map[string][]any
		Compression                     []string
	}
	if err := json.Unmarshal([]byte(pyreader.Run(t, readThem, path)), &got); err != nil {
		t.Fatal(err)
	}
	var want []map[string]any
	if err := json.Unmarshal([]byte(recent), &want); err != nil {
		t.Fatal(err)
	}
	for name, rows := range map[string][]map[string]any{"duckdb": got.DuckDB, "pandas": got.Pandas, "polars": got.Polars, "pyarrow": got.PyArrow} {
		if diff := cmp.Diff(want, rows); diff != "" {
			t.Errorf("%s reads (- want, + got)\n%s", name, diff)
		}
	}
	const stamp = "Timestamp(isAdjustedToUTC=true, timeUnit=microseconds, is_from_converted_type=false, force_set_converted_type=false)"
	sorted := [][3]any{{0.0, false, false}, {3.0, false, false}}
	for _, c := range []struct{ got, want any }{
		{got.Groups, []int{2, 1}},
		{got.Order, [][][3]any{sorted, sorted}},
		{got.CreatedBy, "arrowfile test"},
		{got.Metadata, options.Metadata},
		{got.Compression, []string{"ZSTD"}},
		{got.Bounds, map[string][]any{
			"id": {"a", "b", 0.0, nil}, "text": {"x", "x", 1.0, nil}, "number": {1.0, 1.0, 1.0, nil}, "position": {-2147483648.0, 2147483647.0, 0.0, nil},
			"long": {1.0, 1.0, 1.0, nil}, "size": {-9007199254740991.0, 9007199254740991.0, 0.0, nil}, "flag": {true, true, 1.0, nil}, "sure": {false, true, 0.0, nil},
			"day": {"2024-02-29", "2024-02-29", 1.0, nil}, "born": {"1904-02-29", "1969-12-31", 0.0, nil}, "at": {"2024-02-29T12:34:56.789012Z", "2024-02-29T12:34:56.789012Z", 1.0, nil},
			"seen": {"1969-12-31T23:59:59.999999Z", "2024-01-01T00:00:00Z", 0.0, nil}, "names.list.element": nil, "ids.list.element": {"i", "i", 1.0, nil},
		}},
		{got.Logical, map[string]string{
			"id": "String", "text": "String", "number": "Int(bitWidth=32, isSigned=true)", "position": "Int(bitWidth=32, isSigned=true)",
			"long": "Int(bitWidth=64, isSigned=true)", "size": "Int(bitWidth=64, isSigned=true)", "flag": "None", "sure": "None", "day": "Date", "born": "Date",
			"at": stamp, "seen": stamp, "names.list.element": "String", "ids.list.element": "String",
		}},
		{got.Types, map[string]string{
			"id": "VARCHAR", "text": "VARCHAR", "number": "INTEGER", "position": "INTEGER", "long": "BIGINT", "size": "BIGINT", "flag": "BOOLEAN", "sure": "BOOLEAN",
			"day": "DATE", "born": "DATE", "at": "TIMESTAMP WITH TIME ZONE", "seen": "TIMESTAMP WITH TIME ZONE", "names": "VARCHAR[]", "ids": "VARCHAR[]",
		}},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("- want, + got\n%s", diff)
		}
	}
}

const compareThem = `
import sys
import duckdb, polars, pyarrow.parquet as pq
ours, theirs = sys.argv[1:]
duck = duckdb.connect()
def both(query): return [duck.execute(query, [p]).fetchall() for p in (ours, theirs)]
count = duck.execute("select count(*) from (select * from read_parquet($1) except all select * from read_parquet($2))", [ours, theirs]).fetchone()[0]
assert count == 0, f"DuckDB sees {count} other rows"
a, b = both("select count(*), count(text), min(id), max(id), min(seen), max(position), sum(len(names)) from read_parquet(?)")
assert a == b, (a, b)
a, b = both("select count(*) from read_parquet(?) where id > '8' and sure and position > 5")
assert a == b and a[0][0] > 0, (a, b)
assert polars.read_parquet(ours).equals(polars.read_parquet(theirs)), "polars"
assert pq.read_table(ours).equals(pq.read_table(theirs)), "pyarrow"
`

// TestReadersOfManyRows lets other readers compare a file with one of the same
// rows that pqarrow has written.
func TestReadersOfManyRows(t *testing.T) {
	t.Parallel()
	for _, distinct := range []int{30, 15_000, 1 << 30} {
		for _, nulls := range []float64{0, 0.1, 1} {
			t.Run(fmt.Sprint(distinct, nulls), func(t *testing.T) {
				t.Parallel()
				g := generator{random: rand.New(rand.NewPCG(8, 8)), distinct: distinct, length: 150, nulls: nulls}
				r := g.record(kinds, 25_000)
				ours, theirs := write(t, arrowfile.Options{GroupRows: 20_000}, kinds, r), writeTheirs(t, r)
				pyreader.Run(t, compareThem, save(t, "ours", ours), save(t, "theirs", theirs))
			})
		}
	}
}

func save(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
