package parquet_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tracklake/tracklake/internal/soak"
	"github.com/tracklake/tracklake/load/parquet"
)

// These tell a process of this test binary to export until it is killed.
const (
	crashRoot = "TRACKLAKE_CRASH_ROOT"
	crashGen  = "TRACKLAKE_CRASH_GENERATION" // to begin with
	crashStep = "TRACKLAKE_CRASH_STEP"       // kill itself before that step on the disk; 0: never
)

// crashRows is how many rows each table has.
const crashRows = 40

// TestExportUntilKilled is what the processes that are killed run; by itself
// it does nothing.
func TestExportUntilKilled(t *testing.T) { //nolint:paralleltest // it runs alone, in the child process
	root := os.Getenv(crashRoot)
	if root == "" {
		return
	}
	fmt.Fprintln(os.Stderr, exportForever(t.Context(), root))
	os.Exit(1)
}

// exportForever exports one generation after the other, each one to all tables.
func exportForever(ctx context.Context, root string) error {
	go func() { // the pipe ends with the parent, however that ends
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(3)
	}()
	gen, err := strconv.Atoi(os.Getenv(crashGen))
	if err != nil {
		return err
	}
	step, err := strconv.ParseInt(os.Getenv(crashStep), 10, 64)
	if err != nil {
		return err
	}
	d := &disk{at: step}
	kill := func(step, path string) error {
		if d.fault(step, path) != nil {
			if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
				return err
			}
			select {}
		}
		return nil
	}
	o := parquet.WithFaults(options(), kill)
	for ; ; gen++ {
		p := plan{items(gen, 0, crashRows)}
		if err := p.perform(ctx, root, o, gen, func() { fmt.Println(gen) }); err != nil {
			return fmt.Errorf("generation %d: %w", gen, err)
		}
	}
}

// A victim is a process that exports and is killed.
type victim struct {
	cmd   *exec.Cmd
	stdin io.Closer
	lines *bufio.Scanner
	errs  strings.Builder
}

func startVictim(t *testing.T, root string, gen int, step int64) *victim {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	v := &victim{cmd: exec.CommandContext(t.Context(), self, "-test.run=^TestExportUntilKilled$")}
	v.cmd.Env = append(os.Environ(), crashRoot+"="+root, fmt.Sprintf("%s=%d", crashGen, gen), fmt.Sprintf("%s=%d", crashStep, step))
	v.cmd.Stderr = &v.errs
	if v.stdin, err = v.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := v.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	v.lines = bufio.NewScanner(out)
	if err := v.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return v
}

// last waits until the process has died of SIGKILL and returns the last
// generation that it said was committed, or none.
func (v *victim) last(t *testing.T, none int) int {
	t.Helper()
	for v.lines.Scan() {
		n, err := strconv.Atoi(v.lines.Text())
		if err != nil {
			t.Fatal(err)
		}
		none = n
	}
	err := v.cmd.Wait()
	_ = v.stdin.Close()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the process did not die of the kill: %v\n%s", err, v.errs.String())
	}
	return none
}

func TestSoakKilledAtAnyInstant(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	committed, kills, journals := 0, 0, 0
	for end := soak.Deadline(t); time.Now().Before(end); kills++ {
		v := startVictim(t, root, committed+1, 0)
		if v.lines.Scan() { // it is under way
			n, err := strconv.Atoi(v.lines.Text())
			if err != nil {
				t.Fatal(err)
			}
			committed = n
		}
		time.Sleep(time.Duration(random.Int64N(int64(40 * time.Millisecond))))
		if err := v.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		committed = v.last(t, committed)
		if _, err := os.Stat(filepath.Join(root, "_exporter", "commit.json")); err == nil {
			journals++
		}
		committed = checkOneGeneration(t, root, committed)
	}
	t.Logf("%d generations, %d of %d kills amid the renames", committed, journals, kills)
}

