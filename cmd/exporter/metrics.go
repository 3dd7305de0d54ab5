package main

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tracklake/tracklake/accounts"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
)

// metrics are the metrics of a serving process, in the format of Prometheus.
type metrics struct {
	registry  *prometheus.Registry
	runs      *prometheus.CounterVec
	lastOK    *prometheus.GaugeVec
	requests  *prometheus.CounterVec
	saved     *prometheus.CounterVec
	throttled *prometheus.CounterVec
	waited    *prometheus.CounterVec
}

func newMetrics() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tracklake_" + name, Help: help}, labels)
	}
	m := &metrics{
		registry: prometheus.NewPedanticRegistry(),
		runs:     counter("runs_total", "Runs that ended, by job and status.", "job", "status"),
		lastOK: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "tracklake_last_ok_timestamp_seconds", Help: "When a job's last successful run ended, as a Unix time.",
		}, []string{"job", "account_id"}),
		requests:  counter("requests_total", "Requests made to the Web API.", "job"),
		saved:     counter("requests_saved_total", "Requests saved by incremental syncs and shared answers.", "job"),
		throttled: counter("requests_throttled_total", "Requests that Spotify answered with 429.", "job"),
		waited:    counter("waited_seconds_total", "Time spent waiting for rate limits and budgets.", "job"),
	}
	m.registry.MustRegister(m.runs, m.lastOK, m.requests, m.saved, m.throttled, m.waited)
	return m
}

// observe counts runs as they end.
func (m *metrics) observe(e pipeline.Event) {
	if e.Kind != pipeline.RunFinished {
		return
	}
	r := e.Run
	m.runs.WithLabelValues(r.Job, string(r.Status)).Inc()
	if r.Status == load.StatusOK {
		m.lastOK.WithLabelValues(r.Job, r.Account).Set(float64(r.FinishedAt.Unix()))
	}
	m.requests.WithLabelValues(r.Job).Add(float64(r.Requests))
	m.saved.WithLabelValues(r.Job).Add(float64(r.SavedRequests))
	m.throttled.WithLabelValues(r.Job).Add(float64(r.Throttled))
	m.waited.WithLabelValues(r.Job).Add((time.Duration(max(0, r.WaitedMS)) * time.Millisecond).Seconds())
}

// handler serves the metrics, and lists the accounts' sign-ins each time.
func (m *metrics) handler(p *clientPool) http.Handler {
	m.registry.MustRegister(&signIns{
		pool:  p,
		ends:  prometheus.NewDesc("tracklake_sign_in_ends_timestamp_seconds", "When the sign-in of an account ends, as a Unix time.", []string{"account"}, nil),
		state: prometheus.NewDesc("tracklake_sign_in_state", "How soon the sign-in of an account ends: 0 not soon, 1 within 30 days, 2 within 7 days or any day now, 3 ended or refused.", []string{"account"}, nil),
		fails: prometheus.NewDesc("tracklake_accounts_unreadable", "1 while any connected account cannot be read.", nil, nil),
	})
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Timeout: 10 * time.Second})
}

// signIns collects, at each scrape, how long accounts stay signed in.
type signIns struct {
	pool               *clientPool
	ends, state, fails *prometheus.Desc
}

// Describe names the metrics.
func (s *signIns) Describe(to chan<- *prometheus.Desc) {
	to <- s.ends
	to <- s.state
	to <- s.fails
}

// Collect measures.
func (s *signIns) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(s.pool.app.ctx, accountsTimeout)
	defer cancel()
	all, err := s.pool.store.List(ctx)
	failed := 0.0
	if err != nil {
		failed = 1
	}
	now := time.Now()
	for _, a := range all {
		if a.Problem != nil {
			failed = 1
			continue
		}
		to <- prometheus.MustNewConstMetric(s.ends, prometheus.GaugeValue, float64(a.EndsAt().Unix()), a.Name)
		to <- prometheus.MustNewConstMetric(s.state, prometheus.GaugeValue, stateNumber(a.Urgency(now)), a.Name)
	}
	to <- prometheus.MustNewConstMetric(s.fails, prometheus.GaugeValue, failed)
}

func stateNumber(u accounts.Urgency) float64 {
	switch u {
	case accounts.Soon:
		return 1
	case accounts.Urgent:
		return 2
	case accounts.Ended:
		return 3
	default:
		return 0
	}
}
