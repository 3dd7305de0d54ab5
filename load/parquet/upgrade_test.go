package parquet_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/internal/pyreader"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/load/parquet"
	"github.com/tracklake/tracklake/transform"
)

// newerFacts is the table of facts as a later version declares it: with a column
// more in the middle, and plays of twice the width.
func newerFacts() transform.Table[item] {
	t := facts()
	for i, c := range t.Columns {
		switch c.Name {
		case "plays":
			t.Columns[i] = transform.OptInt64("plays", "Plays.", func(i *item) *int64 {
				if i.plays == nil {
					return nil
				}
				n := int64(*i.plays) * 10_000_000_000
				return &n
			})
		case "tags":
			t.Columns[i] = transform.OptString("mood", "Mood.", func(i *item) *string { return i.name })
			t.Columns = append(t.Columns, c)
		}
	}
	return t
}

func newerOptions() parquet.Options {
	o := options()
	o.Tables = append([]*transform.Schema{}, o.Tables...)
	newer, err := newerFacts().Schema()
	if err != nil {
		panic(err)
	}
	o.Tables[0] = newer
	return o
}

// fourReaders counts what each reader finds in facts, in the ways of the README.
const fourReaders = `
import sys, json, pandas, polars, duckdb, pyarrow.dataset, pyarrow.compute as pc
root = sys.argv[1]
out = {}
def put(name, rows, plays, moods, kind):
    out[name] = [int(rows), int(plays), int(moods), kind]
q = f"select count(*), sum(plays)::bigint, count(mood), any_value(typeof(plays)) from read_parquet('{root}/facts/**/*.parquet')"
put("duckdb", *duckdb.sql(q).fetchone()[:3], duckdb.sql(q).fetchone()[3])
f = pandas.read_parquet(f"{root}/facts")
put("pandas", len(f), f.plays.sum(), f.mood.count(), "BIGINT" if set(f.plays.dropna() % 1) <= {0} else str(f.plays.dtype))
p = polars.read_parquet(f"{root}/facts/**/*.parquet")
put("polars", p.height, p["plays"].sum(), p["mood"].count(), "BIGINT" if p["plays"].dtype == polars.Int64 else str(p["plays"].dtype))
d = pyarrow.dataset.dataset(f"{root}/facts").to_table()
put("pyarrow", d.num_rows, pc.sum(d["plays"]).as_py(), d.num_rows - d["mood"].null_count, "BIGINT" if str(d["plays"].type) == "int64" else str(d["plays"].type))
print(json.dumps(out))
`