// TestKilledBeforeEachStep kills a run before each thing that it does to the disk.
func TestKilledBeforeEachStep(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	committed, kills, journals := 0, 0, 0
	for step := int64(1); ; step++ {
		committed++ // a run that nothing happens to, so that all begin alike
		if err := (plan{items(committed, 0, crashRows)}).perform(t.Context(), root, options(), committed, func() {}); err != nil {
			t.Fatal(err)
		}
		before := committed
		committed = startVictim(t, root, committed+1, step).last(t, committed)
		if committed > before {
			break // it came through a whole run
		}
		kills++
		if _, err := os.Stat(filepath.Join(root, "_exporter", "commit.json")); err == nil {
			journals++
		}
		committed = checkOneGeneration(t, root, committed)
	}
	t.Logf("%d kills, %d of them amid the renames", kills, journals)
	if kills < 100 || journals < 15 { // four files, state, rows and run record, each renamed and synced
		t.Errorf("%d kills, %d of them amid the renames; the steps have moved", kills, journals)
	}
}

var rowForm = regexp.MustCompile(`^(\w+)/\S* account_id=\S+ id=(\S+) gen=(\d+) `)

// withoutLog takes the rows of the change log out, and counts them.
func withoutLog(rows []string) ([]string, int) {
	all := len(rows)
	rows = slices.DeleteFunc(rows, func(row string) bool { return strings.HasPrefix(row, "library_changes/") })
	return rows, all - len(rows)
}

// checkWholeFiles expects every file to hold one whole generation, and no row to
// stand in two files of its table.
func checkWholeFiles(t *testing.T, root string) {
	t.Helper()
	gens, count, seen := map[string]string{}, map[string]int{}, map[string]bool{}
	rows, log := withoutLog(readBack(t, root))
	if log != 0 && log != crashRows {
		t.Fatalf("the change log holds %d rows, want %d", log, crashRows)
	}
	for _, row := range rows {
		m := rowForm.FindStringSubmatch(row)
		if m == nil {
			t.Fatalf("row %q", row)
		}
		file, _, _ := strings.Cut(row, " ")
		if gens[file] == "" {
			gens[file] = m[3]
		}
		if seen[m[1]+m[2]] || gens[file] != m[3] {
			t.Fatalf("%s holds %s twice, or a mix: %s", m[1], m[2], row)
		}
		seen[m[1]+m[2]] = true
		count[file]++
	}
	for file, n := range count {
		if want := map[bool]int{true: crashRows / 2, false: crashRows}[strings.HasPrefix(file, "places/")]; n != want {
			t.Fatalf("%s holds %d rows, want %d", file, n, want)
		}
	}
}

// checkOneGeneration opens the folder as the next process does, and expects
// all tables to hold one whole generation, not older than what was committed.
// It returns that generation.
func checkOneGeneration(t *testing.T, root string, committed int) int {
	t.Helper()
	checkWholeFiles(t, root) // even before
	if _, err := parquet.Open(t.Context(), root, options()); err != nil {
		t.Fatal(err)
	}
	rows, log := withoutLog(readBack(t, root))
	seen, count, gens := map[string]bool{}, map[string]int{}, map[string]bool{}
	for _, row := range rows {
		m := rowForm.FindStringSubmatch(row)
		if m == nil {
			t.Fatalf("row %q", row)
		}
		if seen[m[1]+m[2]] {
			t.Fatalf("%s holds %s twice", m[1], m[2])
		}
		seen[m[1]+m[2]], gens[m[3]] = true, true
		count[m[1]]++
	}
	if len(rows)+log == 0 && committed == 0 {
		return 0
	}
	if log != crashRows || len(gens) != 1 || count["facts"] != crashRows || count["places"] != crashRows || count["things"] != crashRows {
		t.Fatalf("a mix: generations %v, rows %v, %d in the change log", gens, count, log)
	}
	gen := 0
	for text := range gens {
		gen, _ = strconv.Atoi(text)
	}
	state := versionOf(t, root).State
	if gen < committed || !strings.Contains(state, fmt.Sprintf(`"%d.0"`, gen)) {
		t.Fatalf("generation %d is there, %d was committed, and the state is %s", gen, committed, state)
	}
	return gen
}
