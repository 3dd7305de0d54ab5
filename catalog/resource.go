package catalog

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/transform"
)

// All lists the resources, in the order in which they are documented.
func All() []*Resource {
	return []*Resource{
		define(savedTracks()),
		define(topTracks()),
		define(artistAlbums()),
		define(followedArtists()),
		define(playlists()),
		define(playlistItems()),
		define(plays()),
		define(topArtists()),
		define(savedAlbums()),
		define(savedShows()),
		define(savedEpisodes()),
		define(savedAudiobooks()),
		define(profile()),
		define(albumTracks()),
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
	Name string
	Doc  string
	// Noun is what a row of its table is, for messages: "track". An s makes its plural.
	Noun string
	// Endpoint is that of the lists; in its path, {id} stands for the parent.
	Endpoint extract.Endpoint
	Mode     Mode
	Every    Cadence
	Size     Size
	Options  []Option
	// FullEvery is the time between two full syncs of a list that is otherwise
	// synced incrementally; zero where every sync is full.
	FullEvery time.Duration
	// Budget is how many requests of the endpoint's bucket are made in 24 hours, unless
	// jobs.yaml says otherwise; 0: no limit.
	Budget int
	// Parents is set for a fan-out: one list for each parent, each committed by
	// itself.
	Parents *Parents
	// Tables are those that the resource fills: its own, further ones, its gaps, the
	// rejects, and the change log where one of its own has a log.
	Tables []*transform.Schema
	// Gaps is the table that says when entries may be missing, for a list in mode
	// [Append].
	Gaps *transform.Schema
	// Names says where the table names what other resources can have as parents.
	Names []Naming

	open func(Params) (*Feed, error)
}

// Cadence is how often a resource is worth being read, for those who write a schedule.
type Cadence int

const (
	// Daily resources change by the day.
	Daily Cadence = iota
	// Hourly resources show so little of the past that a day's run misses entries.
	Hourly
	// Weekly resources change rarely, or cost many requests.
	Weekly
)

// Size is a choice of resources: how much to export. A resource belongs to the size that
// it names, and to every larger one.
type Size int

const (
	// Essentials are what the account saves and plays.
	Essentials Size = iota + 1
	// Library adds everything else that the account keeps or follows.
	Library
	// Everything adds what takes requests for each artist or album.
	Everything
)

// String is the name of the size.
func (s Size) String() string {
	return map[Size]string{Essentials: "essentials", Library: "library", Everything: "everything"}[s]
}

// Of lists the resources of a size, in the order of [All].
func Of(size Size) []*Resource {
	return slices.DeleteFunc(All(), func(r *Resource) bool { return r.Size > size })
}

// Mode is what a list says about the rows of its table.
type Mode int

const (
	// Snapshot lists are the truth: what is not in the list was removed.
	Snapshot Mode = iota
	// Replace lists are stored as they are: a complete reading replaces the rows of
	// the one before as a whole.
	Replace
	// Append lists show the newest entries only: rows are added, and none is
	// removed.
	Append
)

// Parents says what the lists of a fan-out belong to.
type Parents struct {
	Noun string // what a parent is, for messages: "artist"
	// Of names the resource whose entries are the parents. Empty: an option of
	// kind [Chosen] names it.
	Of string
	// Column of the table holds the parent's id.
	Column string
	// Version is that of each list whose entries never change: it is read again only
	// every FullEvery. Empty: they do, or their own version tells.
	Version string
}

// A Parent is one parent of a fan-out.
type Parent struct {
	ID string
	// Name is what people call it; empty: unknown.
	Name string
	// Version changes whenever the parent's list changes; empty: unknown.
	Version string
}

// A Naming says where a table names things that can be parents.
type Naming struct {
	Noun   string // of what is named: "artist"
	Column string // of ids
	Latest string // date column of which only the newest value counts, or empty
}

// Table is the resource's own table.
func (r *Resource) Table() *transform.Schema { return r.Tables[0] }

// Params are what a reading of a resource depends on.
type Params struct {
	Account string
	Job     string
	// Day is the calendar day of the run, as midnight UTC of that day.
	Day     time.Time
	Options Values
	// Parents are those to read, for a fan-out; one part each, in order.
	Parents []Parent
	Memory  memory.Allocator
}

// Open prepares a reading. The caller releases the feed.
func (r *Resource) Open(p Params) (*Feed, error) {
	if p.Memory == nil {
		p.Memory = memory.DefaultAllocator
	}
	return r.open(p)
}

// A Part is one list of a resource.
type Part struct {
	Name     string // time range or parent id; empty for a resource of one list
	Mode     Mode
	Endpoint extract.Endpoint
	Max      int // entries that are read at the most; 0: all
	Order    Order
	// Rows are those of the list's entries: in a snapshot, one row for each value
	// of Column.
	Rows    Scope
	Column  string
	Further []Further
	// Sole: no other list has rows in this scope.
	Sole bool
	// Version is the version of a replaced list that the rows show. With Dated, each
	// version has rows of its own, which no other version replaces.
	Version string
	Dated   bool
}

// A Further is another table with rows of the list's entries, and the column in it that
// holds the values of the part's Column.
type Further struct{ Table, Column string }

// Removals are the scopes of some rows of the part, and of what further tables have of
// them.
func (p Part) Removals(rows []string) []Scope {
	s := Scope{Table: p.Rows.Table, Where: slices.Clone(p.Rows.Where)}
	s.Where = append(s.Where, Match{Column: p.Column, Values: rows})
	out := []Scope{s}
	for _, f := range p.Further {
		out = append(out, Scope{Table: f.Table, Where: []Match{{Column: f.Column, Values: rows}}})
	}
	return out
}

// Order says what the position of an entry in a list means.
type Order int

const (
	// Unordered lists come in no dependable order: every sync is full.
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

// define checks a declaration and hides its item type. A declaration that
// contradicts itself is a programming error, found by the first test.
func define[T any](s spec[T]) *Resource {
	r := &Resource{
		Name: s.Name, Doc: s.Doc, Noun: s.Noun, Endpoint: s.Endpoint, Mode: s.Mode, Every: s.Every, Size: s.Size, Options: s.Options,
		Parents: s.Parents, Names: s.Names, FullEvery: s.FullEvery, Budget: s.Budget,
	}
	own, err := s.Table.Schema()
	errs := []error{err, s.check(own)}
	r.Tables = append(r.Tables, own)
	for _, a := range s.Also {
		table, _, err := a.schema()
		r.Tables, errs = append(r.Tables, table), append(errs, err)
	}
	if s.Gaps != nil {
		r.Gaps, err = s.Gaps.Schema()
		r.Tables, errs = append(r.Tables, r.Gaps), append(errs, err)
	}
	r.share(errs)
	r.open = func(p Params) (*Feed, error) { return openFeed(s, p) }
	return r
}

// share adds the tables that resources share.
func (r *Resource) share(errs []error) {
	rejects, errRejects := rejectsTable().Schema()
	changes, errChanges := transform.ChangeLog().Schema()
	if err := errors.Join(append(errs, errRejects, errChanges)...); err != nil {
		panic(fmt.Sprintf("resource %s: %v", r.Name, err))
	}
	r.Tables = append(r.Tables, rejects)
	if slices.ContainsFunc(r.Tables, func(t *transform.Schema) bool { return t.Log != nil }) {
		r.Tables = append(r.Tables, changes)
	}
}
