package quotatest

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/tracklake/tracklake/extract/quota"
)

// A model does what a store must do, with every request in one list.
type model struct {
	made   []made
	blocks map[string]time.Time
}

type made struct {
	bucket string
	until  time.Time
}

func (m *model) usage(bucket string, at time.Time) quota.Usage {
	var u quota.Usage
	for _, r := range m.made {
		if r.bucket != bucket || !counting(r, at) {
			continue
		}
		if u.Requests++; u.Requests == 1 || r.until.Before(u.FreesAt) {
			u.FreesAt = r.until
		}
	}
	if until := m.blocks[bucket]; at.Before(until) && until.Sub(at) <= quota.LongestBlock {
		u.BlockedUntil = until
	}
	return u
}

func counting(r made, at time.Time) bool {
	left := r.until.Sub(at)
	return left > 0 && left <= quota.LongestCount
}

func (m *model) reserve(r quota.Reservation) (int, quota.Usage) {
	found := m.usage(r.Bucket, r.At)
	granted, room := 0, r.Budget-found.Requests-r.Made
	for found.BlockedUntil.IsZero() && granted < r.Requests && (r.Budget == 0 || granted < room) {
		granted++
	}
	if granted+r.Made > 0 {
		var kept []made
		for _, old := range m.made {
			if old.bucket != r.Bucket || counting(old, r.At) {
				kept = append(kept, old)
			}
		}
		m.made = kept
	}
	for range granted + r.Made {
		m.made = append(m.made, made{r.Bucket, r.CountsUntil()})
	}
	return granted, found
}

func (m *model) block(b quota.Block) {
	if old := m.blocks[b.Bucket]; b.Until.After(old) || old.Sub(b.At) > quota.LongestBlock {
		m.blocks[b.Bucket] = b.Until
	}
}

// likeModel does the same at random to a store and to the model, with a clock
// that goes forward, back, and astray.
func likeModel(t *testing.T, open func() quota.Store) {
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	s, m, at := open(), &model{blocks: map[string]time.Time{}}, start()
	hours := func(n int) time.Duration {
		return time.Duration(random.Int64N(int64(n) * int64(time.Hour))).Truncate(time.Microsecond)
	}
	for i := range 400 {
		now := at
		switch random.IntN(20) {
		case 0:
			now = at.Add(year)
		case 1:
			now = at.Add(-hours(40))
		case 2:
			now = at.Add(hours(60))
		default:
			at = at.Add(hours(3))
			now = at
		}
		bucket := []string{"a", "b"}[random.IntN(2)]
		if random.IntN(10) == 0 {
			b := quota.Block{Owner: "owner", Bucket: bucket, At: now, Until: now.Add(hours(6))}
			m.block(b)
			if err := s.Block(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		} else {
			r := quota.Reservation{Owner: "owner", Bucket: bucket, At: now, Requests: random.IntN(5), Budget: []int{0, 10, 20, 2000}[random.IntN(4)]}
			if random.IntN(4) == 0 {
				r.Made = random.IntN(4)
			}
			want, wantFound := m.reserve(r)
			got, found := ask(t, s, r)
			same(t, "granted", want, got)
			same(t, "found", wantFound, found)
		}
		all := usage(t, s, "owner", at)
		for _, bucket := range []string{"a", "b"} {
			same(t, "usage of "+bucket, m.usage(bucket, at), all[bucket])
		}
		if t.Failed() {
			t.Fatalf("step %d, by a clock that says %s instead of %s", i, now, at)
		}
	}
}

// everyWindow spends budgets at random times, by a clock that is right.
func everyWindow(t *testing.T, open func() quota.Store) {
	const budget = 12
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	s, at := open(), start()
	var times []time.Time
	for range 400 {
		at = at.Add(time.Duration(random.ExpFloat64() * float64(time.Hour)).Truncate(time.Microsecond))
		n, _ := ask(t, s, quota.Reservation{At: at, Requests: 1, Budget: budget})
		for range n {
			times = append(times, at)
		}
		last, counting := 0, 0
		for _, made := range times {
			if at.Sub(made) < day {
				last++
			}
			if at.Sub(made) < day+time.Second {
				counting++
			}
		}
		if last > budget {
			t.Fatalf("%d requests within the 24 hours before %s, of a budget of %d", last, at, budget)
		}
		if n == 0 && counting < budget {
			t.Fatalf("a request at %s was not granted after %d of %d", at, counting, budget)
		}
	}
	if len(times) < 50 || len(times) == 400 {
		t.Errorf("%d of 400 requests were granted; the times prove nothing", len(times))
	}
}
