// Package soak says how long tests go on that could go on for ever: those named
// TestSoak, which make test-soak runs.
package soak

import (
	"os"
	"testing"
	"time"
)

// Deadline is when a test is to end: the time in SOAK from now, such as 10m.
func Deadline(t testing.TB) time.Time {
	t.Helper()
	d, err := time.ParseDuration(os.Getenv("SOAK"))
	if err != nil || d <= 0 {
		t.Fatal("SOAK is not set to a time like 10m; run make test-soak")
	}
	return time.Now().Add(d)
}
