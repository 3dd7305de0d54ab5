package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tracklake/tracklake/load"
)

// Book books requests; see load.Ledger. One booking of a family goes on at a
// time, so that no two find the same room in a budget.
func (d *Destination) Book(ctx context.Context, b load.Booking) (int, error) {
	got := 0
	err := pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 1))", "tracklake ledger\x01"+b.Client+"\x01"+b.Family); err != nil {
			return fmt.Errorf("lock ledger: %w", err)
		}
		if _, err := tx.Exec(ctx, "DELETE FROM exporter.requests WHERE client = $1 AND family = $2 AND (slot <= $3 OR slot > $4)",
			b.Client, b.Family, since(b.At), until(b.At)); err != nil {
			return fmt.Errorf("clear ledger: %w", err)
		}
		var spent int
		if err := tx.QueryRow(ctx, "SELECT coalesce(sum(requests), 0) FROM exporter.requests WHERE client = $1 AND family = $2",
			b.Client, b.Family).Scan(&spent); err != nil {
			return fmt.Errorf("read ledger: %w", err)
		}
		got = b.N
		if b.Budget > 0 {
			got = max(0, min(b.N, b.Budget-spent))
		}
		return add(ctx, tx, b, got)
	})
	if err != nil {
		return 0, fmt.Errorf("book requests: %w", err)
	}
	return got, nil
}

// since is the latest slot that no longer counts at a time.
func since(at time.Time) time.Time {
	return at.UTC().Add(-load.LedgerWindow - load.LedgerSlot)
}

// until is the latest slot that counts at a time.
func until(at time.Time) time.Time { return at.UTC().Add(load.LedgerWindow) }

func add(ctx context.Context, tx pgx.Tx, b load.Booking, n int) error {
	if n == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `INSERT INTO exporter.requests AS r (client, family, slot, requests) VALUES ($1, $2, $3, $4)
		ON CONFLICT (client, family, slot) DO UPDATE SET requests = greatest(0, r.requests + EXCLUDED.requests)`,
		b.Client, b.Family, b.At.UTC().Truncate(load.LedgerSlot), n)
	if err != nil {
		return fmt.Errorf("write ledger: %w", err)
	}
	return nil
}

// Unbook gives back what was booked at that time.
func (d *Destination) Unbook(ctx context.Context, b load.Booking) error {
	_, err := d.pool.Exec(ctx, "UPDATE exporter.requests SET requests = greatest(0, requests - $4) WHERE client = $1 AND family = $2 AND slot = $3",
		b.Client, b.Family, b.At.UTC().Truncate(load.LedgerSlot), b.N)
	if err != nil {
		return fmt.Errorf("unbook requests: %w", err)
	}
	return nil
}

// Booked returns what was booked, by family.
func (d *Destination) Booked(ctx context.Context, client string, at time.Time) (map[string]load.Booked, error) {
	if err := d.usable(); err != nil {
		return nil, err
	}
	rows, err := d.pool.Query(ctx, `SELECT family, sum(requests)::int, min(slot) FROM exporter.requests
		WHERE client = $1 AND slot > $2 AND slot <= $3 AND requests > 0 GROUP BY family`, client, since(at), until(at))
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	out := map[string]load.Booked{}
	var family string
	var n int
	var first time.Time
	_, err = pgx.ForEachRow(rows, []any{&family, &n, &first}, func() error {
		out[family] = load.Booked{Requests: n, FreesAt: first.UTC().Add(load.LedgerWindow + load.LedgerSlot)}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	return out, nil
}
