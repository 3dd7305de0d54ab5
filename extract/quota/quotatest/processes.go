package quotatest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/tracklake/tracklake/extract/quota"
)

// These tell a process of a test binary to spend a budget.
const (
	childAddress = "TRACKLAKE_QUOTA_ADDRESS"
	childBudget  = "TRACKLAKE_QUOTA_BUDGET"
)

const granted = "granted"

// spend reserves requests one by one until the budget is spent, and prints a
// line for each.
func spend(t *testing.T, s quota.Store) {
	t.Helper()
	budget, err := strconv.Atoi(os.Getenv(childBudget))
	if err != nil {
		t.Fatal(err)
	}
	for range budget + 1 {
		n, _ := ask(t, s, quota.Reservation{At: time.Now(), Requests: 1, Budget: budget})
		if n == 0 {
			return
		}
		fmt.Fprintln(os.Stdout, granted)
	}
	t.Error("the budget is never spent")
}

// A child is a process that spends a budget.
type child struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
	errs  strings.Builder
}

func startChild(t *testing.T, address string, budget int) *child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	test, _, _ := strings.Cut(t.Name(), "/")
	c := &child{cmd: exec.CommandContext(t.Context(), self, "-test.run=^"+test+"$")}
	c.cmd.Env = append(os.Environ(), childAddress+"="+address, fmt.Sprintf("%s=%d", childBudget, budget))
	c.cmd.Stderr = &c.errs
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.lines = bufio.NewScanner(io.TeeReader(out, &c.errs))
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

// next waits until the process was granted a request; false: it has ended.
func (c *child) next() bool {
	for c.lines.Scan() {
		if c.lines.Text() == granted {
			return true
		}
	}
	return false
}

// wait waits until the process has ended, and reports whether it was killed.
func (c *child) wait(t *testing.T) (killed bool) {
	t.Helper()
	err := c.cmd.Wait()
	var exit *exec.ExitError
	killed = errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
	if err != nil && !killed {
		t.Errorf("the process failed: %v\n%s", err, c.errs.String())
	}
	return killed
}

// together lets many spend one budget at once in one process.
func together(t *testing.T, open func() quota.Store) {
	const budget = 50
	var sum atomic.Int64
	var work sync.WaitGroup
	for i := range 4 {
		s := open()
		for range 2 {
			work.Go(func() {
				for k := range 10 {
					at := start().Add(time.Duration(10*k+i) * time.Second)
					n, _, err := s.Reserve(t.Context(), quota.Reservation{Owner: "owner", Bucket: "bucket", At: at, Requests: 3, Budget: budget})
					if err != nil {
						t.Error(err)
					}
					sum.Add(int64(n))
				}
			})
		}
	}
	work.Wait()
	same(t, "granted", budget, int(sum.Load()))
}

func processes(t *testing.T, p Place) {
	const budget = 60
	address := p.New(t)
	var sum atomic.Int64
	var work sync.WaitGroup
	for range 3 {
		c := startChild(t, address, budget)
		work.Go(func() {
			for c.next() {
				sum.Add(1)
			}
			c.wait(t)
		})
	}
	work.Wait()
	same(t, "granted", budget, int(sum.Load()))
	same(t, "usage", budget, usage(t, p.Open(t, address), "owner", time.Now())["bucket"].Requests)
}

// killed kills processes that spend a budget. Each can die with a request that
// was granted and not printed, and with no more.
func killed(t *testing.T, p Place) {
	const budget = 200
	address := p.New(t)
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	sum, kills := 0, 0
	for spent := false; !spent; {
		one, other := startChild(t, address, budget), startChild(t, address, budget)
		for _, c := range []*child{one, other} {
			if c.next() {
				sum++
			}
		}
		time.AfterFunc(time.Duration(random.Int64N(int64(10*time.Millisecond))), func() { _ = one.cmd.Process.Kill() })
		time.AfterFunc(time.Duration(random.Int64N(int64(10*time.Millisecond))), func() { _ = other.cmd.Process.Kill() })
		for _, c := range []*child{one, other} {
			for c.next() {
				sum++
			}
			if c.wait(t) {
				kills++
			} else {
				spent = true
			}
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d of %d granted with %d kills", sum, budget, kills)
	if sum > budget || sum < budget-kills || kills == 0 {
		t.Errorf("%d requests were granted of a budget of %d, with %d kills", sum, budget, kills)
	}
	same(t, "usage", budget, usage(t, p.Open(t, address), "owner", time.Now())["bucket"].Requests)
}
