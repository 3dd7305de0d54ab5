package parquet

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/tracklake/tracklake/transform"
)

// loggedRows is how many entries of the change log wait before they are staged.
const loggedRows = 1024

// changes stages entries of the change log, like any other row: one publication merges
// them with the log and makes them visible together with the rows that they tell of.
type changes struct {
	s      *session
	layout *layout // of the log
	set    *transform.Set[transform.Change]
	commit int32 // of the entries that wait
	rows   int   // that wait
}

// newChanges opens the builder of entries; it is nil where no log was announced.
func (s *session) newChanges() (*changes, error) {
	c := &changes{s: s, layout: s.d.layouts[transform.LibraryChanges]}
	if c.layout == nil {
		return nil, nil
	}
	var err error
	c.set, err = transform.NewSet(memory.DefaultAllocator, s.job.Account, transform.ChangeLog())
	return c, err
}

// add stages an entry, now or later.
func (c *changes) add(e *transform.Change, commit int32) error {
	if commit != c.commit || c.rows == loggedRows {
		if err := c.flush(); err != nil {
			return err
		}
	}
	e.Job, e.At = c.s.job.Name, c.s.job.Run.StartedAt
	c.set.Append(e)
	c.commit = commit
	c.rows++
	return nil
}

// release frees the builder.
func (c *changes) release() {
	if c != nil {
		c.set.Release()
	}
}

// flush stages the entries that wait.
func (c *changes) flush() error {
	if c == nil {
		return nil
	}
	c.rows = 0
	var err error
	for _, b := range c.set.Take(1) {
		err = c.s.stagingOf(c.layout).add(b.Record, c.commit)
		b.Record.Release()
	}
	return err
}

// A past is the log as it is stored, of one table: what all jobs of the account have
// written, since a job may have been renamed. It is asked in the order of its entries.
type past struct {
	table   string
	cursors []*cursor // of a file each
}

// An entry is what the log last said of an item.
type entry struct {
	at          time.Time
	name        *string
	known, live bool
}

func (c *changes) past(table string) (*past, error) {
	p := &past{table: table}
	names, err := c.s.d.filesOf(c.layout, c.s.job.Account)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		from, err := c.s.d.fileCursor(name, []string{"resource", "list_id", "item_id", "changed_at", "name", "change"})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("read the change log: %w", err), p.close())
		}
		p.cursors = append(p.cursors, from)
	}
	return p, nil
}

// last is the last entry of an item.
func (p *past) last(list, item string) (entry, error) {
	var out entry
	for _, c := range p.cursors {
		for {
			row, ok, err := c.here()
			if err != nil {
				return out, err
			}
			order := 1
			if ok {
				order = cmp.Or(strings.Compare(text(row.record.Column(0), row.at), p.table),
					strings.Compare(text(row.record.Column(1), row.at), list), strings.Compare(text(row.record.Column(2), row.at), item))
			}
			if order > 0 {
				break
			}
			if order == 0 {
				out.take(row)
			}
			if left := c.next(); left != nil {
				left.Release()
			}
		}
	}
	return out, nil
}

// take reads an entry, unless a later one is known.
func (e *entry) take(row cell) {
	at := time.UnixMicro(int64(row.record.Column(3).(*array.Timestamp).Value(row.at)))
	if e.known && at.Before(e.at) {
		return
	}
	*e = entry{at, textOrNull(row.record.Column(4), row.at), true, text(row.record.Column(5), row.at) != transform.Removed}
}

func (p *past) close() error {
	var err error
	for _, c := range p.cursors {
		err = errors.Join(err, c.end())
	}
	return err
}
