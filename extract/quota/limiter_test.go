package quota_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/extract/quota"
)

// A watched store counts the changes and can be out of order.
type watched struct {
	quota.Store
	reserved atomic.Int64
	broken   atomic.Bool
}

var errBroken = errors.New("out of order")

func (w *watched) Reserve(ctx context.Context, r quota.Reservation) (int, quota.Usage, error) {
	w.reserved.Add(1)
	if w.broken.Load() {
		return 0, quota.Usage{}, errBroken
	}
	return w.Store.Reserve(ctx, r)
}

// budgets are those of the tests.
func budgets(bucket string) int { return map[string]int{"small": 2, "large": 80}[bucket] }

// bubble runs a test by a clock of its own, which sleeping moves.
func bubble(t *testing.T, test func(t *testing.T, s *watched, limiter func() *quota.Limiter)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &watched{Store: quota.NewFile(filepath.Join(t.TempDir(), "quota.json"))}
		test(t, s, func() *quota.Limiter {
			return quota.NewLimiter(quota.Options{Store: s, Owner: "owner", Budget: budgets})
		})
	})
}

// must reserves a number of requests.
func must(t *testing.T, l *quota.Limiter, bucket string, n int) {
	t.Helper()
	for i := range n {
		if err := l.Reserve(t.Context(), bucket); err != nil {
			t.Errorf("request %d to %s: %v", i+1, bucket, err)
		}
	}
}

// blocked expects that no request can be made until a time.
func blocked(t *testing.T, l *quota.Limiter, want quota.BlockedError) {
	t.Helper()
	err := l.Reserve(t.Context(), want.Bucket)
	var got *quota.BlockedError
	if !errors.As(err, &got) {
		t.Fatalf("error = %v, want %v", err, &want)
	}
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Error(diff)
	}
}

func TestLimiterKeepsABudget(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, _ *watched, limiter func() *quota.Limiter) {
		began := time.Now().UTC()
		must(t, limiter(), "small", 1)
		time.Sleep(time.Hour)
		l := limiter()
		must(t, l, "small", 1)
		spent := quota.BlockedError{Bucket: "small", Until: began.Add(quota.Window + time.Second), Budget: 2}
		blocked(t, l, spent)
		if got, want := spent.Error(), "small: the budget of 2 requests a day is spent until 2000-01-02T00:00:01Z"; got != want {
			t.Errorf("it says %q", got)
		}
		must(t, l, "other", 3)
		time.Sleep(time.Until(spent.Until.Add(-time.Minute - time.Millisecond)))
		blocked(t, l, spent)
		if l.Waited() != 0 {
			t.Errorf("it waited %s", l.Waited())
		}
		time.Sleep(time.Millisecond)
		must(t, l, "small", 1) // which waits for a minute
		if !time.Now().Equal(spent.Until) || l.Waited() != time.Minute {
			t.Errorf("it is %s, after a wait of %s", time.Now(), l.Waited())
		}
	})
}

func TestWaitingBucketHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, _ *watched, limiter func() *quota.Limiter) {
		l := limiter()
		must(t, l, "small", 2)
		time.Sleep(quota.Window - 30*time.Second)
		began := time.Now()
		var work sync.WaitGroup
		for range 2 {
			work.Go(func() { must(t, l, "small", 1) })
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := l.Reserve(ctx, "small"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a request that waits its turn: %v", err)
		}
		must(t, l, "large", 3)
		must(t, l, "free", 3)
		if _, err := l.Usage(t.Context()); err != nil {
			t.Error(err)
		}
		if d := time.Since(began); d != time.Second {
			t.Errorf("it took %s", d)
		}
		work.Wait()
		if l.Waited() != 31*time.Second {
			t.Errorf("two requests waited for the same room for %s", l.Waited())
		}
	})
}

// A crowded store has its room taken by others as soon as it frees.
type crowded struct{ quota.Store }

func (crowded) Reserve(_ context.Context, r quota.Reservation) (int, quota.Usage, error) {
	return 0, quota.Usage{Requests: r.Budget, FreesAt: r.At.Add(25 * time.Second)}, nil
}

func TestWaitIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := quota.NewLimiter(quota.Options{Store: crowded{}, Budget: budgets})
		began := time.Now()
		blocked(t, l, quota.BlockedError{Bucket: "small", Until: began.Add(75 * time.Second), Budget: 2})
		if d := time.Since(began); d != 50*time.Second || l.Waited() != d {
			t.Errorf("it waited %s, and says %s", d, l.Waited())
		}
	})
}

func TestSleepEndsWithTheContext(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, _ *watched, limiter func() *quota.Limiter) {
		l := limiter()
		must(t, l, "small", 2)
		time.Sleep(quota.Window - 30*time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := l.Reserve(ctx, "small"); !errors.Is(err, context.DeadlineExceeded) || l.Waited() != 0 {
			t.Errorf("error = %v, waited %s", err, l.Waited())
		}
	})
}

