package pipeline_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/simulate"
	"github.com/tracklake/tracklake/transform"
)

// A calendar runs a job once a night in simulated time, against a quota.
type calendar struct {
	*stage
	artists   []string
	readAt    map[string]int // night in which each artist was read last
	throttled int
	most      int // requests of a night
	night     int
}

// newCalendar makes artists with a number of albums on average. A quota blocks
// the bucket for a day; every second passes with a request.
func newCalendar(t testing.TB, artists, albums, quota int) *calendar {
	t.Helper()
	return newCalendarOf(t, artists, albums, quota, "options: {artists: {ids: [%s]}}")
}

// newCalendarOf takes the job's settings, with a place for the artists' ids.
func newCalendarOf(t testing.TB, artists, albums, quota int, settings string) *calendar {
	t.Helper()
	o := simulate.DefaultOptions()
	o.SavedTracks, o.TopTracks, o.Artists, o.AlbumsPerArtist = 10, 10, artists, albums
	o.Quota = map[string]int{"artists/albums": quota}
	o.TokenLife = 10 * 365 * 24 * time.Hour // of no matter here
	at := &clock{now: time.Date(2026, 11, 1, 3, 0, 0, 0, time.UTC)}
	o.Clock = at.Now
	world, err := simulate.New(o)
	if err != nil {
		t.Fatal(err)
	}
	c := &calendar{artists: world.Artists(), readAt: map[string]int{}}
	jobs := "jobs:\n  artist_albums: {destinations: [lake], " + fmt.Sprintf(settings, strings.Join(c.artists, ", ")) + "}\n"
	c.stage = newStageAt(t, jobs, o, at, func(_ context.Context, d time.Duration) error {
		at.set(at.Now().Add(d))
		return nil
	})
	return c
}

// pass runs the job of one night. Every request takes a second.
func (c *calendar) pass(t testing.TB) load.Run {
	t.Helper()
	return c.passIn(t, pipeline.Mode{})
}

func (c *calendar) passIn(t testing.TB, mode pipeline.Mode) load.Run {
	t.Helper()
	midnight := c.clock.Now()
	c.sim.ForgetRequests()
	c.sim.OnRequest(func(int, *http.Request) { c.clock.set(c.clock.Now().Add(time.Second)) })
	run := c.run(t, "artist_albums", mode)
	for _, r := range c.sim.Requests() {
		if r.Status == 429 {
			c.throttled++
		}
	}
	c.most = max(c.most, run.Requests)
	c.learn(t)
	c.night++
	c.clock.set(midnight.Add(24 * time.Hour))
	return run
}

// learn notes, from the job's state, which artists were read this night.
func (c *calendar) learn(t testing.TB) {
	t.Helper()
	d, err := c.runner.Destination(context.Background(), "lake")
	if err != nil {
		t.Fatal(err)
	}
	s, start, err := d.Begin(context.Background(), load.Job{Account: transform.App, Name: "artist_albums", Resource: "artist_albums", Tables: c.config.Job("artist_albums").Resource.Tables, Run: load.Run{ID: fmt.Sprint("look ", c.night), StartedAt: c.clock.Now()}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	for key, text := range start.State {
		id, ok := strings.CutPrefix(key, "parent:")
		var parent struct {
			ReadAt time.Time `json:"read_at"`
		}
		if !ok || json.Unmarshal(text, &parent) != nil || parent.ReadAt.IsZero() {
			continue
		}
		c.readAt[id] = int(parent.ReadAt.Sub(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)) / (24 * time.Hour))
	}
}

// stalest is how many nights ago the stalest artist was read; -1 when one never
// was.
func (c *calendar) stalest() int {
	oldest := c.night - 1
	for _, id := range c.artists {
		night, ok := c.readAt[id]
		if !ok {
			return -1
		}
		oldest = min(oldest, night)
	}
	return c.night - 1 - oldest
}

// complete runs until every artist was read, and checks that the tables say so.
func (c *calendar) complete(t testing.TB, nights int) {
	t.Helper()
	for c.stalest() < 0 {
		if c.night >= nights {
			t.Fatalf("after %d nights %d of %d artists are there", c.night, len(c.readAt), len(c.artists))
		}
		c.pass(t)
	}
	rows := c.rows(t, "artist_id")
	for _, id := range c.artists {
		if want := len(c.sim.ArtistAlbums(id, "album", "single")); rows[id] != want {
			t.Errorf("artist %s has %d rows, want %d", id, rows[id], want)
		}
	}
}

// rows counts live rows by the values of a column.
func (c *calendar) rows(t testing.TB, column string) map[string]int {
	t.Helper()
	d, err := c.runner.Destination(context.Background(), "lake")
	if err != nil {
		t.Fatal(err)
	}
	values, err := d.Values(context.Background(), load.ValueQuery{Table: "artist_albums", Column: column})
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]int{}
	for _, v := range values {
		rows[v.Value] = v.Rows
	}
	return rows
}

func TestAFanOutFinishesOverDays(t *testing.T) {
	t.Parallel()
	c := newCalendar(t, 90, 40, 100)
	c.complete(t, 9)
	if c.throttled > 0 || c.most > 80 {
		t.Errorf("%d requests were throttled, at most %d a night made", c.throttled, c.most)
	}
	c.most = 0
	for range 6 {
		c.pass(t)
		if n := c.stalest(); n > 3 {
			t.Errorf("night %d: an artist is %d nights stale", c.night, n)
		}
	}
	if c.throttled > 0 || c.most > 80 {
		t.Errorf("afterwards %d requests were throttled, at most %d a night made", c.throttled, c.most)
	}
}

// BenchmarkFanOutNights lets 500 artists with about 5 pages each be read, with
// 100 calls a day allowed, and then be kept fresh until the 150th night: long
// enough for full syncs of the lists to be due again.
func BenchmarkFanOutNights(b *testing.B) {
	for b.Loop() {
		c := newCalendar(b, 500, 61, 100)
		c.complete(b, 60)
		first := c.night
		for range 7 { // those that were read first come again
			c.pass(b)
		}
		c.most = 0
		stalest := 0
		for c.night < 150 {
			c.pass(b)
			stalest = max(stalest, c.stalest())
		}
		b.ReportMetric(float64(first), "nights/first")
		b.ReportMetric(float64(c.throttled), "throttled")
		b.ReportMetric(float64(c.most), "requests/night")
		b.ReportMetric(float64(stalest), "nights/stalest")
		if first > 35 || c.throttled > 0 || c.most > 80 || stalest > 10 {
			b.Errorf("complete after %d nights, %d throttled, then at most %d requests a night, stalest %d nights", first, c.throttled, c.most, stalest)
		}
	}
}
