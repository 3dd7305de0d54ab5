package pipeline

import (
	"context"

	"github.com/tracklake/tracklake/catalog"
)

// unknownPages is how many requests a parent's list is expected to take, as long as
// none was read.
const unknownPages = 5

// A width decides how many parents of a fan-out are read side by side: as many as a
// day's budget has room for, so that few lists are cut off in the middle.
type width struct {
	job   *jobRun
	costs []int // requests that each part is expected to take
	left  int   // of the budget, when the run began; -1: there is none
	under int   // expected requests of the parts that are being read
}

// newWidth looks up what is left of the day's budget.
func (j *jobRun) newWidth(ctx context.Context, feed *catalog.Feed) (*width, error) {
	w := &width{job: j, left: -1, costs: j.costs(feed)}
	budget := j.budget()
	if budget == 0 {
		return w, nil
	}
	spent, err := j.meter.spent(ctx, j.job.Resource.Family)
	if err != nil {
		return nil, err
	}
	w.left = max(0, budget-spent)
	return w, nil
}

// launch tells whether a part can be begun, beside others if there are any, and
// takes note of it.
func (w *width) launch(part, others int) bool {
	made := w.job.tally.Stats().Requests
	if w.left >= 0 && others > 0 && made+w.under+w.costs[part] > w.left {
		return false
	}
	w.under += w.costs[part]
	return true
}

// done takes note that a part was read.
func (w *width) done(part int) { w.under -= w.costs[part] }

// costs estimates the requests of each part.
func (j *jobRun) costs(feed *catalog.Feed) []int {
	out := make([]int, len(feed.Parts))
	sum, known := 0, 0
	for i, part := range feed.Parts {
		if cost, sure := j.costOf(part); sure {
			out[i], sum, known = cost, sum+cost, known+1
		}
	}
	for i := range out {
		if out[i] == 0 {
			out[i] = usual(sum, known)
		}
	}
	return out
}

// usual is how many requests a parent's list is expected to take, where some lists
// take a sum of them.
func usual(sum, lists int) int {
	if lists == 0 {
		return unknownPages
	}
	return max(1, (sum+lists/2)/lists)
}

// costOf is how many requests a part takes, as far as its list is known.
func (j *jobRun) costOf(part catalog.Part) (requests int, known bool) {
	m := j.remembered(part)
	switch {
	case m.partial != nil || m.list == nil:
		return 0, false
	case j.job.FullEvery > 0 && part.Order != catalog.Unordered && !j.rereads() && j.record.StartedAt.Before(m.list.FullAt.Add(j.job.FullEvery)):
		return 1, true
	}
	return pages(part, m.list.Keys.Count), true
}
