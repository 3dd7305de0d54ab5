//go:build unix

package main

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tracklake/tracklake/internal/simtest"
	"github.com/tracklake/tracklake/internal/tcpproxy"
	"github.com/tracklake/tracklake/simulate"
)

// A place is a folder to run exporter in, as a user who is not root: root may write
// everywhere.
type place struct {
	folder, program string
	env             []string
	user            *syscall.Credential // nil: who runs the test
}

func newPlace(t *testing.T) *place {
	t.Helper()
	folder, err := os.MkdirTemp("", "tracklake-place") // other users do not get into t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	p := &place{folder: folder}
	o := simulate.DefaultOptions()
	o.SavedTracks, o.TopTracks, o.Artists = 60, 20, 5
	sim, running := simtest.Start(t, o)
	p.env = []string{
		"HOME=" + p.folder, "SPOTIFY_API_URL=" + running.APIURL, "SPOTIFY_ACCOUNTS_URL=" + running.AccountsURL,
		"SPOTIFY_CLIENT_ID=" + simulate.ClientID, "SPOTIFY_CLIENT_SECRET=" + simulate.ClientSecret, "SPOTIFY_REFRESH_TOKEN=" + sim.Credentials().RefreshToken,
	}
	p.write(t, "jobs.yaml", "budgets: {artists/albums: 0}\ndestinations:\n  lake: {type: parquet, path: ./data}\njobs:\n"+
		"  saved_tracks: {destinations: [lake]}\n  playlists: {destinations: [lake]}\n  playlist_items: {destinations: [lake]}\n  artist_albums: {destinations: [lake], options: {artists: {from: [saved_tracks]}}}\n")
	if os.Getuid() == 0 {
		p.user = &syscall.Credential{Uid: 65534, Gid: 65534}
	}
	p.program = filepath.Join(p.folder, "exporter") // where that user may run it
	self, err := os.Executable()
	if err == nil {
		err = os.Link(self, p.program)
	}
	if err != nil {
		t.Fatal(err)
	}
	p.give(t, p.folder)
	return p
}

func (p *place) write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(p.folder, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p.give(t, path)
	return path
}

func (p *place) give(t *testing.T, path string) {
	t.Helper()
	if p.user == nil && os.Getuid() != 0 {
		return
	}
	if err := os.Chown(path, 65534, 65534); err != nil {
		t.Fatal(err)
	}
}

// run runs a command and returns what it prints and its exit code.
func (p *place) run(t *testing.T, args ...string) (string, int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), p.program, args...)
	cmd.Dir, cmd.Env, cmd.SysProcAttr = p.folder, p.env, &syscall.SysProcAttr{Credential: p.user}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// TestTroubleOnDisk names the file or folder in the way, and what to do. Following that
// heals.
func TestTroubleOnDisk(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(t *testing.T, p *place)
		says  string
		hint  string
		heal  func(t *testing.T, p *place)
	}{
		"the lake's path is a file": {
			func(t *testing.T, p *place) { t.Helper(); p.write(t, "data", "") },
			`/data/_exporter: not a directory`, "there is a file where the lake needs a folder; move it away",
			func(t *testing.T, p *place) { t.Helper(); p.remove(t, "data") },
		},
		"the lake's folder is not writable": {
			func(t *testing.T, p *place) { t.Helper(); p.folderOf(t, "data", 0o555) },
			`/data/_exporter: permission denied`, "make the folder writable for the user that runs exporter",
			func(t *testing.T, p *place) { t.Helper(); p.mode(t, "data", 0o755) },
		},
		"the configuration folder is not writable": {
			func(t *testing.T, p *place) { t.Helper(); p.folderOf(t, ".config", 0o555) },
			`/\.config/tracklake: permission denied`, "make it writable for the user that runs exporter, or set XDG_CONFIG_HOME",
			func(t *testing.T, p *place) { t.Helper(); p.mode(t, ".config", 0o755) },
		},
		"the configuration folder is a file": {
			func(t *testing.T, p *place) { t.Helper(); p.write(t, ".config", "") },
			`not a directory`, "there is a file where a folder is needed",
			func(t *testing.T, p *place) { t.Helper(); p.remove(t, ".config") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			c.spoil(t, p)
			out, code := p.run(t, "run", "saved_tracks")
			if code != 1 || !regexp.MustCompile(c.says).MatchString(out) || !strings.Contains(out, "hint: "+c.hint) {
				t.Fatalf("code %d: %s", code, out)
			}
			c.heal(t, p)
			if out, code := p.run(t, "run", "saved_tracks"); code != 0 {
				t.Errorf("after what the hint says: %s", out)
			}
		})
	}
}

