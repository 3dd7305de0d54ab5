package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tracklake/tracklake/internal/pgtest"
	"github.com/tracklake/tracklake/internal/simtest"
	"github.com/tracklake/tracklake/simulate"
)

const (
	leakKey      = "c2VjcmV0LXRva2VuLWtleS0wMTIzNDU2Nzg5LWFiY2Q="
	leakPassword = "hunter2-marker-of-the-database"
	leakJobs     = `token_store: warehouse
destinations:
  lake: {type: parquet, path: ./data}
  warehouse: {type: postgres, url: "${DATABASE_URL}"}
jobs:
  saved_tracks: {destinations: [lake, warehouse]}
  top_tracks: {destinations: [lake]}
  artist_albums: {destinations: [lake], options: {artists: {ids: ["${ARTIST}"]}}}
`
)

// leaking is a place where exporter runs with secrets that are known, so that
// all that it writes can be searched for them.
type leaking struct {
	folder string
	env    []string
	sim    *simulate.Server
	output bytes.Buffer // of all commands
	runs   int
}

// TestNothingLeaks runs commands, on good days and on each bad one, at each log
// level, and looks for secrets in all that was written: to the terminal, to
// files, to the database, and to the arguments of processes.
func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	levels := [][]string{{"--log-level", "debug"}, {"--log-level", "info", "--log-format", "json"}, {"--log-level", "warn"}, {"--log-level", "error", "--log-format", "json"}}
	// Most of the time is spent waiting, so that all go on at once.
	var commands sync.WaitGroup
	places := map[*leaking]int{} // with how many commands each runs at least
	begin := func(least int, run func(*leaking)) {
		l := newLeaking(t)
		places[l] = least
		commands.Go(func() { run(l) })
	}
	begin(35, func(l *leaking) { l.good(t, levels) })
	begin(20, func(l *leaking) { l.confused(t, levels[0]) })
	for i, kind := range simulate.FaultKinds() {
		begin(4, func(l *leaking) { l.faulty(t, levels[i%2], kind.Name) })
	}
	var all []*leaking
	for l := range places {
		all = append(all, l)
	}
	stop := watchArguments(t, all)
	commands.Wait()
	stop()
	for l, least := range places {
		l.search(t, least)
	}
}

// good runs every command at each level.
func (l *leaking) good(t *testing.T, levels [][]string) {
	t.Helper()
	for i, level := range levels {
		for _, command := range [][]string{
			{"login"}, {"run", "saved_tracks", "top_tracks", "artist_albums"}, {"check"},
		} {
			l.exporter(t, append(level, command...)...)
		}
		if i > 1 { // the quieter levels say nothing else
			continue
		}
		for _, command := range [][]string{
			{"login", "--json"}, {"accounts"}, {"accounts", "--json"}, {"check", "--json"}, {"run", "--json", "saved_tracks"}, {"run", "--dry-run", "top_tracks"},
			{"backfill", "top_tracks"}, {"status"}, {"status", "--json"}, {"migrate"}, {"accounts", "rekey"}, {"run", "--no-such-flag"}, {"forget", "nobody"},
		} {
			l.exporter(t, append(level, command...)...)
		}
	}
}

func newLeaking(t *testing.T) *leaking {
	t.Helper()
	o := simulate.DefaultOptions()
	o.SavedTracks, o.TopTracks, o.Artists, o.Oddities = 60, 20, 8, true
	sim, running := simtest.Start(t, o)
	l := &leaking{folder: t.TempDir(), sim: sim}
	l.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + l.folder, "BROWSER=consent", "SPOTIFY_REDIRECT_URI=http://127.0.0.1/callback",
		"SPOTIFY_API_URL=" + running.APIURL, "SPOTIFY_ACCOUNTS_URL=" + running.AccountsURL,
		"SPOTIFY_CLIENT_ID=" + simulate.ClientID, "SPOTIFY_CLIENT_SECRET=" + simulate.ClientSecret,
		"SPOTIFY_REFRESH_TOKEN=" + sim.Credentials().RefreshToken, "EXPORTER_TOKEN_KEY=" + leakKey,
		"DATABASE_URL=" + withPassword(t, pgtest.URL(t)),
		"ARTIST=" + sim.Artists()[0],
	}
	if err := os.WriteFile(filepath.Join(l.folder, "jobs.yaml"), []byte(leakJobs), 0o600); err != nil {
		t.Fatal(err)
	}
	return l
}

