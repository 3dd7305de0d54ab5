package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/load/parquet"
	"github.com/tracklake/tracklake/load/postgres"
	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/pipeline/config"
)

// slowly makes a runner for lakes that take their time to open, in a synctest
// bubble. It counts the openings.
func slowly(t *testing.T, took time.Duration, fail error, o pipeline.Options) (*pipeline.Runner, *atomic.Int64) {
	t.Helper()
	folder := t.TempDir()
	file, err := config.Parse("jobs.yaml", []byte(threePlaces+nightly), func(string) (string, bool) { return folder, true }, drivers())
	if err != nil {
		t.Fatal(err)
	}
	opened := &atomic.Int64{}
	o.Open = func(ctx context.Context, d config.Destination) (load.Destination, error) {
		opened.Add(1)
		select {
		case <-time.After(took):
		case <-ctx.Done():
			return nil, errors.New("no answer")
		}
		if fail != nil {
			return nil, fail
		}
		return open(ctx, d)
	}
	return pipeline.NewRunner(file, o), opened
}

func open(ctx context.Context, d config.Destination) (load.Destination, error) {
	return d.Driver.Open(ctx, d.Address, load.OpenOptions{Version: "test", Tables: catalog.Tables()})
}

// took runs f and compares how long it takes in a bubble.
func took(t *testing.T, want time.Duration, f func()) {
	t.Helper()
	began := time.Now()
	f()
	if got := time.Since(began); got != want {
		t.Errorf("it took %s, want %s", got, want)
	}
}

func TestDestinationsOpenOnceAndSideBySide(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, opened := slowly(t, 10*time.Second, nil, pipeline.Options{})
		took(t, 10*time.Second, func() {
			var all sync.WaitGroup
			for i := range 9 {
				all.Go(func() {
					if _, err := r.Destination(t.Context(), []string{"lake", "pond", "well"}[i%3]); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
		})
		took(t, 0, func() {
			ended, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := r.Destination(ended, "lake"); err != nil {
				t.Errorf("what is open needs no waiting: %v", err)
			}
		})
		if opened.Load() != 3 {
			t.Errorf("%d openings", opened.Load())
		}
		if err := r.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestOpeningsAreShared: a failure is remembered for a moment, and the log tells
// once of an outage.
func TestOpeningsAreShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &lines{}
		r, opened := slowly(t, 15*time.Second, errors.New("no answer"), pipeline.Options{Log: slog.New(slog.NewTextHandler(log, nil))})
		get := func() {
			if _, err := r.Destination(t.Context(), "lake"); fmt.Sprint(err) != "open destination lake: no answer" {
				t.Error(err)
			}
		}
		took(t, 15*time.Second, get)
		took(t, 0, get)
		time.Sleep(5 * time.Second)
		took(t, 0, get)
		time.Sleep(time.Second)
		took(t, 15*time.Second, get)
		if n := log.with("waiting for destination lake"); n != 1 || opened.Load() != 2 {
			t.Errorf("%d lines, %d openings", n, opened.Load())
		}
	})
}

// TestAnOpeningOutlastsWhoAskedFirst: somebody else may wait for it, too.
func TestAnOpeningOutlastsWhoAskedFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, opened := slowly(t, 10*time.Second, nil, pipeline.Options{})
		hurried, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		took(t, 2*time.Second, func() {
			if _, err := r.Destination(hurried, "lake"); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "destination lake is not open yet") {
				t.Error(err)
			}
		})
		took(t, 8*time.Second, func() {
			if _, err := r.Destination(t.Context(), "lake"); err != nil {
				t.Error(err)
			}
		})
		if opened.Load() != 1 {
			t.Errorf("%d openings", opened.Load())
		}
	})
}

