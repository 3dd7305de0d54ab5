package parquet_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tracklake/tracklake/internal/rowreader"
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

// suite are the options of a lake with the suite's tables.
func suite() parquet.Options {
	return parquet.Options{Version: "test", Tables: append(loadtest.Tables(), changeLog())}
}

func changeLog() *transform.Schema {
	s, err := transform.ChangeLog().Schema()
	if err != nil {
		panic(err)
	}
	return s
}

// A reader returns columns of all files below a folder as texts.
type reader func(folder string, columns ...string) ([][]string, error)

func TestSuite(t *testing.T) {
	t.Parallel()
	loadtest.Run(t, harness(suite(), rowreader.Read))
}

func TestCommitsCoalesced(t *testing.T) {
	t.Parallel()
	loadtest.RunCommits(t, harness(parquet.WithPause(suite(), time.Hour), rowreader.Read))
}

func TestCommitsOneByOne(t *testing.T) {
	t.Parallel()
	loadtest.RunCommits(t, harness(parquet.WithPause(suite(), 0), rowreader.Read))
}

// TestFanOutIsCoalesced counts the publications of many small commits, each of
// which removes rows of its own parent.
func TestFanOutIsCoalesced(t *testing.T) {
	t.Parallel()
	const parents = 300
	for name, where := range map[string]func(id string) []load.Match{
		"by a key": func(id string) []load.Match { return []load.Match{{Column: "id", Values: []string{id, "x" + id}}} },
		"by key and value": func(id string) []load.Match {
			return []load.Match{{Column: "id", Values: []string{id}}, {Column: "name", Values: []string{"a"}}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			published := 0
			o := parquet.WithFaults(parquet.WithPause(options(), time.Hour), func(step, path string) error {
				if step == "rename" && filepath.Base(path) == "commit.json" {
					published++
				}
				return nil
			})
			d := openAt(t, t.TempDir(), o)
			published = 0 // the making of the lake is no commit
			s, _, err := d.Begin(t.Context(), job(1))
			if err != nil {
				t.Fatal(err)
			}
			for i := range parents {
				status := load.StatusRunning
				if i == parents-1 {
					status = load.StatusOK
				}
				all := items(1, 2*i, 2*i+2)
				if err := stage(t.Context(), s, all); err != nil {
					t.Fatal(err)
				}
				removals := []load.Removal{{Table: "facts", Where: where(all[0].id)}}
				if _, err := s.Commit(t.Context(), load.Change{Run: record(1, status), Removals: removals}); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if published != 2 { // the first commit and the last
				t.Errorf("%d commits were published %d times", parents, published)
			}
		})
	}
}

// harness opens destinations in folders of their own and reads them back with a reader
// that shares no code with the writer.
func harness(o parquet.Options, read reader) func(t *testing.T) loadtest.Harness {
	return func(t *testing.T) loadtest.Harness {
		t.Helper()
		root := t.TempDir()
		open := func(t *testing.T) load.Destination {
			t.Helper()
			d, err := parquet.Open(t.Context(), root, o)
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
				rows, err := read(filepath.Join(root, table.Name), columns...)
				if err != nil {
					t.Fatal(err)
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
	}
}