func TestBucketsWithoutABudgetAreRecordedTogether(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *watched, limiter func() *quota.Limiter) {
		l := limiter()
		for range 200 {
			must(t, l, "free", 1)
			time.Sleep(50 * time.Millisecond)
		}
		if n := s.reserved.Load(); n != 5 {
			t.Errorf("200 requests within 10 s were recorded in %d steps", n)
		}
		recorded := func(want int) {
			t.Helper()
			all, err := s.Usage(t.Context(), "owner", time.Now())
			if err != nil || all["free"].Requests != want {
				t.Errorf("%d are recorded, want %d; %v", all["free"].Requests, want, err)
			}
		}
		recorded(161)
		if err := l.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		recorded(200)
		must(t, l, "free", 1)
		if all, err := l.Usage(t.Context()); err != nil || all["free"].Requests != 201 {
			t.Errorf("usage %v, %v", all, err)
		}
		calls := s.reserved.Load()
		if err := l.Close(t.Context()); err != nil || s.reserved.Load() != calls {
			t.Errorf("closed again, with nothing to record: %v", err)
		}
	})
}

func TestLimiterHeedsBlocks(t *testing.T) {
	t.Parallel()
	for _, bucket := range []string{"large", "free"} {
		t.Run(bucket, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, s *watched, limiter func() *quota.Limiter) {
				one, other := limiter(), limiter()
				must(t, one, bucket, 5)
				must(t, other, bucket, 5)
				until := time.Now().UTC().Add(time.Hour)
				if err := one.Block(t.Context(), bucket, until); err != nil {
					t.Fatal(err)
				}
				want := quota.BlockedError{Bucket: bucket, Until: until}
				for range 2 {
					blocked(t, one, want)
				}
				blocked(t, limiter(), want)
				time.Sleep(2 * time.Second)
				for range 2 {
					blocked(t, other, want)
				}
				if got, want := want.Error(), bucket+": blocked by Spotify until 2000-01-01T01:00:00Z"; got != want {
					t.Errorf("it says %q", got)
				}
				all, err := other.Usage(t.Context())
				if diff := cmp.Diff(10, all[bucket].Requests); diff != "" || err != nil {
					t.Errorf("recorded: %s, %v", diff, err)
				}
				time.Sleep(time.Until(until.Add(-time.Minute)))
				must(t, one, bucket, 1) // which waits for a minute
				if !time.Now().Equal(until) || one.Waited() != time.Minute {
					t.Errorf("it is %s, after a wait of %s", time.Now(), one.Waited())
				}
				if bucket == "free" {
					calls := s.reserved.Load()
					must(t, one, bucket, 5)
					if s.reserved.Load() != calls {
						t.Error("after the block, each request is recorded by itself")
					}
				}
			})
		})
	}
}

func TestLimiterWithoutItsStore(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, s *watched, limiter func() *quota.Limiter) {
		l := limiter()
		must(t, l, "free", 3)
		time.Sleep(time.Minute)
		s.broken.Store(true)
		for _, bucket := range []string{"free", "large"} {
			if err := l.Reserve(t.Context(), bucket); !errors.Is(err, errBroken) {
				t.Errorf("%s: %v", bucket, err)
			}
		}
		if err := l.Close(t.Context()); !errors.Is(err, errBroken) {
			t.Errorf("Close: %v", err)
		}
		s.broken.Store(false)
		if all, err := l.Usage(t.Context()); err != nil || all["free"].Requests != 3 || all["large"].Requests != 0 {
			t.Errorf("usage afterwards: %v, %v", all, err)
		}
	})
}

// TestLimiterWithAClockThatGoesBack asks the store again.
func TestLimiterWithAClockThatGoesBack(t *testing.T) {
	t.Parallel()
	s := &watched{Store: quota.NewFile(filepath.Join(t.TempDir(), "quota.json"))}
	now := night()
	l := quota.NewLimiter(quota.Options{Store: s, Owner: "owner", Now: func() time.Time { return now }})
	for i, at := range []time.Time{night(), night().Add(time.Second), night().Add(-time.Second), night()} {
		now = at
		must(t, l, "free", 1)
		if want := []int64{1, 1, 2, 2}[i]; s.reserved.Load() != want {
			t.Errorf("at %s: %d steps, want %d", at, s.reserved.Load(), want)
		}
	}
}

// TestLimitersShareABudget lets many goroutines of two processes' limiters
// reserve at once.
func TestLimitersShareABudget(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "quota.json")
	var made atomic.Int64
	var work sync.WaitGroup
	var limiters []*quota.Limiter
	for range 2 {
		l := quota.NewLimiter(quota.Options{Store: quota.NewFile(path), Owner: "owner", Budget: budgets})
		limiters = append(limiters, l)
		for range 4 {
			work.Go(func() {
				must(t, l, "free", 100)
				for {
					err := l.Reserve(t.Context(), "large")
					var spent *quota.BlockedError
					if errors.As(err, &spent) {
						return
					}
					if err != nil {
						t.Error(err)
						return
					}
					made.Add(1)
				}
			})
		}
	}
	work.Wait()
	if made.Load() != 80 {
		t.Errorf("%d requests of a budget of 80", made.Load())
	}
	if err := limiters[0].Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	all, err := limiters[1].Usage(t.Context())
	if err != nil || all["free"].Requests != 800 || all["large"].Requests != 80 {
		t.Errorf("usage %v, %v", all, err)
	}
}
