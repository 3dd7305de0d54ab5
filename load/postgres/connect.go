package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tracklake/tracklake/load/postgres/reach"
)

// parse reads an address and says how to connect.
func parse(url string, l limits) (*pgxpool.Config, error) {
	config, err := reach.Parse(url)
	if err != nil {
		return nil, err
	}
	config.MaxConns = 4
	config.PingTimeout = l.notice
	c := config.ConnConfig
	c.RuntimeParams["application_name"] = "tracklake exporter"
	c.RuntimeParams["timezone"] = "UTC"
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = l.connect
	}
	c.DialFunc = l.dial
	settings := l.settings()
	c.AfterConnect = func(ctx context.Context, conn *pgconn.PgConn) error {
		_, err := conn.Exec(ctx, settings).ReadAll()
		return err
	}
	return config, nil
}

// dial opens a connection that fails when the other side is gone. Its buffer is small,
// so that a COPY which fills it is known to get on, however slowly.
func (l limits) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 4}}
	conn, err := dialer.DialContext(ctx, network, address)
	if tcp, ok := conn.(*net.TCPConn); ok {
		setUserTimeout(tcp, l.answer)
		_ = tcp.SetWriteBuffer(256 << 10)
	}
	return conn, err
}

// settings prepare a connection, in statements: a pooler refuses unknown parameters.
// Every name is qualified, so nothing may depend on the search path. The last four
// let the server notice that this process is gone.
func (l limits) settings() string {
	return fmt.Sprintf(`SET search_path = pg_catalog; SET lock_timeout = %d; SET idle_in_transaction_session_timeout = %d;
		SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 4; SET tcp_user_timeout = %[2]d`,
		l.lock.Milliseconds(), l.answer.Milliseconds())
}

// dial opens a connection.
func (db *database) dial(ctx context.Context) (*pgx.Conn, error) {
	limited, _, done := db.watch(ctx, "connect", db.limits.connect)
	conn, err := pgx.ConnectConfig(limited, db.config)
	if done(err) != nil {
		return nil, unreachable(ctx, db.config, err)
	}
	return conn, nil
}

// reach makes sure that the database can be used. It waits a while for a server that
// is starting.
func (db *database) reach(ctx context.Context) error {
	limited, _, done := db.watch(ctx, "connect", db.limits.connect)
	err := db.try(limited)
	for err != nil && reach.MayCome(err) && pause(limited, 500*time.Millisecond) == nil {
		err = db.try(limited)
	}
	if done(err) != nil {
		return unreachable(ctx, db.config, err)
	}
	return nil
}

// try connects, changes nothing, and refuses a pooler that hands the statements of
// one connection to several of the server.
func (db *database) try(ctx context.Context) (err error) {
	plain := db.config.Copy()
	plain.AfterConnect = nil
	first, err := pgx.ConnectConfig(ctx, plain)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, first.Close(ctx)) }()
	own, err := backend(ctx, first, "")
	if err != nil || own == first.PgConn().PID() {
		return err // there is no pooler
	}
	second, err := pgx.ConnectConfig(ctx, plain)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, second.Close(ctx)) }()
	other, err := backend(ctx, second, "BEGIN;")
	now := own
	if err == nil && other != own {
		now, err = backend(ctx, first, "")
	}
	if err == nil && (other == own || now != own) {
		return &reach.Error{
			Message: "there is a connection pooler in transaction mode before the database; locks and temporary tables would not stay with their connection",
			Advice:  "connect to the database itself, or to a pool in session mode (PgBouncer: pool_mode = session)",
		}
	}
	return err
}

// backend names the process of the server that answers, after some SQL.
func backend(ctx context.Context, conn *pgx.Conn, before string) (uint32, error) {
	results, err := conn.PgConn().Exec(ctx, before+"SELECT pg_catalog.pg_backend_pid()").ReadAll()
	if err != nil {
		return 0, err
	}
	pid, err := strconv.ParseUint(string(results[len(results)-1].Rows[0][0]), 10, 32)
	return uint32(pid), err
}

// pause waits, or ends with the context.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// unreachable says why there is no connection.
func unreachable(ctx context.Context, c *pgx.ConnConfig, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("connect to database %s: %w", c.Database, ctx.Err())
	}
	return reach.Unreachable(&c.Config, err)
}
