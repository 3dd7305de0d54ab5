package parquet

import (
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/transform"
)

// layout is how a table lies in files. Every file has all columns: first those of
// the records, then the ones that the destination keeps. Its rows are in the order
// of the table's key.
type layout struct {
	table  *transform.Schema
	file   *arrow.Schema
	staged *arrow.Schema // of staged rows: the records' columns and the commit
	keys   []int         // columns
	values []int         // columns that are not part of the key
	first  int           // first_seen_at; last_seen_at and removed_at follow
}

func newLayout(s *transform.Schema) *layout {
	l := &layout{table: s, file: s.Stored(), first: len(s.Fields)}
	for _, k := range s.Key {
		l.keys = append(l.keys, s.Index(k))
	}
	for i := range s.Fields {
		if !slices.Contains(l.keys, i) {
			l.values = append(l.values, i)
		}
	}
	l.staged = arrow.NewSchema(append(s.Record().Fields(), arrow.Field{Name: "(commit)", Type: arrow.PrimitiveTypes.Int32}), nil)
	return l
}

// metadata describes the table in its files: its meaning, its key and the meaning of
// every column.
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

// folders are the values of the columns that folders stand for: the account, and
// for some tables more.
type folders []string

// foldersOf returns those of a row.
func (l *layout) foldersOf(r arrow.Record, i int) folders {
	out := make(folders, l.table.Split)
	for k, c := range l.keys[:l.table.Split] {
		out[k] = strings.Clone(text(r.Column(c), i))
	}
	return out
}

// publishedName is the name of every file of a table, in its folder.
const publishedName = "part-0.parquet"

// emptyName is the file of a table that has its columns and no row.
func (l *layout) emptyName() string { return l.name(nil) }

// name is the file of a partition.
func (l *layout) name(f folders) string {
	parts := []string{l.table.Name}
	for _, v := range f {
		parts = append(parts, escape(v))
	}
	return path.Join(append(parts, publishedName)...)
}

// partition takes the name of a file apart.
func (l *layout) partition(name string) (folders, bool) {
	parts := strings.Split(name, "/")
	if len(parts) != l.table.Split+2 || parts[len(parts)-1] != publishedName {
		return nil, false
	}
	out := make(folders, l.table.Split)
	for i, p := range parts[1 : len(parts)-1] {
		out[i] = unescape(p)
	}
	return out, true
}

// besides returns the matches that the folders leave open, and whether they meet
// the others.
func (l *layout) besides(where []match, f folders) (rest []match, met bool) {
	for _, m := range where {
		i := slices.Index(l.table.Key[:l.table.Split], m.column)
		if i < 0 {
			rest = append(rest, m)
		} else if !m.values[f[i]] {
			return nil, false
		}
	}
	return rest, true
}

// escape writes a value as the name of a folder or a file. Readers skip names that
// begin with an underscore or a dot, without a word.
func escape(s string) string {
	const hex = "0123456789ABCDEF"
	var out []byte
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-':
			out = append(out, c)
		default:
			out = append(out, '%', hex[c>>4], hex[c&15])
		}
	}
	if len(out) == 0 {
		return "%"
	}
	return string(out)
}

func unescape(s string) string {
	out, err := url.PathUnescape(s)
	if err != nil { // "%" stands for the empty text
		return ""
	}
	return out
}

// A set is a set of texts.
type set map[string]bool

// A match is a load.Match as a set: it may have thousands of values.
type match struct {
	column string
	values set
}

func newMatches(where []load.Match) []match {
	out := make([]match, len(where))
	for i, m := range where {
		out[i] = match{m.Column, set{}}
		for _, v := range m.Values {
			out[i].values[v] = true
		}
	}
	return out
}
