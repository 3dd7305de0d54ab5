package parquet

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/transform"
)

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

// accepts tells whether the value at i is one of the match's. A column that is
// not there has none.
func (m match) accepts(column arrow.Array, i int) bool {
	if column == nil {
		return false
	}
	if text, ok := column.(*array.String); ok {
		return text.IsValid(i) && m.values[text.Value(i)]
	}
	return column.IsValid(i) && m.values[column.ValueStr(i)]
}

// A removal is a load.Removal of a commit that is not published yet.
type removal struct {
	table string
	where []match
}

// openScopes opens the partitions that removals cover although no row came for
// them.
func (s *session) openScopes() error {
	for _, r := range s.removals {
		l := s.layouts[r.table]
		scopes, err := s.scopes(l, r)
		if err != nil {
			return fmt.Errorf("remove rows of %s: %w", r.table, err)
		}
		for _, values := range scopes {
			if _, err := s.partition(l, values); err != nil {
				return err
			}
		}
	}
	return nil
}

// scopes lists the partitions that a removal covers.
func (s *session) scopes(l *layout, r removal) ([][]string, error) {
	out := [][]string{nil}
	for _, column := range l.table.Partition {
		var next [][]string
		for _, outer := range out {
			values, err := s.scopeValues(l, r, outer, column)
			if err != nil {
				return nil, err
			}
			for _, v := range values {
				next = append(next, append(slices.Clone(outer), v))
			}
		}
		out = next
	}
	return out, nil
}

// scopeValues lists the values of a partition column that a removal covers:
// those that it names, else those that are stored.
func (s *session) scopeValues(l *layout, r removal, outer []string, column string) ([]string, error) {
	if column == transform.AccountID {
		return []string{s.job.Account}, nil
	}
	if i := slices.IndexFunc(r.where, func(m match) bool { return m.column == column }); i >= 0 {
		return slices.Sorted(maps.Keys(r.where[i].values)), nil
	}
	entries, err := os.ReadDir(filepath.Join(append([]string{s.d.root}, l.folders(outer)...)...))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, describe("read", err)
	}
	var out []string
	for _, e := range entries {
		if name, value, ok := folderValue(e.Name()); ok && name == column {
			out = append(out, value)
		}
	}
	return out, nil
}

// folderValue takes a partition folder's name apart.
func folderValue(folder string) (column, value string, ok bool) {
	column, text, ok := strings.Cut(folder, "=")
	if text == emptyValue {
		return column, "", ok
	}
	value, err := url.PathUnescape(text)
	return column, value, ok && err == nil
}

// removed returns the positions of the stored rows that the removals remove:
// live rows in their scope that were not staged.
func (p *partition) removed(removals []removal) (map[int32]bool, error) {
	scope, err := p.scope(p.conditions(removals))
	if err != nil || scope == nil {
		return nil, err
	}
	out := map[int32]bool{}
	for _, e := range p.index {
		if e.position >= 0 && e.commit == 0 && !p.wasRemoved[e.position] && scope[e.position] {
			out[e.position] = true
		}
	}
	return out, nil
}

// conditions lists what the removals demand of rows of this partition. Those
// of a single column become one: a fan-out has one for each parent.
func (p *partition) conditions(removals []removal) [][]match {
	var out [][]match
	single := map[string]set{}
	stored := map[string]string{} // partition columns
	for i, column := range p.layout.table.Partition {
		stored[column] = p.values[i]
	}
	for _, r := range removals {
		rest, covered := besides(r.where, stored)
		switch {
		case !covered || r.table != p.layout.table.Name:
		case len(rest) != 1:
			out = append(out, rest)
		case single[rest[0].column] == nil:
			single[rest[0].column] = maps.Clone(rest[0].values)
		default:
			maps.Copy(single[rest[0].column], rest[0].values)
		}
	}
	for column, values := range single {
		out = append(out, []match{{column, values}})
	}
	return out
}

// besides returns the matches that the values of partition columns leave open,
// and whether those values meet the others.
func besides(where []match, partition map[string]string) (rest []match, met bool) {
	for _, m := range where {
		value, ok := partition[m.column]
		if !ok {
			rest = append(rest, m)
		} else if !m.values[value] {
			return nil, false
		}
	}
	return rest, true
}

// scope tells for each stored row whether it meets one of the conditions; nil
// means that none does.
func (p *partition) scope(conditions [][]match) ([]bool, error) {
	if len(conditions) == 0 || len(p.times) == 0 {
		return nil, nil
	}
	var columns []int
	for _, where := range conditions {
		if len(where) == 0 {
			return slices.Repeat([]bool{true}, len(p.times)), nil
		}
		for _, m := range where {
			columns = append(columns, p.layout.file.FieldIndices(m.column)[0])
		}
	}
	slices.Sort(columns)
	var out []bool
	err := readRecords(p.stored, slices.Compact(columns), func(r arrow.Record) error {
		for i := range int(r.NumRows()) {
			out = append(out, slices.ContainsFunc(conditions, func(where []match) bool { return allAccept(where, r, i) }))
		}
		return nil
	})
	return out, err
}

// allAccept tells whether a row of a record meets all matches.
func allAccept(where []match, r arrow.Record, i int) bool {
	for _, m := range where {
		if !m.accepts(columnNamed(r, m.column), i) {
			return false
		}
	}
	return true
}
