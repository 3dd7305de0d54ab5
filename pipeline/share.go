package pipeline

import (
	"context"

	"github.com/tracklake/tracklake/extract"
)

// sharedBytes bounds what is kept of answers that several jobs need. Beyond it
// the later job asks again.
const sharedBytes = 64 << 20

// ShareLists lets those of the tasks which read lists of the same resource and
// user share the answers: what the first has read is not asked again.
func (r *Runner) ShareLists(tasks []Task) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shared = map[string]*extract.Shared{}
	seen := map[string]bool{}
	for _, t := range tasks {
		key := shareKey(t.Job, t.User)
		if seen[key] && r.shared[key] == nil {
			r.shared[key] = extract.NewShared(sharedBytes, r.Now)
		}
		seen[key] = true
	}
}

// share returns a context in which the job's answers are shared, if another job
// needs them.
func (r *Runner) share(ctx context.Context, j *Job, u *User) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.shared[shareKey(j, u)]; s != nil {
		return extract.WithShared(ctx, s)
	}
	return ctx
}

// shareKey is the same for jobs that may read the same lists. Their options may
// differ: answers are told apart by what was asked, so that jobs whose options
// overlap share what they have in common.
func shareKey(j *Job, u *User) string {
	return u.Name + "\x00" + u.App + "\x00" + j.Resource.Name
}
