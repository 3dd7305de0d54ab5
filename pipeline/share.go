package pipeline

import (
	"context"
	"encoding/json"

	"github.com/tracklake/tracklake/extract"
)

// sharedBytes bounds what is kept of answers that several jobs need. Beyond it
// the later job asks again.
const sharedBytes = 64 << 20

// ShareLists lets those of the tasks which read the same lists of the same user
// share the answers: what the first has read is not asked again.
func (r *Runner) ShareLists(tasks []Task) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shared = map[string]*extract.Shared{}
	seen := map[string]bool{}
	for _, t := range tasks {
		key := shareKey(t.Job, t.User)
		if seen[key] && r.shared[key] == nil {
			r.shared[key] = extract.NewShared(sharedBytes)
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

// shareKey is the same for jobs that read the same lists.
func shareKey(j *Job, u *User) string {
	options, err := json.Marshal(j.Options)
	if err != nil { // they hold texts and numbers only
		panic(err)
	}
	return u.Name + "\x00" + u.App + "\x00" + j.Resource.Name + "\x00" + string(options)
}
