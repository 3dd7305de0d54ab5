package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// parse reads an address. Its errors never show the address, which holds a
// password.
func parse(url string, l limits) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil || ambiguous(url) {
		return nil, &hinted{
			err: errors.New("cannot read the database address"),
			hint: "write it like postgres://user:password@host:5432/database, with special characters in the password percent-encoded: " +
				"@ as %40, / as %2F, : as %3A, # as %23, % as %25",
		}
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

// ambiguous tells whether an address has an @ besides the one before the host. That
// is part of the password, and what follows it would be taken for the host.
func ambiguous(url string) bool {
	_, rest, _ := strings.Cut(url, "://")
	before, after, found := strings.Cut(rest, "@")
	return found && (strings.Contains(before, "/") || strings.Contains(after, "@"))
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
	for err != nil && mayCome(err) && pause(limited, 500*time.Millisecond) == nil {
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
		return &hinted{
			err:  errors.New("there is a connection pooler in transaction mode before the database; locks and temporary tables would not stay with their connection"),
			hint: "connect to the database itself, or to a pool in session mode (PgBouncer: pool_mode = session)",
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

// mayCome tells whether a server that does not answer may be starting.
func mayCome(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "57P03"
	}
	var name *net.DNSError
	var network *net.OpError
	return errors.As(err, &network) && !(errors.As(err, &name) && name.IsNotFound)
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

// unreachable says why there is no connection, in words that hold no password.
func unreachable(ctx context.Context, c *pgx.ConnConfig, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("connect to database %s: %w", c.Database, ctx.Err())
	}
	why, hint := "no answer", "is the server running, and is DATABASE_URL correct?"
	var pg *pgconn.PgError
	var name *net.DNSError
	var known *hinted
	switch {
	case errors.As(err, &known):
		why, hint = known.Error(), known.hint
	case errors.As(err, &pg):
		why = pg.Message
		switch pg.Code {
		case "28P01", "28000":
			hint = "check user and password in DATABASE_URL"
		case "3D000":
			hint = "create the database: createdb " + c.Database
		}
	case errors.As(err, &name) && name.IsNotFound:
		why = "there is no host of this name"
	case errors.Is(err, syscall.ECONNREFUSED):
		why = "nothing listens there"
	case strings.Contains(err.Error(), "server refused TLS connection"):
		why, hint = "the server refused TLS", "turn TLS on at the server; or add ?sslmode=disable to DATABASE_URL if the network is trusted"
	}
	return &hinted{fmt.Errorf("connect to database %s on %s:%d as %s: %s", c.Database, c.Host, c.Port, c.User, why), hint}
}
