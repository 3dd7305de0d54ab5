package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tracklake/tracklake/internal/simtest"
	"github.com/tracklake/tracklake/simulate"
)

const serveJobs = `destinations:
  lake: {type: parquet, path: ./data}
  warehouse: {type: postgres, url: "${DATABASE_URL}"}
timezone: Asia/Kathmandu
jobs:
  tracks: {resource: saved_tracks, destinations: [lake], schedule: "0 * * * *"}
  copy: {resource: saved_tracks, destinations: [warehouse], schedule: "0 * * * *"}
  top_tracks: {destinations: [lake, warehouse], schedule: "0 * * * *"}
`

// besideASilentDatabase is where exporter has a lake, in which tracks ran, and a
// database server that accepts connections and says nothing.
func besideASilentDatabase(t *testing.T) *terminal {
	t.Helper()
	o := simulate.DefaultOptions()
	o.SavedTracks, o.TopTracks = 30, 10
	sim, running := simtest.Start(t, o)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	p := &terminal{folder: t.TempDir(), env: []string{
		"PATH=" + os.Getenv("PATH"), "SPOTIFY_API_URL=" + running.APIURL, "SPOTIFY_ACCOUNTS_URL=" + running.AccountsURL,
		"SPOTIFY_CLIENT_ID=" + simulate.ClientID, "SPOTIFY_CLIENT_SECRET=" + simulate.ClientSecret,
		"SPOTIFY_REFRESH_TOKEN=" + sim.Credentials().RefreshToken,
		fmt.Sprintf("DATABASE_URL=postgres://nobody@%s/tracklake?sslmode=disable", l.Addr()),
	}}
	if err := os.WriteFile(filepath.Join(p.folder, "jobs.yaml"), []byte(serveJobs), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out := p.start(t, "run", "tracks")(); code != 0 {
		t.Fatalf("code %d: %s", code, out)
	}
	return p
}

// missTurns makes it three hours since the jobs of the lake ran.
func (p *terminal) missTurns(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(p.folder, "data/_exporter/runs/*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%v in %v", err, files)
	}
	ago := time.Now().UTC().Add(-3 * time.Hour).Format(time.RFC3339)
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text = regexp.MustCompile(`("(started|finished)_at": ?")[^"]*`).ReplaceAll(text, []byte("${1}"+ago))
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// served is exporter serve, and what it logs.
type served struct {
	cmd *exec.Cmd
	end sync.WaitGroup

	mu  sync.Mutex
	log []string
}

func (p *terminal) serve(t *testing.T) *served {
	t.Helper()
	s := &served{cmd: exec.CommandContext(t.Context(), "exporter", "serve", "--listen", "127.0.0.1:0")}
	s.cmd.Dir, s.cmd.Env = p.folder, append(p.env, "HOME="+p.folder)
	out, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.end.Go(func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			s.mu.Lock()
			s.log = append(s.log, lines.Text())
			s.mu.Unlock()
		}
	})
	return s
}

// lines returns the lines of the log that match.
func (s *served) lines(pattern string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, line := range s.log {
		if regexp.MustCompile(pattern).MatchString(line) {
			out = append(out, line)
		}
	}
	return out
}

// wait waits for such a line.
func (s *served) wait(t *testing.T, pattern string, patience time.Duration) string {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if found := s.lines(pattern); len(found) > 0 {
			return found[0]
		}
	}
	t.Fatalf("no line %q within %s:\n%s", pattern, patience, strings.Join(s.lines(""), "\n"))
	return ""
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	client := http.Client{Timeout: 2 * time.Second}
	answer, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

// TestServeBesideASilentDatabase starts after a missed slot: the job of the lake
// makes up for it at once, and the process stays healthy.
func TestServeBesideASilentDatabase(t *testing.T) {
	t.Parallel()
	p := besideASilentDatabase(t)
	p.missTurns(t)
	began := time.Now()
	s := p.serve(t)
	_, address, _ := strings.Cut(s.wait(t, "msg=serving", 20*time.Second), "address=")
	healthy := func() {
		t.Helper()
		if code, body := get(t, "http://"+address+"/healthz"); code != 200 {
			t.Errorf("after %s /healthz is %d: %s", time.Since(began), code, body)
		}
	}
	healthy()
	if code, body := get(t, "http://"+address+"/readyz"); code != 503 || !strings.Contains(body, `"problem":"starting: `) {
		t.Errorf("at first /readyz is %d: %s", code, body)
	}
	s.wait(t, `msg="making up a missed schedule" job=tracks`, 10*time.Second)
	s.wait(t, `msg="run finished" job=tracks status=ok`, 10*time.Second)
	healthy()
	s.wait(t, `msg="waiting for destination warehouse"`, 20*time.Second)
	s.wait(t, `msg="not ready: .*" error="jobs copy, top_tracks cannot run: open destination warehouse: .*" hint=`, 40*time.Second)
	healthy()
	code, body := get(t, "http://"+address+"/readyz")
	for _, want := range []string{`"problem":"jobs copy, top_tracks cannot run: open destination warehouse: `, `"hint":"`, `{"job":"tracks","account":"default","running":false,"due_at":"`} {
		if code != 503 || !strings.Contains(body, want) {
			t.Errorf("/readyz is %d, without %s: %s", code, want, body)
		}
	}
	if code, body := get(t, "http://"+address+"/metrics"); code != 200 || !strings.Contains(body, `tracklake_runs_total{job="tracks",status="ok"}`) {
		t.Errorf("/metrics is %d: %s", code, body)
	}
	if n := len(s.lines("waiting for destination|making up")); n != 2 {
		t.Errorf("the log is\n%s", strings.Join(s.lines(""), "\n"))
	}
	stopping := time.Now()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.end.Wait()
	if err := s.cmd.Wait(); err != nil || time.Since(stopping) > 10*time.Second {
		t.Errorf("stopping took %s: %v", time.Since(stopping), err)
	}
}

// TestStatusBesideASilentDatabase shows what is in the lake.
func TestStatusBesideASilentDatabase(t *testing.T) {
	t.Parallel()
	p := besideASilentDatabase(t)
	p.missTurns(t)
	for _, tt := range []struct {
		args []string
		code int
		want []string
	}{
		{[]string{"status"}, 0, []string{
			`tracks +lake +ok +\d+ .* ago +30 tracks\n  overdue: no successful run in the last two scheduled slots\n`,
			`copy +warehouse +unknown +- +-\n`,
			`top_tracks +lake +- +never +-\n`,
			`\ndestination warehouse cannot be read: open destination warehouse: .*\n  hint: .`,
			`ACCOUNT +USER`,
		}},
		{[]string{"status", "--json", "tracks", "copy"}, 0, []string{
			`"overdue": true`, `"problem": "open destination warehouse: .*",\n +"hint": "`, `"account": "default"`,
		}},
		{[]string{"status", "copy"}, 1, []string{`copy +unknown`, `destination warehouse cannot be read`}},
	} {
		began := time.Now()
		code, out := p.start(t, tt.args...)()
		if code != tt.code || time.Since(began) > 13*time.Second {
			t.Errorf("%v: code %d after %s", tt.args, code, time.Since(began))
		}
		for _, want := range tt.want {
			if !regexp.MustCompile(want).MatchString(out) {
				t.Errorf("%v: no %s in\n%s", tt.args, want, out)
			}
		}
	}
}
