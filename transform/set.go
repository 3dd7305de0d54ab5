package transform

import (
	"fmt"
	"hash/maphash"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// A Batch is a record of one table. Whoever receives it from [Set.Take]
// releases the record.
type Batch struct {
	Table  *Schema
	Record arrow.Record
}

// Rows is a table as fed by items of type T: the table of the items
// themselves, or one made from parts of them.
type Rows[T any] interface {
	Schema() (*Schema, error)
	open(b *opening) (*rows[T], error)
}

// opening is what a table needs to start a new set of builders.
type opening struct {
	mem     memory.Allocator
	account string
	notes   *Notes
	item    *int // number of the item that is appended
	groups  map[any]*group
}

// A group remembers which keys of one identity were seen, for all the tables
// that share it, and what it said of the item that is appended now.
type group struct {
	seen  *keySet
	item  int
	first bool
}

// ask tells whether the item is the first of its key.
func (g *group) ask(item int, key string) bool {
	if g.item != item {
		g.item, g.first = item, g.seen.add(key)
	}
	return g.first
}

func (o *opening) group(identity any) *group {
	if o.groups[identity] == nil {
		o.groups[identity] = &group{seen: newKeySet()}
	}
	return o.groups[identity]
}

// rows is an open builder of one table.
type rows[T any] struct {
	schema  *Schema
	builder *array.RecordBuilder
	append  func(*T)
	forget  func()
	waiting int
}

func (t Table[T]) open(o *opening) (*rows[T], error) {
	s, err := t.Schema()
	if err != nil {
		return nil, err
	}
	r := &rows[T]{schema: s, builder: array.NewRecordBuilder(o.mem, s.Record()), forget: func() {}}
	columns := make([]func(*T), 0, len(s.Fields))
	if s.HasAccount() {
		account := r.builder.Field(0).(*array.StringBuilder)
		columns = append(columns, func(*T) { account.Append(o.account) })
	}
	offset := len(columns)
	for i, c := range t.Columns {
		columns = append(columns, c.bind(r.builder.Field(offset+i), o.notes))
	}
	r.append = func(item *T) {
		for _, add := range columns {
			add(item)
		}
		r.waiting++
	}
	return r, nil
}

// Each feeds table with parts of an item, as often as parts calls add.
func Each[T, P any](table Table[P], parts func(item *T, add func(*P))) Rows[T] {
	return each[T, P]{table: table, parts: parts}
}

// Distinct is Each, keeping only the first part of each key in a set.
// A part with an empty key is left out.
func Distinct[T, P any](table Table[P], key func(*P) string, parts func(item *T, add func(*P))) Rows[T] {
	return each[T, P]{table: table, parts: parts, partKey: key}
}

// An Identity tells items apart by a key. Tables that share one share the
// memory of what was seen.
type Identity[T any] struct{ key func(*T) string }

// By returns an identity.
func By[T any](key func(*T) string) *Identity[T] { return &Identity[T]{key} }

// Once is Each for the first item of each identity in a set.
// An item with an empty key is left out.
func Once[T, P any](table Table[P], by *Identity[T], parts func(item *T, add func(*P))) Rows[T] {
	return each[T, P]{table: table, parts: parts, by: by}
}

type each[T, P any] struct {
	table   Table[P]
	parts   func(*T, func(*P))
	partKey func(*P) string
	by      *Identity[T]
}

func (e each[T, P]) Schema() (*Schema, error) { return e.table.Schema() }

func (e each[T, P]) open(o *opening) (*rows[T], error) {
	inner, err := e.table.open(o)
	if err != nil {
		return nil, err
	}
	seen := newKeySet()
	outer := &rows[T]{schema: inner.schema, builder: inner.builder, forget: seen.clear}
	first := func(*T) bool { return true }
	if e.by != nil {
		g := o.group(e.by)
		first = func(item *T) bool { return g.ask(*o.item, e.by.key(item)) }
		outer.forget = g.seen.clear
	}
	add := func(p *P) {
		if e.partKey == nil || seen.add(e.partKey(p)) {
			inner.append(p)
			outer.waiting++
		}
	}
	outer.append = func(item *T) {
		if first(item) {
			e.parts(item, add)
		}
	}
	return outer, nil
}

// A KeyDigest stands for keys by 128 bits of hash, where they are too many for
// their text to be kept: a library has hundreds of thousands of them. The sums of
// two digests cannot be compared.
type KeyDigest struct{ a, b maphash.Seed }

// NewKeyDigest makes a digest.
func NewKeyDigest() KeyDigest { return KeyDigest{maphash.MakeSeed(), maphash.MakeSeed()} }

// Sum returns the hash of a key.
func (d KeyDigest) Sum(key string) [2]uint64 {
	return [2]uint64{maphash.String(d.a, key), maphash.String(d.b, key)}
}

// A keySet remembers keys by their digest.
type keySet struct {
	digest KeyDigest
	seen   map[[2]uint64]struct{}
}

func newKeySet() *keySet {
	return &keySet{digest: NewKeyDigest(), seen: map[[2]uint64]struct{}{}}
}

// add tells whether a key is there for the first time. An empty key never is.
func (s *keySet) add(key string) bool {
	before := len(s.seen)
	if key != "" {
		s.seen[s.digest.Sum(key)] = struct{}{}
	}
	return len(s.seen) > before
}

func (s *keySet) clear() { clear(s.seen) }

// A Set holds the open builders of all tables that a resource fills.
// It is used by one goroutine at a time.
type Set[T any] struct {
	tables []*rows[T]
	notes  Notes
	item   int
}

// NewSet opens builders for the given tables, for rows of one account
// (account may be empty when no table has one). Call Release when done.
func NewSet[T any](mem memory.Allocator, account string, tables ...Rows[T]) (*Set[T], error) {
	s := &Set[T]{}
	o := &opening{mem: mem, account: account, notes: &s.notes, item: &s.item, groups: map[any]*group{}}
	for _, t := range tables {
		r, err := t.open(o)
		if err != nil {
			s.Release()
			return nil, fmt.Errorf("open table: %w", err)
		}
		s.tables = append(s.tables, r)
	}
	return s, nil
}

// Append adds an item's rows to every table. It does not keep the item,
// but may keep its texts.
func (s *Set[T]) Append(item *T) {
	s.item++
	for _, t := range s.tables {
		t.append(item)
	}
}

// Take returns the records of the tables in which at least n rows wait, and
// empties those builders. The caller releases the records.
func (s *Set[T]) Take(n int) []Batch {
	var out []Batch
	for _, t := range s.tables {
		if t.waiting == 0 || t.waiting < n {
			continue
		}
		out = append(out, Batch{Table: t.schema, Record: t.builder.NewRecord()})
		t.waiting = 0
	}
	return out
}

// Reset drops the rows that wait and forgets which keys were seen.
func (s *Set[T]) Reset() {
	for _, b := range s.Take(1) {
		b.Record.Release()
	}
	for _, t := range s.tables {
		t.forget()
	}
}

// Notes tells what had to be changed so far.
func (s *Set[T]) Notes() Notes { return s.notes }

// Release frees the builders.
func (s *Set[T]) Release() {
	for _, t := range s.tables {
		t.builder.Release()
	}
}
