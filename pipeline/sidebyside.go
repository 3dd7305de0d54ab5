package pipeline

import (
	"context"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/extract"
)

// mostParts is how many parts are read side by side. The pacer bounds the requests
// under way.
const mostParts = extract.DefaultConcurrency

// sideBySide reads the parts of a feed in their order, several at a time, and hands
// on what each brought as soon as it is there. launch tells whether another part
// may be begun beside so many others, if there are any. An error of take lets no
// further part begin; those under way end first, and take gets them as well. All
// goroutines have ended when it returns.
func (j *jobRun) sideBySide(ctx context.Context, feed *catalog.Feed, launch func(part, others int) bool, take func(partReading) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan partReading, mostParts)
	var failed error
	next, reading := 0, 0
	for {
		for next < len(feed.Parts) && failed == nil && reading < mostParts && launch(next, reading) {
			r := j.newPartReader(feed, next)
			go func() { done <- r.read(ctx) }()
			next, reading = next+1, reading+1
		}
		if reading == 0 {
			return failed
		}
		r := <-done
		reading--
		if err := take(r); err != nil && failed == nil {
			failed = err
			if j.sinks.failed() != nil { // nothing more can be kept
				cancel()
			}
		}
	}
}
