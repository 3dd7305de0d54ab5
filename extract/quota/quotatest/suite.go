// Package quotatest is what every store of quotas must do. It knows nothing of
// any one store.
package quotatest

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/extract/quota"
)

// A Place opens the stores of a suite.
type Place struct {
	// New makes an empty place and returns its address.
	New func(t *testing.T) (address string)
	// Open opens the store at an address, as another process would.
	Open func(t *testing.T, address string) quota.Store
}

// Run runs the suite. The test that calls it is also what the processes of the
// suite run, so it must do nothing else.
func Run(t *testing.T, p Place) {
	t.Helper()
	if address := os.Getenv(childAddress); address != "" {
		spend(t, p.Open(t, address))
		return
	}
	tests := map[string]func(*testing.T, func() quota.Store){
		"counts within a budget":          counts,
		"counts what was made":            countsMade,
		"keeps owners and buckets apart":  apart,
		"outlives a clock that was wrong": wrongClock,
		"keeps blocks":                    blocks,
		"changes nothing in vain":         leavesAlone,
		"ends with its context":           cancelled,
		"grants a budget once":            together,
		"does as a model does":            likeModel,
		"holds a budget in every window":  everyWindow,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := p.New(t)
			test(t, func() quota.Store { return p.Open(t, address) })
		})
	}
	t.Run("grants a budget once among processes", func(t *testing.T) {
		t.Parallel()
		processes(t, p)
	})
	t.Run("loses nothing when processes are killed", func(t *testing.T) {
		t.Parallel()
		killed(t, p)
	})
}

// start is when the tests begin. It is no whole second.
func start() time.Time { return time.Date(2026, 11, 20, 3, 15, 30, 123456000, time.UTC) }

const (
	day  = 24 * time.Hour
	year = 365 * day
)

// second is the whole second in which a time lies.
func second(t time.Time) time.Time { return t.Truncate(time.Second) }

// ask reserves requests to a bucket.
func ask(t *testing.T, s quota.Store, r quota.Reservation) (int, quota.Usage) {
	t.Helper()
	if r.Owner == "" {
		r.Owner, r.Bucket = "owner", "bucket"
	}
	granted, found, err := s.Reserve(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return granted, found
}

func usage(t *testing.T, s quota.Store, owner string, at time.Time) map[string]quota.Usage {
	t.Helper()
	out, err := s.Usage(t.Context(), owner, at)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func same[V any](t *testing.T, what string, want, got V) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want, +got):\n%s", what, diff)
	}
}

func counts(t *testing.T, open func() quota.Store) {
	reserve := func(after time.Duration, n, budget int) int {
		t.Helper()
		granted, _ := ask(t, open(), quota.Reservation{At: start().Add(after), Requests: n, Budget: budget})
		return granted
	}
	same(t, "an empty place", map[string]quota.Usage{}, usage(t, open(), "owner", start()))
	same(t, "the first", 7, reserve(0, 7, 10))
	same(t, "what is left of the budget", 3, reserve(time.Hour, 7, 10))
	same(t, "more than the budget", 0, reserve(2*time.Hour, 1, 10))
	same(t, "a smaller budget", 0, reserve(2*time.Hour, 1, 5))
	same(t, "a larger budget", 5, reserve(2*time.Hour, 5, 20))
	same(t, "a clock that went back", 0, reserve(-time.Hour, 1, 10))

	frees := second(start()).Add(day + time.Second)
	want := quota.Usage{Requests: 15, FreesAt: frees}
	same(t, "usage", map[string]quota.Usage{"bucket": want}, usage(t, open(), "owner", start().Add(3*time.Hour)))
	_, found := ask(t, open(), quota.Reservation{At: start().Add(3 * time.Hour), Requests: 1, Budget: 10})
	same(t, "usage that a reservation finds", want, found)
	same(t, "a moment before the first are free", 15, usage(t, open(), "owner", frees.Add(-time.Millisecond))["bucket"].Requests)
	same(t, "when the first are free", quota.Usage{Requests: 8, FreesAt: frees.Add(time.Hour)}, usage(t, open(), "owner", frees)["bucket"])
	same(t, "room when the first are free", 2, reserve(day+time.Second, 5, 10))
	same(t, "two days on", map[string]quota.Usage{}, usage(t, open(), "owner", start().Add(3*day)))
}

