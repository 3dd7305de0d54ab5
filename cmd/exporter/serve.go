package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/pipeline/schedule"
)

type serveCmd struct {
	Listen    string `help:"Address of /healthz, /readyz and /metrics. They answer to this host and to loopback addresses only." default:"127.0.0.1:8484" placeholder:"HOST:PORT"`
	NoMigrate bool   `help:"Refuse an outdated PostgreSQL schema instead of migrating it."`
}

// tickEvery is how often the loop checks the clock.
const tickEvery = time.Second

// Run is the command serve. It ends, with code 0, on SIGINT or SIGTERM.
func (c *serveCmd) Run(a *app) error {
	config, jobs, err := a.load(nil)
	if err != nil {
		return err
	}
	if jobs = pipeline.Scheduled(jobs); len(jobs) == 0 {
		return &usageError{fmt.Errorf("no job in %s has a schedule; add one, for example schedule: \"15 3 * * *\"", config.Path)}
	}
	show := &progress{app: a, log: a.log(), records: true}
	measured := newMetrics()
	w, err := a.work(config, workOptions{noMigrate: c.NoMigrate, log: show.log, observe: func(e pipeline.Event) {
		show.observe(e)
		measured.observe(e)
	}})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return errors.Join(fmt.Errorf("listen on %s: %w; choose another address with --listen", c.Listen, err), w.close(a.ctx))
	}
	for _, j := range jobs {
		show.log.Info("job is scheduled", "job", j.Name, "due_at", j.Schedule.Next(time.Now()))
	}
	loop := w.runner.Loop(jobs, w.clients.users, tickEvery)
	show.log.Info("serving", "address", listener.Addr().String())
	serveUntilDone(a.ctx, onlyHosts(c.Listen, a.endpoints(loop, measured.handler(w.clients))), loop, listener, show.log)
	if err := w.close(a.ctx); err != nil {
		return err
	}
	show.log.Info("stopped")
	return nil
}

// serveUntilDone runs the loop and the HTTP server until ctx ends.
func serveUntilDone(ctx context.Context, handler http.Handler, loop *schedule.Loop, l net.Listener, log *slog.Logger) {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("health endpoints stopped", "error", err)
		}
	})
	loop.Serve(ctx)
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := server.Shutdown(ending); err != nil {
		log.Warn("cannot close the health endpoints", "error", err)
	}
	serving.Wait()
}

// endpoints answers /healthz (is the process alive), /readyz (can jobs run) and
// /metrics.
func (a *app) endpoints(loop *schedule.Loop, metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, "", loop.Alive(), nil)
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		problem := loop.Ready()
		answer(w, a.hintOf(problem), problem, loop.Upcoming())
	})
	return mux
}

func answer(w http.ResponseWriter, hint string, problem error, jobs []schedule.Upcoming) {
	body := struct {
		Status  string              `json:"status"`
		Problem string              `json:"problem,omitempty"`
		Hint    string              `json:"hint,omitempty"`
		Jobs    []schedule.Upcoming `json:"jobs,omitempty"`
	}{Status: "ok", Jobs: jobs}
	w.Header().Set("Content-Type", "application/json")
	if problem != nil {
		body.Status, body.Problem = "unavailable", problem.Error()
		body.Hint = hint
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	// The client may have disconnected.
	_ = json.NewEncoder(w).Encode(body)
}
