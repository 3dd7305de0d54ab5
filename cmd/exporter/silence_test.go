package main

import (
	"bufio"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tracklake/tracklake/internal/pgtest"
	"github.com/tracklake/tracklake/internal/simtest"
	"github.com/tracklake/tracklake/internal/tcpproxy"
	"github.com/tracklake/tracklake/simulate"
)

// An outage is a place where exporter reaches Spotify and PostgreSQL through proxies.
type outage struct {
	*terminal
	spotify, tokens, database *tcpproxy.Proxy
	direct                    string // address of the database
	sim                       *simulate.Server
}

const outageJobs = `%sdestinations:
  lake: {type: parquet, path: ./data}
  warehouse: {type: postgres, url: "${DATABASE_URL}"}
jobs:
  saved_tracks: {destinations: [lake]}
  albums: {resource: artist_albums, destinations: [lake], options: {artists: {from: [saved_tracks]}}}
  copy: {resource: saved_tracks, destinations: [warehouse]}
`

func proxied(t *testing.T, address string) *tcpproxy.Proxy {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	p, err := tcpproxy.New(u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func newOutage(t *testing.T, settings string) *outage {
	t.Helper()
	o := simulate.DefaultOptions()
	o.SavedTracks, o.TopTracks, o.Artists = 400, 20, 60
	sim, running := simtest.Start(t, o)
	out := &outage{sim: sim, spotify: proxied(t, running.APIURL), tokens: proxied(t, running.AccountsURL), direct: pgtest.URL(t)}
	var address string
	out.database, address = pgtest.Proxy(t, out.direct)
	out.terminal = &terminal{folder: t.TempDir(), env: []string{
		"PATH=" + os.Getenv("PATH"), "BROWSER=consent", "SPOTIFY_REDIRECT_URI=http://127.0.0.1/callback",
		"SPOTIFY_API_URL=http://" + out.spotify.Addr() + "/v1", "SPOTIFY_ACCOUNTS_URL=http://" + out.tokens.Addr(),
		"SPOTIFY_CLIENT_ID=" + simulate.ClientID, "SPOTIFY_CLIENT_SECRET=" + simulate.ClientSecret,
		"SPOTIFY_REFRESH_TOKEN=" + sim.Credentials().RefreshToken, "EXPORTER_TOKEN_KEY=" + leakKey, "DATABASE_URL=" + address,
	}}
	if err := os.WriteFile(filepath.Join(out.folder, "jobs.yaml"), fmt.Appendf(nil, outageJobs, settings), 0o600); err != nil {
		t.Fatal(err)
	}
	return out
}

type row struct {
	name     string
	settings string
	prepare  [][]string
	args     []string
	arm      func(*outage, tcpproxy.Fault)
}

// forGood does a fault to all connections, and to those to come.
func forGood(p *tcpproxy.Proxy, f tcpproxy.Fault) tcpproxy.Fault {
	return func(*tcpproxy.Conn) {
		p.DoNew(f)
		p.Do(f)
	}
}

func spotify(text string) func(*outage, tcpproxy.Fault) {
	return func(o *outage, f tcpproxy.Fault) { o.spotify.When(tcpproxy.ToServer, text, 0, forGood(o.spotify, f)) }
}
func database(text string) func(*outage, tcpproxy.Fault) {
	return func(o *outage, f tcpproxy.Fault) { o.database.When(tcpproxy.ToServer, text, 0, forGood(o.database, f)) }
}

func TestExplore(t *testing.T) {
	t.Parallel()
	store := "token_store: warehouse\n"
	_ = store
	run := []string{"run", "saved_tracks"}
	first := [][]string{run}
	rows := []row{
		{"api connect", "", nil, run, func(o *outage, f tcpproxy.Fault) { o.spotify.DoNew(f) }},
		{"api token", "", nil, run, func(o *outage, f tcpproxy.Fault) { o.tokens.DoNew(f) }},
		{"api me", "", nil, run, spotify("GET /v1/me HTTP")},
		{"api first page", "", nil, run, spotify("GET /v1/me/tracks?")},
		{"api mid list", "", nil, run, spotify("offset=150")},
		{"api body", "", nil, run, func(o *outage, f tcpproxy.Fault) {
			o.spotify.When(tcpproxy.ToClient, `"items"`, 0, forGood(o.spotify, f))
		}},
		{"api fan-out", "", first, []string{"run", "albums"}, spotify("GET /v1/artists/")},
		{"api check", "", first, []string{"check"}, func(o *outage, f tcpproxy.Fault) { o.spotify.DoNew(f) }},
		{"api login", "", nil, []string{"login"}, func(o *outage, f tcpproxy.Fault) { o.tokens.DoNew(f) }},
		{"pg connect", "", nil, []string{"run", "copy"}, func(o *outage, f tcpproxy.Fault) { o.database.DoNew(f) }},
		{"pg lock", "", nil, []string{"run", "copy"}, database("pg_try_advisory_lock")},
		{"pg begin", "", nil, []string{"run", "copy"}, database("INSERT INTO exporter.fences")},
		{"pg copy", "", nil, []string{"run", "copy"}, database("COPY ")},
		{"pg merge", "", nil, []string{"run", "copy"}, database(`INSERT INTO "spotify"`)},
		{"pg commit", "", nil, []string{"run", "copy"}, database("commit\x00")},
		{"pg close", "", nil, []string{"run", "copy"}, database("pg_advisory_unlock_all")},
		{"pg status", "", [][]string{{"migrate"}}, []string{"status"}, func(o *outage, f tcpproxy.Fault) { o.database.DoNew(f) }},
		{"pg check", "", [][]string{{"migrate"}}, []string{"check"}, database("CREATE TEMP")},
		{"pg migrate", "", nil, []string{"migrate"}, database("CREATE TABLE")},
		{"pg login", store, nil, []string{"login"}, database("exporter.accounts")},
		{"pg login store", store, nil, []string{"login"}, database("INSERT INTO exporter.accounts")},
		{"pg token", store, [][]string{{"check"}}, run, database("tracklake account")},
		{"pg quota", store, [][]string{{"check"}}, run, database("tracklake quota")},
	}
	faults := map[string]tcpproxy.Fault{"silent": tcpproxy.Silence(), "half-open": tcpproxy.HalfOpen, "reset": tcpproxy.Reset, "slow": tcpproxy.Slow(3000)}
	var mu sync.Mutex
	report, err := os.OpenFile(os.Getenv("REPORT"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		for name, f := range faults {
			for _, term := range []bool{false, true} {
				if term && name != "silent" {
					continue
				}
				label := r.name + ", " + name
				if term {
					label += ", SIGTERM"
				}
				t.Run(label, func(t *testing.T) {
					t.Parallel()
					o := newOutage(t, r.settings)
					for _, args := range r.prepare {
						if code, out := o.start(t, args...)(); code != 0 {
							t.Logf("%v: %d %s", args, code, out)
						}
					}
					var struck time.Time
					began := time.Now()
					r.arm(o, func(c *tcpproxy.Conn) {
						if struck.IsZero() {
							struck = time.Now()
						}
						f(c)
					})
					cmd := exec.CommandContext(t.Context(), "exporter", r.args...)
					cmd.Dir, cmd.Env = o.folder, append(o.env, "HOME="+o.folder)
					pipe, _ := cmd.StderrPipe()
					cmd.Stdout = cmd.Stderr
					if err := cmd.Start(); err != nil {
						t.Fatal(err)
					}
					var text strings.Builder
					var signalled time.Time
					if term {
						time.AfterFunc(9*time.Second, func() {
							signalled = time.Now()
							_ = cmd.Process.Signal(syscall.SIGTERM)
						})
					}
					kill := time.AfterFunc(200*time.Second, func() { _ = cmd.Process.Kill() })
					for lines := bufio.NewScanner(pipe); lines.Scan(); {
						fmt.Fprintf(&text, "    %5.1f  %s\n", time.Since(began).Seconds(), regexp.MustCompile(`^time=\S+ `).ReplaceAllString(lines.Text(), ""))
					}
					_ = cmd.Wait()
					kill.Stop()
					mu.Lock()
					defer mu.Unlock()
					fmt.Fprintf(report, "== %s: struck %.1f, end %.1f, code %d", label, struck.Sub(began).Seconds(), time.Since(began).Seconds(), cmd.ProcessState.ExitCode())
					if term {
						fmt.Fprintf(report, ", after signal %.1f", time.Since(signalled).Seconds())
					}
					fmt.Fprintf(report, "\n%s", text.String())
				})
			}
		}
	}
	_ = net.Listen
}
