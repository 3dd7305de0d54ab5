package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
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

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/extract"
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

// copyAlone loads the same rows with psql's \copy into a table with the same key.
func copyAlone(b *testing.B, address, dir string) time.Duration {
	b.Helper()
	path := filepath.Join(dir, "saved_tracks.copy")
	psql(b, address, `\copy spotify.saved_tracks TO '`+path+`'`)
	psql(b, address, "CREATE TABLE public.saved_tracks (LIKE spotify.saved_tracks INCLUDING ALL)")
	began := time.Now()
	psql(b, address, `\copy public.saved_tracks FROM '`+path+`'`)
	return time.Since(began)
}

func truncate(b *testing.B, address string) {
	b.Helper()
	psql(b, address, "TRUNCATE spotify.saved_tracks")
}

func psql(b *testing.B, address, command string) string {
	b.Helper()
	name := "psql"
	if bin := os.Getenv("TEST_POSTGRES_BIN"); bin != "" {
		name = filepath.Join(bin, "psql")
	}
	out, err := exec.Command(name, address, "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", command).CombinedOutput()
	if err != nil {
		b.Fatalf("%s: %v\n%s", command, err, out)
	}
	return strings.TrimSpace(string(out))
}

func check(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}
