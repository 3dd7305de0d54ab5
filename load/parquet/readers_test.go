package parquet_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/internal/pyreader"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/load/parquet"
	"github.com/tracklake/tracklake/transform"
)

// An item makes one row in each of the tables of these tests: one of which removals
// mark rows, which is logged, one that is split and of which they delete rows, and one without
// removals.
type item struct {
	id    string
	span  string
	name  *string
	gen   int32
	plays *int32
	loved *bool
	added time.Time
	day   time.Time
	tags  []string
}

func columns(more ...transform.Column[item]) []transform.Column[item] {
	return append([]transform.Column[item]{
		transform.String("id", "Id.", func(i *item) string { return i.id }),
		transform.Int32("gen", "Run that wrote the row.", func(i *item) int32 { return i.gen }),
		transform.OptString("name", "Name.", func(i *item) *string { return i.name }),
	}, more...)
}

func facts() transform.Table[item] {
	return transform.Table[item]{
		Name: "facts", Doc: "Facts.", Key: []string{"id"}, Removable: true,
		Log: &transform.Log{Item: []string{"id"}, Name: "name"},
		Columns: columns(
			transform.OptInt32("plays", "Plays.", func(i *item) *int32 { return i.plays }),
			transform.OptBool("loved", "Loved.", func(i *item) *bool { return i.loved }),
			transform.Time("added_at", "Added.", func(i *item) time.Time { return i.added }),
			transform.Date("out_on", "Out.", func(i *item) time.Time { return i.day }),
			transform.Strings("tags", "Tags.", func(i *item) []string { return i.tags }, func(s *string) string { return *s }),
		),
	}
}

func places() transform.Table[item] {
	return transform.Table[item]{
		Name: "places", Doc: "Places.", Key: []string{"span", "id"}, Split: 1,
		Columns: columns(transform.String("span", "Span.", func(i *item) string { return i.span })),
	}
}

func things() transform.Table[item] {
	return transform.Table[item]{Name: "things", Doc: "Things.", Key: []string{"id"}, Removable: true, Columns: columns()}
}

func schemas() []*transform.Schema {
	var out []*transform.Schema
	for _, t := range []transform.Table[item]{facts(), places(), things()} {
		s, err := t.Schema()
		if err != nil {
			panic(err)
		}
		out = append(out, s)
	}
	return append(out, changeLog())
}

// items makes those of a generation, with ids from one number to before another.
func items(gen, from, to int) []item {
	var out []item
	for i := from; i < to; i++ {
		it := item{id: fmt.Sprintf("id-%05d", i), span: []string{"long", "short"}[i%2], gen: int32(gen), tags: []string{}}
		if i%3 > 0 {
			name := fmt.Sprintf("Name %d of %d ü", i, gen)
			it.name, it.tags = &name, []string{"a b", "ü"}
			it.added = time.Date(2026, 11, 1, 0, 0, i, 123456000, time.UTC)
			it.day = time.Date(1969, 12, 1+i%28, 0, 0, 0, 0, time.UTC)
		}
		if i%3 > 1 {
			plays, loved := int32(-i), i%2 == 0
			it.plays, it.loved, it.tags = &plays, &loved, nil
		}
		out = append(out, it)
	}
	return out
}

func moment(gen int) time.Time { return time.Date(2026, 11, 2, 3, 0, gen, 0, time.UTC) }

func record(gen int, status load.Status) load.Run {
	r := load.Run{
		ID: fmt.Sprintf("run-%d", gen), Account: "acc-1", Job: "job", Resource: "test", Kind: "run",
		Status: status, StartedAt: moment(gen), Version: "test",
	}
	if r.Finished() {
		r.FinishedAt = moment(gen + 1)
	}
	return r
}

func job(gen int) load.Job {
	return load.Job{Account: "acc-1", Name: "job", Resource: "test", Tables: schemas(), Run: record(gen, load.StatusRunning)}
}

// options are those of a lake with the tables of these tests.
func options() parquet.Options { return parquet.Options{Version: "test", Tables: schemas()} }

