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
)

type serveCmd struct {
	Listen    string `help:"Address of /healthz, /readyz and /metrics. They answer to this host and to loopback addresses only." default:"127.0.0.1:8484" placeholder:"HOST:PORT"`
	NoMigrate bool   `help:"Refuse an outdated PostgreSQL schema instead of migrating it."`
}

// lookEvery is how often the scheduler looks at the clock.
const lookEvery = time.Second

// Run is the command serve. It ends, with code 0, on SIGINT or SIGTERM.
func (c *serveCmd) Run(a *app) error {
	config, jobs, err := a.load(nil)
	if err != nil {
		return err
	}
	show := &progress{app: a, log: a.log()}
	measured := newMetrics()
	w, err := a.work(config, workOptions{noMigrate: c.NoMigrate, log: show.log, observe: func(e pipeline.Event) {
		show.observe(e)
		measured.observe(e)
	}})
	if err != nil {
		return err
	}
	scheduler := pipeline.NewScheduler(w.runner, jobs, w.clients.users, lookEvery)
	if scheduler.Jobs() == 0 {
		return &usageError{fmt.Errorf("no job in %s has a schedule; add one, for example schedule: \"15 3 * * *\"", config.Path)}
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w; choose another address with --listen", c.Listen, err)
	}
	for _, j := range jobs {
		if j.Schedule != nil {
			show.log.Info("job is scheduled", "job", j.Name, "due_at", j.Schedule.Next(time.Now()))
		}
	}
	show.log.Info("serving", "address", listener.Addr().String())
	serveUntilDone(a.ctx, onlyHosts(c.Listen, a.endpoints(scheduler, measured.handler(w.clients))), scheduler, listener, show.log)
	if err := w.close(a.ctx); err != nil {
		return err
	}
	show.log.Info("stopped")
	return nil
}

// serveUntilDone runs the scheduler and the HTTP server until ctx ends.
func serveUntilDone(ctx context.Context, handler http.Handler, s *pipeline.Scheduler, l net.Listener, log *slog.Logger) {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("health endpoints stopped", "error", err)
		}
	})
	s.Serve(ctx)
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := server.Shutdown(ending); err != nil {
		log.Warn("closing the health endpoints", "error", err)
	}
	serving.Wait()
}

// endpoints answers /healthz (is the process alive), /readyz (can jobs run) and
// /metrics.
func (a *app) endpoints(s *pipeline.Scheduler, metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, "", s.Alive(), nil)
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		problem := s.Ready()
		answer(w, a.hintOf(problem), problem, s.Upcoming())
	})
	return mux
}

func answer(w http.ResponseWriter, hint string, problem error, jobs []pipeline.Upcoming) {
	body := struct {
		Status  string              `json:"status"`
		Problem string              `json:"problem,omitempty"`
		Hint    string              `json:"hint,omitempty"`
		Jobs    []pipeline.Upcoming `json:"jobs,omitempty"`
	}{Status: "ok", Jobs: jobs}
	w.Header().Set("Content-Type", "application/json")
	if problem != nil {
		body.Status, body.Problem = "unavailable", problem.Error()
		body.Hint = hint
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	// A client that has gone away is no concern of ours.
	_ = json.NewEncoder(w).Encode(body)
}
