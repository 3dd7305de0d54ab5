// Package postgres keeps tables in PostgreSQL: rows are copied into temporary
// staging tables while they arrive and merged in one short transaction, which
// also holds the job's state and the run record. The package knows nothing of
// Spotify.
package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tracklake/tracklake/load"
)

// patience is how long a server that does not answer is waited for.
const patience = 15 * time.Second

// Options are what a destination works with besides its address.
type Options struct {
	NoMigrate bool // refuse an outdated schema instead of migrating it
}

// Destination is a PostgreSQL database. It is safe for concurrent use, also by
// several processes.
type Destination struct {
	config *pgx.ConnConfig
	pool   *pgxpool.Pool // for what happens outside of sessions
}

// Open connects and makes sure that the schema fits: an older one is migrated
// unless the options forbid it, a newer one is a *load.SchemaError.
func Open(ctx context.Context, url string, o Options) (*Destination, error) {
	config, err := parse(url)
	if err != nil {
		return nil, err
	}
	config.MaxConns = 4
	if err := reach(ctx, config.ConnConfig); err != nil {
		return nil, err
	}
	if o.NoMigrate {
		err = checkSchema(ctx, config.ConnConfig)
	} else {
		_, err = migrate(ctx, config.ConnConfig, false)
	}
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return &Destination{config: config.ConnConfig, pool: pool}, nil
}

// parse reads an address. Its errors never show the address, which holds a
// password.
func parse(url string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, &hinted{
			err:  errors.New("the database address cannot be read"),
			hint: "write it like postgres://user:password@host:5432/database",
		}
	}
	c := config.ConnConfig
	// Every name is qualified; nothing may depend on whose schema comes first.
	c.RuntimeParams["search_path"] = "pg_catalog"
	c.RuntimeParams["application_name"] = "tracklake exporter"
	c.RuntimeParams["timezone"] = "UTC"
	return config, nil
}

// reach connects once, waiting a while for a server that is starting.
func reach(ctx context.Context, config *pgx.ConnConfig) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		conn, err := pgx.ConnectConfig(ctx, config)
		if err == nil {
			return conn.Close(ctx)
		}
		var pg *pgconn.PgError
		starting := errors.As(err, &pg) && pg.Code == "57P03"
		var network *net.OpError
		if !starting && !(errors.As(err, &network) && !errors.As(err, &pg)) {
			return unreachable(config, err)
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return unreachable(config, err)
		}
	}
}

func unreachable(c *pgx.ConnConfig, err error) error {
	hint := "is the server running, and does DATABASE_URL name it rightly?"
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code {
		case "28P01", "28000":
			hint = "check user and password in DATABASE_URL"
		case "3D000":
			hint = "create the database: createdb " + c.Database
		}
		err = errors.New(pg.Message)
	} else {
		err = errors.New("no answer")
	}
	return &hinted{
		err:  fmt.Errorf("connect to database %s on %s:%d as %s: %w", c.Database, c.Host, c.Port, c.User, err),
		hint: hint,
	}
}

// A hinted error tells what to do next.
type hinted struct {
	err  error
	hint string
}

func (e *hinted) Error() string { return e.err.Error() }
func (e *hinted) Unwrap() error { return e.err }

// Hint is the next step for the user.
func (e *hinted) Hint() string { return e.hint }

// Close closes the connections.
func (d *Destination) Close(context.Context) error {
	d.pool.Close()
	return nil
}

// Check tells whether the database can be written.
func (d *Destination) Check(ctx context.Context) error {
	var may bool
	err := d.pool.QueryRow(ctx, `SELECT bool_and(has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE'))
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname IN ('spotify', 'exporter') AND c.relkind = 'r'`).Scan(&may)
	if err != nil {
		return fmt.Errorf("check privileges: %w", err)
	}
	if !may {
		return &hinted{
			err:  fmt.Errorf("user %s may not write all tables of the schemas spotify and exporter", d.config.User),
			hint: "connect as their owner, or grant INSERT, UPDATE and DELETE on them",
		}
	}
	return nil
}