// withPassword puts the marker into an address; where the server asks for no
// password, any will do.
func withPassword(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	if _, has := u.User.Password(); !has {
		u.User = url.UserPassword(u.User.Username(), leakPassword)
	}
	return u.String()
}

// exporter runs a command and keeps what it prints. Whether it goes well is for
// other tests.
func (l *leaking) exporter(t *testing.T, args ...string) {
	t.Helper()
	// A client that keeps trying does not leak; its patience is for
	// other tests.
	ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "exporter", args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = l.folder, l.env, &l.output, &l.output
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) && ctx.Err() == nil {
		t.Errorf("%v: %v", args, err)
	}
	l.runs++
}

// faulty runs commands while the API, then the token endpoint, misbehaves.
func (l *leaking) faulty(t *testing.T, level []string, kind string) {
	t.Helper()
	l.exporter(t, append(level, "login")...)
	for path, commands := range map[string][][]string{
		"/v1/":       {{"run", "saved_tracks"}},
		"/api/token": {{"run", "--json", "saved_tracks"}, {"login"}},
	} {
		l.sim.ExpireAccess()
		remove := l.sim.Inject(simulate.Fault{Kind: kind, Path: path, Arg: map[string]int{
			"status": 503, "rate": 1, "quota": 60, "html": 502, "redirect": 307, "stall": 50, "bomb": 9, "limit": 20, "baditem": 3, "total": 2, "truncate": 50,
		}[kind], Times: map[string]int{"rate": 2}[kind]})
		for _, c := range commands {
			l.exporter(t, append(level, c...)...)
		}
		remove()
	}
}

// confused runs commands with wrong secrets, which are secrets still.
func (l *leaking) confused(t *testing.T, level []string) {
	t.Helper()
	l.exporter(t, "login")
	good := l.env
	for _, wrong := range [][]string{
		{"EXPORTER_TOKEN_KEY=" + strings.Repeat("ab", 32)}, {"EXPORTER_TOKEN_KEY=" + leakPassword}, {"EXPORTER_TOKEN_KEY="},
		{"SPOTIFY_CLIENT_SECRET=" + leakPassword}, {"DATABASE_URL=postgres://x:" + leakPassword + "@:notaport"},
		{"DATABASE_URL=postgres://x:p@" + leakPassword + "@localhost/music"}, {"DATABASE_URL=postgres://x:1?" + leakPassword + "@localhost/music"},
		{"SPOTIFY_API_URL=https://user:" + leakPassword + "@example.com"}, {"SPOTIFY_REFRESH_TOKEN=" + leakPassword},
		{"CONSENT_EXTRA=code=" + leakPassword + "&state=" + leakPassword}, {"CONSENT_EXTRA=error=" + "x&state=y"},
	} {
		l.env = append(good[:len(good):len(good)], wrong...)
		l.sim.ExpireAccess()
		for _, command := range [][]string{{"run", "saved_tracks"}, {"login"}, {"accounts"}} {
			l.exporter(t, append(level, command...)...)
		}
	}
	l.env = good
}

// forms are the ways in which a secret can hide in a text.
func forms(secret string) []string {
	quoted, _ := json.Marshal(secret)
	out := []string{secret, url.QueryEscape(secret), string(quoted[1 : len(quoted)-1]), hex.EncodeToString([]byte(secret)), strings.ToUpper(hex.EncodeToString([]byte(secret)))}
	for shift := range 3 { // base64 looks different at each of three places
		text := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + secret))
		text = text[(shift*8+5)/6 : len(text)-2]
		out = append(out, text, strings.NewReplacer("+", "-", "/", "_").Replace(text))
	}
	return out
}

