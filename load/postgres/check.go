package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/jackc/pgx/v5"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/migrations"
	"github.com/tracklake/tracklake/transform"
)

// Check goes through a run of no rows that fills every table, in one transaction that
// is rolled back. Missing migrations are part of it.
func (d *Destination) Check(ctx context.Context) (pending []string, err error) {
	now := time.Now()
	name := fmt.Sprintf("(check of %s)", now.Format(time.RFC3339Nano))
	s := d.newSession(load.Job{Account: name, Name: name, Tables: d.tables, Run: load.Run{ID: name, StartedAt: now}})
	if s.conn, err = d.dial(ctx); err != nil {
		return nil, err
	}
	err = s.do(ctx, "check", d.limits.work, func(ctx context.Context) error {
		tx, err := s.conn.Begin(ctx)
		if err != nil {
			return err
		}
		return errors.Join(s.rehearse(ctx, tx), tx.Rollback(ctx))
	})
	return d.pending, errors.Join(err, s.disconnect(ctx))
}

// rehearse does what a run does.
func (s *session) rehearse(ctx context.Context, tx pgx.Tx) error {
	if err := applyAll(ctx, tx, s.d.pending); err != nil {
		return err
	}
	if _, err := s.begin(ctx, tx); err != nil {
		return err
	}
	change := load.Change{Run: s.run, State: load.State{"check": []byte("true")}}
	change.Run.Status = load.StatusOK
	for _, t := range s.job.Tables {
		none := array.NewRecordBuilder(memory.DefaultAllocator, t.Record()).NewRecord()
		if err := s.Write(ctx, transform.Batch{Table: t, Record: none}); err != nil {
			return err
		}
		change.Removals = append(change.Removals, load.Removal{Table: t.Name})
	}
	if _, err := s.fill(ctx, tx, change); err != nil {
		return err
	}
	for name, t := range s.tables {
		for _, sql := range []string{t.insert(), t.merge(false)} {
			if _, err := tx.Exec(ctx, sql, s.run.StartedAt); err != nil {
				return fmt.Errorf("merge %s: %w", name, err)
			}
		}
		if t.table.Log != nil {
			if _, err := s.logTable(ctx, tx, t, nil); err != nil {
				return fmt.Errorf("log the changes of %s: %w", name, err)
			}
		}
	}
	return nil
}

// applyAll applies migrations without goose, which would commit each of them.
func applyAll(ctx context.Context, tx pgx.Tx, pending []string) error {
	var there bool
	if err := tx.QueryRow(ctx, "SELECT to_regclass('exporter.migrations') IS NOT NULL").Scan(&there); err != nil {
		return err
	}
	if !there {
		const table = `CREATE SCHEMA IF NOT EXISTS exporter;
			CREATE TABLE exporter.migrations (id integer, version_id bigint, is_applied boolean, tstamp timestamp)`
		if _, err := tx.Exec(ctx, table); err != nil {
			return fmt.Errorf("make schema exporter: %w", err)
		}
	}
	for _, name := range pending {
		text, err := fs.ReadFile(migrations.Files, name)
		if err != nil {
			return err
		}
		up, _, _ := bytes.Cut(text, []byte("-- +goose Down"))
		if _, err := tx.Exec(ctx, string(up)); err != nil {
			return fmt.Errorf("apply %s: %w", name, err)
		}
	}
	return nil
}
