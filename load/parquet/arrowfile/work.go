package arrowfile

import (
	"fmt"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// divide calls f for 0 to n-1 in two goroutines, and waits for both.
func divide(n int, f func(i int) error) error {
	var next atomic.Int64
	var group errgroup.Group
	for range 2 {
		group.Go(func() error {
			return guarded(func() error {
				for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
					if err := f(i); err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
	return group.Wait()
}

// guarded turns a panic, with which the Arrow library meets what it does not expect,
// into an error.
func guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("parquet library: %v", p)
		}
	}()
	return f()
}
