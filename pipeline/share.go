package pipeline

import (
	"context"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/pipeline/config"
)

// sharedBytes bounds what is kept of answers that several jobs need. Beyond it
// the later job asks again.
const sharedBytes = 32 << 20

// sharing is what tasks of one key have in common, while some are to come.
type sharing struct {
	answers *extract.Shared
	left    int // tasks that have not run
}

// ShareLists lets those of the tasks which read lists of the same resource and
// user share the answers: what the first has read is not asked again. It returns
// the tasks with these behind each other, in which order they are to be run.
func (r *Runner) ShareLists(tasks []Task) []Task {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shared = map[string]*sharing{}
	var out []Task
	for _, same := range together(tasks, func(t Task) string { return shareKey(t.Job, t.User) }) {
		out = append(out, same...)
		if len(same) > 1 {
			r.shared[shareKey(same[0].Job, same[0].User)] = &sharing{extract.NewShared(sharedBytes, r.Now), len(same)}
		}
	}
	return out
}

// share returns a context in which the job's answers are shared, if another job
// needs them. They are dropped with the last job's end.
func (r *Runner) share(ctx context.Context, j *config.Job, u *User) (shared context.Context, done func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := shareKey(j, u)
	s := r.shared[key]
	if s == nil {
		return ctx, func() {}
	}
	return extract.WithShared(ctx, s.answers), func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if s.left--; s.left <= 0 {
			delete(r.shared, key)
		}
	}
}

// together puts what has the same key next to each other, in one group.
func together[T any](all []T, key func(T) string) [][]T {
	var groups [][]T
	at := map[string]int{}
	for _, one := range all {
		k := key(one)
		i, ok := at[k]
		if !ok {
			i, at[k] = len(groups), len(groups)
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], one)
	}
	return groups
}

// shareKey is the same for jobs that may read the same lists. Their options may
// differ: answers are told apart by what was asked, so that jobs whose options
// overlap share what they have in common.
func shareKey(j *config.Job, u *User) string {
	return u.Name + "\x00" + u.App + "\x00" + j.Resource.Name
}