// mark is the state of a commit.
func mark(gen, commit int) load.State {
	return load.State{"last": json.RawMessage(fmt.Sprintf(`"%d.%d"`, gen, commit))}
}

// removals say that facts and places were read completely.
func removals() []load.Removal {
	return []load.Removal{{Table: "facts"}, {Table: "places", Where: []load.Match{{Column: "span", Values: []string{"long", "short"}}}}}
}

// stage writes items to all tables.
func stage(ctx context.Context, s load.Session, all []item) error {
	return stageAs(ctx, s, "acc-1", all)
}

func stageAs(ctx context.Context, s load.Session, account string, all []item) error {
	for part := range slices.Chunk(all, 600) {
		for _, t := range []transform.Table[item]{facts(), places(), things()} {
			if err := stageIn(ctx, s, t, account, part); err != nil {
				return err
			}
		}
	}
	return nil
}

func stageIn(ctx context.Context, s load.Session, t transform.Table[item], account string, part []item) error {
	set, err := transform.NewSet(memory.NewGoAllocator(), account, t)
	if err != nil {
		return err
	}
	defer set.Release()
	for i := range part {
		set.Append(&part[i])
	}
	for _, b := range set.Take(1) {
		err = s.Write(ctx, b)
		b.Record.Release()
	}
	return err
}

