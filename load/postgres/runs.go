package postgres

import (
	"bytes"
	"context"
	"database/sql/driver"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tracklake/tracklake/load"
)

// A runField is a column of exporter.runs, and where its value is.
type runField struct {
	column string
	at     any
}

func runFields(r *load.Run) []runField {
	return []runField{
		{"run_id", &r.ID}, {"account_id", &r.Account}, {"job", &r.Job}, {"resource", &r.Resource}, {"kind", &r.Kind},
		{"status", &r.Status}, {"started_at", moment{&r.StartedAt}}, {"finished_at", moment{&r.FinishedAt}}, {"version", &r.Version},
		{"fence", &r.Fence}, {"tables", &r.Tables}, {"items", &r.Items}, {"requests", &r.Requests}, {"retries", &r.Retries},
		{"saved_requests", &r.SavedRequests}, {"throttled", &r.Throttled}, {"waited_ms", &r.WaitedMS}, {"rejects", &r.Rejects},
		{"pending", &r.Pending}, {"unreadable", &r.Unreadable}, {"field_errors", &r.FieldErrors}, {"parents", &r.Parents},
		{"up_to_date", &r.UpToDate}, {"message", &r.Message}, {"hint", &r.Hint}, {"deferred_to", moment{&r.DeferredTo}},
	}
}

// A moment is a time in UTC, whose zero is NULL.
type moment struct{ *time.Time }

// Value stores a time.
func (m moment) Value() (driver.Value, error) {
	if m.IsZero() {
		return nil, nil
	}
	return m.UTC(), nil
}

// Scan reads a time.
func (m moment) Scan(from any) error {
	at, _ := from.(time.Time)
	if *m.Time = time.Time(at); from != nil {
		*m.Time = at.UTC()
	}
	return nil
}

// runsSQL reads the newest runs of each job by its index. Every job has a fence.
func runsSQL() string {
	var columns []string
	for _, f := range runFields(&load.Run{}) {
		columns = append(columns, "r."+f.column)
	}
	return "SELECT " + strings.Join(columns, ", ") + ` FROM exporter.fences AS f CROSS JOIN LATERAL (
			SELECT * FROM exporter.runs WHERE account_id = f.account_id AND job = f.job ORDER BY started_at DESC LIMIT nullif($3, 0)
		) AS r WHERE (f.job = $1 OR $1 = '') AND (f.account_id = $2 OR $2 = '') ORDER BY r.started_at DESC`
}

// Runs returns the newest runs first.
func (d *Destination) Runs(ctx context.Context, q load.RunsQuery) (out []load.Run, err error) {
	err = d.read(ctx, "read runs", d.limits.answer, func(ctx context.Context) error {
		rows, err := d.pool.Query(ctx, runsSQL(), q.Job, q.Account, q.Limit)
		if err != nil {
			return err
		}
		out, err = pgx.CollectRows(rows, scanRun)
		return err
	})
	return out, err
}

func scanRun(row pgx.CollectableRow) (load.Run, error) {
	var r load.Run
	var into []any
	for _, f := range runFields(&r) {
		into = append(into, f.at)
	}
	return r, row.Scan(into...)
}

// record writes the run record.
func (s *session) record(ctx context.Context, tx pgx.Tx, r load.Run) error {
	r.Account, r.Job, r.Fence = s.job.Account, s.job.Name, s.fence
	r.Message, r.Hint = text(r.Message), text(r.Hint)
	if r.Tables == nil {
		r.Tables = map[string]load.Count{}
	}
	var columns, places, updates []string
	var values []any
	for i, f := range append(runFields(&r), runField{"commits", &s.commits}) {
		columns, values = append(columns, f.column), append(values, f.at)
		places, updates = append(places, fmt.Sprintf("$%d", i+1)), append(updates, f.column+" = EXCLUDED."+f.column)
	}
	_, err := tx.Exec(ctx, fmt.Sprintf("INSERT INTO exporter.runs (%s) VALUES (%s) ON CONFLICT (run_id) DO UPDATE SET %s",
		strings.Join(columns, ", "), strings.Join(places, ", "), strings.Join(updates, ", ")), values...)
	return err
}

// text drops what PostgreSQL cannot store.
func text(s string) string {
	return string(bytes.ReplaceAll(bytes.ToValidUTF8([]byte(s), []byte("\uFFFD")), []byte{0}, []byte("\uFFFD")))
}
