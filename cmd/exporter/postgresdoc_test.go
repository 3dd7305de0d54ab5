//go:build unix

package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tracklake/tracklake/internal/pgtest"
	"github.com/tracklake/tracklake/internal/pyreader"
	"github.com/tracklake/tracklake/internal/simtest"
	"github.com/tracklake/tracklake/simulate"
)

// A guide is docs/postgresql.md, and a server to follow it on.
type guide struct {
	text   string
	server *pgtest.Server
	folder string
	env    []string
}

// awkward is a password that must be encoded.
const awkward = "p@ss/w:o#r?d%& é"

const guideJobs = `destinations:
  warehouse: {type: postgres, url: "${DATABASE_URL}"}
jobs:
  saved_tracks: {destinations: [warehouse]}
  plays: {destinations: [warehouse]}
`

// follow does the steps of "A database in five minutes" as they are written, but for the
// port.
func follow(t *testing.T) *guide {
	t.Helper()
	text, err := os.ReadFile("../../docs/postgresql.md")
	if err != nil {
		t.Fatal(err)
	}
	g := &guide{server: pgtest.NewServer(t, "host all all 127.0.0.1/32 scram-sha-256"), folder: t.TempDir()}
	g.server.Start(t, true)
	g.text = strings.ReplaceAll(string(text), "localhost:5432", fmt.Sprintf("127.0.0.1:%d", g.server.Port))
	o := simulate.DefaultOptions()
	o.SavedTracks = 60
	sim, running := simtest.Start(t, o)
	g.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + g.folder, "SPOTIFY_API_URL=" + running.APIURL, "SPOTIFY_ACCOUNTS_URL=" + running.AccountsURL,
		"SPOTIFY_CLIENT_ID=" + simulate.ClientID, "SPOTIFY_CLIENT_SECRET=" + simulate.ClientSecret, "SPOTIFY_REFRESH_TOKEN=" + sim.Credentials().RefreshToken,
	}
	if err := os.WriteFile(filepath.Join(g.folder, "jobs.yaml"), []byte(guideJobs), 0o600); err != nil {
		t.Fatal(err)
	}
	_, steps, _ := strings.Cut(g.text, "## A database in five minutes")
	steps, _, _ = strings.Cut(steps, "\n## ")
	ran := 0
	for _, block := range strings.Split(steps, "```")[1:] {
		language, body, _ := strings.Cut(block, "\n")
		switch language {
		case "sql":
			g.sql(t, body)
		case "sh":
			g.sh(t, body)
		default:
			continue
		}
		ran++
	}
	if ran != 4 {
		t.Fatalf("%d steps were done", ran)
	}
	return g
}

// as is the address of the database for a role of the guide.
func (g *guide) as(role string) string {
	passwords := map[string]string{"tracklake_owner": "choose-1", "tracklake_loader": "choose-2", "tracklake_reader": "choose-3"}
	u := url.URL{Scheme: "postgres", User: url.UserPassword(role, passwords[role]), Host: fmt.Sprintf("127.0.0.1:%d", g.server.Port), Path: "music"}
	return u.String()
}

// sql runs a block as the role in its first line.
func (g *guide) sql(t *testing.T, block string) {
	t.Helper()
	first, _, _ := strings.Cut(strings.TrimSpace(block), "\n")
	role, _, _ := strings.Cut(strings.TrimPrefix(first, "-- as "), ",")
	address := g.as(role)
	if role == "an administrator" {
		address = g.server.Admin("postgres")
	}
	block = strings.ReplaceAll(block, "$__timeFilter(played_at)", "played_at BETWEEN now() - interval '7 days' AND now()") // as Grafana does
	conn := g.connect(t, address)
	for _, statement := range strings.Split(block, ";\n") {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func (g *guide) connect(t *testing.T, address string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

// sh runs a block and returns what it prints.
func (g *guide) sh(t *testing.T, block string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-ec", block)
	cmd.Dir, cmd.Env, cmd.Stdin = g.folder, g.env, strings.NewReader(awkward+"\n")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", block, err, out)
	}
	return string(out)
}

// TestPostgresGuide follows docs/postgresql.md, and tries what each role can do then.
func TestPostgresGuide(t *testing.T) {
	t.Parallel()
	g := follow(t)
	reader := g.connect(t, g.as("tracklake_reader"))
	owner := g.connect(t, g.as("tracklake_owner"))
	if _, err := owner.Exec(t.Context(), "CREATE TABLE spotify.later (n int); CREATE VIEW spotify.later_view AS SELECT * FROM spotify.later"); err != nil {
		t.Fatal(err)
	}
	readable := relations(t, owner, "spotify")
	if len(readable) < 14 {
		t.Fatalf("only %d tables and views: %v", len(readable), readable)
	}
	for _, name := range readable {
		var n int
		if err := reader.QueryRow(t.Context(), "SELECT count(*) FROM "+name).Scan(&n); err != nil {
			t.Errorf("the reader cannot read %s: %v", name, err)
		}
		if name == `"spotify"."saved_tracks"` && n != 60 {
			t.Errorf("%s has %d rows", name, n)
		}
		if _, err := reader.Exec(t.Context(), "DELETE FROM "+name); err == nil {
			t.Errorf("the reader can delete from %s", name)
		}
	}
	for _, name := range relations(t, owner, "exporter") {
		if _, err := reader.Exec(t.Context(), "SELECT FROM "+name); err == nil || !strings.Contains(err.Error(), "permission denied for schema exporter") {
			t.Errorf("the reader reads %s: %v", name, err)
		}
	}
	again := g.sh(t, "DATABASE_URL='"+g.as("tracklake_owner")+"' exporter migrate --grant-read tracklake_reader")
	if again != "warehouse: up to date\nwarehouse: granted tracklake_reader read access to all tables and views\n" {
		t.Errorf("once more: %s", again)
	}
	_, rest, _ := strings.Cut(g.text, "## The address")
	ran := 0
	for _, block := range strings.Split(rest, "```")[1:] {
		if language, body, _ := strings.Cut(block, "\n"); language == "sql" {
			g.sql(t, body)
			ran++
		} else if language == "sh" {
			ran++
			if decoded, err := url.PathUnescape(strings.TrimSpace(g.sh(t, body))); err != nil || decoded != awkward {
				t.Errorf("encoded, and decoded to %q: %v", decoded, err)
			}
		}
	}
	if ran != 3 {
		t.Errorf("%d blocks of the guide were run", ran)
	}
}

// relations lists the tables and views of a schema.
func relations(t *testing.T, conn *pgx.Conn, schema string) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), "SELECT format('%s.%s', '\"' || table_schema || '\"', '\"' || table_name || '\"') FROM information_schema.tables WHERE table_schema = $1", schema)
	if err != nil {
		t.Fatal(err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestReadersFollowThePostgresGuide runs the guide's Python as the reader.
func TestReadersFollowThePostgresGuide(t *testing.T) {
	t.Parallel()
	g := follow(t)
	_, script, _ := strings.Cut(g.text, "```python\n")
	script, _, _ = strings.Cut(script, "```")
	out := pyreader.Run(t, "import os, sys\nos.environ['DATABASE_URL'] = sys.argv[1]\n"+script+"print(len(saved))", g.as("tracklake_reader"))
	if !strings.HasSuffix(out, "\n60\n") {
		t.Errorf("pandas prints %s", out)
	}
}
