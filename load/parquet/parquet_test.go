package parquet_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/tracklake/tracklake/internal/pyreader"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/load/loadtest"
	"github.com/tracklake/tracklake/load/parquet"
	"github.com/tracklake/tracklake/transform"
)

func TestMain(m *testing.M) {
	if err := parquet.ReuseCompressors(); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// readScript prints columns of a table as DuckDB reads them.
const readScript = `
import sys, json, glob, duckdb
root, table, columns = sys.argv[1], sys.argv[2], sys.argv[3:]
pattern = f"{root}/{table}/**/*.parquet"
if not glob.glob(pattern, recursive=True):
    print("[]"); sys.exit()
con = duckdb.connect()
types = {name: kind for name, kind, *_ in con.execute(f"describe select * from read_parquet('{pattern}', hive_types_autocast=false)").fetchall()}
def text(c):
    k = types[c]
    if k.startswith("TIMESTAMP"): return f"epoch_us({c})::varchar"
    if k.endswith("[]"): return f"case when {c} is null then null when len({c}) = 0 then '[]' else '[' || array_to_string({c}, '|') || ']' end"
    return f"{c}::varchar"
rows = con.execute("select " + ", ".join(f"coalesce({text(c)}, 'NULL')" for c in columns) + f" from read_parquet('{pattern}', hive_types_autocast=false)").fetchall()
print(json.dumps(rows))
`

func TestSuite(t *testing.T) {
	t.Parallel()
	loadtest.Run(t, func(t *testing.T) loadtest.Harness {
		t.Helper()
		root := t.TempDir()
		open := func(t *testing.T) load.Destination {
			t.Helper()
			d, err := parquet.Open(t.Context(), root, parquet.Options{Version: "test"})
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		return loadtest.Harness{
			Destination: open(t),
			Reopen:      open,
			Rows: func(t *testing.T, table *transform.Schema, columns ...string) [][]string {
				t.Helper()
				var rows [][]string
				out := pyreader.Run(t, readScript, append([]string{root, table.Name}, columns...)...)
				if err := json.Unmarshal([]byte(out), &rows); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				return rows
			},
			Empty: func(t *testing.T, table *transform.Schema) {
				t.Helper()
				if err := os.RemoveAll(filepath.Join(root, table.Name)); err != nil {
					t.Fatal(err)
				}
			},
		}
	})
}
