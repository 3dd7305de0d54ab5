package parquet_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/internal/pyreader"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/load/parquet"
)

// catalogOptions are those of a lake as the program makes it.
func catalogOptions() parquet.Options {
	return parquet.Options{Version: "test", Tables: catalog.Tables(), Views: catalog.Views()}
}

// TestReadersFindAllOfAnEmptyLake finds every table and every view of the catalog in a lake
// that nothing was written to, from another folder, and after the lake has moved.
func TestReadersFindAllOfAnEmptyLake(t *testing.T) {
	t.Parallel()
	root := filepath.Join(t.TempDir(), "it's a lake")
	openAt(t, root, catalogOptions())
	moved := filepath.Join(t.TempDir(), "moved")
	if err := os.CopyFS(moved, os.DirFS(root)); err != nil {
		t.Fatal(err)
	}
	const script = `
import sys, json, os, duckdb
views, root, columns = sys.argv[1], sys.argv[2], {}
os.chdir("/")
con = duckdb.connect()
if root: con.execute("SET VARIABLE tracklake = '" + root.replace("'", "''") + "'")
con.execute(open(views).read())
names = con.execute("select view_name from duckdb_views() where not internal").fetchall()
names += con.execute("select schema_name || '.' || function_name || '(DATE ''2026-11-01'')' from duckdb_functions() where function_type = 'table_macro' and not internal").fetchall()
for (name,) in names:
    columns[name] = [c[0] + " " + c[1] for c in con.execute(f"describe select * from {name}").fetchall()]
    assert con.execute(f"select count(*) from {name}").fetchone() == (0,)
print(json.dumps(columns))
`
	want := map[string][]string{}
	types := map[string]string{
		"text": "VARCHAR", "integer": "INTEGER", "boolean": "BOOLEAN", "date": "DATE", "timestamptz": "TIMESTAMP WITH TIME ZONE", "text[]": "VARCHAR[]",
	}
	for _, s := range catalog.Tables() {
		for _, f := range s.Columns() {
			want[s.Name] = append(want[s.Name], f.Name+" "+types[f.SQLType()])
		}
	}
	for _, v := range catalog.Views() {
		name := v.Path("")
		if len(v.Arguments) > 0 {
			name += "(DATE '2026-11-01')" // the only type of an argument
		}
		for _, f := range v.Fields {
			want[name] = append(want[name], f.Name+" "+types[f.SQLType()])
		}
	}
	for name, args := range map[string][]string{
		"as written":            {filepath.Join(root, "views.sql"), ""},
		"moved, by a variable":  {filepath.Join(root, "views.sql"), moved},
		"moved, and opened now": {filepath.Join(moved, "views.sql"), ""},
	} {
		if strings.HasPrefix(name, "moved") {
			if err := os.RemoveAll(filepath.Join(root, "saved_tracks")); err != nil {
				t.Fatal(err)
			}
		}
		if name == "moved, and opened now" {
			openAt(t, moved, catalogOptions())
		}
		if name == "as written" {
			openAt(t, root, catalogOptions()) // makes what is missing
		}
		var got map[string][]string
		if err := json.Unmarshal([]byte(pyreader.Run(t, script, args...)), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want, +got):\n%s", name, diff)
		}
	}
}

// TestReadersSeeAccountsAsTheyAre reads accounts whose names readers would take for
// something else: numbers, hidden files, patterns.
func TestReadersSeeAccountsAsTheyAre(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	d := openAt(t, root, options())
	accounts := []string{"0123", "_hidden", ".dot", "a/b*c[d]", "Ünï=x", "%41", "."}
	for _, a := range accounts {
		exportAs(t, d, a, 1)
	}
	const script = `
import sys, json, pandas, polars, duckdb, pyarrow.dataset
root = sys.argv[1]
print(json.dumps([
  sorted(r[0] for r in duckdb.sql(f"select distinct account_id from read_parquet('{root}/facts/**/*.parquet')").fetchall()),
  sorted(set(pandas.read_parquet(f"{root}/facts").account_id)),
  sorted(set(polars.read_parquet(f"{root}/facts/**/*.parquet")["account_id"])),
  sorted(set(pyarrow.dataset.dataset(f"{root}/facts").to_table()["account_id"].to_pylist())),
]))
`
	var got [][]string
	if err := json.Unmarshal([]byte(pyreader.Run(t, script, root)), &got); err != nil {
		t.Fatal(err)
	}
	slices.Sort(accounts)
	for i, reader := range []string{"duckdb", "pandas", "polars", "pyarrow"} {
		if diff := cmp.Diff(accounts, got[i]); diff != "" {
			t.Errorf("%s (-want, +got):\n%s", reader, diff)
		}
	}
}

