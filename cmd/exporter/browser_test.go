package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tracklake/tracklake/internal/browser"
	"github.com/tracklake/tracklake/internal/simtest"
	"github.com/tracklake/tracklake/simulate"
)

// keepAddress stands in for the system's way to open a browser: it leaves the
// address where the test finds it, whole.
func keepAddress() {
	exitOn(os.WriteFile("address.new", []byte(os.Args[len(os.Args)-1]), 0o600))
	exitOn(os.Rename("address.new", "address"))
}

// TestBrowserSignsIn clicks through the whole sign-in, to the first
// export, and looks at the pages.
func TestBrowserSignsIn(t *testing.T) {
	t.Parallel()
	o := simulate.DefaultOptions()
	o.Users, o.SavedTracks, o.TopTracks = 2, 30, 10
	_, running := simtest.Start(t, o)
	p := &terminal{folder: t.TempDir(), env: []string{
		"PATH=" + os.Getenv("PATH"), "BROWSER=keep-address", "SPOTIFY_REDIRECT_URI=http://127.0.0.1/callback",
		"SPOTIFY_API_URL=" + running.APIURL, "SPOTIFY_ACCOUNTS_URL=" + running.AccountsURL,
		"SPOTIFY_CLIENT_ID=" + simulate.ClientID, "SPOTIFY_CLIENT_SECRET=" + simulate.ClientSecret,
	}}
	jobs := "destinations: {lake: {type: parquet, path: ./data}}\njobs: {saved_tracks: {destinations: [lake]}}\n"
	if err := os.WriteFile(filepath.Join(p.folder, "jobs.yaml"), []byte(jobs), 0o600); err != nil {
		t.Fatal(err)
	}
	b := browser.Open(t)

	// The user agrees, as the second of two who use this machine.
	end := p.start(t, "login", "--account", "anna")
	b.Go(p.address(t))
	if text := b.Text("body"); !strings.Contains(text, "asks for: user-library-read") {
		t.Errorf("the consent page says %s", text)
	}
	b.Click(`option[value="1"]`)
	b.Click(`button[value="agree"]`)
	b.Arrive("Tracklake: Connected")
	if title, text := b.Text("h1"), b.Text("main"); title != "Connected" || !strings.Contains(text, "the library of Simulated User 2") {
		t.Errorf("the last page says %s", text)
	}
	picture(t, b, "connected.png")
	if code, out := end(); code != 0 || !strings.Contains(out, "Connected Simulated User 2 as account anna") {
		t.Errorf("code %d: %s", code, out)
	}
	if code, out := p.start(t, "run")(); code != 0 || !strings.Contains(out, "saved_tracks  ok  30 tracks") {
		t.Errorf("code %d: %s", code, out)
	}

	// The user says no.
	end = p.start(t, "login")
	b.Go(p.address(t))
	b.Click(`button[value="cancel"]`)
	b.Arrive("Tracklake: Not connected")
	if title, text := b.Text("h1"), b.Text("main"); title != "Not connected" || !strings.Contains(text, "you did not agree") {
		t.Errorf("the last page says %s", text)
	}
	picture(t, b, "refused.png")
	if code, out := end(); code != 1 || !strings.Contains(out, "hint: sign in again and choose Agree: exporter login\n") {
		t.Errorf("code %d: %s", code, out)
	}

	// Somebody leads the browser to the listener with an answer of his own. It ends
	// nothing: the user signs in after it.
	end = p.start(t, "login")
	address := p.address(t)
	b.Go(strings.Replace(b.Script("return new URL('"+address+"').searchParams.get('redirect_uri')"), " ", "", 1) +
		`?code=stolen&state=guess&error=<img src=x onerror="document.title='owned'">`)
	if title, text := b.Text("h1"), b.Text("main"); title != "Not this sign-in" || !strings.Contains(text, "so it was ignored") {
		t.Errorf("the last page says %s", text)
	}
	b.Arrive("Tracklake: Not this sign-in") // not "owned"
	b.Go(address)
	b.Click(`button[value="agree"]`)
	b.Arrive("Tracklake: Connected")
	if code, out := end(); code != 0 {
		t.Errorf("code %d: %s", code, out)
	}
}

// picture checks that there is something to see; TEST_PICTURES names a folder
// to look at it.
func picture(t *testing.T, b *browser.Browser, name string) {
	t.Helper()
	folder := os.Getenv("TEST_PICTURES")
	if folder == "" {
		folder = t.TempDir()
	}
	b.Screenshot(filepath.Join(folder, name))
	if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.Size() < 5000 {
		t.Errorf("picture %s: %v", name, err)
	}
}

// terminal is where a person types commands.
type terminal struct {
	folder string
	env    []string
}

// start begins a command; the returned function waits for its end.
func (p *terminal) start(t *testing.T, args ...string) (end func() (int, string)) {
	t.Helper()
	_ = os.Remove(filepath.Join(p.folder, "address")) // of the sign-in before, if any
	cmd := exec.CommandContext(t.Context(), "exporter", args...)
	var out bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = p.folder, append(p.env, "HOME="+p.folder), &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() (int, string) {
		_ = cmd.Wait() // the code tells
		return cmd.ProcessState.ExitCode(), out.String()
	}
}

// address waits for the address that the command opens.
func (p *terminal) address(t *testing.T) string {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if text, err := os.ReadFile(filepath.Join(p.folder, "address")); err == nil {
			return string(text)
		}
	}
	t.Fatal("the command opens no address")
	return ""
}
