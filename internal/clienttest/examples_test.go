//go:build clients

package clienttest_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/tracklake/tracklake/simulate"
)

// TestExamplesOfTheDocs runs the examples of docs/simulate.md, each of which
// prints how many tracks are saved.
func TestExamplesOfTheDocs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/simulate.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?s)```(python|js|go)\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(examples) != len(clients()) {
		t.Errorf("%d examples for %d clients", len(examples), len(clients()))
	}
	w := start(t, simulate.Development)
	for i, e := range examples {
		t.Run(e[1]+strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			cmd := example(t, e[1], e[2])
			own := w.Credentials()
			cmd.Env = append(os.Environ(), "NODE_PATH="+setting(t, "TEST_NODE_MODULES"), "SPOTIFY_API_URL="+w.APIURL, "SPOTIFY_ACCOUNTS_URL="+w.AccountsURL,
				"SPOTIFY_CLIENT_ID="+own.ClientID, "SPOTIFY_CLIENT_SECRET="+own.ClientSecret, "SPOTIFY_REFRESH_TOKEN="+own.RefreshToken)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if want := strconv.Itoa(len(w.SavedTracks())); err != nil || strings.TrimSpace(string(out)) != want {
				t.Errorf("%v: %s, want %s\n%s", err, out, want, stderr.String())
			}
		})
	}
}

// example returns the command that runs a program in a language.
func example(t *testing.T, language, program string) *exec.Cmd {
	t.Helper()
	folder := t.TempDir()
	save := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	switch language {
	case "python":
		return exec.Command(setting(t, "TEST_SPOTIPY"), save("example.py", program))
	case "js":
		return exec.Command("node", save("example.cjs", program))
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join("testdata/zmb3", name))
		if err != nil {
			t.Fatal(err)
		}
		save(name, string(text))
	}
	return exec.Command("go", "run", "-C", filepath.Dir(save("main.go", program)), ".")
}