// TestReadersSeeWhatFilesDeclare asks pyarrow about row groups, order and types.
func TestReadersSeeWhatFilesDeclare(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	exportAs(t, openAt(t, root, options()), "acc-1", 1)
	const script = `
import sys, json, pyarrow.parquet as pq
f = pq.ParquetFile(sys.argv[1])
g = f.metadata.row_group(0)
names = [g.column(i).path_in_schema for i in range(g.num_columns)]
print(json.dumps({
  "sorting": [[names[s.column_index], s.descending] for s in g.sorting_columns],
  "codecs": sorted({g.column(i).compression for i in range(g.num_columns)}),
  "stats": [names[i] for i in range(g.num_columns) if g.column(i).statistics is None],
  "ids": f.read(["id"])["id"].to_pylist() == sorted(f.read(["id"])["id"].to_pylist()),
  "table": f.metadata.metadata[b"tracklake.table"].decode(),
  "doc": f.metadata.metadata[b"tracklake.column.plays"].decode(),
}))
`
	got := pyreader.Run(t, script, filepath.Join(root, "facts", "acc-1", "part-0.parquet"))
	want := `{"sorting": [["account_id", false], ["id", false]], "codecs": ["ZSTD"], "stats": [], "ids": true, "table": "facts", "doc": "Plays."}`
	if diff := cmp.Diff(want, strings.TrimSpace(got)); diff != "" {
		t.Error(diff)
	}
}

// TestModesAreThoseOfTheUser lets the umask decide who may read a lake.
func TestModesAreThoseOfTheUser(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	exportAs(t, openAt(t, root, options()), "acc-1", 1)
	probe := filepath.Join(t.TempDir(), "folder")
	if err := errors.Join(os.Mkdir(probe, 0o777), os.WriteFile(filepath.Join(probe, "file"), nil, 0o666)); err != nil {
		t.Fatal(err)
	}
	mode := func(path string) fs.FileMode {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode().Perm()
	}
	for _, name := range []string{"facts", "facts/acc-1", "places/acc-1/long", "_exporter"} {
		if got, want := mode(filepath.Join(root, name)), mode(probe); got != want {
			t.Errorf("folder %s has mode %v, want %v", name, got, want)
		}
	}
	for _, name := range []string{"facts/part-0.parquet", "facts/acc-1/part-0.parquet", "views.sql", "_exporter/lake.json"} {
		if got, want := mode(filepath.Join(root, name)), mode(filepath.Join(probe, "file")); got != want {
			t.Errorf("file %s has mode %v, want %v", name, got, want)
		}
	}
}

// TestFilesLastBeforeTheyCount follows the steps of a publication: every file is
// synced before it gets its name, its folder after it, and state and record come
// last.
func TestFilesLastBeforeTheyCount(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	var steps []string
	o := parquet.WithFaults(options(), func(step, path string) error {
		name, err := filepath.Rel(root, path)
		steps = append(steps, step+" "+name)
		return err
	})
	exportAs(t, openAt(t, root, o), "acc-1", 1)
	at := func(step string) int {
		i := slices.Index(steps, step)
		if i < 0 {
			t.Fatalf("no step %q in\n%s", step, strings.Join(steps, "\n"))
		}
		return i
	}
	journal := at("rename _exporter/commit.json")
	for i, s := range steps { // the making of the lake has a journal of its own
		if s == "rename _exporter/commit.json" {
			journal = i
		}
	}
	for i, s := range steps {
		name, ok := strings.CutPrefix(s, "rename _exporter/staging/acc-1.job.")
		if !ok {
			continue
		}
		synced := at(fmt.Sprintf("sync _exporter/staging/acc-1.job.%s.new", name))
		if synced > i || i > journal || !slices.Contains(steps[i:journal], "syncdir _exporter/staging") {
			t.Errorf("staged file %s: synced at %d, renamed at %d, journal at %d", name, synced, i, journal)
		}
	}
	after := steps[journal:]
	order := []string{
		"syncdir _exporter", "rename facts/acc-1/part-0.parquet", "syncdir facts/acc-1", "rename places/acc-1/long/part-0.parquet",
		"rename places/acc-1/short/part-0.parquet", "rename things/acc-1/part-0.parquet", "syncdir things/acc-1",
		"rename _exporter/state/acc-1.job.json", "rename _exporter/rows/acc-1.job.json", "rename _exporter/runs/acc-1.job.json",
		"syncdir _exporter/runs", "remove _exporter/commit.json", "syncdir _exporter",
	}
	for _, want := range order {
		i := slices.Index(after, want)
		if i < 0 {
			t.Fatalf("no step %q in its place after the journal:\n%s", want, strings.Join(steps[journal:], "\n"))
		}
		after = after[i+1:]
	}
}

