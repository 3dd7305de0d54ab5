package parquet

import (
	"context"
	"maps"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/tracklake/tracklake/load"
)

// keyValues are the values that the text and date columns of a table's key have
// in some rows, by column.
type keyValues map[string]set

// keyValues collects those of a record.
func (l *layout) keyValues(r arrow.Record) keyValues {
	out := keyValues{}
	for _, name := range l.table.Key {
		switch c := r.Column(l.table.Index(name)).(type) {
		case *array.String, *array.Date32:
			out[name] = distinct(c)
		}
	}
	return out
}

// distinct returns the values of a column. It copies them: they would keep the
// whole record alive.
func distinct(column arrow.Array) set {
	out := set{}
	for i := range column.Len() {
		if v := column.ValueStr(i); !out[v] {
			out[strings.Clone(v)] = true
		}
	}
	return out
}

// mayMeet tells whether one of the rows may meet all matches. What is not known
// of a column does not rule it out.
func (k keyValues) mayMeet(where []match) bool {
	for _, m := range where {
		if have := k[m.column]; have != nil && disjoint(have, m.values) {
			return false
		}
	}
	return true
}

func disjoint(a, b set) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	for v := range a {
		if b[v] {
			return false
		}
	}
	return true
}

// remember keeps which rows of a table an unpublished commit has staged. Of
// rows that stream it keeps no values: they are too many.
func (s *session) remember(l *layout, r arrow.Record) {
	have, known := s.staged[l.table.Name]
	switch {
	case s.streamed:
		s.staged[l.table.Name] = keyValues{}
	case !known:
		s.staged[l.table.Name] = l.keyValues(r)
	case len(have) > 0:
		for column, values := range l.keyValues(r) {
			maps.Copy(have[column], values)
		}
	}
}

// separate publishes what earlier commits left unpublished when this one cannot
// be coalesced with them: each commit counts, and removes rows, against the
// table as the commit before left it.
func (s *session) separate(ctx context.Context, c load.Change) error {
	if !s.committed {
		return nil
	}
	overlaps, err := s.overlaps(c)
	if err != nil || !overlaps && !c.DryRun {
		return err
	}
	return s.publish(ctx, false)
}

// overlaps tells whether a commit may remove a row that an unpublished one
// staged, stages a row that an unpublished one may have removed, or changes a
// row that an unpublished one staged.
func (s *session) overlaps(c load.Change) (bool, error) {
	for _, r := range c.Removals {
		if rows, ok := s.staged[r.Table]; ok && rows.mayMeet(newMatches(r.Where)) {
			return true, nil
		}
	}
	found := false
	for _, b := range s.pending {
		l, err := s.layoutOf(b)
		if err != nil {
			return false, err
		}
		values := l.keyValues(b.Record)
		for _, r := range s.removals {
			found = found || r.table == b.Table.Name && values.mayMeet(r.where)
		}
		err = l.split(b.Record, func(values []string, fields []arrow.Array, rows int) error {
			p := s.parts[storedPath(s.d.root, l, values)]
			if p == nil || found {
				return nil
			}
			var err error
			found, err = p.changes(fields, rows)
			return err
		})
		if err != nil || found {
			return found, err
		}
	}
	return false, nil
}

// changes tells whether one of the rows differs from the version that an
// unpublished commit staged.
func (p *partition) changes(fields []arrow.Array, rows int) (bool, error) {
	keys, hashes, err := p.identify(fields, rows)
	if err != nil {
		return false, err
	}
	for i, k := range keys {
		if e := p.index[k]; e.commit != 0 && e.hash != hashes[i] {
			return true, nil
		}
	}
	return false, nil
}
