package loadtest

import (
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tracklake/tracklake/load"
)

func testLedger(t *testing.T, r *run) {
	start := moment(0).Truncate(load.LedgerSlot)
	book := func(d load.Destination, after time.Duration, n, budget int) int {
		t.Helper()
		got, err := d.Book(t.Context(), load.Booking{Client: "client", Family: "family", At: start.Add(after), N: n, Budget: budget})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	same(t, "the first", 7, book(r.Destination, 0, 7, 10))
	same(t, "what is left of the budget", 3, book(r.Reopen(t), time.Hour, 7, 10))
	same(t, "more than the budget", 0, book(r.Destination, 2*time.Hour, 1, 10))
	same(t, "without a budget", 5, book(r.Destination, 2*time.Hour, 5, 0))
	same(t, "a clock that went back", 0, book(r.Destination, -time.Hour, 1, 10))

	booked := func(after time.Duration) map[string]load.Booked {
		t.Helper()
		out, err := r.Reopen(t).Booked(t.Context(), "client", start.Add(after))
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	day := load.LedgerWindow + load.LedgerSlot
	same(t, "booked", map[string]load.Booked{"family": {Requests: 15, FreesAt: start.Add(day)}}, booked(3*time.Hour))
	same(t, "booked, a moment before the first are free", 15, booked(day - time.Millisecond)["family"].Requests)
	same(t, "booked, when the first are free", load.Booked{Requests: 8, FreesAt: start.Add(time.Hour + day)}, booked(day)["family"])
	same(t, "room when the first are free", 2, book(r.Destination, day, 5, 10))
	same(t, "booked, two days on", map[string]load.Booked{}, booked(3*load.LedgerWindow))

	if err := r.Destination.Unbook(t.Context(), load.Booking{Client: "client", Family: "family", At: start.Add(day), N: 1}); err != nil {
		t.Fatal(err)
	}
	same(t, "room after giving one back", 1, book(r.Destination, day, 5, 10))
	for _, other := range []load.Booking{{Client: "other", Family: "family"}, {Client: "client", Family: "other"}} {
		other.At, other.N, other.Budget = start, 10, 10
		if got, err := r.Destination.Book(t.Context(), other); got != 10 || err != nil {
			t.Errorf("another client or family: %d, %v", got, err)
		}
	}
}

// testLedgerClock lets a clock be a year ahead once.
func testLedgerClock(t *testing.T, r *run) {
	now := moment(0).Truncate(load.LedgerSlot)
	book := func(at time.Time) int {
		t.Helper()
		got, err := r.Reopen(t).Book(t.Context(), load.Booking{Client: "client", Family: "family", At: at, N: 7, Budget: 10})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	year := 365 * 24 * time.Hour
	same(t, "a year ahead", 7, book(now.Add(year)))
	booked, err := r.Destination.Booked(t.Context(), "client", now)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "booked, by the right clock", map[string]load.Booked{}, booked)
	same(t, "by the right clock", 7, book(now))
	same(t, "a day ahead", 3, book(now.Add(load.LedgerWindow)))
	same(t, "back again", 0, book(now))
	same(t, "a year later", 7, book(now.Add(year)))
}

func testClosures(t *testing.T, r *run) {
	now := moment(0).Truncate(time.Second)
	early, late := now.Add(time.Hour), now.Add(2*time.Hour)
	closed := func(family string, at, until time.Time) {
		t.Helper()
		if err := r.Destination.CloseFamily(t.Context(), load.Closure{Client: "client", Family: family, At: at, Until: until}); err != nil {
			t.Fatal(err)
		}
	}
	closed("a", now, late)
	closed("a", now, early)
	closed("b", now, early)
	year := now.Add(365 * 24 * time.Hour)
	closed("c", year, year.Add(time.Hour)) // the clock was wrong
	closed("d", year, year.Add(time.Hour))
	closed("d", now, early)
	for at, want := range map[time.Time]map[string]time.Time{
		now:  {"a": late, "b": early, "d": early},
		year: {"a": late, "b": early, "c": year.Add(time.Hour), "d": early},
	} {
		got, err := r.Reopen(t).Closed(t.Context(), "client", at)
		if err != nil {
			t.Fatal(err)
		}
		if !maps.EqualFunc(got, want, time.Time.Equal) {
			t.Errorf("closed at %s = %v, want %v", at, got, want)
		}
	}
	if other, err := r.Destination.Closed(t.Context(), "another", now); err != nil || len(other) != 0 {
		t.Errorf("another client: %v, %v", other, err)
	}
}

// testLedgerTogether lets many book of one budget at once.
func testLedgerTogether(t *testing.T, r *run) {
	const budget = 50
	var got atomic.Int64
	var work sync.WaitGroup
	for i := range 4 {
		d := r.Reopen(t)
		work.Go(func() {
			for k := range 10 {
				n, err := d.Book(t.Context(), load.Booking{Client: "c", Family: "f", At: moment(i).Add(time.Duration(k) * time.Second), N: 3, Budget: budget})
				if err != nil {
					t.Error(err)
				}
				got.Add(int64(n))
			}
		})
	}
	work.Wait()
	if got.Load() != budget {
		t.Errorf("%d were booked of a budget of %d", got.Load(), budget)
	}
}