func (p *place) remove(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(p.folder, name)); err != nil {
		t.Fatal(err)
	}
}

func (p *place) mode(t *testing.T, name string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(filepath.Join(p.folder, name), mode); err != nil {
		t.Fatal(err)
	}
}

func (p *place) folderOf(t *testing.T, name string, mode os.FileMode) {
	t.Helper()
	path := filepath.Join(p.folder, name)
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	p.give(t, path)
	p.mode(t, name, mode)
}

// TestDamagedFilesHeal damages one file after another, and does what the message says.
func TestDamagedFilesHeal(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	if out, code := p.run(t, "run"); code != 0 {
		t.Fatal(out)
	}
	for _, pattern := range []string{
		"saved_tracks/?*/part-0.parquet", "playlists/?*/part-0.parquet", "playlist_items/?*/part-0.parquet", "artist_albums/?*/part-0.parquet",
		"_exporter/state/*saved?tracks.json", "_exporter/lake.json",
	} {
		found, err := filepath.Glob(filepath.Join(p.folder, "data", pattern))
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: %v %v", pattern, found, err)
		}
		size := sizeOf(t, found[0])
		if err := os.Truncate(found[0], size/2+1); err != nil {
			t.Fatal(err)
		}
		out, code := p.run(t, "backfill")
		if code != 1 || !strings.Contains(out, found[0]+" is damaged") || !strings.Contains(out, "move it away, and read again what Spotify still has: ") {
			t.Errorf("%s: code %d\n%s", pattern, code, out)
		}
		if err := os.Rename(found[0], filepath.Join(p.folder, "damaged")); err != nil {
			t.Fatal(err)
		}
		if out, code := p.run(t, "backfill"); code != 0 {
			t.Errorf("%s: after what the hint says: code %d\n%s", pattern, code, out)
		}
		if out, code := p.run(t, "run"); code != 0 {
			t.Errorf("%s: the run after it: code %d\n%s", pattern, code, out)
		}
		if strings.HasSuffix(pattern, ".parquet") && sizeOf(t, found[0]) < size*9/10 {
			t.Errorf("%s: %d bytes came back of %d", pattern, sizeOf(t, found[0]), size)
		}
	}
}

func sizeOf(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// TestTroubleWithTheNetwork says what keeps a run from Spotify, within a few seconds,
// and prints no password of a proxy.
func TestTroubleWithTheNetwork(t *testing.T) {
	t.Parallel()
	refusing := tcpproxy.Serve(t, func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 4096))
		_, _ = conn.Write([]byte("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"))
	})
	for name, c := range map[string]struct{ api, proxy, says, hint string }{
		"no such host":     {"https://api.tracklake.invalid", "", "there is no host named api.tracklake.invalid", "check that this machine is online"},
		"no such proxy":    {"https://api.spotify.example", "http://me:s3cr3t@127.0.0.1:1", "the proxy cannot be reached: connection refused", "check HTTPS_PROXY"},
		"the proxy denies": {"https://api.spotify.example", "http://me:s3cr3t@" + refusing, "the proxy " + refusing + " answers HTTP 407", "put user and password of the proxy into HTTPS_PROXY"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.env = append(p.env, "SPOTIFY_API_URL="+c.api+"/v1", "SPOTIFY_ACCOUNTS_URL="+c.api, "HTTPS_PROXY="+c.proxy)
			begun := time.Now()
			out, code := p.run(t, "run", "saved_tracks")
			if code != 1 || !strings.Contains(out, c.says) || !strings.Contains(out, "hint: "+c.hint) || strings.Contains(out, "s3cr3t") {
				t.Errorf("code %d: %s", code, out)
			}
			if took := time.Since(begun); took > 10*time.Second && !strings.Contains(out, "waiting") {
				t.Errorf("%s without a word: %s", took, out)
			}
		})
	}
}
