package quota_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/extract/quota"
	"github.com/tracklake/tracklake/extract/quota/quotatest"
)

func TestFile(t *testing.T) {
	t.Parallel()
	quotatest.Run(t, quotatest.Place{
		New:  func(t *testing.T) string { return filepath.Join(t.TempDir(), "tracklake", "quota.json") },
		Open: func(_ *testing.T, path string) quota.Store { return quota.NewFile(path) },
	})
}

func night() time.Time { return time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC) }

// reserve reserves one request of a budget of 10.
func reserve(ctx context.Context, s quota.Store) (int, error) {
	granted, _, err := s.Reserve(ctx, quota.Reservation{Owner: "owner", Bucket: "bucket", At: night(), Requests: 1, Budget: 10})
	return granted, err
}

func mustReserve(t *testing.T, path string) {
	t.Helper()
	if granted, err := reserve(t.Context(), quota.NewFile(path)); granted != 1 || err != nil {
		t.Fatalf("%d were granted, %v", granted, err)
	}
}

func counted(t *testing.T, path string) int {
	t.Helper()
	all, err := quota.NewFile(path).Usage(t.Context(), "owner", night())
	if err != nil {
		t.Fatal(err)
	}
	return all["bucket"].Requests
}

// steps are all steps of one change, in order.
func steps() []string { return []string{"write", "sync", "rename", "sync folder"} }

func TestFileIsSyncedBeforeItIsRenamed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "quota.json")
	var got []string
	f := quota.NewFile(path).WithHook(func(step string) error {
		got = append(got, step)
		return nil
	})
	if _, err := reserve(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(steps(), got); diff != "" {
		t.Error(diff)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("mode %04o", mode)
	}
}

func TestEveryStepOnTheDiskMayFail(t *testing.T) {
	t.Parallel()
	for _, failing := range steps() {
		t.Run(failing, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "quota.json")
			mustReserve(t, path)
			granted, err := reserve(t.Context(), quota.NewFile(path).WithHook(func(step string) error {
				if step == failing {
					return syscall.ENOSPC
				}
				return nil
			}))
			if granted != 0 || !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("%d were granted, %v", granted, err)
			}
			want := 1
			if failing == "sync folder" {
				want = 2 // it is counted, though it must not be made
			}
			if got := counted(t, path); got != want {
				t.Errorf("%d are counted, want %d", got, want)
			}
			left, err := filepath.Glob(path + ".new*")
			if err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
			mustReserve(t, path)
		})
	}
}

// These tell a process of this test binary to stop while it changes a file.
const (
	stopPath   = "TRACKLAKE_QUOTA_STOP_PATH"
	stopStep   = "TRACKLAKE_QUOTA_STOP_STEP"
	stopSignal = "TRACKLAKE_QUOTA_STOP_SIGNAL"
)

// TestStoppingProcess is no test: it is the process that the next ones stop.
func TestStoppingProcess(t *testing.T) {
	t.Parallel()
	path := os.Getenv(stopPath)
	if path == "" {
		return // it was not started to stop
	}
	signal, err := strconv.Atoi(os.Getenv(stopSignal))
	if err != nil {
		t.Fatal(err)
	}
	_, err = reserve(t.Context(), quota.NewFile(path).WithHook(func(step string) error {
		if step == os.Getenv(stopStep) {
			return syscall.Kill(os.Getpid(), syscall.Signal(signal))
		}
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
}

func startStopping(t *testing.T, path, step string, signal syscall.Signal) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestStoppingProcess$")
	cmd.Env = append(os.Environ(), stopPath+"="+path, stopStep+"="+step, stopSignal+"="+strconv.Itoa(int(signal)))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func TestProcessKilledBeforeEachStep(t *testing.T) {
	t.Parallel()
	for _, step := range steps() {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "quota.json")
			mustReserve(t, path)
			if err := startStopping(t, path, step, syscall.SIGKILL).Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
				t.Fatalf("the process was not killed: %v", err)
			}
			want := 1
			if step == "sync folder" {
				want = 2
			}
			if got := counted(t, path); got != want {
				t.Errorf("%d are counted, want %d", got, want)
			}
			mustReserve(t, path)
			if got := counted(t, path); got != want+1 {
				t.Errorf("%d are counted afterwards, want %d", got, want+1)
			}
		})
	}
}

func TestStoppedProcessHoldsTheLock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "quota.json")
	holder := startStopping(t, path, "sync", syscall.SIGSTOP)
	for _, err := os.Stat(path + ".new"); err != nil; _, err = os.Stat(path + ".new") {
		time.Sleep(time.Millisecond)
	}
	began := time.Now()
	_, err := reserve(t.Context(), quota.NewFile(path).WithWait(100*time.Millisecond))
	if err == nil || !strings.Contains(err.Error(), path+".lock for 100ms; end or resume that process") {
		t.Errorf("error = %v", err)
	}
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("it took %s", d)
	}
	if err := holder.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	mustReserve(t, path)
	if err := holder.Wait(); err != nil {
		t.Error(err)
	}
	if got := counted(t, path); got != 2 {
		t.Errorf("%d are counted, want 2", got)
	}
}

// TestWaitForTheLockEndsWithTheContext holds the lock in the same process.
func TestWaitForTheLockEndsWithTheContext(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "quota.json")
	lock := flock.New(path + ".lock")
	if err := lock.Lock(); err != nil {
		t.Fatal(err)
	}
	f := quota.NewFile(path)
	var waiting sync.WaitGroup
	for range 2 { // one waits for the lock, the other one for its turn
		waiting.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if _, err := reserve(ctx, f); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error = %v", err)
			}
		})
	}
	waiting.Wait()
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	mustReserve(t, path)
}

func TestDamagedFile(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "null", "[]", `{"owner":{"bucket":{"requests":{"17`, `{"owner":{"bucket":7}}`} {
		path := filepath.Join(t.TempDir(), "quota.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		f := quota.NewFile(path)
		_, reserving := reserve(t.Context(), f)
		_, reading := f.Usage(t.Context(), "owner", night())
		blocking := f.Block(t.Context(), quota.Block{Owner: "owner", Bucket: "bucket", At: night(), Until: night().Add(time.Hour)})
		for _, err := range []error{reserving, reading, blocking} {
			if err == nil || !strings.Contains(err.Error(), path+" is damaged; delete it, which forgets the requests of the last 24 hours") {
				t.Errorf("%q: %v", text, err)
			}
		}
		if now, err := os.ReadFile(path); err != nil || string(now) != text {
			t.Errorf("%q became %q, %v", text, now, err)
		}
	}
}

func TestPlaceThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"a file where its folder should be": filepath.Join(file, "quota.json"),
		"a folder where it should be":       folder,
		"a folder of the system":            "/proc/tracklake/quota.json",
	} {
		if granted, err := reserve(t.Context(), quota.NewFile(path)); granted != 0 || err == nil || !strings.Contains(err.Error(), filepath.Dir(path)) {
			t.Errorf("%s: %d were granted, %v", name, granted, err)
		}
	}
}

// TestFileStaysSmall keeps two buckets busy for a week.
func TestFileStaysSmall(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "quota.json")
	f := quota.NewFile(path)
	for i := range 600 {
		at := night().Add(time.Duration(i) * 17 * time.Minute)
		for bucket, budget := range map[string]int{"free": 0, "large": 100_000} {
			if _, _, err := f.Reserve(t.Context(), quota.Reservation{Owner: "owner", Bucket: bucket, At: at, Requests: 1, Budget: budget}); err != nil {
				t.Fatal(err)
			}
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 4000 {
		t.Errorf("the file has %d bytes", info.Size())
	}
}
