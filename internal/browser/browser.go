// Package browser gives tests a real browser without a window: Chromium, driven
// by ChromeDriver over the WebDriver protocol.
package browser

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/tracklake/tracklake/internal/tcpproxy"
)

// patience is how long pages and elements are waited for.
const patience = 20 * time.Second

// A Browser is one window. Its methods end the test when they fail.
type Browser struct {
	t       testing.TB
	session string // address of the WebDriver session
}

// Open starts a browser with an empty profile, which ends with the test.
func Open(t testing.TB) *Browser {
	t.Helper()
	driver, chromium := os.Getenv("TEST_CHROMEDRIVER"), os.Getenv("TEST_CHROMIUM")
	if driver == "" || chromium == "" {
		t.Fatal("TEST_CHROMEDRIVER and TEST_CHROMIUM are not set; run make test-browser")
	}
	profile, err := os.MkdirTemp("", "tracklake-browser-*")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(tcpproxy.FreeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(driver, "--port="+port)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that the browser ends with its driver
	if err := cmd.Start(); err != nil {
		t.Fatalf("start ChromeDriver: %v", err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()            // it was killed
		_ = os.RemoveAll(profile) // what a dying process still writes is in a temporary folder
	})
	b := &Browser{t: t, session: "http://127.0.0.1:" + port}
	b.waitReady()
	b.begin(chromium, profile)
	return b
}

func (b *Browser) waitReady() {
	b.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		resp, err := http.Get(b.session + "/status")
		if err == nil {
			resp.Body.Close()
			return
		}
		if time.Now().After(end) {
			b.t.Fatalf("ChromeDriver does not answer: %v", err)
		}
	}
}

func (b *Browser) begin(chromium, profile string) {
	b.t.Helper()
	var session struct {
		ID string `json:"sessionId"`
	}
	b.call(http.MethodPost, "/session", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"timeouts": map[string]any{"implicit": patience.Milliseconds(), "pageLoad": patience.Milliseconds()},
		"goog:chromeOptions": map[string]any{"binary": chromium, "args": []string{
			"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
			"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--window-size=800,600", "--user-data-dir=" + profile,
		}},
	}}}, &session)
	b.session += "/session/" + session.ID
}

// call sends one command and decodes its value.
func (b *Browser) call(method, path string, body, value any) {
	b.t.Helper()
	if err := b.ask(method, path, body, value); err != nil {
		b.t.Fatal(err)
	}
}

// ask is call for commands that may fail.
func (b *Browser) ask(method, path string, body, value any) error {
	var text []byte
	if method != http.MethodGet {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	r, err := http.NewRequest(method, b.session+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Timeout: 3 * patience}).Do(r)
	if err != nil {
		return fmt.Errorf("ask the browser: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("ask the browser: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the browser refuses %s: %.400s", path, answer)
	}
	if err := json.Unmarshal(answer, &struct {
		Value any `json:"value"`
	}{value}); err != nil {
		return fmt.Errorf("the browser answers %.200s: %w", answer, err)
	}
	return nil
}

// Go opens an address.
func (b *Browser) Go(address string) {
	b.t.Helper()
	b.call(http.MethodPost, "/url", map[string]string{"url": address}, new(any))
}

// Arrive waits until the page of a title has loaded. A click returns before the
// pages that it leads to are there: what is read before is of the page left.
func (b *Browser) Arrive(title string) {
	b.t.Helper()
	script := map[string]any{"script": "return document.readyState + ' ' + document.title", "args": []any{}}
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		var at string
		err := b.ask(http.MethodPost, "/execute/sync", script, &at) // fails between two pages
		if at == "complete "+title {
			return
		}
		if time.Now().After(end) {
			b.t.Fatalf("the browser does not arrive at %q; it is at %q: %v", title, at, err)
		}
	}
}

// element waits for the first element that a CSS selector matches.
func (b *Browser) element(selector string) string {
	b.t.Helper()
	found := map[string]string{}
	b.call(http.MethodPost, "/element", map[string]string{"using": "css selector", "value": selector}, &found)
	for _, id := range found {
		return "/element/" + id
	}
	b.t.Fatalf("the page has no %s", selector)
	return ""
}

// Click clicks an element.
func (b *Browser) Click(selector string) {
	b.t.Helper()
	b.call(http.MethodPost, b.element(selector)+"/click", struct{}{}, new(any))
}

// Text returns what a reader sees of an element.
func (b *Browser) Text(selector string) string {
	b.t.Helper()
	var out string
	b.call(http.MethodGet, b.element(selector)+"/text", nil, &out)
	return out
}

// Script runs JavaScript in the page and returns the text that it returns.
func (b *Browser) Script(code string) string {
	b.t.Helper()
	var out any
	b.call(http.MethodPost, "/execute/sync", map[string]any{"script": code, "args": []any{}}, &out)
	return fmt.Sprint(out)
}

// Screenshot writes a picture of the page, as PNG.
func (b *Browser) Screenshot(path string) {
	b.t.Helper()
	var out string
	b.call(http.MethodGet, "/screenshot", nil, &out)
	picture, err := base64.StdEncoding.DecodeString(out)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, picture, 0o600); err != nil {
		b.t.Fatal(err)
	}
}
