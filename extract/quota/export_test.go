package quota

import "time"

// WithHook calls hook before each step on the disk. Its error fails the step.
func (f *File) WithHook(hook func(step string) error) *File {
	f.hook = hook
	return f
}

// WithWait sets how long to wait for the lock.
func (f *File) WithWait(wait time.Duration) *File {
	f.wait = wait
	return f
}