// readBack returns all published rows, each with the path of its file before
// it, sorted. Any file besides the published ones fails the test.
func readBack(t *testing.T, root string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.Name() == "_exporter" {
			return errorsOrSkip(err)
		}
		if e.IsDir() {
			return nil
		}
		if e.Name() == "views.sql" && filepath.Dir(path) == root {
			return nil
		}
		if e.Name() != "part-0.parquet" {
			t.Errorf("%s is visible to readers", path)
			return nil
		}
		rel, err := filepath.Rel(root, filepath.Dir(path))
		out = append(out, rowsOf(t, path, rel)...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

func errorsOrSkip(err error) error {
	if err != nil {
		return err
	}
	return fs.SkipDir
}

func rowsOf(t *testing.T, path, prefix string) []string {
	t.Helper()
	r, err := file.OpenParquetFile(path, false)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	reader, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	table, err := reader.ReadTable(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer table.Release()
	var out []string
	records := array.NewTableReader(table, 0)
	defer records.Release()
	for records.Next() {
		record := records.Record()
		for i := range int(record.NumRows()) {
			row := []string{prefix}
			for c := range int(record.NumCols()) {
				row = append(row, record.ColumnName(c)+"="+record.Column(c).ValueStr(i))
			}
			out = append(out, strings.Join(row, " "))
		}
	}
	return out
}

// liveFacts are the live rows of facts.
func liveFacts(rows []string) []string {
	return slices.DeleteFunc(slices.Clone(rows), func(row string) bool {
		return !strings.HasPrefix(row, "facts/") || !strings.HasSuffix(row, " removed_at=(null)")
	})
}

// threeReaders prints what pandas, polars and DuckDB read of each table: the
// kind of every column, and the rows with times as microseconds since 1970 and
// dates as text.
const threeReaders = `
import sys, json, datetime, pandas, polars, duckdb, pyarrow
root, tables = sys.argv[1], sys.argv[2:]
epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
def plain(v):
    if isinstance(v, datetime.datetime): return (v - epoch) // datetime.timedelta(microseconds=1)
    if isinstance(v, datetime.date): return v.isoformat()
    return v
def kind(t):
    if pyarrow.types.is_dictionary(t): t = t.value_type
    if pyarrow.types.is_list(t) or pyarrow.types.is_large_list(t): return "list of " + kind(t.value_type)
    return {"large_string": "text", "string_view": "text", "string": "text", "int32": "int32", "bool": "bool",
            "timestamp[us, tz=UTC]": "time", "date32[day]": "date"}.get(str(t), str(t))
def of_pandas(table):
    frame = pandas.read_parquet(f"{root}/{table}", dtype_backend="pyarrow")
    return pyarrow.Table.from_pandas(frame, preserve_index=False)
def of_polars(table):
    return polars.read_parquet(f"{root}/{table}/**/*.parquet").to_arrow()
def of_duckdb(table):
    con = duckdb.connect()
    con.execute("set TimeZone = 'UTC'")
    return con.execute(f"select * from read_parquet('{root}/{table}/**/*.parquet')").fetch_arrow_table()
out = {}
for name, read in {"pandas": of_pandas, "polars": of_polars, "duckdb": of_duckdb}.items():
    out[name] = {}
    for table in tables:
        got = read(table)
        rows = [{k: plain(v) for k, v in row.items()} for row in got.to_pylist()]
        out[name][table] = {"kinds": {f.name: kind(f.type) for f in got.schema}, "rows": sorted(rows, key=lambda row: row["id"])}
print(json.dumps(out))
`

// content is a table as a reader gives it.
type content struct {
	Kinds map[string]string `json:"kinds"`
	Rows  []map[string]any  `json:"rows"`
}

func TestReadersAgree(t *testing.T) {
	t.Parallel()
	root := prepared(t)
	p := plan{items(2, 2, 12)} // ids 0 and 1 are removed
	if err := p.perform(t.Context(), root, options(), 2, func() {}); err != nil {
		t.Fatal(err)
	}
	var got map[string]map[string]content
	out := pyreader.Run(t, threeReaders, root, "facts", "places", "things")
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want := wantContent()
	for _, reader := range []string{"pandas", "polars", "duckdb"} {
		if diff := cmp.Diff(want, got[reader]); diff != "" {
			t.Errorf("%s (-want, +got):\n%s", reader, diff)
		}
	}
}

func kinds(more ...string) map[string]string {
	out := map[string]string{"id": "text", "gen": "int32", "name": "text", "first_seen_at": "time", "last_seen_at": "time"}
	for i := 0; i < len(more); i += 2 {
		out[more[i]] = more[i+1]
	}
	return out
}

// wantContent is what the second generation leaves.
func wantContent() map[string]content {
	facts := content{Kinds: kinds("account_id", "text", "plays", "int32", "loved", "bool", "added_at", "time", "out_on", "date", "tags", "list of text", "removed_at", "time")}
	places := content{Kinds: kinds("account_id", "text", "span", "text")}
	things := content{Kinds: kinds("account_id", "text", "removed_at", "time")}
	for _, it := range append(items(1, 0, 2), items(2, 2, 12)...) {
		last, first := 2, 1
		if it.id > "id-00009" {
			first = 2
		}
		fact := base(it, first, last)
		fact["account_id"], fact["plays"], fact["loved"] = "acc-1", number(it.plays), orNil(it.loved)
		fact["added_at"], fact["out_on"], fact["tags"], fact["removed_at"] = nil, nil, nil, nil
		if !it.added.IsZero() {
			fact["added_at"], fact["out_on"] = float64(it.added.UnixMicro()), it.day.Format(time.DateOnly)
		}
		if it.tags != nil {
			fact["tags"] = texts(it.tags)
		}
		if it.gen == 1 {
			fact["removed_at"] = float64(moment(2).UnixMicro())
		} else {
			place := base(it, first, last)
			place["account_id"], place["span"] = "acc-1", it.span
			places.Rows = append(places.Rows, place)
		}
		facts.Rows = append(facts.Rows, fact)
		thing := base(it, first, int(it.gen))
		thing["account_id"], thing["removed_at"] = "acc-1", nil
		things.Rows = append(things.Rows, thing)
	}
	return map[string]content{"facts": facts, "places": places, "things": things}
}

// base are the columns that all tables have, as JSON.
func base(it item, first, last int) map[string]any {
	return map[string]any{
		"id": it.id, "gen": float64(it.gen), "name": orNil(it.name),
		"first_seen_at": float64(moment(first).UnixMicro()), "last_seen_at": float64(moment(last).UnixMicro()),
	}
}

func orNil[T any](v *T) any {
	if v == nil {
		return nil
	}
	return *v
}

func number(v *int32) any {
	if v == nil {
		return nil
	}
	return float64(*v)
}

func texts(list []string) []any {
	out := []any{}
	for _, s := range list {
		out = append(out, s)
	}
	return out
}
