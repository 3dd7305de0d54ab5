// Package simtest starts a simulated Spotify for a test.
package simtest

import (
	"testing"

	"github.com/tracklake/tracklake/simulate"
)

// Start serves a simulated Spotify on a free port until the test ends.
func Start(t testing.TB, o simulate.Options) (*simulate.Server, *simulate.Running) {
	t.Helper()
	server, err := simulate.New(o)
	if err != nil {
		t.Fatal(err)
	}
	running, err := server.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := running.Close(); err != nil {
			t.Error(err)
		}
	})
	return server, running
}
