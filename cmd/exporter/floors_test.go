package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
	"github.com/jackc/pgx/v5"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/internal/pgtest"
)

// readAlone fetches and decodes all pages of the library with the program's own
// client, and throws them away.
func (w *world) readAlone(b *testing.B) time.Duration {
	b.Helper()
	settings := map[string]string{}
	for _, line := range w.env {
		name, value, _ := strings.Cut(line, "=")
		settings[name] = value
	}
	began := time.Now()
	client, err := extract.New(extract.Config{
		ClientID: settings["SPOTIFY_CLIENT_ID"], ClientSecret: settings["SPOTIFY_CLIENT_SECRET"],
		APIURL: settings["SPOTIFY_API_URL"], AccountsURL: settings["SPOTIFY_ACCOUNTS_URL"],
		Tokens: extract.NewFixedToken(extract.Token{RefreshToken: settings["SPOTIFY_REFRESH_TOKEN"]}),
	})
	check(b, err)
	feed, err := catalog.Find("saved_tracks").Open(catalog.Params{Account: "acc"})
	check(b, err)
	defer feed.Release()
	items := 0
	for step, err := range feed.Read(client, 0, extract.Plan{}).Steps(b.Context()) {
		check(b, err)
		items += step.Items
	}
	if items < 1000 {
		b.Fatalf("%d items", items)
	}
	return time.Since(began)
}

// parquetAlone writes the rows of all exported files again, straight from
// memory with Arrow's writer as it comes.
func parquetAlone(b *testing.B, folder string) time.Duration {
	b.Helper()
	var took time.Duration
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".parquet" {
			return err
		}
		schema, records := readAll(b, path)
		took += writeAll(b, filepath.Join(b.TempDir(), "again.parquet"), schema, records)
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return took
}

func readAll(b *testing.B, path string) (*arrow.Schema, []arrow.Record) {
	b.Helper()
	r, err := file.OpenParquetFile(path, false)
	check(b, err)
	defer r.Close()
	reader, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{BatchSize: 8192}, memory.DefaultAllocator)
	check(b, err)
	records, err := reader.GetRecordReader(context.Background(), nil, nil)
	check(b, err)
	defer records.Release()
	var out []arrow.Record
	for records.Next() {
		records.Record().Retain()
		out = append(out, records.Record())
	}
	if err := records.Err(); err != nil && !errors.Is(err, io.EOF) {
		b.Fatal(err)
	}
	return records.Schema(), out
}

func writeAll(b *testing.B, path string, schema *arrow.Schema, records []arrow.Record) time.Duration {
	b.Helper()
	began := time.Now()
	out, err := os.Create(path)
	check(b, err)
	w, err := pqarrow.NewFileWriter(schema, out, parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd), parquet.WithMaxRowGroupLength(61_440)), pqarrow.DefaultWriterProps())
	check(b, err)
	for _, r := range records {
		check(b, w.WriteBuffered(r))
		r.Release()
	}
	check(b, w.Close())
	return time.Since(began)
}

// copyAlone copies the same rows from a file into a table with the same key.
func copyAlone(b *testing.B, address, dir string) time.Duration {
	b.Helper()
	path := filepath.Join(dir, "saved_tracks.copy")
	pgtest.Dump(b, address, "spotify.saved_tracks", "text", path)
	onServer(b, address, "CREATE TABLE public.saved_tracks (LIKE spotify.saved_tracks INCLUDING ALL)")
	took, _ := pgtest.Restore(b, address, "public.saved_tracks", "text", path)
	return took
}

func truncate(b *testing.B, address string) {
	b.Helper()
	onServer(b, address, "TRUNCATE spotify.saved_tracks")
}

// onServer runs a statement and returns the first value, if there is one.
func onServer(b *testing.B, address, statement string) string {
	b.Helper()
	conn, err := pgx.Connect(b.Context(), address)
	check(b, err)
	results, err := conn.PgConn().Exec(b.Context(), statement).ReadAll()
	check(b, errors.Join(err, conn.Close(b.Context())))
	if len(results) == 0 || len(results[0].Rows) == 0 {
		return ""
	}
	return string(results[0].Rows[0][0])
}

func check(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}
