package postgres_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/tracklake/tracklake/internal/pgtest"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/load/postgres"
	"github.com/tracklake/tracklake/transform"
)

// item is a row of these tests' table.
type item struct{ id string }

func items() transform.Table[item] {
	return transform.Table[item]{
		Name: "commit_items", Doc: "Items.", Key: []string{"item_id"}, Merge: transform.Fill,
		Columns: []transform.Column[item]{transform.String("item_id", "Id.", func(i *item) string { return i.id })},
	}
}

func itemSchema(t *testing.T) *transform.Schema {
	t.Helper()
	s, err := items().Schema()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func writeItems(t *testing.T, s load.Session, from, to int) error {
	t.Helper()
	set, err := transform.NewSet(memory.NewGoAllocator(), "", transform.Rows[item](items()))
	if err != nil {
		t.Fatal(err)
	}
	defer set.Release()
	for i := from; i < to; i++ {
		set.Append(&item{fmt.Sprintf("%06d", i)})
	}
	for _, b := range set.Take(1) {
		defer b.Record.Release()
		if err := s.Write(t.Context(), b); err != nil {
			return err
		}
	}
	return nil
}

func jobOf(t *testing.T, n int) load.Job {
	t.Helper()
	return load.Job{
		Account: "acc", Name: "job", Resource: "items", Tables: []*transform.Schema{itemSchema(t)},
		Run: load.Run{ID: fmt.Sprint("run-", n), Kind: "run", StartedAt: time.Now().UTC(), Version: "test"},
	}
}

func finished(job load.Job) load.Change {
	run := job.Run
	run.Status, run.FinishedAt = load.StatusOK, time.Now().UTC()
	return load.Change{Run: run}
}

// cutter is a proxy that cuts a connection around a COMMIT.
type cutter struct {
	server string
	// mode: 0 lets everything through, 1 cuts after the server has committed
	// and before the reply arrives, 2 before the server hears of it.
	mode atomic.Int32
}

// listen starts the proxy and returns the database's address through it.
func (c *cutter) listen(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	c.server = u.Host
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { c.serve(client) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		serving.Wait()
	})
	u.Host = l.Addr().String()
	return u.String()
}

func (c *cutter) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", c.server)
	if err != nil {
		return
	}
	defer server.Close()
	var silent atomic.Bool
	var back sync.WaitGroup
	back.Go(func() {
		defer client.Close()
		buffer := make([]byte, 32<<10)
		for {
			n, err := server.Read(buffer)
			if silent.Load() {
				return // the server has answered the COMMIT; nobody hears it
			}
			if n > 0 {
				if _, err := client.Write(buffer[:n]); err != nil {
					return
				}
			}
			if err != nil {
				return
			}
		}
	})
	c.forward(client, server, &silent)
	server.Close()
	back.Wait()
}

func (c *cutter) forward(client, server net.Conn, silent *atomic.Bool) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		if commit := bytes.Contains(bytes.ToLower(buffer[:n]), []byte("commit\x00")); commit {
			switch c.mode.Swap(0) {
			case 1:
				silent.Store(true)
			case 2:
				return
			}
		}
		if _, err := server.Write(buffer[:n]); err != nil {
			return
		}
		if silent.Load() {
			_, _ = io.CopyN(io.Discard, client, 1<<20) // until the other side closes
			return
		}
	}
}

func TestLostReplyToCommit(t *testing.T) {
	t.Parallel()
	address := pgtest.URL(t)
	var c cutter
	d, err := postgres.Open(t.Context(), c.listen(t, address), postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close(context.Background()) })
	conn := connect(t, address)
	exec(t, conn, createTable(itemSchema(t)))
	want := 0
	for round := range 20 {
		job := jobOf(t, round)
		s, _, err := d.Begin(t.Context(), job)
		if err != nil {
			t.Fatal(err)
		}
		if err := writeItems(t, s, 100*round, 100*round+100); err != nil {
			t.Fatal(err)
		}
		mode := int32(round%2 + 1)
		c.mode.Store(mode)
		result, err := s.Commit(t.Context(), finished(job))
		if took := mode == 1; took != (err == nil) {
			t.Fatalf("round %d, mode %d: commit says %v", round, mode, err)
		} else if took {
			want += 100
			if result.Tables["commit_items"].Inserted != 100 {
				t.Errorf("result = %+v", result)
			}
		}
		if err := s.Close(context.Background()); err != nil && mode == 1 {
			t.Errorf("close: %v", err)
		}
		var got int
		if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM spotify.commit_items").Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Fatalf("round %d: %d rows, want %d", round, got, want)
		}
	}
}

func TestTerminatedConnection(t *testing.T) {
	t.Parallel()
	address := pgtest.URL(t)
	d := open(t, address)
	conn := connect(t, address)
	exec(t, conn, createTable(itemSchema(t)))
	kill := func() {
		exec(t, conn, "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")
	}
	for round, staged := range []bool{false, true} {
		job := jobOf(t, round)
		s, _, err := d.Begin(t.Context(), job)
		if err != nil {
			t.Fatal(err)
		}
		if staged {
			if err := writeItems(t, s, 0, 500); err != nil {
				t.Fatal(err)
			}
		}
		kill()
		err = writeItems(t, s, 500, 600)
		if err == nil {
			_, err = s.Commit(t.Context(), finished(job))
		}
		if err == nil {
			t.Error("a session without its connection has committed")
		}
		_ = s.Close(context.Background())
	}
	job := jobOf(t, 9)
	s, _, err := d.Begin(t.Context(), job)
	if err != nil {
		t.Fatalf("a new run: %v", err)
	}
	if err := writeItems(t, s, 0, 10); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(t.Context(), finished(job)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got int
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM spotify.commit_items").Scan(&got); err != nil || got != 10 {
		t.Errorf("%d rows, %v", got, err)
	}
}
