package pipeline

import (
	"sync"
	"time"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/load"
)

// EventKind says what an Event tells.
type EventKind int

// The kinds of events, in the order in which a run sends them.
const (
	RunStarted  EventKind = iota
	PageRead              // Part, Items and Total are set
	Committed             // of a fan-out: Done of Parents
	RunFinished           // Run is the final record
)

// An Event tells how a run gets on.
type Event struct {
	Kind    EventKind
	Run     load.Run
	Account string        // what its owner calls it; set when a run starts or has finished
	Part    string        // list that is read: a time range, a parent, or empty
	Pages   int           // of the run so far
	Items   int           // of the run so far
	Total   int           // items of all lists begun so far
	Wait    time.Duration // spent waiting for the rate limit so far
	// Of a fan-out.
	Done, Parents int
}

// progress counts what a run has read so far. It is safe for concurrent use.
type progress struct {
	run     load.Run // as it began
	client  *extract.Client
	observe func(Event)

	mu                  sync.Mutex
	pages, items, total int
}

// page tells of a page of a part: how many entries it has, and by how many the
// list turned out to be longer than was told.
func (p *progress) page(part string, items, longer int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pages, p.items, p.total = p.pages+1, p.items+items, p.total+longer
	p.observe(Event{
		Kind: PageRead, Run: p.run, Part: part, Pages: p.pages, Items: p.items, Total: p.total, Wait: p.client.Stats().Waited,
	})
}

// committed tells of parents that are committed.
func (p *progress) committed(done, parents int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.observe(Event{
		Kind: Committed, Run: p.run, Pages: p.pages, Items: p.items, Total: p.total, Done: done, Parents: parents,
	})
}
