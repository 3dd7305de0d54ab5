package parquet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/transform"
)

// Values counts the values of a column; see load.Source.
func (d *Destination) Values(_ context.Context, q load.ValueQuery) ([]load.ValueCount, error) {
	paths, err := d.filesOf(q)
	if err != nil {
		return nil, err
	}
	latest := arrow.Date32(-1 << 31)
	counts := map[arrow.Date32]map[string]int{}
	where := newMatches(q.Where)
	for _, path := range paths {
		rest, covered := inFolder(d.relative(path), where)
		if !covered {
			continue
		}
		if err := countValues(path, q, rest, counts); err != nil {
			return nil, fmt.Errorf("read values of %s: %w", q.Table, err)
		}
	}
	for day := range counts {
		latest = max(latest, day)
	}
	var out []load.ValueCount
	for value, rows := range counts[latest] {
		out = append(out, load.ValueCount{Value: value, Rows: rows})
	}
	slices.SortFunc(out, func(a, b load.ValueCount) int {
		return cmp.Or(cmp.Compare(b.Rows, a.Rows), cmp.Compare(a.Value, b.Value))
	})
	return out, nil
}

// filesOf lists the files with the account's rows of a table.
func (d *Destination) filesOf(q load.ValueQuery) ([]string, error) {
	folder := filepath.Join(d.root, q.Table)
	if _, err := os.Stat(filepath.Join(folder, publishedName)); errors.Is(err, fs.ErrNotExist) { // by account
		folder = filepath.Join(folder, transform.AccountID+"="+escape(q.Account))
	}
	var out []string
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && e.Name() == publishedName {
			out = append(out, path)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, describe("read", err)
	}
	return out, nil
}

// inFolder returns the matches that the folders of a file leave open, and
// whether they meet the others.
func inFolder(path string, where []match) (rest []match, covered bool) {
	folders := map[string]string{}
	for _, folder := range strings.Split(filepath.Dir(path), string(filepath.Separator)) {
		if column, value, ok := folderValue(folder); ok {
			folders[column] = value
		}
	}
	return besides(where, folders)
}

// countValues adds the values of one file, by the date column of which only
// the greatest value counts, or by day 0.
func countValues(path string, q load.ValueQuery, where []match, counts map[arrow.Date32]map[string]int) error {
	names := []string{q.Column, q.Latest, transform.RemovedAt}
	for _, m := range where {
		names = append(names, m.column)
	}
	columns, err := columnIndices(path, names...)
	if err != nil {
		return err
	}
	return readRecords(path, columns, func(r arrow.Record) error {
		column := columnNamed(r, q.Column)
		removed := columnNamed(r, transform.RemovedAt)
		days, _ := columnNamed(r, q.Latest).(*array.Date32)
		for i := range int(r.NumRows()) {
			if removed != nil && removed.IsValid(i) || !allAccept(where, r, i) {
				continue
			}
			day := arrow.Date32(0)
			if days != nil {
				day = days.Value(i)
			}
			if counts[day] == nil {
				counts[day] = map[string]int{}
			}
			addValues(column, i, counts[day])
		}
		return nil
	})
}

// addValues counts a text, or each text of a list. The texts are copied:
// they would keep the whole record alive.
func addValues(column arrow.Array, i int, counts map[string]int) {
	if column == nil || column.IsNull(i) {
		return
	}
	switch c := column.(type) {
	case *array.String:
		counts[string([]byte(c.Value(i)))]++
	case *array.List:
		texts := c.ListValues().(*array.String)
		from, to := c.ValueOffsets(i)
		for k := from; k < to; k++ {
			counts[string([]byte(texts.Value(int(k))))]++
		}
	}
}

func columnNamed(r arrow.Record, name string) arrow.Array {
	if at := r.Schema().FieldIndices(name); len(at) > 0 {
		return r.Column(at[0])
	}
	return nil
}

// columnIndices returns the leaf columns of a file that belong to some fields.
func columnIndices(path string, names ...string) ([]int, error) {
	r, err := file.OpenParquetFile(path, false)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	defer r.Close()
	schema, err := pqarrow.FromParquet(r.MetaData().Schema, nil, r.MetaData().KeyValueMetadata())
	if err != nil {
		return nil, fmt.Errorf("read schema: %w", err)
	}
	var out []int
	for leaf := range r.MetaData().Schema.NumColumns() {
		root := r.MetaData().Schema.Column(leaf).ColumnPath()[0]
		if slices.Contains(names, root) && len(schema.FieldIndices(root)) > 0 {
			out = append(out, leaf)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("it has none of the columns %v", names)
	}
	return out, nil
}