// TestReadersOfALakeThatGrew adds a column and widens another under a lake of two accounts, of
// which only one is exported again, and reads it with every reader.
func TestReadersOfALakeThatGrew(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	d := openAt(t, root, options())
	exportAs(t, d, "0123", 1)
	exportAs(t, d, "acc_2", 1)
	for dry, want := range []int{1, 1, 0} { // a dry run, one that does it, and another
		done, err := parquet.Migrate(t.Context(), root, newerOptions(), dry == 0)
		if err != nil || len(done) != want {
			t.Errorf("migrated %v, %v; want %d", done, err, want)
		}
	}
	d = openAt(t, root, newerOptions())
	s, state, err := d.Begin(t.Context(), newerJob(2))
	if err != nil {
		t.Fatal(err)
	}
	if len(state.State) != 1 {
		t.Errorf("state %v: the upgrade lost it", state)
	}
	if err := stageIn(t.Context(), s, newerFacts(), "0123", items(2, 5, 15)); err != nil {
		t.Fatal(err)
	}
	result, err := s.Commit(t.Context(), load.Change{Run: newerJob(2).Run})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(load.Count{Added: 5, Changed: 5}, load.Count{}.Add(result.Tables["facts"])); diff != "" {
		t.Error(diff)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	plays := 0
	for _, it := range items(1, 0, 5) {
		if it.plays != nil {
			plays += 2 * int(*it.plays) // of both accounts
		}
	}
	moods := 0
	for _, it := range items(1, 5, 10) {
		if it.plays != nil {
			plays += int(*it.plays)
		}
	}
	for _, it := range items(2, 5, 15) {
		if it.plays != nil {
			plays += 10_000_000_000 * int(*it.plays)
		}
		if it.name != nil {
			moods++
		}
	}
	var got map[string][]any
	out := pyreader.Run(t, fourReaders, root)
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, reader := range []string{"duckdb", "pandas", "polars", "pyarrow"} {
		if diff := cmp.Diff([]any{25.0, float64(plays), float64(moods), "BIGINT"}, got[reader]); diff != "" {
			t.Errorf("%s (-want, +got):\n%s", reader, diff)
		}
	}
}

func newerJob(gen int) load.Job {
	j := job(gen)
	j.Account, j.Run.Account, j.Tables, j.Run.Status = "0123", "0123", newerOptions().Tables, load.StatusOK
	j.Run.FinishedAt = moment(gen + 1)
	return j
}

// TestAnUpgradeIsCompletedAfterACrash lets each step of an upgrade fail once.
func TestAnUpgradeIsCompletedAfterACrash(t *testing.T) {
	t.Parallel()
	first := t.TempDir()
	d := openAt(t, first, options())
	exportAs(t, d, "a", 1)
	exportAs(t, d, "b", 1)
	whole := copyOf(t, first)
	openAt(t, whole, newerOptions())
	want := readBack(t, whole)
	broken := errors.New("crash")
	for fail := 1; ; fail++ {
		root := copyOf(t, first)
		step := 0
		_, err := parquet.Open(t.Context(), root, parquet.WithFaults(newerOptions(), func(string, string) error {
			if step++; step == fail {
				return broken
			}
			return nil
		}))
		if err == nil {
			if fail < 20 {
				t.Fatalf("only %d steps can fail", fail)
			}
			return
		}
		if !errors.Is(err, broken) {
			t.Fatal(err)
		}
		openAt(t, root, newerOptions())
		if diff := cmp.Diff(want, readBack(t, root)); diff != "" {
			t.Fatalf("after step %d:\n%s", fail, diff)
		}
	}
}

// TestLakesThatAreRefused opens lakes that this version must not write to.
func TestLakesThatAreRefused(t *testing.T) {
	t.Parallel()
	older := func(t *testing.T) string {
		t.Helper()
		root := t.TempDir()
		exportAs(t, openAt(t, root, options()), "a", 1)
		return root
	}
	newer := func(t *testing.T) string {
		t.Helper()
		root := older(t)
		openAt(t, root, newerOptions())
		return root
	}
	first := func(t *testing.T) string {
		t.Helper()
		root := t.TempDir()
		name := filepath.Join(root, "_exporter", "fences", "a.job.json")
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte("7\n"), 0o600)); err != nil {
			t.Fatal(err)
		}
		return root
	}
	kept := newerOptions()
	kept.NoMigrate = true
	tests := map[string]struct {
		lake    func(*testing.T) string
		options parquet.Options
		want    string
	}{
		"newer columns":          {newer, options(), "written by a newer version"},
		"older, not to migrate":  {older, kept, "lack columns of this version: columns of facts"},
		"absent, not to migrate": {func(t *testing.T) string { t.Helper(); return t.TempDir() }, kept, "lack columns of this version"},
		"the first release":      {first, options(), "first release"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := tt.lake(t)
			before := names(t, root)
			d, err := parquet.Open(t.Context(), root, tt.options)
			if err == nil {
				_, _, err = d.Begin(t.Context(), job(1))
			}
			var refused *load.SchemaError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), tt.want) || refused.Advice == "" {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if diff := cmp.Diff(before, names(t, root)); diff != "" {
				t.Errorf("the lake has changed:\n%s", diff)
			}
		})
	}
}

