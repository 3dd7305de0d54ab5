package quota_test

import (
	"context"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/extract/quota"
)

// A slow store takes its time.
type slow struct {
	quota.Store
	takes time.Duration
}

func (s *slow) Reserve(ctx context.Context, r quota.Reservation) (int, quota.Usage, error) {
	time.Sleep(s.takes)
	return s.Store.Reserve(ctx, r)
}

func TestLongWaitsAreTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &slow{Store: quota.NewFile(filepath.Join(t.TempDir(), "quota.json"))}
		var told []string
		l := quota.NewLimiter(quota.Options{Store: s, Owner: "owner", Waiting: func(what string) { told = append(told, what) }})
		for _, wait := range []time.Duration{4 * time.Second, 12 * time.Second} {
			if err := l.Block(t.Context(), "me/tracks", time.Now().Add(wait)); err != nil {
				t.Fatal(err)
			}
			must(t, l, "me/tracks", 1)
		}
		for _, s.takes = range []time.Duration{4 * time.Second, 6 * time.Second} {
			must(t, l, "me", 1)
		}
		synctest.Wait()
		want := []string{
			"me/tracks: blocked by Spotify until 2000-01-01T00:00:16Z",
			"the store of accounts to count a request to me",
		}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Error(diff)
		}
	})
}
