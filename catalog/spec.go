package catalog

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/listdiff"
	"github.com/tracklake/tracklake/transform"
)

// A spec declares a resource with items of type T.
type spec[T any] struct {
	Name string
	Doc  string
	Noun string // see [Resource]
	// Endpoint is that of the resource's lists. In its path, {id} stands for the
	// parent.
	Endpoint extract.Endpoint
	Mode     Mode
	Every    Cadence
	Size     Size
	Order    Order
	// Key identifies entries, and names the row that an entry belongs to; see
	// [extract.List]. Column holds these names, in the table of a snapshot. The key
	// of an Append list ranks its entries by their time, in Unix milliseconds.
	Key    func(*T) listdiff.Key
	Column string
	// Unique: no two entries have the same key.
	Unique bool
	// Check returns why an entry has no row; see [extract.List].
	Check func(*T) (why string, rowless bool)
	// Failures is how many failing answers a list may cost; 0: as many as any.
	Failures int
	Max      int // entries of a list that are read at the most; 0: all
	// FullEvery, Budget, Options, Parents and Names: see [Resource].
	FullEvery time.Duration
	Budget    int
	Options   []Option
	Parents   *Parents
	Names     []Naming
	// AsParent is set when other resources have the entries as parents.
	AsParent func(*T) Parent
	Table    transform.Table[T]
	// Also are further tables, of a snapshot without parents.
	Also []further[T]
	// Complete requests the rest of an item that came cut short; see [extract.List].
	Complete func(context.Context, *extract.Client, *T) (why string, err error)
	// Gaps is the table that says when entries of an Append list may be missing.
	Gaps *transform.Table[gap]
	// Holds reports whether the account may still have any of some rows that seem gone;
	// nil: the API cannot tell.
	Holds func(ctx context.Context, c *extract.Client, rows []string) (bool, error)
	// Adopt completes an item with what only its list knows: its parent, and its
	// position, from 0. It may be nil.
	Adopt func(item *T, parent Parent, position int)
	// Lists says how the lists differ from each other. Nil: there is one, or one
	// for each parent.
	Lists func(Params) []list[T]
}

// check returns what in the declaration contradicts the table or the rest.
func (s *spec[T]) check(table *transform.Schema) error {
	snapshot := s.Mode == Snapshot
	switch {
	case strings.HasPrefix(s.Endpoint.Path, "/me/") && s.Endpoint.Scope == "":
		return errors.New("its lists belong to an account, and it needs no scope")
	case s.Size.String() == "":
		return errors.New("it does not say in which size it is exported")
	case s.Noun == "":
		return errors.New("it does not say what a row is")
	case s.Endpoint.Bucket == "" || s.Endpoint.Limit == 0 || s.Key == nil:
		return errors.New("it has no bucket, no limit or no key")
	case snapshot != (s.Column != "") || snapshot != table.Removable:
		return errors.New("a snapshot has a column that names its rows, and a table whose rows can be removed; others have neither")
	case (s.Mode == Append) != (s.Gaps != nil):
		return errors.New("a list of which only the newest entries show has a table of gaps; others have none")
	case strings.Contains(s.Endpoint.Path, "{id}") != (s.Parents != nil):
		return errors.New("the path has a parent, or the resource, but not both")
	case len(s.Also) > 0 && (!snapshot || s.Parents != nil):
		return errors.New("only a snapshot without parents has further tables")
	}
	columns := []string{s.Column}
	if s.Parents != nil {
		columns = append(columns, s.Parents.Column)
	}
	for _, n := range s.Names {
		columns = append(columns, n.Column, n.Latest)
	}
	for _, c := range columns {
		if c != "" && table.Index(c) < 0 {
			return fmt.Errorf("the table has no column %s", c)
		}
	}
	return nil
}

// A list is what one list of a resource has of its own.
type list[T any] struct {
	Name   string // time range; empty for the list of a parent
	Parent Parent
	Query  url.Values
	Order  Order // where it is not that of the resource
	Max    int
	// Where narrows the rows of the table to those of the list, beside the parent.
	Where []Match
	// Version and Dated: see [Part].
	Version string
	Dated   bool
	// Adopt follows that of the resource. It may be nil.
	Adopt func(item *T, position int)
}

// A part is one list with items of type T.
type part[T any] struct {
	Part
	List  extract.List[T]
	adopt func(item *T, position int)
}

// parts are the lists that a reading has.
func (s *spec[T]) parts(p Params) []part[T] {
	lists := []list[T]{{}}
	switch {
	case s.Lists != nil:
		lists = s.Lists(p)
	case s.Parents != nil:
		lists = nil
		for _, parent := range p.Parents {
			lists = append(lists, list[T]{Parent: parent})
		}
	}
	out := make([]part[T], len(lists))
	for i, l := range lists {
		out[i] = s.part(l)
	}
	return out
}

func (s *spec[T]) part(l list[T]) part[T] {
	e := s.Endpoint
	e.Path = pathOf(e.Path, l.Parent.ID)
	if l.Query != nil {
		e.Query = l.Query
	}
	p := Part{
		Name: l.Name, Mode: s.Mode, Endpoint: e, Max: max(s.Max, l.Max), Order: max(s.Order, l.Order), Column: s.Column,
		Rows: Scope{Table: s.Table.Name, Where: l.Where}, Sole: s.Mode == Snapshot && s.Parents == nil && s.Lists == nil,
		Version: l.Version, Dated: l.Dated,
	}
	for _, a := range s.Also {
		if table, column, err := a.schema(); err == nil { // or there is no such resource
			p.Further = append(p.Further, Further{table.Name, column})
		}
	}
	if s.Parents != nil {
		p.Name, p.Version = l.Parent.ID, l.Parent.Version
		p.Rows.Where = append([]Match{{Column: s.Parents.Column, Values: []string{l.Parent.ID}}}, l.Where...)
	}
	return part[T]{
		Part: p,
		List: extract.List[T]{Endpoint: e, Key: s.Key, Unique: s.Unique, Check: s.Check, Complete: s.Complete, Failures: s.Failures, Max: p.Max},
		adopt: func(item *T, position int) {
			if s.Adopt != nil {
				s.Adopt(item, l.Parent, position)
			}
			if l.Adopt != nil {
				l.Adopt(item, position)
			}
		},
	}
}

// pathOf is the path of a parent's list.
func pathOf(path, id string) string { return strings.ReplaceAll(path, "{id}", url.PathEscape(id)) }
