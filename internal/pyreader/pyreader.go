// Package pyreader reads files back with Python's readers of Parquet, which
// share no code with the writer.
package pyreader

import (
	"bytes"
	"os"
	"os/exec"
	"testing"
)

// Run runs a script with duckdb, pandas, polars and pyarrow at hand and
// returns what it prints.
func Run(t testing.TB, script string, args ...string) string {
	t.Helper()
	python := os.Getenv("TEST_PYTHON")
	if python == "" {
		t.Fatal("TEST_PYTHON is not set; run make test-readers")
	}
	cmd := exec.Command(python, append([]string{"-c", script}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("python: %v\n%s", err, stderr.String())
	}
	return stdout.String()
}
