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

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/transform"
)

// An item makes one row in each of the tables of these tests: one with a
// partition that marks what has gone, one with two that deletes it, and one
// without any that fills up.
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
		Name: "facts", Doc: "Facts.", Key: []string{"account_id", "id"}, Partition: []string{"account_id"}, Removable: true,
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
		Name: "places", Doc: "Places.", Key: []string{"account_id", "span", "id"}, Partition: []string{"account_id", "span"},
		Columns: columns(transform.String("span", "Span.", func(i *item) string { return i.span })),
	}
}

func things() transform.Table[item] {
	return transform.Table[item]{Name: "things", Doc: "Things.", Key: []string{"id"}, Merge: transform.Fill, Columns: columns()}
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
	return out
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

// mark is the state of a commit.
func mark(gen, commit int) load.State {
	return load.State{"last": json.RawMessage(fmt.Sprintf(`"%d.%d"`, gen, commit))}
}

// sweeps say that facts and places were read whole.
func sweeps() []load.Sweep {
	return []load.Sweep{{Table: "facts"}, {Table: "places", Where: []load.Match{{Column: "span", Values: []string{"long", "short"}}}}}
}

// stage writes items to all tables.
func stage(ctx context.Context, s load.Session, all []item) error {
	for part := range slices.Chunk(all, 600) {
		set, err := transform.NewSet(memory.NewGoAllocator(), "acc-1", transform.Rows[item](facts()), transform.Rows[item](places()), transform.Rows[item](things()))
		if err != nil {
			return err
		}
		for i := range part {
			set.Append(&part[i])
		}
		for _, b := range set.Take(1) {
			if err == nil {
				err = s.Write(ctx, b)
			}
			b.Record.Release()
		}
		set.Release()
		if err != nil {
			return err
		}
	}
	return nil
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

// liveFacts are the rows of facts that have not gone.
func liveFacts(rows []string) []string {
	return slices.DeleteFunc(slices.Clone(rows), func(row string) bool {
		return !strings.HasPrefix(row, "facts/") || !strings.HasSuffix(row, " removed_at=(null)")
	})
}
