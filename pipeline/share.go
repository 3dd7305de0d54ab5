package pipeline

import (
	"github.com/tracklake/tracklake/extract"
)

// sharedBytes bounds the answers kept for other jobs. Beyond it the later job asks
// again.
const sharedBytes = 32 << 20

// sharing is what tasks of one key have in common while some have yet to run.
type sharing struct {
	answers *extract.Answers
	left    int // tasks that have not run
}

// ShareLists lets tasks that read lists of the same resource and user share the
// answers: what the first has read is not requested again. It returns the tasks in
// the order in which they must run, with these behind each other.
func (r *Runner) ShareLists(tasks []Task) []Task {
	var out []Task
	for _, same := range together(tasks, shareKey) {
		out = append(out, same...)
		r.share(shareKey(same[0]), len(same))
	}
	return out
}

// share lets a number of tasks of one key share answers. Each of them must run.
func (r *Runner) share(key string, tasks int) {
	if tasks < 2 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.shared[key] == nil {
		r.shared[key] = &sharing{answers: extract.NewAnswers(sharedBytes, r.Now)}
	}
	r.shared[key].left += tasks
}

// answers are those that the task has in common with others, or nil. They are
// dropped when the last of the tasks is done.
func (r *Runner) answers(t Task) (shared *extract.Answers, done func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := shareKey(t)
	s := r.shared[key]
	if s == nil {
		return nil, func() {}
	}
	return s.answers, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if s.left--; s.left <= 0 {
			delete(r.shared, key)
		}
	}
}

// together groups elements by key, in the order of first appearance.
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

// shareKey is the same for tasks that may read the same lists: of one resource, or of
// the resource whose entries are the parents of another. Their options may differ:
// answers are kept by request, so jobs whose options overlap share what they have in
// common.
func shareKey(t Task) string {
	resource := t.Job.Resource.Name
	if p := t.Job.Resource.Parents; p != nil && p.Of != "" {
		resource = p.Of
	}
	return t.User.Name + "\x00" + t.User.ClientID + "\x00" + resource
}
