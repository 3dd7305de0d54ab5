// Package pgtest gives tests databases of their own on a real PostgreSQL.
package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tracklake/tracklake/internal/tcpproxy"
)

// URL makes an empty database, which is dropped when the test ends, and
// returns its address.
func URL(t testing.TB) string {
	t.Helper()
	address, drop, err := Create(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := drop(); err != nil {
			t.Error(err)
		}
	})
	return address
}

// Proxy starts a proxy to a database, which ends with the test, and returns it with the
// database's address there. What passes is not encrypted, so that it can be recognised.
func Proxy(t testing.TB, address string) (*tcpproxy.Proxy, string) {
	t.Helper()
	p, u := tcpproxy.Before(t, address)
	u.RawQuery = "sslmode=disable"
	return p, u.String()
}

// Create makes an empty database and returns its address and the function that
// drops it.
func Create(ctx context.Context) (address string, drop func() error, err error) {
	return create(ctx, "")
}

func create(ctx context.Context, like string) (address string, drop func() error, err error) {
	server := os.Getenv("TEST_DATABASE_URL")
	u, err := url.Parse(server)
	if server == "" || err != nil {
		return "", nil, errors.New("TEST_DATABASE_URL is not set; run make test, or go run ./internal/withpostgres go test …")
	}
	name := "test_" + strings.ToLower(rand.Text())
	if err := execute(ctx, server, "CREATE DATABASE "+name+like); err != nil {
		return "", nil, err
	}
	u.Path = "/" + name
	return u.String(), func() error { return execute(ctx, server, "DROP DATABASE "+name+" WITH (FORCE)") }, nil
}

func execute(ctx context.Context, server, sql string) error {
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return fmt.Errorf("connect to TEST_DATABASE_URL: %w", err)
	}
	_, err = conn.Exec(ctx, sql)
	return errors.Join(err, conn.Close(ctx))
}

// Copy makes a database like one to which nobody is connected. It is dropped when the
// test ends.
func Copy(t testing.TB, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	copied, drop, err := create(context.Background(), " TEMPLATE "+strings.TrimPrefix(u.Path, "/"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := drop(); err != nil {
			t.Error(err)
		}
	})
	return copied
}