// names lists the files of a lake with their sizes, without the locks.
func names(t *testing.T, root string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(path) == ".lock" {
			return err
		}
		info, err := e.Info()
		out = append(out, fmt.Sprint(path, " ", info.Size()))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestAnUpgradeWaitsForNoRun refuses to change files under a run of another version,
// and stops that version's next run.
func TestAnUpgradeWaitsForNoRun(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	old := openAt(t, root, options())
	s, _, err := old.Begin(t.Context(), job(1))
	if err != nil {
		t.Fatal(err)
	}
	var locked *load.LockedError
	if _, err := parquet.Open(t.Context(), root, newerOptions()); !errors.As(err, &locked) {
		t.Errorf("upgrade under a run: %v", err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	openAt(t, root, newerOptions())
	var refused *load.SchemaError
	if _, _, err := old.Begin(t.Context(), job(2)); !errors.As(err, &refused) {
		t.Errorf("a run of the older version: %v", err)
	}
}

// readWhileReplaced reads facts over and over until a file tells it to stop, and
// prints how many reads found anything but whole generations.
const readWhileReplaced = `
import sys, time, json, pandas, polars, duckdb, pyarrow.dataset
root, end = sys.argv[1], time.time() + 6
wrong, transient, reads = [], 0, 0
def check(name, ids, gens):
    if len(ids) != len(set(ids)) or len(ids) != 400 or len(set(gens)) != 1:
        wrong.append([name, len(ids), len(set(ids)), sorted(set(gens))])
def by_duckdb():
    rows = duckdb.sql(f"select id, gen from read_parquet('{root}/facts/**/*.parquet')").fetchall()
    check("duckdb", [r[0] for r in rows], [r[1] for r in rows])
def by_pandas():
    f = pandas.read_parquet(f"{root}/facts"); check("pandas", list(f.id), list(f.gen))
def by_polars():
    f = polars.read_parquet(f"{root}/facts/**/*.parquet"); check("polars", f["id"].to_list(), f["gen"].to_list())
def by_pyarrow():
    f = pyarrow.dataset.dataset(f"{root}/facts").to_table(); check("pyarrow", f["id"].to_pylist(), f["gen"].to_pylist())
while time.time() < end:
    for read in (by_duckdb, by_pandas, by_polars, by_pyarrow):
        reads += 1
        try: read()
        except Exception as e:
            # DuckDB takes a file's size before it opens it, and may find another one.
            transient += 1
            try: read()
            except Exception as e: wrong.append([read.__name__, str(e)[:200]])
print(json.dumps({"wrong": wrong, "transient": transient, "reads": reads}))
`

// TestReadersWhileFilesAreReplaced never finds a row twice, nor half a run.
func TestReadersWhileFilesAreReplaced(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	d := openAt(t, root, options())
	replace := func(gen int) {
		s, _, err := d.Begin(t.Context(), job(gen))
		if err != nil {
			t.Fatal(err)
		}
		if err := stageIn(t.Context(), s, facts(), "acc-1", items(gen, 0, 400)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Commit(t.Context(), load.Change{Run: record(gen, load.StatusOK)}); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	replace(1)
	done := make(chan string, 1)
	go func() {
		defer close(done) // also after a reader that failed
		done <- pyreader.Run(t, readWhileReplaced, root)
	}()
	gen, out, reading := 2, "", true
	for ; reading && out == ""; gen++ {
		replace(gen)
		select {
		case out, reading = <-done:
		default:
		}
	}
	var got struct {
		Wrong     []any `json:"wrong"`
		Transient int   `json:"transient"`
		Reads     int   `json:"reads"`
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d files, %d reads, %d transient errors", gen-1, got.Reads, got.Transient)
	if len(got.Wrong) > 0 || got.Reads < 8 || gen < 20 || got.Transient > got.Reads/10 {
		t.Errorf("%+v", got)
	}
}
