package parquet

import (
	"maps"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/tracklake/tracklake/transform"
)

// layout is how a table's rows lie in its files: the record's fields without
// the partition columns, which are folders, and behind them the columns that
// the destination keeps.
type layout struct {
	table     *transform.Schema
	file      *arrow.Schema
	fields    []int // of the record that are in the file, in order
	keys      []int // of the record
	fileKeys  []int // the same in the file; partition columns are left out
	partition []int // of the record
	first     int   // of first_seen_at in the file; last_seen_at and removed_at follow
}

func newLayout(s *transform.Schema) *layout {
	l := &layout{table: s}
	var fields []arrow.Field
	for i, f := range s.Record().Fields() {
		if slices.Contains(s.Partition, f.Name) {
			continue
		}
		if slices.Contains(s.Key, f.Name) {
			l.fileKeys = append(l.fileKeys, len(fields))
			l.keys = append(l.keys, i)
		}
		fields = append(fields, f)
		l.fields = append(l.fields, i)
	}
	for _, name := range s.Partition {
		l.partition = append(l.partition, s.Index(name))
	}
	l.first = len(fields)
	for _, f := range s.Managed() {
		fields = append(fields, arrow.Field{
			Name: f.Name, Type: f.Type, Nullable: f.Nullable,
			Metadata: arrow.NewMetadata([]string{"description"}, []string{f.Doc}),
		})
	}
	l.file = arrow.NewSchema(fields, nil)
	return l
}

// removable tells whether the files have removed_at.
func (l *layout) removable() bool { return l.table.Removable }

// folders returns the partition folders of values of the first partition columns.
func (l *layout) folders(values []string) []string {
	out := []string{l.table.Name}
	for i, v := range values {
		out = append(out, l.table.Partition[i]+"="+escape(v))
	}
	return out
}

// metadata describes the table in the file: its meaning, its key and the
// meaning of every column.
func (l *layout) metadata(version string) map[string]string {
	m := map[string]string{
		"tracklake.table":       l.table.Name,
		"tracklake.description": l.table.Doc,
		"tracklake.key":         strings.Join(l.table.Key, ","),
		"tracklake.version":     version,
	}
	for _, f := range l.table.Columns() {
		m["tracklake.column."+f.Name] = f.Doc
	}
	return m
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
