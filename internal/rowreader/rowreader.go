// Package rowreader reads Parquet files with a library that shares no code with the one
// that writes them.
package rowreader

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"
)

// Read returns columns of all files below a folder, as texts: NULL, microseconds for an
// instant, 2006-01-02 for a date, and [a|b] for a list.
func Read(folder string, columns ...string) ([][]string, error) {
	var rows [][]string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".parquet" {
			return err
		}
		more, err := readFile(path, columns)
		rows = append(rows, more...)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return rows, err
}

func readFile(path string, columns []string) (rows [][]string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	file, err := parquet.OpenFile(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	rows = make([][]string, file.NumRows())
	for i := range rows {
		rows[i] = make([]string, len(columns))
	}
	for i, name := range columns {
		cells, err := readColumn(file, name)
		if err != nil {
			return nil, fmt.Errorf("read %s of %s: %w", name, path, err)
		}
		if len(cells) != len(rows) {
			return nil, fmt.Errorf("read %s of %s: %d values in %d rows", name, path, len(cells), len(rows))
		}
		for at, cell := range cells {
			rows[at][i] = cell
		}
	}
	return rows, nil
}

// readColumn returns one text for each row.
func readColumn(file *parquet.File, name string) ([]string, error) {
	leaf, isValue := file.Schema().Lookup(name)
	if !isValue {
		var isList bool
		if leaf, isList = file.Schema().Lookup(name, "list", "element"); !isList {
			return nil, errors.New("there is no such column")
		}
	}
	var cells []string
	for _, group := range file.RowGroups() {
		values, err := readValues(group.ColumnChunks()[leaf.ColumnIndex])
		if err != nil {
			return nil, err
		}
		if isValue {
			for _, v := range values {
				cells = append(cells, text(leaf, v))
			}
		} else {
			cells = append(cells, lists(leaf, values)...)
		}
	}
	return cells, nil
}

func readValues(chunk parquet.ColumnChunk) (all []parquet.Value, err error) {
	pages := chunk.Pages()
	defer func() { err = errors.Join(err, pages.Close()) }()
	for {
		page, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		values := make([]parquet.Value, page.NumValues())
		if n, err := page.Values().ReadValues(values); n < len(values) {
			return nil, fmt.Errorf("%d of %d values: %w", n, len(values), err)
		}
		for _, v := range values {
			all = append(all, v.Clone())
		}
		parquet.Release(page)
	}
}

// lists puts values together: one with repetition level 0 begins a row. A list that is
// NULL has definition level 0, an empty one 1.
func lists(leaf parquet.LeafColumn, values []parquet.Value) []string {
	var rows []string
	var elements []string
	end := func() {
		if len(rows) > 0 && elements != nil {
			rows[len(rows)-1] = "[" + strings.Join(elements, "|") + "]"
		}
		elements = nil
	}
	for _, v := range values {
		if v.RepetitionLevel() == 0 {
			end()
			rows = append(rows, "NULL")
		}
		switch v.DefinitionLevel() {
		case 0:
		case 1:
			elements = []string{}
		default:
			elements = append(elements, text(leaf, v))
		}
	}
	end()
	return rows
}

func text(leaf parquet.LeafColumn, v parquet.Value) string {
	if v.IsNull() {
		return "NULL"
	}
	switch kind := v.Kind(); {
	case kind == parquet.Boolean:
		return strconv.FormatBool(v.Boolean())
	case kind == parquet.Int32 && leaf.Node.Type().String() == "DATE":
		return time.Unix(int64(v.Int32())*24*60*60, 0).UTC().Format(time.DateOnly)
	case kind == parquet.Int32:
		return strconv.Itoa(int(v.Int32()))
	case kind == parquet.Int64:
		return strconv.FormatInt(v.Int64(), 10)
	case kind == parquet.ByteArray:
		return string(v.ByteArray())
	}
	return v.String()
}
