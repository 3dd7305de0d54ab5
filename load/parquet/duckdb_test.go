package parquet_test

import (
	"encoding/json"
	"testing"

	"github.com/tracklake/tracklake/internal/pyreader"
	"github.com/tracklake/tracklake/load/loadtest"
)

// readScript prints columns of a folder as DuckDB reads them.
const readScript = `
import sys, json, glob, duckdb
folder, columns = sys.argv[1], sys.argv[2:]
pattern = f"{folder}/**/*.parquet"
if not glob.glob(pattern, recursive=True):
    print("[]"); sys.exit()
con = duckdb.connect()
types = {name: kind for name, kind, *_ in con.execute(f"describe select * from read_parquet('{pattern}')").fetchall()}
def text(c):
    k = types[c]
    if k.startswith("TIMESTAMP"): return f"epoch_us({c})::varchar"
    if k.endswith("[]"): return f"case when {c} is null then null when len({c}) = 0 then '[]' else '[' || array_to_string({c}, '|') || ']' end"
    return f"{c}::varchar"
rows = con.execute("select " + ", ".join(f"coalesce({text(c)}, 'NULL')" for c in columns) + f" from read_parquet('{pattern}')").fetchall()
print(json.dumps(rows))
`

// TestReadersOfTheSuite reads back with DuckDB what the suite has written.
func TestReadersOfTheSuite(t *testing.T) {
	t.Parallel()
	loadtest.Run(t, harness(suite(), func(folder string, columns ...string) (rows [][]string, err error) {
		out := pyreader.Run(t, readScript, append([]string{folder}, columns...)...)
		return rows, json.Unmarshal([]byte(out), &rows)
	}))
}
