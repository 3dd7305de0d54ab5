package parquet

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/transform"
)

// Values counts the values of a column; see load.Destination.
func (d *Destination) Values(_ context.Context, q load.ValueQuery) ([]load.ValueCount, error) {
	l := d.layouts[q.Table]
	if l == nil || l.table.Index(q.Column) < 0 || slices.ContainsFunc(q.Where, func(m load.Match) bool { return l.table.Index(m.Column) < 0 }) {
		return nil, nil
	}
	names, err := d.storage.List(q.Table)
	if err != nil {
		return nil, fmt.Errorf("read values of %s: %w", q.Table, err)
	}
	if len(names) > 0 && d.usable() != nil {
		return nil, d.usable()
	}
	all, account := map[string]int{}, ""
	v := &values{layout: l, query: q, counts: map[string]int{}}
	for _, name := range names { // those of an account follow each other
		f, ok := l.partition(name)
		if !ok || q.Account != "" && f[0] != q.Account {
			continue
		}
		if f[0] != account {
			account = f[0]
			v.addTo(all)
		}
		if rest, met := l.besides(newMatches(q.Where), f); met {
			if err := d.count(v, name, rest); err != nil {
				return nil, fmt.Errorf("read values of %s: %w", q.Table, err)
			}
		}
	}
	v.addTo(all)
	var out []load.ValueCount
	for value, rows := range all {
		out = append(out, load.ValueCount{Value: value, Rows: rows})
	}
	slices.SortFunc(out, func(a, b load.ValueCount) int {
		return cmp.Or(cmp.Compare(b.Rows, a.Rows), cmp.Compare(a.Value, b.Value))
	})
	return out, nil
}

// values counts for a query and one account, of the latest day so far where that is
// asked for.
type values struct {
	layout *layout
	query  load.ValueQuery
	latest arrow.Date32
	counts map[string]int
}

// addTo adds what was counted for an account to a sum, and begins anew.
func (v *values) addTo(sum map[string]int) {
	for value, rows := range v.counts {
		sum[value] += rows
	}
	clear(v.counts)
	v.latest = math.MinInt32
}

// count adds the values of one file.
func (d *Destination) count(v *values, name string, where []match) error {
	r, f, err := d.readFile(name)
	if err != nil {
		return err
	}
	defer f.Close()
	columns := []string{v.query.Column}
	if v.query.Latest != "" {
		columns = append(columns, v.query.Latest)
	}
	if v.layout.table.Removable {
		columns = append(columns, transform.RemovedAt)
	}
	for _, m := range where {
		columns = append(columns, m.column)
	}
	slices.Sort(columns)
	for block, err := range r.Records(slices.Compact(columns), blockRows) {
		if err != nil {
			return damaged(d.storage, name, err)
		}
		v.add(block, where)
	}
	return nil
}

func (v *values) add(r arrow.Record, where []match) {
	column, removed := columnNamed(r, v.query.Column), columnNamed(r, transform.RemovedAt)
	days, _ := columnNamed(r, v.query.Latest).(*array.Date32)
	for i := range int(r.NumRows()) {
		if removed != nil && removed.IsValid(i) || !allAccept(where, r, i) {
			continue
		}
		if days != nil {
			if days.Value(i) > v.latest {
				v.latest = days.Value(i)
				clear(v.counts)
			}
			if days.Value(i) < v.latest {
				continue
			}
		}
		addValues(column, i, v.counts)
	}
}

// addValues counts a text, or each text of a list. The texts are copied: they would
// keep the whole record alive.
func addValues(column arrow.Array, i int, counts map[string]int) {
	if column.IsNull(i) {
		return
	}
	switch c := column.(type) {
	case *array.String:
		counts[strings.Clone(c.Value(i))]++
	case *array.List:
		texts := c.ListValues().(*array.String)
		from, to := c.ValueOffsets(i)
		for k := from; k < to; k++ {
			counts[strings.Clone(texts.Value(int(k)))]++
		}
	}
}

// allAccept tells whether a row meets all matches. NULL meets none.
func allAccept(where []match, r arrow.Record, i int) bool {
	for _, m := range where {
		if c := columnNamed(r, m.column); c.IsNull(i) || !m.values[text(c, i)] {
			return false
		}
	}
	return true
}

func columnNamed(r arrow.Record, name string) arrow.Array {
	if at := r.Schema().FieldIndices(name); len(at) > 0 {
		return r.Column(at[0])
	}
	return nil
}
