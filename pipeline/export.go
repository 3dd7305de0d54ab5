package pipeline

import (
	"context"
	"log/slog"
	"time"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline/config"
)

// An export is what the lists of one run have in common: where they are read from,
// how, and where their rows go.
type export struct {
	job      *config.Job
	mode     Mode
	client   *extract.Client // of this run
	policy   *policy
	state    *jobState
	tables   tables
	sessions *sessions
	progress *progress
	findings *findings
	log      *slog.Logger
	granted  func() bool          // whether the user is known to have granted all scopes
	waited   func() time.Duration // for budgets
	now      func() time.Time

	record   *load.Run
	removals []load.Removal    // for the last commit
	saved    int               // requests, by incremental syncs
	labels   map[string]string // of a fan-out's parents, by id
	gaps     *Gaps             // of a list of which only the newest entries show, once it was read
}

// stage turns the steps of a part into rows at the destinations.
func (x *export) stage(feed *catalog.Feed, r partReading) error {
	for _, s := range r.steps {
		if err := x.sessions.write(feed.Append(s)); err != nil {
			return err
		}
	}
	return nil
}

// remove removes rows with the last commit, but for those that are staged by then.
func (x *export) remove(scopes ...catalog.Scope) {
	for _, s := range scopes {
		x.removals = append(x.removals, scope(s))
	}
}

// count adds what a part brought to the record.
func (x *export) count(r partReading) {
	x.record.Items += r.count.items
	x.record.Rejects += r.count.rejects
	x.record.FieldErrors += r.count.fieldErrors
	x.saved += r.reading.Saved
}

// recordCost records the requests that the run has spent so far.
func (x *export) recordCost() {
	spent := x.client.Stats()
	x.record.Requests, x.record.Retries, x.record.Throttled = spent.Requests, spent.Retries, spent.Throttled
	x.record.SavedRequests = x.saved + spent.Shared
	x.record.WaitedMS = (spent.Waited + x.waited()).Milliseconds()
}

// noteReplaced logs texts that could not be stored as they came.
func (x *export) noteReplaced(feed *catalog.Feed) {
	if n := feed.Notes().Replaced; n > 0 {
		x.log.Warn("replaced NUL characters in texts by U+FFFD", "texts", n)
	}
}

// listName names the list of a part, of which the name is empty if it is the only one.
func (x *export) listName(part string) string {
	if part == "" {
		return x.job.Resource.Name
	}
	if label := x.labels[part]; label != "" {
		return label
	}
	return x.job.Resource.Name + " " + part
}

// mostParts is how many parts are read concurrently. The pacer bounds the requests
// under way.
const mostParts = extract.DefaultConcurrency

// concurrently reads the parts of a feed in their order, several at a time, and calls
// take with each reading as soon as it ends. launch reports whether another part
// may start beside that many others. After an error of take no further part starts;
// those under way end first, and take gets them as well. All goroutines have ended
// when it returns.
func (x *export) concurrently(ctx context.Context, feed *catalog.Feed, launch func(part, others int) bool, take func(partReading) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan partReading, mostParts)
	var failed error
	next, reading := 0, 0
	for {
		for next < len(feed.Parts) && failed == nil && reading < mostParts && launch(next, reading) {
			r := newPartReader(x, feed, next)
			go func() { done <- r.read(ctx) }()
			next, reading = next+1, reading+1
		}
		if reading == 0 {
			return failed
		}
		r := <-done
		reading--
		x.progress.end(r.part.Name)
		if err := take(r); err != nil && failed == nil {
			failed = err
			if x.sessions.failed() != nil { // nothing more can be kept
				cancel()
			}
		}
	}
}

// scope is a scope of a part's rows as destinations know it.
func scope(s catalog.Scope) load.Removal {
	out := load.Removal{Table: s.Table}
	for _, m := range s.Where {
		out.Where = append(out.Where, load.Match(m))
	}
	return out
}
