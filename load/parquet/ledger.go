package parquet

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/tracklake/tracklake/load"
)

// ledger is the content of requests.json: client, family, slots.
type ledger map[string]map[string][]slot

// A slot is the requests of one second, by its Unix time.
type slot struct {
	At int64 `json:"at"`
	N  int   `json:"n"`
}

// Book books requests; see load.Ledger.
func (d *Destination) Book(ctx context.Context, b load.Booking) (int, error) {
	got := 0
	err := d.changeLedger(ctx, func(all ledger) bool {
		if all[b.Client] == nil {
			all[b.Client] = map[string][]slot{}
		}
		slots := current(all[b.Client][b.Family], b.At)
		got = b.N
		if b.Budget > 0 {
			got = max(0, min(b.N, b.Budget-sum(slots)))
		}
		all[b.Client][b.Family] = addTo(slots, b.At, got)
		return got > 0
	})
	if err != nil {
		return 0, fmt.Errorf("book requests: %w", err)
	}
	return got, nil
}

// Unbook gives back what was booked at that time.
func (d *Destination) Unbook(ctx context.Context, b load.Booking) error {
	err := d.changeLedger(ctx, func(all ledger) bool {
		slots := all[b.Client][b.Family]
		i := slices.IndexFunc(slots, func(s slot) bool { return s.At == slotOf(b.At) })
		if i >= 0 {
			slots[i].N = max(0, slots[i].N-b.N)
		}
		return i >= 0
	})
	if err != nil {
		return fmt.Errorf("unbook requests: %w", err)
	}
	return nil
}

// Booked returns what was booked, by family.
func (d *Destination) Booked(_ context.Context, client string, at time.Time) (map[string]load.Booked, error) {
	all := ledger{}
	if err := readJSON(d.storage, ledgerName, &all); err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	out := map[string]load.Booked{}
	for family, slots := range all[client] {
		slots = current(slots, at)
		if n := sum(slots); n > 0 {
			out[family] = load.Booked{Requests: n, FreesAt: time.Unix(slots[0].At, 0).UTC().Add(load.LedgerWindow + load.LedgerSlot)}
		}
	}
	return out, nil
}

const ledgerName = "_exporter/requests.json"

// changeLedger lets f change the ledger while no other process does, and keeps it
// if f says so.
func (d *Destination) changeLedger(ctx context.Context, f func(ledger) bool) error {
	if len(d.pending) > 0 { // nobody has made the folder yet
		if err := os.MkdirAll(d.lockFolder(), os.ModePerm); err != nil {
			return describe("lock", err)
		}
	}
	return d.locked(ctx, "requests", func() error {
		all := ledger{}
		if err := readJSON(d.storage, ledgerName, &all); err != nil || !f(all) {
			return err
		}
		return putJSON(d.storage, ledgerName, all)
	})
}

// current drops slots that do not count at a time, and empty ones. Slots a
// little ahead, of a clock that went back, still count.
func current(slots []slot, at time.Time) []slot {
	from, to := at.Add(-load.LedgerWindow-load.LedgerSlot), at.Add(load.LedgerWindow)
	return slices.DeleteFunc(slots, func(s slot) bool {
		slot := time.Unix(s.At, 0)
		return s.N == 0 || !slot.After(from) || slot.After(to)
	})
}

func slotOf(at time.Time) int64 { return at.Truncate(load.LedgerSlot).Unix() }

func sum(slots []slot) int {
	n := 0
	for _, s := range slots {
		n += s.N
	}
	return n
}

// addTo adds requests to their slot; slots stay in order.
func addTo(slots []slot, at time.Time, n int) []slot {
	i, found := slices.BinarySearchFunc(slots, slotOf(at), func(s slot, at int64) int { return int(s.At - at) })
	if found {
		slots[i].N += n
		return slots
	}
	if n == 0 {
		return slots
	}
	return slices.Insert(slots, i, slot{At: slotOf(at), N: n})
}
