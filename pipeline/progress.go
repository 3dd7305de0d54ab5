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
	PageRead              // Part and Items are set
	Committed             // of a fan-out: Done of Parents
	RunFinished           // Run is the final record
)

// An Event reports the progress of a run.
type Event struct {
	Kind    EventKind
	Run     load.Run
	Account string // what its owner calls it; set when a run starts or has finished
	Part    string // list that is read: a time range, a parent, or empty
	Items   int    // of the run so far
	// Requests is how many requests for pages of lists were answered so far, and Left
	// how many are expected to be still; Pace is how fast they may go out.
	Requests, Left int
	Pace           extract.Pace
	Wait           time.Duration // spent waiting for the rate limit so far
	// Of a fan-out.
	Done, Parents int
	// Gaps is set when a run has finished that read a list of which only the newest
	// entries show.
	Gaps *Gaps
}

// progress counts what a run has read so far. It is safe for concurrent use.
type progress struct {
	run     load.Run // as it started
	client  *extract.Client
	observe func(Event)

	mu            sync.Mutex
	forecast      forecast
	budget        int // requests that the run may make; -1: no limit
	answered      int
	items         int
	done, parents int
}

// expect reports how many requests a part takes, or a guess.
func (p *progress) expect(part string, requests int, guessed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forecast.expect(part, requests, guessed)
}

// page reports that a page of a part was read, with its entries. A positive total is
// how many requests the part takes.
func (p *progress) page(part string, items, total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answered, p.items = p.answered+1, p.items+items
	if total > 0 {
		p.forecast.expect(part, total, false)
	}
	p.forecast.made(part)
	p.send(PageRead, part)
}

// restart reports that a part is read from its beginning.
func (p *progress) restart(part string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forecast.restart(part)
}

// end reports that a part was read.
func (p *progress) end(part string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forecast.end(part)
}

// committed reports parents that are committed.
func (p *progress) committed(done, parents int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done, p.parents = done, parents
	p.send(Committed, "")
}

func (p *progress) send(kind EventKind, part string) {
	stats := p.client.Stats()
	e := Event{
		Kind: kind, Run: p.run, Part: part, Items: p.items, Requests: p.answered, Left: p.forecast.left(), Pace: p.client.Pace(),
		Wait: stats.Waited, Done: p.done, Parents: p.parents,
	}
	if p.budget >= 0 {
		e.Left = min(e.Left, max(0, p.budget-stats.Requests))
	}
	p.observe(e)
}
