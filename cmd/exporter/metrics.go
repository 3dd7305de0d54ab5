package main

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/tracklake/tracklake/accounts"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
)

// metrics are the metrics of a serving process.
type metrics struct {
	mu                                                     sync.Mutex
	runs, lastOK, requests, saved, throttled, waited, gaps *family
}

func newMetrics() *metrics {
	return &metrics{
		runs:      newCounter("runs_total", "Runs that ended, by job and status.", "job", "status"),
		lastOK:    newGauge("last_ok_timestamp_seconds", "When a job's last successful run ended, as a Unix time.", "job", "account_id"),
		requests:  newCounter("requests_total", "Requests made to the Web API.", "job"),
		saved:     newCounter("requests_saved_total", "Requests saved by incremental syncs and shared answers.", "job"),
		throttled: newCounter("requests_throttled_total", "Requests that Spotify answered with 429.", "job"),
		waited:    newCounter("waited_seconds_total", "Time spent waiting for rate limits and budgets.", "job"),
		gaps:      newCounter("play_gaps_total", "Gaps in the plays, since the job first ran: stretches of time of which plays may be missing.", "job", "account_id"),
	}
}

// observe counts runs as they end.
func (m *metrics) observe(e pipeline.Event) {
	if e.Kind != pipeline.RunFinished {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r := e.Run
	m.runs.add(1, r.Job, string(r.Status))
	if r.Status == load.StatusOK {
		m.lastOK.set(float64(r.FinishedAt.Unix()), r.Job, r.Account)
	}
	if e.Gaps != nil {
		m.gaps.set(float64(e.Gaps.Total), r.Job, r.Account)
	}
	m.requests.add(float64(r.Requests), r.Job)
	m.saved.add(float64(r.SavedRequests), r.Job)
	m.throttled.add(float64(r.Throttled), r.Job)
	m.waited.add((time.Duration(max(0, r.WaitedMS)) * time.Millisecond).Seconds(), r.Job)
}

// handler serves the metrics, and lists the accounts' sign-ins each time.
func (m *metrics) handler(p *clientPool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text := expose(signIns(r.Context(), p)...)
		m.mu.Lock()
		text += expose(m.runs, m.lastOK, m.requests, m.saved, m.throttled, m.waited, m.gaps)
		m.mu.Unlock()
		w.Header().Set("Content-Type", expositionType)
		// The client may have disconnected.
		_, _ = io.WriteString(w, text)
	})
}

// signIns measures how long accounts stay signed in.
func signIns(ctx context.Context, p *clientPool) []*family {
	ends := newGauge("sign_in_ends_timestamp_seconds", "When the sign-in of an account ends, as a Unix time.", "account")
	state := newGauge("sign_in_state", "How soon the sign-in of an account ends: 0 not soon, 1 within 30 days, 2 within 7 days or any day now, 3 ended or refused.", "account")
	fails := newGauge("accounts_unreadable", "1 while any connected account cannot be read.")
	ctx, cancel := context.WithTimeout(ctx, accountsTimeout)
	defer cancel()
	all, err := p.store.List(ctx)
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
		ends.set(float64(a.EndsAt().Unix()), a.Name)
		state.set(stateNumber(a.Urgency(now)), a.Name)
	}
	fails.set(failed)
	return []*family{ends, state, fails}
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
