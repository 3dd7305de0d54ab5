package pipeline_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
)

// eachRow calls f for each row of the table's files in the lake.
func (s *stage) eachRow(t testing.TB, table string, f func(r arrow.Record, i int)) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(s.folder, "lake", table), func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		return eachRowOf(path, f)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func eachRowOf(path string, f func(r arrow.Record, i int)) error {
	in, err := file.OpenParquetFile(path, false)
	if err != nil {
		return err
	}
	defer in.Close()
	reader, err := pqarrow.NewFileReader(in, pqarrow.ArrowReadProperties{BatchSize: 1 << 16}, memory.DefaultAllocator)
	if err != nil {
		return err
	}
	table, err := reader.ReadTable(context.Background())
	if err != nil {
		return err
	}
	defer table.Release()
	records := array.NewTableReader(table, 0)
	defer records.Release()
	for records.Next() {
		for i := range int(records.Record().NumRows()) {
			f(records.Record(), i)
		}
	}
	return records.Err()
}

// cell is a column's value as text, or "NULL".
func cell(r arrow.Record, column string, i int) string {
	c := r.Column(r.Schema().FieldIndices(column)[0])
	if c.IsNull(i) {
		return "NULL"
	}
	return c.ValueStr(i)
}

// addedAt is when the table says that a track was saved.
func (s *stage) addedAt(t testing.TB, track string) time.Time {
	t.Helper()
	var out time.Time
	s.eachRow(t, "saved_tracks", func(r arrow.Record, i int) {
		if cell(r, "track_id", i) == track {
			out = time.UnixMicro(int64(r.Column(r.Schema().FieldIndices("added_at")[0]).(*array.Timestamp).Value(i)))
		}
	})
	return out
}

// albumGroups is the group of each album that is live in the lake.
func (s *stage) albumGroups(t testing.TB) map[string]string {
	t.Helper()
	out := map[string]string{}
	s.eachRow(t, "artist_albums", func(r arrow.Record, i int) {
		if cell(r, "removed_at", i) == "NULL" {
			out[cell(r, "album_id", i)] = cell(r, "album_group", i)
		}
	})
	return out
}

// rank is a place, counted from 0, as its cell says it.
func rank(place int) string { return strconv.Itoa(place + 1) }

// ranking is the track on each rank of the lake's rankings.
func (s *stage) ranking(t testing.TB) map[string]string {
	t.Helper()
	out := map[string]string{}
	s.eachRow(t, "top_tracks", func(r arrow.Record, i int) {
		out[cell(r, "rank", i)] = cell(r, "track_id", i)
	})
	return out
}

// loseState lets a job forget what it knew, as with a folder that was moved.
func (s *stage) loseState(t testing.TB, job string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(s.folder, "lake", "_exporter", "state", "*"+job+"*"))
	if err != nil || len(paths) == 0 {
		t.Fatal(fmt.Errorf("no state of %s: %w", job, err))
	}
	for _, path := range paths {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}
