//go:build unix

package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tracklake/tracklake/internal/simtest"
	"github.com/tracklake/tracklake/internal/tcpproxy"
	"github.com/tracklake/tracklake/simulate"
)

const outageJobs = `destinations:
  lake: {type: parquet, path: ./data}
  warehouse: {type: postgres, url: "${DATABASE_URL}"}
jobs:
  saved_tracks: {destinations: [lake], schedule: "0 * * * *"}
  artist_albums: {destinations: [lake], options: {artists: {from: [saved_tracks]}}}
  copy: {resource: saved_tracks, destinations: [warehouse]}
`

// An outage is a place where exporter reaches Spotify and PostgreSQL through proxies.
type outage struct {
	*terminal
	sim                   *simulate.Server
	api, tokens, database *tcpproxy.Proxy
	struck                chan struct{} // closed when the fault has happened
	struckAt              time.Time
}

// newOutage makes a place. Without the address of a database it has none.
func newOutage(t *testing.T, database string, settings string) *outage {
	t.Helper()
	o := simulate.DefaultOptions()
	o.SavedTracks, o.TopTracks, o.Artists = 400, 20, 60
	sim, running := simtest.Start(t, o)
	out := &outage{sim: sim, struck: make(chan struct{})}
	out.terminal = &terminal{folder: t.TempDir(), env: []string{
		"PATH=" + os.Getenv("PATH"), "BROWSER=consent", "SPOTIFY_REDIRECT_URI=http://127.0.0.1/callback",
		"SPOTIFY_CLIENT_ID=" + simulate.ClientID, "SPOTIFY_CLIENT_SECRET=" + simulate.ClientSecret,
		"SPOTIFY_REFRESH_TOKEN=" + sim.Credentials().RefreshToken, "EXPORTER_TOKEN_KEY=" + leakKey,
	}}
	out.api = out.behind(t, "SPOTIFY_API_URL", running.APIURL)
	out.tokens = out.behind(t, "SPOTIFY_ACCOUNTS_URL", running.AccountsURL)
	if database != "" {
		out.database = out.behind(t, "DATABASE_URL", database)
	}
	if err := os.WriteFile(filepath.Join(out.folder, "jobs.yaml"), []byte(settings+outageJobs), 0o600); err != nil {
		t.Fatal(err)
	}
	return out
}

// behind puts a proxy before an address, and sets a variable to the address of that.
func (o *outage) behind(t *testing.T, variable, address string) *tcpproxy.Proxy {
	t.Helper()
	p, u := tcpproxy.Before(t, address)
	o.env = append(o.env, variable+"="+u.String())
	return p
}

// strike does a fault to all connections of a proxy and to those to come, when a text
// passes, or, without one, when the next one opens.
func (o *outage) strike(p *tcpproxy.Proxy, way tcpproxy.Direction, text string, f tcpproxy.Fault) {
	first := sync.OnceFunc(func() {
		o.struckAt = time.Now()
		close(o.struck)
	})
	struck := func(c *tcpproxy.Conn) {
		f(c)
		first()
	}
	if text == "" {
		p.DoNew(struck)
		return
	}
	p.When(way, text, 0, func(*tcpproxy.Conn) {
		p.DoNew(f)
		p.Do(f)
		first()
	})
}

// A talk is a command that runs, and what it says.
type talk struct {
	cmd   *exec.Cmd
	ended chan struct{}

	mu    sync.Mutex
	lines []spoken
}

type spoken struct {
	at   time.Time
	text string
}

// talk begins a command.
func (o *outage) talk(t *testing.T, args ...string) *talk {
	t.Helper()
	out := &talk{cmd: exec.CommandContext(t.Context(), "exporter", args...), ended: make(chan struct{})}
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out.cmd.Dir, out.cmd.Env, out.cmd.Stdout, out.cmd.Stderr = o.folder, append(o.env, "HOME="+o.folder), to, to
	if err := out.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = to.Close()
	go func() {
		defer close(out.ended)
		out.listen(from)
		_ = out.cmd.Wait() // the code tells
	}()
	return out
}

func (k *talk) listen(from io.ReadCloser) {
	defer from.Close()
	for lines := bufio.NewScanner(from); lines.Scan(); {
		k.mu.Lock()
		k.lines = append(k.lines, spoken{time.Now(), lines.Text()})
		k.mu.Unlock()
	}
}

// text is what was said.
func (k *talk) text() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out strings.Builder
	for _, l := range k.lines {
		out.WriteString(l.text + "\n")
	}
	return out.String()
}

// said returns when such a line came; zero: none has.
func (k *talk) said(pattern string) time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, l := range k.lines {
		if regexp.MustCompile(pattern).MatchString(l.text) {
			return l.at
		}
	}
	return time.Time{}
}

// hears waits for such a line, and tells when it came.
func (k *talk) hears(t *testing.T, pattern string, patience time.Duration) time.Time {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if at := k.said(pattern); !at.IsZero() {
			return at
		}
	}
	t.Fatalf("no line %q within %s:\n%s", pattern, patience, k.text())
	return time.Time{}
}

// end waits for the end of the command, and tells when that came and its code.
func (k *talk) end(t *testing.T, patience time.Duration) (time.Time, int) {
	t.Helper()
	select {
	case <-k.ended:
		return time.Now(), k.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		_ = k.cmd.Process.Kill()
		<-k.ended
		t.Fatalf("it has not ended within %s:\n%s", patience, k.text())
		return time.Time{}, 0
	}
}

// deaf returns the address of a server that answers no attempt to connect: its queue
// of connections is full.
func deaf(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	raw, err := l.(*net.TCPListener).SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { _ = syscall.Listen(int(fd), 0) })
	}
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		queued, err := net.DialTimeout("tcp", l.Addr().String(), 300*time.Millisecond)
		if err != nil {
			return l.Addr().String()
		}
		t.Cleanup(func() { _ = queued.Close() })
	}
	t.Fatal("the queue of connections does not fill")
	return ""
}

// rowsAt counts the saved tracks in a database.
func rowsAt(t *testing.T, address string) int {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	n := 0
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM spotify.saved_tracks").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
