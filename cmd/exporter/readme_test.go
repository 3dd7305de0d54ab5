package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tracklake/tracklake/internal/pgtest"
)

// TestPastedLinesSimulateApart runs what docs/simulate.md tells to paste, in the folder of
// somebody who has an account of their own, and finds that folder as it was.
func TestPastedLinesSimulateApart(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/simulate.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(page), "```sh\nmake build\n")
	block, _, found := strings.Cut(block, "```")
	if !found {
		t.Fatal("docs/simulate.md has no such block")
	}
	folder := t.TempDir()
	prepareReadme(t, folder)
	before := listing(t, folder)
	cmd := exec.CommandContext(t.Context(), "sh", "-c", block)
	cmd.Dir = folder
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + folder, "TMPDIR=" + t.TempDir(), "SPOTIFY_REFRESH_TOKEN=of-the-real-account", "SPOTIFY_CLIENT_ID=real"}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "  ok  5,000 tracks: 5,000 added (") {
		t.Errorf("%v\n%s", err, out)
	}
	if after := listing(t, folder); after != before {
		t.Errorf("there was\n%s\nand is now\n%s", before, after)
	}
}

// prepareReadme makes a folder as one has it who cloned, built and signed in.
func prepareReadme(t *testing.T, folder string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	jobs, err := os.ReadFile("../../jobs.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"jobs.yaml": string(jobs), ".env": "SPOTIFY_CLIENT_ID=real\n", "bin/README": ""} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(self, filepath.Join(folder, "bin/exporter")); err != nil {
		t.Fatal(err)
	}
}

// listing names everything in a folder, with the text of .env.
func listing(t *testing.T, folder string) string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(folder, func(path string, _ os.DirEntry, err error) error {
		all = append(all, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	env, err := os.ReadFile(filepath.Join(folder, ".env"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, "\n") + "\n" + string(env)
}

// TestReadersRunReadmeQueries runs the queries of the README and of the page about queries
// as they stand there, on a lake and on a database.
func TestReadersRunReadmeQueries(t *testing.T) {
	t.Parallel()
	text := ""
	for _, page := range []string{"../../README.md", "../../docs/queries.md"} {
		content, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		text += string(content) + "\n"
	}
	folder := t.TempDir()
	prepareReadme(t, folder)
	address := pgtest.URL(t)
	call := func(name string, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir = folder
		cmd.Env = append(os.Environ(), "HOME="+folder, "DATABASE_URL="+address)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	jobs := "destinations:\n  warehouse: {type: postgres, url: \"${DATABASE_URL}\"}\njobs:\n  saved_tracks: {destinations: [warehouse]}\n"
	if err := os.WriteFile(filepath.Join(folder, "jobs.yaml"), []byte(jobs), 0o600); err != nil {
		t.Fatal(err)
	}
	call("bin/exporter", "demo", "--path", "data")
	call("bin/exporter", "migrate")
	ran := map[string]int{}
	for _, block := range strings.Split(text, "```")[1:] {
		language, query, _ := strings.Cut(block, "\n")
		switch {
		case language == "python":
			call(os.Getenv("TEST_PYTHON"), "-c", query)
		case language == "sql" && strings.Contains(query, "spotify."):
			language = "psql"
			conn, err := pgx.Connect(t.Context(), address)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Exec(t.Context(), query); err != nil {
				t.Errorf("%v:\n%s", err, query)
			}
			_ = conn.Close(t.Context())
		case language == "sql":
			const script = `import sys, duckdb; c = duckdb.connect(); c.execute(open("data/views.sql").read()); assert len(c.execute(sys.argv[1]).fetchall()) == 10`
			call(os.Getenv("TEST_PYTHON"), "-c", script, query)
		default:
			continue
		}
		ran[language]++
	}
	if ran["python"] != 4 || ran["sql"] != 4 || ran["psql"] != 4 {
		t.Errorf("ran %v", ran)
	}
}
