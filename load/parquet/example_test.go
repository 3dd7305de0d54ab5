package parquet_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/load/parquet"
	"github.com/tracklake/tracklake/transform"
)

// A song is an item of the table songs.
type song struct{ ID, Genre string }

// songs declares the table.
func songs() transform.Table[song] {
	return transform.Table[song]{
		Name: "songs",
		Doc:  "One row for each song that the account likes.",
		Key:  []string{"song_id"},
		Columns: []transform.Column[song]{
			transform.String("song_id", "ID of the song.", func(s *song) string { return s.ID }),
			transform.String("genre", "Genre of the song.", func(s *song) string { return s.Genre }),
		},
	}
}

// exportSongs commits what the account likes in a run of its own, and returns what
// that did to the table.
func exportSongs(ctx context.Context, lake load.Destination, table *transform.Schema, run load.Run, liked []song) (count load.Count, err error) {
	session, _, err := lake.Begin(ctx, load.Job{
		Account: run.Account, Name: run.Job, Resource: run.Resource, Tables: []*transform.Schema{table}, Run: run,
	})
	if err != nil {
		return count, err
	}
	defer func() { err = errors.Join(err, session.Close(ctx)) }()
	rows, err := transform.NewSet(memory.DefaultAllocator, run.Account, songs())
	if err != nil {
		return count, err
	}
	defer rows.Release()
	for i := range liked {
		rows.Append(&liked[i])
	}
	for _, batch := range rows.Take(1) {
		err := session.Write(ctx, batch)
		batch.Record.Release()
		if err != nil {
			return count, err
		}
	}
	run.Status, run.FinishedAt = load.StatusOK, run.StartedAt.Add(time.Minute)
	result, err := session.Commit(ctx, load.Change{Run: run})
	return result.Tables[table.Name], err
}

// Rows are merged by the key of their table: the second run adds a song, changes
// one, and finds one as it was.
func Example() {
	folder, err := os.MkdirTemp("", "lake")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(folder) }()
	table, err := songs().Schema()
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	lake, err := parquet.Open(ctx, folder, parquet.Options{Version: "v1.0.0", Tables: []*transform.Schema{table}})
	if err != nil {
		fmt.Println(err)
		return
	}
	night := time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC)
	for i, liked := range [][]song{{{"a", "pop"}, {"b", "jazz"}}, {{"a", "pop"}, {"b", "soul"}, {"c", "pop"}}} {
		run := load.Run{ID: fmt.Sprint("run-", i+1), Account: "ann", Job: "songs", Resource: "songs", Kind: "run", StartedAt: night.AddDate(0, 0, i)}
		count, err := exportSongs(ctx, lake, table, run, liked)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s: %d added, %d changed, %d unchanged\n", run.ID, count.Added, count.Changed, count.Unchanged)
	}
	genres, err := lake.Values(ctx, load.ValueQuery{Account: "ann", Table: "songs", Column: "genre"})
	fmt.Println(genres, errors.Join(err, lake.Close(ctx)))
	// Output:
	// run-1: 2 added, 0 changed, 0 unchanged
	// run-2: 1 added, 1 changed, 1 unchanged
	// [{pop 2} {soul 1}] <nil>
}
