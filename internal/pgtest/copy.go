package pgtest

import (
	"bufio"
	"context"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Dump writes the rows of a table to a file, in a format of COPY.
func Dump(b testing.TB, address, table, format, path string) {
	b.Helper()
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	copying(b, address, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.PgConn().CopyTo(ctx, f, "COPY "+table+" TO STDOUT (FORMAT "+format+")")
		return err
	})
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
}

// Restore copies the rows of a file into a table and returns how long that took. It does
// what \copy of psql does: nothing is computed from what the file holds.
func Restore(b testing.TB, address, table, format, path string) (took time.Duration, rows int64) {
	b.Helper()
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	copying(b, address, func(ctx context.Context, conn *pgx.Conn) error {
		began := time.Now()
		tag, err := conn.PgConn().CopyFrom(ctx, bufio.NewReaderSize(f, 1<<16), "COPY "+table+" FROM STDIN (FORMAT "+format+")")
		took, rows = time.Since(began), tag.RowsAffected()
		return err
	})
	return took, rows
}

func copying(b testing.TB, address string, do func(context.Context, *pgx.Conn) error) {
	b.Helper()
	conn, err := pgx.Connect(context.Background(), address)
	if err != nil {
		b.Fatal(err)
	}
	err = do(context.Background(), conn)
	_ = conn.Close(context.Background())
	if err != nil {
		b.Fatal(err)
	}
}
