package extract

import (
	"context"
	"iter"
	"sync"
)

// ordered calls f for 0 to n-1 concurrently and yields the results in order.
// At most window results are under way or waiting for their turn. All calls
// have returned when the loop ends.
func ordered[R any](ctx context.Context, n, window int, f func(ctx context.Context, i int) (R, error)) iter.Seq2[R, error] {
	type result struct {
		value R
		err   error
	}
	return func(yield func(R, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var calls sync.WaitGroup
		defer calls.Wait()
		defer cancel()
		queue := make(chan chan result, window)
		calls.Go(func() {
			defer close(queue)
			for i := range n {
				turn := make(chan result, 1)
				select {
				case queue <- turn:
				case <-ctx.Done():
					return
				}
				calls.Go(func() {
					value, err := f(ctx, i)
					turn <- result{value, err}
				})
			}
		})
		for turn := range queue {
			r := <-turn
			if !yield(r.value, r.err) || r.err != nil {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			var none R
			yield(none, err)
		}
	}
}