// Runs returns the newest runs first.
func (d *Destination) Runs(ctx context.Context, limit int) ([]load.Run, error) {
	rows, err := d.pool.Query(ctx, `SELECT run_id, account_id, job, resource, kind, status, started_at, finished_at, version,
			fence, tables, items, requests, retries, waited_ms, rejects, pending, parents, fresh, message, hint, deferred_to, spared, refused,
			unreadable, field_errors
		FROM (SELECT *, row_number() OVER (PARTITION BY account_id, job ORDER BY started_at DESC) AS nth FROM exporter.runs) AS r
		WHERE nth <= $1 ORDER BY started_at DESC`, limit)
	if err != nil {
		return nil, fmt.Errorf("read runs: %w", err)
	}
	out, err := pgx.CollectRows(rows, scanRun)
	if err != nil {
		return nil, fmt.Errorf("read runs: %w", err)
	}
	return out, nil
}

func scanRun(row pgx.CollectableRow) (load.Run, error) {
	var r load.Run
	var finished, deferred *time.Time
	var tables []byte
	err := row.Scan(&r.ID, &r.Account, &r.Job, &r.Resource, &r.Kind, &r.Status, &r.StartedAt, &finished, &r.Version,
		&r.Fence, &tables, &r.Items, &r.Requests, &r.Retries, &r.WaitedMS, &r.Rejects, &r.Pending, &r.Parents, &r.Fresh,
		&r.Message, &r.Hint, &deferred, &r.Spared, &r.Refused, &r.Unreadable, &r.FieldErrors)
	if err != nil {
		return r, fmt.Errorf("scan run: %w", err)
	}
	r.StartedAt = r.StartedAt.UTC()
	if finished != nil {
		r.FinishedAt = finished.UTC()
	}
	if deferred != nil {
		r.DeferredTo = deferred.UTC()
	}
	if err := json.Unmarshal(tables, &r.Tables); err != nil {
		return r, fmt.Errorf("scan run: %w", err)
	}
	return r, nil
}

// Closed returns the closed families of a client ID.
func (d *Destination) Closed(ctx context.Context, client string, at time.Time) (map[string]time.Time, error) {
	rows, err := d.pool.Query(ctx, "SELECT family, not_before FROM exporter.closures WHERE client = $1 AND not_before <= $2",
		client, at.Add(load.LongestClosure))
	if err != nil {
		return nil, fmt.Errorf("read closures: %w", err)
	}
	out := map[string]time.Time{}
	var family string
	var until time.Time
	_, err = pgx.ForEachRow(rows, []any{&family, &until}, func() error {
		out[family] = until.UTC()
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read closures: %w", err)
	}
	return out, nil
}

// CloseFamily records that a family is closed.
func (d *Destination) CloseFamily(ctx context.Context, c load.Closure) error {
	_, err := d.pool.Exec(ctx, `INSERT INTO exporter.closures AS c (client, family, not_before) VALUES ($1, $2, $3)
		ON CONFLICT (client, family) DO UPDATE SET not_before = EXCLUDED.not_before
		WHERE c.not_before < EXCLUDED.not_before OR c.not_before > $4`,
		c.Client, c.Family, c.Until, c.At.Add(load.LongestClosure))
	if err != nil {
		return fmt.Errorf("record closure: %w", err)
	}
	return nil
}

// Values counts the values of a column; see load.Source.
func (d *Destination) Values(ctx context.Context, q load.ValueQuery) ([]load.ValueCount, error) {
	columns, err := d.columns(ctx, q.Table)
	if err != nil {
		return nil, fmt.Errorf("read values of %s: %w", q.Table, err)
	}
	for _, name := range append([]string{q.Column}, columnsOf(q.Where)...) {
		if columns[name] == "" {
			return nil, nil
		}
	}
	sql, args := valuesSQL(q, columns)
	rows, err := d.pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("read values of %s: %w", q.Table, err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[load.ValueCount])
	if err != nil {
		return nil, fmt.Errorf("read values of %s: %w", q.Table, err)
	}
	return out, nil
}

// columns returns the types of a table's columns by name.
func (d *Destination) columns(ctx context.Context, table string) (map[string]string, error) {
	rows, err := d.pool.Query(ctx, "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'spotify' AND table_name = $1", table)
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller says what was done
	}
	out := map[string]string{}
	var name, kind string
	_, err = pgx.ForEachRow(rows, []any{&name, &kind}, func() error {
		out[name] = kind
		return nil
	})
	return out, err //nolint:wrapcheck // the caller says what was done
}