func (l *leaking) secrets() []string {
	return append(l.sim.Secrets(), leakKey, leakPassword)
}

// search looks through the terminal's output, all files, and the database.
func (l *leaking) search(t *testing.T, runs int) {
	t.Helper()
	if l.runs < runs || l.output.Len() < 40*runs {
		t.Fatalf("only %d commands ran and wrote %d bytes", l.runs, l.output.Len())
	}
	found := l.database(t)
	found["the terminal"] = l.output.Bytes()
	err := filepath.WalkDir(l.folder, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			found[path], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 5 {
		t.Fatalf("only %d places were searched", len(found))
	}
	secrets := l.secrets()
	if len(secrets) < 7 {
		t.Fatalf("only %d secrets are known", len(secrets))
	}
	for _, secret := range secrets {
		for _, form := range forms(secret) {
			for place, content := range found {
				if i := bytes.Index(content, []byte(form)); i >= 0 {
					t.Errorf("%s… is in %s: %q", secret[:8], place, content[max(0, i-60):i])
				}
			}
		}
	}
}

// database reads all tables as text.
func (l *leaking) database(t *testing.T) map[string][]byte {
	t.Helper()
	address := ""
	for _, pair := range l.env {
		if value, ok := strings.CutPrefix(pair, "DATABASE_URL="); ok {
			address = value
		}
	}
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	rows, err := conn.Query(t.Context(), "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema IN ('spotify', 'exporter')")
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (pgx.Identifier, error) {
		id := make(pgx.Identifier, 2)
		return id, r.Scan(&id[0], &id[1])
	})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, table := range tables {
		var text *string
		if err := conn.QueryRow(t.Context(), "SELECT string_agg(x::text, E'\\n') FROM "+table.Sanitize()+" AS x").Scan(&text); err != nil {
			t.Fatal(err)
		}
		if text != nil {
			out[table.Sanitize()] = []byte(*text)
		}
	}
	if out[`"exporter"."accounts"`] == nil {
		t.Fatal("the database holds no accounts to search")
	}
	return out
}

// watchArguments looks at the arguments of all processes that were started from the places,
// until it is stopped.
func watchArguments(t *testing.T, places []*leaking) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	seen, known := map[string]bool{}, map[string]bool{} // command lines; those of processes
	watching.Go(func() {
		for ctx.Err() == nil {
			processes, _ := filepath.Glob("/proc/[0-9]*")
			for _, process := range processes {
				text, err := os.ReadFile(filepath.Join(process, "cmdline"))
				if key := process + string(text); err == nil && !known[key] {
					known[key] = true
					seen[string(text)] = seen[string(text)] || startedFrom(process, places)
				}
			}
			time.Sleep(2 * time.Millisecond)
		}
	})
	return func() {
		cancel()
		watching.Wait()
		exporters := 0
		for line, ours := range seen {
			if !ours {
				continue
			}
			if strings.Contains(line, "exporter\x00") {
				exporters++
			}
			for _, l := range places {
				for _, secret := range l.secrets() {
					if strings.Contains(line, secret) {
						t.Errorf("a process was started with %s… among its arguments", secret[:8])
					}
				}
			}
		}
		if _, err := os.Stat("/proc/self/cmdline"); err == nil && exporters < 5 {
			t.Errorf("only %d command lines of exporter were seen", exporters)
		}
	}
}

// startedFrom reports whether a process has the environment of one of the places.
func startedFrom(process string, places []*leaking) bool {
	environment, err := os.ReadFile(filepath.Join(process, "environ"))
	return err == nil && slices.ContainsFunc(places, func(l *leaking) bool { return strings.Contains(string(environment), l.folder) })
}
