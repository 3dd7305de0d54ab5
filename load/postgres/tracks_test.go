package postgres_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/jackc/pgx/v5"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/load/postgres"
	"github.com/tracklake/tracklake/transform"
)

// savedTracks is the declared table that these tests fill: a migration makes
// it, so they meet what users have.
func savedTracks() *transform.Schema {
	tables := catalog.Tables()
	return tables[slices.IndexFunc(tables, func(s *transform.Schema) bool { return s.Name == "saved_tracks" })]
}

// tracks builds a batch of made-up tracks with the given numbers.
func tracks(account string, numbers []int) transform.Batch { return edition(account, 0, numbers) }

// edition is the same tracks with other titles, so that they differ.
func edition(account string, issue int, numbers []int) transform.Batch {
	s := savedTracks()
	b := array.NewRecordBuilder(memory.NewGoAllocator(), s.Record())
	defer b.Release()
	for _, n := range numbers {
		for i, f := range s.Fields {
			appendValue(b.Field(i), f, account, issue, n)
		}
	}
	return transform.Batch{Table: s, Record: b.NewRecord()}
}

func appendValue(b array.Builder, f transform.Field, account string, issue, n int) {
	switch b := b.(type) {
	case *array.StringBuilder:
		b.Append(textOf(f, account, issue, n))
	case *array.Int32Builder:
		b.Append(int32(n % 300000))
	case *array.BooleanBuilder:
		b.Append(n%7 == 0)
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(moment(-n).UnixMicro()))
	case *array.Date32Builder:
		b.Append(arrow.Date32(n % 20000))
	case *array.ListBuilder:
		b.Append(true)
		for k := range n%3 + 1 {
			b.ValueBuilder().(*array.StringBuilder).Append(fmt.Sprintf("artist%016d", (n*7919+k)%40000))
		}
	default:
		panic(fmt.Sprintf("column %s has no made-up value", f.Name))
	}
}

func textOf(f transform.Field, account string, issue, n int) string {
	switch f.Name {
	case transform.AccountID:
		return account
	case "track_id":
		return trackID(n)
	case "track_name", "album_name":
		return fmt.Sprintf("Some %s of middling length, no. %d.%d", f.Name, n, issue)
	case "album_type":
		return "album"
	case "release_date":
		return fmt.Sprintf("19%02d-%02d-%02d", n%100, n%12+1, n%28+1)
	case "release_date_precision":
		return "day"
	}
	return fmt.Sprintf("x%015d", n/10)
}

// trackID scatters the numbers over the key, as Spotify's IDs are.
func trackID(n int) string {
	return fmt.Sprintf("%011x%011d", uint64(n)*0x9e3779b97f4a7c15>>20, n)
}

func span(from, to int) []int {
	out := make([]int, 0, to-from)
	for n := from; n < to; n++ {
		out = append(out, n)
	}
	return out
}

func moment(minutes int) time.Time {
	return time.Date(2026, 11, 1, 3, 0, 0, 0, time.UTC).Add(time.Duration(minutes) * time.Minute)
}

func record(job string, n int, status load.Status) load.Run {
	r := load.Run{
		ID: fmt.Sprintf("%s-%d", job, n), Account: "acc", Job: job, Resource: "saved_tracks", Kind: "run",
		Status: status, StartedAt: moment(n), Version: "test",
	}
	if r.Finished() {
		r.FinishedAt = moment(n + 1)
	}
	return r
}

func announce(job string, n int) load.Job {
	return load.Job{
		Account: "acc", Name: job, Resource: "saved_tracks", Tables: []*transform.Schema{savedTracks(), changeLog()},
		Run: record(job, n, load.StatusRunning),
	}
}

// begin starts the nth run of a job. Tests whose connections break close it
// themselves and look at what that says.
func begin(t testing.TB, d *postgres.Destination, job string, n int) (load.Session, load.State) {
	t.Helper()
	s, start, err := d.Begin(t.Context(), announce(job, n))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	return s, start.State
}

func write(t testing.TB, s load.Session, numbers []int) {
	t.Helper()
	b := tracks("acc", numbers)
	defer b.Record.Release()
	if err := s.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

func count(t testing.TB, conn *pgx.Conn) int {
	t.Helper()
	var n int
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM spotify.saved_tracks").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func each(t *testing.T, conn *pgx.Conn, sql string, into []any, do func()) {
	t.Helper()
	rows, err := conn.Query(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pgx.ForEachRow(rows, into, func() error { do(); return nil }); err != nil {
		t.Fatal(err)
	}
}