func countsMade(t *testing.T, open func() quota.Store) {
	granted, _ := ask(t, open(), quota.Reservation{At: start(), Made: 5, Requests: 2})
	same(t, "without a budget", 2, granted)
	granted, found := ask(t, open(), quota.Reservation{At: start(), Made: 2, Requests: 9, Budget: 12})
	same(t, "what they leave of a budget", 3, granted)
	same(t, "usage before", 7, found.Requests)
	granted, _ = ask(t, open(), quota.Reservation{At: start(), Made: 4, Requests: 1, Budget: 12})
	same(t, "beyond a budget", 0, granted)
	if err := open().Block(t.Context(), quota.Block{Owner: "owner", Bucket: "bucket", At: start(), Until: start().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	granted, _ = ask(t, open(), quota.Reservation{At: start(), Made: 1, Requests: 1})
	same(t, "of a blocked bucket", 0, granted)
	granted, _ = ask(t, open(), quota.Reservation{At: start(), Made: 1})
	same(t, "without asking for more", 0, granted)
	same(t, "usage after", 18, usage(t, open(), "owner", start())["bucket"].Requests)
}

func apart(t *testing.T, open func() quota.Store) {
	s := open()
	for _, who := range []quota.Reservation{
		{Owner: "owner", Bucket: "bucket"},
		{Owner: "owner", Bucket: "artists/albums"},
		{Owner: "Ümlaut <b> \"quoted\"", Bucket: "bucket"},
		{Owner: "", Bucket: ""},
	} {
		who.At, who.Requests, who.Budget = start(), 9, 10
		granted, found, err := s.Reserve(t.Context(), who)
		if granted != 9 || found != (quota.Usage{}) || err != nil {
			t.Errorf("%q, %q: %d, %v, %v", who.Owner, who.Bucket, granted, found, err)
		}
	}
	same(t, "buckets of an owner", 2, len(usage(t, open(), "owner", start())))
	same(t, "buckets of another", 1, len(usage(t, open(), "Ümlaut <b> \"quoted\"", start())))
}

// wrongClock lets a clock be a year ahead once.
func wrongClock(t *testing.T, open func() quota.Store) {
	reserve := func(at time.Time) int {
		t.Helper()
		granted, _ := ask(t, open(), quota.Reservation{At: at, Requests: 7, Budget: 10})
		return granted
	}
	same(t, "a year ahead", 7, reserve(start().Add(year)))
	same(t, "usage by the right clock", map[string]quota.Usage{}, usage(t, open(), "owner", start()))
	same(t, "by the right clock", 7, reserve(start()))
	same(t, "a day ahead", 3, reserve(start().Add(day)))
	same(t, "back again", 0, reserve(start()))
	same(t, "a year later", 7, reserve(start().Add(year)))
}

func blocks(t *testing.T, open func() quota.Store) {
	early, late := second(start()).Add(time.Hour), second(start()).Add(2*time.Hour)
	wrong := second(start()).Add(year)
	block := func(bucket string, at, until time.Time) {
		t.Helper()
		if err := open().Block(t.Context(), quota.Block{Owner: "owner", Bucket: bucket, At: at, Until: until}); err != nil {
			t.Fatal(err)
		}
	}
	block("a", start(), late)
	block("a", start(), early)
	block("b", start(), early)
	block("b", start(), late)
	block("c", wrong, wrong.Add(time.Hour))
	block("d", wrong, wrong.Add(time.Hour))
	block("d", start(), early)
	far := start().Add(quota.LongestBlock)
	block("e", start(), far)
	for at, want := range map[time.Time]map[string]quota.Usage{
		start(): {"a": {BlockedUntil: late}, "b": {BlockedUntil: late}, "d": {BlockedUntil: early}, "e": {BlockedUntil: far}},
		early:   {"a": {BlockedUntil: late}, "b": {BlockedUntil: late}, "e": {BlockedUntil: far}},
		wrong:   {"c": {BlockedUntil: wrong.Add(time.Hour)}},
	} {
		same(t, "blocks at "+at.String(), want, usage(t, open(), "owner", at))
	}
	same(t, "another owner", map[string]quota.Usage{}, usage(t, open(), "other", start()))
	for bucket, want := range map[string]int{"a": 0, "c": 3} {
		for _, budget := range []int{0, 10} {
			granted, found := ask(t, open(), quota.Reservation{Owner: "owner", Bucket: bucket, At: start(), Requests: 3, Budget: budget})
			if granted != want || (want == 0) != found.BlockedUntil.Equal(late) {
				t.Errorf("%s with budget %d: %d were granted, blocked until %s", bucket, budget, granted, found.BlockedUntil)
			}
		}
	}
	granted, _ := ask(t, open(), quota.Reservation{Owner: "owner", Bucket: "a", At: late, Requests: 3, Budget: 10})
	same(t, "when the block ends", 3, granted)
}

// leavesAlone asks with a clock a year ahead, in vain: nothing is forgotten.
func leavesAlone(t *testing.T, open func() quota.Store) {
	ask(t, open(), quota.Reservation{At: start(), Requests: 10, Budget: 10})
	wrong := start().Add(year)
	granted, _ := ask(t, open(), quota.Reservation{At: wrong, Budget: 10})
	same(t, "no requests", 0, granted)
	if err := open().Block(t.Context(), quota.Block{Owner: "owner", Bucket: "bucket", At: wrong, Until: wrong.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	granted, _ = ask(t, open(), quota.Reservation{At: wrong, Requests: 1, Budget: 10})
	same(t, "blocked", 0, granted)
	same(t, "what the right clock finds", 10, usage(t, open(), "owner", start())["bucket"].Requests)
}

func cancelled(t *testing.T, open func() quota.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	granted, _, err := open().Reserve(ctx, quota.Reservation{Owner: "owner", Bucket: "bucket", At: start(), Requests: 1})
	if granted != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("Reserve = %d, %v", granted, err)
	}
	if err := open().Block(ctx, quota.Block{Owner: "owner", Bucket: "bucket", At: start(), Until: start().Add(time.Hour)}); !errors.Is(err, context.Canceled) {
		t.Errorf("Block = %v", err)
	}
	same(t, "usage", map[string]quota.Usage{}, usage(t, open(), "owner", start()))
}
