package pipeline

import (
	"time"

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
	Part    string        // list that is read: a time range, an artist, or empty
	Pages   int           // of the run so far
	Items   int           // of the run so far
	Total   int           // items of all lists begun so far
	Wait    time.Duration // spent waiting for the rate limit so far
	// Of a fan-out.
	Done, Parents int
}