// TestARunOpensItsDestinationsSideBySide: it ends when the slowest has failed.
func TestARunOpensItsDestinationsSideBySide(t *testing.T) {
	t.Parallel()
	client, err := extract.New(extract.Config{ClientID: "id", ClientSecret: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	file, err := config.Parse("jobs.yaml", []byte(threePlaces+"jobs: {saved_tracks: {destinations: [lake, pond, well]}}"),
		func(string) (string, bool) { return t.TempDir(), true }, drivers())
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		r := pipeline.NewRunner(file, pipeline.Options{Open: func(ctx context.Context, d config.Destination) (load.Destination, error) {
			time.Sleep(10 * time.Second)
			if d.Name == "well" {
				return nil, errors.New("it is dry")
			}
			return open(ctx, d)
		}})
		took(t, 10*time.Second, func() {
			run := r.Run(t.Context(), pipeline.Task{Job: file.Job("saved_tracks"), User: &pipeline.User{Client: client}}, pipeline.Mode{})
			if run.Status != load.StatusFailed || run.Message != "open destination well: it is dry" {
				t.Errorf("run = %+v", run)
			}
		})
	})
}

// TestAMigrationMayTakeItsTime gives up no destination that works.
func TestAMigrationMayTakeItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, _ := slowly(t, 10*time.Minute, nil, pipeline.Options{})
		took(t, 10*time.Minute, func() {
			if _, err := r.Destination(t.Context(), "lake"); err != nil {
				t.Error(err)
			}
		})
	})
}

func TestCloseEndsOpenings(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, _ := slowly(t, time.Hour, nil, pipeline.Options{})
		var waiting sync.WaitGroup
		waiting.Go(func() {
			if _, err := r.Destination(t.Context(), "lake"); err == nil {
				t.Error("it is open")
			}
		})
		synctest.Wait()
		took(t, 0, func() {
			if err := r.Close(t.Context()); err != nil {
				t.Error(err)
			}
			waiting.Wait()
		})
	})
}

// silentDatabase is the address of a database server that accepts connections and says
// nothing, until the test ends.
func silentDatabase(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return fmt.Sprintf("postgres://nobody@%s/tracklake?sslmode=disable", l.Addr())
}

const withWarehouse = `destinations:
  lake: {type: parquet, path: "${FOLDER}/lake"}
  warehouse: {type: postgres, url: "${DATABASE_URL}"}
jobs:
  tracks: {resource: saved_tracks, destinations: [lake], schedule: "0 3 * * *"}
  copy: {resource: saved_tracks, destinations: [warehouse], schedule: "0 3 * * *"}
  top_tracks: {destinations: [lake], schedule: "0 3 * * *"}
`

// besideASilentDatabase is a stage whose warehouse does not answer.
func besideASilentDatabase(t *testing.T) *stage {
	t.Helper()
	s := newStage(t, nightly, world(20))
	variables := map[string]string{"FOLDER": s.folder, "DATABASE_URL": silentDatabase(t)}
	file, err := config.Parse("jobs.yaml", []byte(withWarehouse), func(name string) (string, bool) { return variables[name], true },
		[]load.Driver{parquet.Driver(), postgres.Driver()})
	if err != nil {
		t.Fatal(err)
	}
	s.config, s.runner = file, pipeline.NewRunner(file, s.runner.Options)
	t.Cleanup(func() {
		if err := s.runner.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestServeBesideASilentDatabase(t *testing.T) {
	t.Parallel()
	s := besideASilentDatabase(t)
	loop := s.serveFor(t, s.users)
	if err := loop.Alive(); err != nil {
		t.Errorf("not alive at the start: %v", err)
	}
	s.clock.set(time.Date(2026, 11, 2, 3, 0, 0, 0, time.UTC))
	began := time.Now()
	ran := map[string]load.Status{}
	for range 2 {
		run := s.next(t)
		ran[run.Job] = run.Status
	}
	if took := time.Since(began); took > 10*time.Second || ran["tracks"] != load.StatusOK || ran["top_tracks"] != load.StatusOK {
		t.Errorf("after %s: %v", took, ran)
	}
	if got := fmt.Sprint(loop.Ready()); !strings.Contains(got, "job copy") {
		t.Errorf("ready: %s", got)
	}
	if err := loop.Alive(); err != nil {
		t.Errorf("not alive: %v", err)
	}
	s.none(t)
}
