package pipeline_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
)

// lines are the log lines of a runner.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, string(line))
	return len(line), nil
}

func (l *lines) with(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, line := range l.all {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

func (l *lines) wait(t *testing.T, text string, n int) {
	t.Helper()
	for range 2000 {
		if l.with(text) == n {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("%d lines say %q, want %d", l.with(text), text, n)
}

// door is who is connected, as a test has it.
type door struct {
	mu    sync.Mutex
	users []*pipeline.User
	err   error
}

func (d *door) set(err error, users ...*pipeline.User) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.users, d.err = users, err
}

func (d *door) who(context.Context) ([]*pipeline.User, *pipeline.User, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.users, nil, d.err
}

func TestServeTellsOnceWhenItIsNotReady(t *testing.T) {
	t.Parallel()
	s := newStage(t, nightly, world(5))
	log := &lines{}
	s.runner.Log = slog.New(slog.NewTextHandler(log, nil))
	d := &door{}
	s.serveFor(t, d.who)
	log.wait(t, `level=WARN msg="not ready`, 1)
	log.wait(t, `error="no account is connected" hint="connect one: exporter login"`, 1)
	s.none(t)
	d.set(nil, s.user)
	log.wait(t, `level=INFO msg="ready again`, 1)
	d.set(errors.New("the folder is open to all"))
	s.clock.set(s.clock.Now().Add(time.Minute))
	log.wait(t, `level=WARN msg="not ready`, 2)
	s.none(t)
	log.wait(t, `level=WARN msg="not ready`, 2)
	log.wait(t, `level=INFO msg="ready again`, 1)
	d.set(nil)
	log.wait(t, `error="no account is connected"`, 2)
}

// TestServeRunsAgainAfterASignIn revokes the sign-in before a turn of the
// schedule, and signs in again later; also with a loop that was not there
// when the run ended.
func TestServeRunsAgainAfterASignIn(t *testing.T) {
	t.Parallel()
	for _, restart := range []bool{false, true} {
		s := newStage(t, nightly, world(20))
		job, d := s.config.Job("saved_tracks"), &door{}
		s.user.SignedInAt = s.clock.Now()
		if run := s.runner.Run(t.Context(), pipeline.Task{Job: job, User: s.user}, pipeline.Mode{}); run.Status != load.StatusOK {
			t.Fatalf("run = %+v", run)
		}
		<-s.ended
		s.sim.GrantOnly("user-top-read")
		s.user.Scopes = []string{"user-top-read"}
		d.set(nil, s.user)
		s.clock.set(time.Date(2026, 11, 2, 3, 0, 1, 0, time.UTC))
		if restart {
			s.runner.Run(t.Context(), pipeline.Task{Job: job, User: s.user}, pipeline.Mode{})
		} else {
			s.serveFor(t, d.who)
		}
		if run := s.next(t); run.Status != load.StatusNeedsSignIn {
			t.Fatalf("run = %+v", run)
		}
		if restart {
			s.serveFor(t, d.who)
		}
		s.none(t)
		s.clock.set(s.clock.Now().Add(time.Hour))
		s.none(t)
		again := &pipeline.User{Client: s.user.Client, ClientID: s.user.ClientID, SignedInAt: s.clock.Now()}
		d.set(nil, again)
		s.clock.set(s.clock.Now().Add(time.Minute))
		s.next(t)
		s.none(t)
	}
}