// TestAKilledRunIsClearedByTheNext leaves files in the staging folder, and a journal
// that was withdrawn does not come back.
func TestAKilledRunIsClearedByTheNext(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	exportAs(t, openAt(t, root, options()), "acc-1", 1)
	staging := filepath.Join(root, "_exporter", "staging")
	for _, name := range []string{"acc-1.job.1", "acc-1.job.2.new", "acc-1.job.facts.1.run", "acc-1.job2.1"} {
		if err := os.WriteFile(filepath.Join(staging, name), []byte("left"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, _, err := openAt(t, root, options()).Begin(t.Context(), job(2))
	if err != nil {
		t.Fatal(err)
	}
	if left := entries(t, staging); !slices.Equal(left, []string{"acc-1.job2.1"}) {
		t.Errorf("left: %v; the file of the other job is its own", left)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func entries(t *testing.T, folder string) []string {
	t.Helper()
	list, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range list {
		out = append(out, e.Name())
	}
	return out
}

// TestADamagedFileIsNamed tells which file to move away, and goes on when it is gone.
func TestADamagedFileIsNamed(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	d := openAt(t, root, options())
	exportAs(t, d, "acc-1", 1)
	name := filepath.Join(root, "facts", "acc-1", "part-0.parquet")
	if err := os.Truncate(name, 100); err != nil {
		t.Fatal(err)
	}
	_, _, err := d.Begin(t.Context(), job(2))
	var hint interface{ Hint() string }
	if err == nil || !strings.Contains(err.Error(), "facts/acc-1/part-0.parquet") || !errors.As(err, &hint) || !strings.Contains(hint.Hint(), "move it away") {
		t.Fatalf("error %v", err)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	s, start, err := d.Begin(t.Context(), job(2))
	if err != nil || len(start.State) > 0 || !slices.Equal(start.Missing, []string{"facts"}) {
		t.Errorf("start %v, %v", start, err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestSpilledRowsAreMerged stages more rows than stay in memory, in several commits,
// some of them twice and some discarded.
func TestSpilledRowsAreMerged(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	d := openAt(t, root, parquet.WithPause(options(), 1<<60))
	s, _, err := d.Begin(t.Context(), job(1))
	if err != nil {
		t.Fatal(err)
	}
	commit := func(c load.Change) load.Result {
		result, err := s.Commit(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	put := func(gen, from, to int) {
		if err := stageIn(t.Context(), s, facts(), "acc-1", items(gen, from, to)); err != nil {
			t.Fatal(err)
		}
	}
	commit(load.Change{Run: record(1, load.StatusRunning)}) // published at once
	for from := 0; from < 40_000; from += 1000 {
		put(1, from, from+1000)
	}
	put(2, 100, 200)
	commit(load.Change{Run: record(1, load.StatusRunning)})
	for from := 50_000; from < 70_000; from += 1000 {
		put(1, from, from+1000)
	}
	if err := s.Discard(t.Context()); err != nil {
		t.Fatal(err)
	}
	put(3, 150, 250)
	result := commit(load.Change{Run: record(1, load.StatusOK)})
	if diff := cmp.Diff(load.Count{Added: 40_000, Changed: 100}, load.Count{}.Add(result.Tables["facts"])); diff != "" {
		t.Error(diff)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	gens := map[string]int{}
	for _, row := range readBack(t, root) {
		gens[strings.Fields(row)[3]]++
	}
	if diff := cmp.Diff(map[string]int{"gen=1": 39_850, "gen=2": 50, "gen=3": 100, "resource=facts": 40_000}, gens); diff != "" {
		t.Error(diff)
	}
	if left := entries(t, filepath.Join(root, "_exporter", "staging")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
