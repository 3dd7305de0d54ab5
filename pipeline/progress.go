package pipeline

import (
	"sync"
	"time"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/load"
)

// An EventKind says what an Event reports.
type EventKind int

// The kinds of events, in the order in which a run sends them.
const (
	RunStarted  EventKind = iota
	PageRead              // Part, Items and Total are set
	Committed             // of a fan-out: Done of Parents
	RunFinished           // Run is the final record
)

// An Event reports the progress of a run.
type Event struct {
	Kind    EventKind
	Run     load.Run
	Account string        // what its owner calls it; set when a run starts or has finished
	Part    string        // list that is read: a time range, a parent, or empty
	Pages   int           // of the run so far
	Items   int           // of the run so far
	Total   int           // items of all lists started so far
	Wait    time.Duration // spent waiting for the rate limit so far
	// Of a fan-out.
	Done, Parents int
}

// progress counts what a run has read so far. It is safe for concurrent use.
type progress struct {
	run     load.Run // as it started
	client  *extract.Client
	observe func(Event)

	mu                  sync.Mutex
	pages, items, total int
}

// page reports a page of a part: how many entries it has, and how many more the list
// has than was reported.
func (p *progress) page(part string, items, longer int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pages, p.items, p.total = p.pages+1, p.items+items, p.total+longer
	p.observe(Event{
		Kind: PageRead, Run: p.run, Part: part, Pages: p.pages, Items: p.items, Total: p.total, Wait: p.client.Stats().Waited,
	})
}

// committed reports parents that are committed.
func (p *progress) committed(done, parents int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.observe(Event{
		Kind: Committed, Run: p.run, Pages: p.pages, Items: p.items, Total: p.total, Done: done, Parents: parents,
	})
}
