package pipeline

import (
	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/extract"
)

// A width decides how many parents of a fan-out are read concurrently: as many as a
// day's budget has room for, so that few lists are interrupted.
type width struct {
	client *extract.Client
	costs  []int // requests that each part is expected to take
	left   int   // of the budget when the run started; -1: no budget
	under  int   // expected requests of the parts that are being read
}

// newWidth estimates what each part of a feed takes.
func newWidth(x *export, feed *catalog.Feed, left int) *width {
	w := &width{client: x.client, left: left, costs: make([]int, len(feed.Parts))}
	sum, known := 0, 0
	for i, part := range feed.Parts {
		if cost, sure := x.policy.cost(part, x.state.of(part, true)); sure {
			w.costs[i], sum, known = cost, sum+cost, known+1
		}
	}
	for i := range w.costs {
		guessed := w.costs[i] == 0
		if guessed {
			w.costs[i] = usual(sum, known)
		}
		x.progress.expect(feed.Parts[i].Name, w.costs[i], guessed)
	}
	return w
}

// launch reports whether a part can start, beside others if there are any, and counts
// it.
func (w *width) launch(part, others int) bool {
	made := w.client.Stats().Requests
	if w.left >= 0 && others > 0 && made+w.under+w.costs[part] > w.left {
		return false
	}
	w.under += w.costs[part]
	return true
}

// done counts a part as read.
func (w *width) done(part int) { w.under -= w.costs[part] }
