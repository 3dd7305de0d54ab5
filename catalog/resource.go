package catalog

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/listdiff"
	"github.com/tracklake/tracklake/transform"
)

// All lists the resources, in the order in which they are documented.
func All() []*Resource {
	return []*Resource{
		define(savedTracks()),
		define(topTracks()),
		define(artistAlbums()),
	}
}

// Find returns the resource of that name, or nil.
func Find(name string) *Resource {
	for _, r := range All() {
		if r.Name == name {
			return r
		}
	}
	return nil
}

// A Resource is one thing that can be exported, without its item type.
type Resource struct {
	Name    string
	Doc     string
	Scope   string // OAuth scope; empty when none is needed
	Family  string // endpoint family, for pacing and quota
	Options []Option
	// FullEvery is how often a list is read whole where it is otherwise only
	// searched for changes; zero where it is always read whole.
	FullEvery time.Duration
	// Budget is how many requests of the family are made in 24 hours, unless
	// jobs.yaml says otherwise; 0: no limit.
	Budget int
	// FanOut is set for a resource that is read once per parent, each parent
	// committed by itself.
	FanOut bool
	// Tables are those that the resource fills: its own and the rejects.
	Tables []*transform.Schema
	// Artists is set when the table can name artists for other resources.
	Artists *ArtistSource

	open func(Params) (*Feed, error)
}

// An ArtistSource tells where a resource's table names artists.
type ArtistSource struct {
	Table  string
	Column string // list of artist ids
	Latest string // date column of which only the newest value counts, or empty
}

// Params are what a reading of a resource depends on.
type Params struct {
	Account string
	Job     string
	// Day is the calendar day of the run, as midnight UTC of that day.
	Day     time.Time
	Options Values
	// Parents are the ids to read, for a fan-out; one part each, in order.
	Parents []string
	Memory  memory.Allocator
}

// Open prepares a reading. The caller releases the feed.
func (r *Resource) Open(p Params) (*Feed, error) {
	if p.Memory == nil {
		p.Memory = memory.DefaultAllocator
	}
	return r.open(p)
}

// A Feed reads a resource part by part: one part for a simple list, one for
// each time range or parent otherwise.
type Feed struct {
	Parts []Part
	// Read prepares the reading of a part. Parts may be read side by side.
	Read func(c *extract.Client, part int, plan extract.Plan) Reading
	// Append turns what a step brought into rows, and returns those of full
	// batches, which the receiver releases. Append, Flush and Reset are used by
	// one goroutine at a time; the steps of a part are appended together. After
	// one that restarts the part, Reset comes first.
	Append func(Step) []transform.Batch
	// Flush returns the rows that wait for a fuller batch.
	Flush func() []transform.Batch
	// Reset drops the rows that wait. It goes with dropping what Append has
	// returned before.
	Reset func()
	// Notes tells what had to be changed so far to make the rows storable.
	Notes func() transform.Notes
	// Release frees the feed's buffers.
	Release func()
}

// A Reading reads one part. Steps yields what arrived, page by page; Result is
// what it proves, valid after the loop.
type Reading struct {
	Steps  func(context.Context) iter.Seq2[Step, error]
	Result func() listdiff.Reading
}

// A Part is one list of a resource.
type Part struct {
	Name     string // time range or parent id; empty for a resource of one list
	Endpoint extract.Endpoint
	Max      int // entries that are read at the most; 0: all
	Order    Order
	// Rows are those of the list's entries: one row for each value of Column. For
	// a ranking, which is replaced as a whole, Column is empty.
	Rows   Scope
	Column string
	// Sole: no other list has rows in this scope.
	Sole bool
}

// Removal is the scope of some rows of the part.
func (p Part) Removal(rows []string) Scope {
	s := Scope{Table: p.Rows.Table, Where: slices.Clone(p.Rows.Where)}
	s.Where = append(s.Where, Match{Column: p.Column, Values: rows})
	return s
}

// Order says what the place of an entry in a list tells.
type Order int

const (
	// Unordered lists come in no dependable order: they are always read as a whole.
	Unordered Order = iota
	// Ordered lists have an order in which an entry can move, so that one which is
	// not where it was may be elsewhere.
	Ordered
	// Stable lists keep their entries in order: they only come and go.
	Stable
)

// A Scope is the rows of a table, beyond the account, whose columns have one of
// the values.
type Scope struct {
	Table string
	Where []Match
}

// A Match restricts a column to some values.
type Match struct {
	Column string
	Values []string
}

// A Step is what one page brought.
type Step struct {
	// Restart says that the list is read anew: rows of this part that came before
	// are void.
	Restart     bool
	Items       int // entries of the page, rejects included
	Total       int // entries of the list, as the API says now; -1: it did not
	Rejects     int
	FieldErrors int // values of an unexpected type, which became NULL

	part int
	page any // *extract.Page[T]
}

// A spec declares a resource with items of type T.
type spec[T any] struct {
	Name   string
	Doc    string
	Scope  string
	Family string
	FanOut bool
	// FullEvery and Budget: see [Resource].
	FullEvery time.Duration
	Budget    int
	Options   []Option
	Artists   *ArtistSource
	Table     transform.Table[T]
	// Parts lists what to read.
	Parts func(Params) ([]part[T], error)
}

// A part is one list with items of type T.
type part[T any] struct {
	Part
	List extract.List[T]
	// Adopt completes an item with what only the list knows: its rank
	// (position counts from 0), its parent, the day.
	Adopt func(item *T, position int)
}

// define checks a declaration and hides its item type. A declaration that
// contradicts itself is a programming error, found by the first test.
func define[T any](s spec[T]) *Resource {
	r := &Resource{
		Name: s.Name, Doc: s.Doc, Scope: s.Scope, Family: s.Family,
		Options: s.Options, FanOut: s.FanOut, Artists: s.Artists, FullEvery: s.FullEvery, Budget: s.Budget,
	}
	own, err := s.Table.Schema()
	rejects, errRejects := rejectsTable().Schema()
	if err = errors.Join(err, errRejects); err != nil {
		panic(fmt.Sprintf("resource %s: %v", s.Name, err))
	}
	r.Tables = []*transform.Schema{own, rejects}
	r.open = func(p Params) (*Feed, error) { return openFeed(s, p) }
	return r
}

// errNoParts says that a resource was opened without anything to read.
var errNoParts = errors.New("nothing to read")
