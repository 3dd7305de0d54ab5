package parquet

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/tracklake/tracklake/transform"
)

// A follower watches the merge of a partition of a logged table, and logs which items
// came and went. It holds the items of one list at a time; of a table whose rows are
// the items, one row.
type follower struct {
	changes *changes
	table   *transform.Schema
	list    int   // column of the list, or -1
	items   []int // columns
	name    int   // column

	at        string // the list whose places are merged now
	presences map[string]*presence
	past      *past
}

// follow begins to follow the merge of a partition, if the table is logged.
func (c *changes) follow(l *layout) *follower {
	log := l.table.Log
	if c == nil || log == nil {
		return nil
	}
	f := &follower{changes: c, table: l.table, list: l.table.Index(log.List), name: l.table.Index(log.Name), presences: map[string]*presence{}}
	for _, name := range log.Item {
		f.items = append(f.items, l.table.Index(name))
	}
	return f
}

// A presence follows one item through the commits.
type presence struct {
	places int // that hold it before the first commit
	moves  []shift
	name   *string
	named  bool
}

// A shift adds a place to those that hold an item, or takes one away.
type shift struct {
	commit int32
	by     int
}

// holding is the item that a row holds; none where the row is not there.
type holding struct {
	item string
	ok   bool
}

func (f *follower) holds(r *row) holding {
	if !r.there || r.gone {
		return holding{}
	}
	return f.itemOf(r.cell)
}

func (f *follower) itemOf(c cell) holding {
	for _, column := range f.items {
		if texts := c.record.Column(column); texts.IsValid(c.at) {
			return holding{text(texts, c.at), true}
		}
	}
	return holding{}
}

// presence is that of an item. The item's text may belong to a block that is released soon.
func (f *follower) presence(item string) *presence {
	t := f.presences[item]
	if t == nil {
		t = &presence{}
		f.presences[strings.Clone(item)] = t
	}
	return t
}

// begin comes before a row is settled.
func (f *follower) begin(key cell, r *row) error {
	if f.list < 0 {
		return nil
	}
	if list := text(key.record.Column(f.list), key.at); list != f.at {
		if err := f.flush(); err != nil {
			return err
		}
		f.at = strings.Clone(list)
	}
	if h := f.holds(r); h.ok {
		f.presence(h.item).places++
	}
	return nil
}

// moved hears what a row held before a commit that changed the row.
func (f *follower) moved(r *row, commit int32, was holding) {
	is := f.holds(r)
	if was == is {
		return
	}
	if was.ok {
		t := f.presence(was.item)
		if f.list < 0 && len(t.moves) == 0 {
			t.places = 1
		}
		t.moves = append(t.moves, shift{commit, -1})
	}
	if is.ok {
		t := f.presence(is.item)
		t.moves = append(t.moves, shift{commit, 1})
		f.nameBy(t, r)
	}
}

// nameBy names an item by the first place that holds it.
func (f *follower) nameBy(t *presence, r *row) {
	if !t.named {
		t.name, t.named = textOrNull(r.record.Column(f.name), r.at), true
	}
}

// end comes after a row is settled.
func (f *follower) end(r *row) error {
	if f.list < 0 && len(f.presences) == 0 {
		return nil
	}
	if h := f.itemOf(r.cell); r.there && h.ok {
		f.nameBy(f.presence(h.item), r)
	}
	if f.list >= 0 {
		return nil
	}
	return f.flush()
}

func textOrNull(c arrow.Array, i int) *string {
	if c.IsNull(i) {
		return nil
	}
	out := strings.Clone(text(c, i))
	return &out
}

// flush logs what happened to the items of a list.
func (f *follower) flush() error {
	var moved []string
	for item, t := range f.presences {
		if t.cameOrWent() {
			moved = append(moved, item)
		}
	}
	slices.Sort(moved)
	for _, item := range moved {
		if err := f.log(item, f.presences[item]); err != nil {
			return err
		}
	}
	clear(f.presences)
	return nil
}

// cameOrWent tells whether any commit changed that the item is there. It sorts the moves
// and joins those of one commit.
func (t *presence) cameOrWent() bool {
	if len(t.moves) == 0 {
		return false
	}
	if len(t.moves) > 1 {
		slices.SortStableFunc(t.moves, func(a, b shift) int { return cmp.Compare(a.commit, b.commit) })
	}
	joined := t.moves[:1]
	for _, m := range t.moves[1:] {
		if last := &joined[len(joined)-1]; last.commit == m.commit {
			last.by += m.by
		} else {
			joined = append(joined, m)
		}
	}
	t.moves = joined
	places := t.places
	for _, m := range t.moves {
		if (places > 0) != (places+m.by > 0) {
			return true
		}
		places += m.by
	}
	return false
}

// log adds an entry for each commit after which an item is there or not, other than the
// entry before says.
func (f *follower) log(item string, t *presence) error {
	if f.past == nil {
		var err error
		if f.past, err = f.changes.past(f.table.Name); err != nil {
			return err
		}
	}
	last, err := f.past.last(f.at, item)
	if err != nil {
		return err
	}
	known, live, places := last.known, last.live, t.places
	for _, m := range t.moves {
		places += m.by
		if places > 0 == live {
			continue
		}
		e := &transform.Change{Resource: f.table.Name, List: f.at, Item: item, Name: t.name, Change: transform.Removed}
		if e.Name == nil {
			e.Name = last.name
		}
		if live = places > 0; live {
			e.Change = transform.Added
			if known {
				e.Change = transform.Returned
			}
		}
		known = true
		if err := f.changes.add(e, m.commit); err != nil {
			return err
		}
	}
	return nil
}

// close logs what is left and lets go of the log.
func (f *follower) close() error {
	if f == nil {
		return nil
	}
	err := f.flush()
	if f.past != nil {
		err = errors.Join(err, f.past.close())
	}
	return err
}
