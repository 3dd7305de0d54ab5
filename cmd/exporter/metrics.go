package main

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tracklake/tracklake/accounts"
)

// metrics serves what a monitoring system wants to know, in the format of
// Prometheus.
func metrics(f *fleet) http.Handler {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(&signIns{
		fleet: f,
		ends:  prometheus.NewDesc("tracklake_sign_in_ends_timestamp_seconds", "When the sign-in of an account ends, as a Unix time.", []string{"account"}, nil),
		state: prometheus.NewDesc("tracklake_sign_in_state", "How soon the sign-in of an account ends: 0 not soon, 1 within 30 days, 2 within 7 days, 3 it has ended.", []string{"account"}, nil),
		fails: prometheus.NewDesc("tracklake_accounts_unreadable", "1 while the connected accounts cannot be looked up.", nil, nil),
	})
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{Timeout: 10 * time.Second})
}

// signIns collects, at each scrape, how long accounts stay signed in.
type signIns struct {
	fleet              *fleet
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
	all, err := s.fleet.store.List(s.fleet.app.ctx)
	failed := 0.0
	if err != nil {
		failed = 1
	}
	to <- prometheus.MustNewConstMetric(s.fails, prometheus.GaugeValue, failed)
	now := time.Now()
	for _, a := range all {
		to <- prometheus.MustNewConstMetric(s.ends, prometheus.GaugeValue, float64(a.EndsAt().Unix()), a.Name)
		to <- prometheus.MustNewConstMetric(s.state, prometheus.GaugeValue, stateNumber(a.Urgency(now)), a.Name)
	}
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
