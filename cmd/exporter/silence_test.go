//go:build unix

package main

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tracklake/tracklake/internal/pgtest"
	"github.com/tracklake/tracklake/internal/tcpproxy"
	"github.com/tracklake/tracklake/simulate"
)

const (
	firstWord = 10 * time.Second // until a person sees what is waited for
	stopLimit = 10 * time.Second // from a signal to the end
)

// A wait is a command that does not get on.
type wait struct {
	args     string
	settings string // of jobs.yaml
	before   string // command that is run before the fault
	at       string // api, tokens or database: which connection fails
	when     string // text of a request, or, after <, of an answer, at which it does
	then     string // and the text after that one
	fault    tcpproxy.Fault
	word     string        // line about what is waited for; empty: the end comes soon
	end      time.Duration // at most, after the fault; 0: longer than a test can take
	code     int
	says     string // at its end
	rows     int    // that the database then has
}

func waits() map[string]wait {
	silent, half, reset := tcpproxy.Silence(), tcpproxy.Fault(tcpproxy.HalfOpen), tcpproxy.Fault(tcpproxy.Reset)
	const (
		tracks, albums, copied = "run saved_tracks", "run artist_albums", "run copy"
		trouble                = "hint: Spotify or the network has trouble; try again later"
		asked                  = `msg="waiting for Spotify to answer GET /v1/me/tracks \(5s so far\)"`
		askedMe                = `msg="waiting for Spotify to answer GET /v1/me \(5s so far\)"`
		database               = `msg="waiting for PostgreSQL" to=`
		dead                   = "check the network and the database server, then run it again"
		store                  = "token_store: warehouse\n"
	)
	// A list: three tries of 15 seconds each. A fan-out: two more artists, one try each.
	const list, fanOut = 65 * time.Second, 85 * time.Second
	// PostgreSQL: 30 seconds for an answer, 15 to close what does not answer.
	const answer = 65 * time.Second
	// What is cut off is repeated up to five times, after half a second on average, then
	// after twice as long each time.
	const cut = 40 * time.Second
	return map[string]wait{
		"Spotify, connect, silent":      {args: tracks, at: "api", fault: silent, word: askedMe, end: list, code: 1, says: trouble},
		"Spotify, token, silent":        {args: tracks, at: "tokens", fault: silent, word: `msg="still waiting" for="Spotify's token endpoint"`, end: 75 * time.Second, code: 1, says: "the token endpoint did not answer"},
		"Spotify, token, half-open":     {args: tracks, at: "tokens", fault: half, end: cut, code: 1, says: "the token endpoint could not be reached"},
		"Spotify, account, silent":      {args: tracks, at: "api", when: "GET /v1/me HTTP", fault: silent, word: askedMe, end: list, code: 1, says: trouble},
		"Spotify, first page, silent":   {args: tracks, at: "api", when: "GET /v1/me/tracks?", fault: silent, word: asked, end: list, code: 1, says: trouble},
		"Spotify, first page, reset":    {args: tracks, at: "api", when: "GET /v1/me/tracks?", fault: reset, end: cut, code: 1, says: trouble},
		"Spotify, middle, silent":       {args: tracks, at: "api", when: "offset=150", fault: silent, word: asked, end: list, code: 1, says: trouble},
		"Spotify, middle, half-open":    {args: tracks, at: "api", when: "offset=150", fault: half, end: cut, code: 1, says: trouble},
		"Spotify, middle, slow":         {args: tracks, at: "api", when: "offset=150", fault: tcpproxy.Slow(5000), word: asked, end: 60 * time.Second, says: "saved_tracks  ok  "},
		"Spotify, half answer, silent":  {args: tracks, at: "api", when: `<"items"`, fault: silent, word: asked, end: list, code: 1, says: trouble},
		"Spotify, fan-out, silent":      {args: albums, before: tracks, at: "api", when: "GET /v1/artists/", fault: silent, word: `msg="waiting for Spotify to answer GET /v1/artists/\w+/albums`, end: fanOut, code: 1, says: trouble},
		"Spotify, check, silent":        {args: "check", at: "api", when: "GET /v1/me HTTP", fault: silent, word: askedMe, end: list, code: 1, says: "FAILED  account default: /me: no answer"},
		"Spotify, login, silent":        {args: "login", at: "api", when: "GET /v1/me HTTP", fault: silent, word: askedMe, end: list, code: 1, says: trouble},
		"PostgreSQL, connect, silent":   {args: copied, at: "database", fault: silent, word: database + "connect", end: 30 * time.Second, code: 1, says: "no answer"},
		"PostgreSQL, lock, silent":      {args: copied, at: "database", when: "pg_try_advisory_lock", fault: silent, word: database + `"lock job"`, end: answer, code: 1, says: dead},
		"PostgreSQL, begin, silent":     {args: copied, at: "database", when: "INSERT INTO exporter.fences", fault: silent, word: database + `"begin run"`, end: answer, code: 1, says: dead},
		"PostgreSQL, copy, silent":      {args: copied, at: "database", when: "COPY ", fault: silent, word: database + `"copy into saved_tracks"`, end: answer, code: 1, says: dead},
		"PostgreSQL, copy, slow":        {args: copied, at: "database", when: "COPY ", fault: tcpproxy.Slow(15000), word: database + `"copy into saved_tracks"`, end: answer, says: "copy  ok  ", rows: 400},
		"PostgreSQL, copy, reset":       {args: copied, at: "database", when: "COPY ", fault: reset, end: cut, code: 1, says: "copy  failed  "},
		"PostgreSQL, merge, silent":     {args: copied, at: "database", when: `INSERT INTO "spotify"`, fault: silent, word: database + `"merge saved_tracks"`},
		"PostgreSQL, merge, half-open":  {args: copied, at: "database", when: `INSERT INTO "spotify"`, fault: half, end: cut, code: 1, says: "copy  failed  "},
		"PostgreSQL, commit, silent":    {args: copied, at: "database", when: "UPDATE exporter.fences", then: "commit\x00", fault: silent, word: database + "commit", end: 90 * time.Second, code: 1, says: "copy  failed  "},
		"PostgreSQL, commit, half-open": {args: copied, at: "database", when: "UPDATE exporter.fences", then: "commit\x00", fault: half, end: 60 * time.Second, code: 1, says: "copy  failed  "},
		"PostgreSQL, close, silent":     {args: copied, at: "database", when: "pg_advisory_unlock_all", fault: silent, word: database + `"release the lock"`, end: answer, says: "copy  ok  ", rows: 400},
		"PostgreSQL, status, silent":    {args: "status", at: "database", fault: silent, end: firstWord, says: "destination warehouse cannot be read"},
		"PostgreSQL, check, silent":     {args: "check", at: "database", when: "CREATE TEMP", fault: silent, word: database, end: answer, code: 1, says: dead},
		"PostgreSQL, migrate, silent":   {args: "migrate", at: "database", when: "exporter.migrations", fault: silent, word: database + "migrate"},
		"PostgreSQL, migrate, reset":    {args: "migrate", at: "database", when: "exporter.migrations", fault: reset, end: cut, code: 1, says: "migrate warehouse"},
		"PostgreSQL, login, silent":     {args: "login", settings: store, at: "database", when: "INSERT INTO exporter.accounts", fault: silent, word: `msg="still waiting" for="the store of accounts"`, end: 50 * time.Second, code: 1, says: "that a sign-in can be stored"},
		"PostgreSQL, token, silent":     {args: tracks, settings: store, before: "check", at: "database", when: "tracklake account", fault: silent, word: `msg="still waiting" for="the lock of account default"`},
		"PostgreSQL, quota, silent":     {args: tracks, settings: store, before: "check", at: "database", when: "tracklake quota", fault: silent, word: `msg="waiting for the store of accounts to count a request to me`, end: 50 * time.Second, code: 1, says: "the database did not answer within 15s"},
		"PostgreSQL, quota, reset":      {args: tracks, settings: store, before: "check", at: "database", when: "tracklake quota", fault: reset, end: cut, code: 1, says: "the database does not answer"},
	}
}

// template makes a database that is up to date, to make others from.
func template(t *testing.T) string {
	t.Helper()
	address := pgtest.URL(t)
	o := newOutage(t, address, "")
	if _, code := o.talk(t, "migrate").end(t, time.Minute); code != 0 {
		t.Fatal("the database cannot be migrated")
	}
	return address
}

// place makes the place of a wait, with all prepared but the fault.
func (w *wait) place(t *testing.T, template string) (*outage, string) {
	t.Helper()
	address := ""
	if w.at == "database" || w.args == "check" {
		address = pgtest.Copy(t, template)
	}
	o := newOutage(t, address, w.settings)
	if w.before != "" {
		k := o.talk(t, strings.Fields(w.before)...)
		if _, code := k.end(t, time.Minute); code != 0 {
			t.Fatalf("%s: code %d: %s", w.before, code, k.text())
		}
	}
	w.arm(o)
	return o, address
}

// arm lets the fault happen when its time has come.
func (w *wait) arm(o *outage) {
	p := map[string]*tcpproxy.Proxy{"api": o.api, "tokens": o.tokens, "database": o.database}[w.at]
	text, answered := strings.CutPrefix(w.when, "<")
	way := tcpproxy.ToServer
	if answered {
		way = tcpproxy.ToClient
	}
	if w.then == "" {
		o.strike(p, way, text, w.fault)
		return
	}
	p.When(way, text, 0, func(*tcpproxy.Conn) { o.strike(p, way, w.then, w.fault) })
}

// TestNothingHangs lets a connection fail at each step of a command. The command says
// soon what it waits for, and ends in time with the right code, by itself and when it is
// stopped; what it says is so.
func TestNothingHangs(t *testing.T) {
	t.Parallel()
	const run = "run saved_tracks"
	from, all := template(t), waits()
	var running sync.WaitGroup
	begin := func(name string, f func(*testing.T)) {
		// All go on at once, as they do little but wait; but not all begin at once.
		time.Sleep(200 * time.Millisecond)
		running.Go(func() { t.Run(name, f) })
	}
	begin("serve", servedBeside)
	begin("rate limit", func(t *testing.T) { throttled(t, false) })
	begin("rate limit, stopped", func(t *testing.T) { throttled(t, true) })
	begin("Spotify, unreachable", func(t *testing.T) {
		unreachable(t, run, "SPOTIFY_API_URL", "http://ADDRESS/v1", "waiting for Spotify to answer GET /v1/me", "hint: Spotify or the network has trouble")
	})
	begin("Spotify, token, unreachable", func(t *testing.T) {
		unreachable(t, run, "SPOTIFY_ACCOUNTS_URL", "http://ADDRESS", "still waiting.*token endpoint", "/api/token")
	})
	begin("PostgreSQL, unreachable", func(t *testing.T) {
		unreachable(t, "run copy", "DATABASE_URL", "postgres://someone@ADDRESS/tracklake?sslmode=disable", "waiting for PostgreSQL.* to=connect", "no answer")
	})
	longestFirst := func(a, b string) int { return int(all[b].end - all[a].end) }
	for _, name := range slices.SortedFunc(maps.Keys(all), longestFirst) {
		w := all[name]
		if w.end > 0 {
			begin(name, func(t *testing.T) { w.endsByItself(t, from) })
		}
		if w.word != "" {
			begin(name+", stopped", func(t *testing.T) { w.stops(t, from) })
		}
	}
	running.Wait()
}

func (w *wait) endsByItself(t *testing.T, template string) {
	t.Helper()
	o, address := w.place(t, template)
	began := time.Now()
	k := o.talk(t, strings.Fields(w.args)...)
	struck := o.await(t, k, began)
	end, code := k.end(t, w.end+firstWord)
	w.judge(t, k, address)
	if took := end.Sub(struck); took > w.end || code != w.code || !strings.Contains(k.text(), w.says) {
		t.Errorf("code %d after %s, want %d within %s, and %q:\n%s", code, took, w.code, w.end, w.says, k.text())
	}
	word := struck
	if w.word != "" {
		word = k.hears(t, w.word, time.Millisecond)
		if took := word.Sub(struck); took > firstWord {
			t.Errorf("the first word came after %s:\n%s", took, k.text())
		}
	}
	t.Logf("first word %.1fs, end %.1fs, code %d", word.Sub(struck).Seconds(), end.Sub(struck).Seconds(), code)
}

// stops sends a signal once the command has said what it waits for.
func (w *wait) stops(t *testing.T, template string) {
	t.Helper()
	o, address := w.place(t, template)
	k := o.talk(t, strings.Fields(w.args)...)
	o.await(t, k, time.Now())
	k.hears(t, w.word, 2*firstWord) // the other test is exact
	if err := k.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	signalled := time.Now()
	end, code := k.end(t, 2*stopLimit)
	w.judge(t, k, address)
	if took := end.Sub(signalled); took > stopLimit || code != int(codeInterrupted) {
		t.Errorf("code %d, %s after the signal:\n%s", code, took, k.text())
	}
	t.Logf("end %.1fs after the signal, code %d", end.Sub(signalled).Seconds(), code)
}

// await waits for the fault, and tells when it happened, or, if that was before, when
// the command began.
func (o *outage) await(t *testing.T, k *talk, began time.Time) time.Time {
	t.Helper()
	select {
	case <-o.struck:
	case <-time.After(time.Minute):
		t.Fatalf("the fault has not happened:\n%s", k.text())
	}
	if o.struckAt.After(began) {
		return o.struckAt
	}
	return began
}

// judge compares what is said with what is so.
func (w *wait) judge(t *testing.T, k *talk, address string) {
	t.Helper()
	if !strings.HasPrefix(w.args, "run copy") {
		return
	}
	rows, text := rowsAt(t, address), k.text()
	if strings.Contains(text, "is kept") && rows == 0 || strings.Contains(text, " new,") && rows == 0 || rows != w.rows && !strings.Contains(text, "interrupted") {
		t.Errorf("the database has %d rows:\n%s", rows, text)
	}
}

// unreachable lets connecting take for ever.
func unreachable(t *testing.T, args, variable, address, word, says string) {
	t.Helper()
	o := newOutage(t, "", "")
	o.env = append(o.env, variable+"="+strings.Replace(address, "ADDRESS", deaf(t), 1))
	began := time.Now()
	k := o.talk(t, strings.Fields(args)...)
	end, code := k.end(t, 80*time.Second)
	first := k.hears(t, word, time.Millisecond)
	if first.Sub(began) > firstWord || code != 1 || !strings.Contains(k.text(), says) {
		t.Errorf("code %d, first word after %s:\n%s", code, first.Sub(began), k.text())
	}
	t.Logf("first word %.1fs, end %.1fs, code %d", first.Sub(began).Seconds(), end.Sub(began).Seconds(), code)
}

// throttled waits for the rate limit, which is told and can be stopped.
func throttled(t *testing.T, stop bool) {
	t.Helper()
	o := newOutage(t, "", "")
	o.sim.Inject(simulate.Fault{Kind: "rate", Path: "/v1/me/tracks", Arg: 12, Times: 1})
	k := o.talk(t, "run", "saved_tracks")
	k.hears(t, `msg="waiting for the rate limit \(1[12]s to go\)"`, 2*firstWord)
	want, limit := 0, 30*time.Second
	if stop {
		want, limit = int(codeInterrupted), stopLimit
		if err := k.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	if _, code := k.end(t, limit); code != want || strings.Count(k.text(), "waiting for the rate") != 1 {
		t.Errorf("code %d:\n%s", code, k.text())
	}
}

// servedBeside lets serve run beside a silent Spotify: it stays healthy while a run waits,
// and stops in time.
func servedBeside(t *testing.T) {
	t.Helper()
	o := newOutage(t, "", "")
	o.env = append(o.env, "DATABASE_URL=postgres://nobody@127.0.0.1/nowhere") // no job that is due needs it
	if _, code := o.talk(t, "run", "saved_tracks").end(t, time.Minute); code != 0 {
		t.Fatalf("code %d", code)
	}
	o.missTurns(t)
	o.strike(o.api, tcpproxy.ToServer, "", tcpproxy.Silence())
	k := o.talk(t, "serve", "--listen", "127.0.0.1:0")
	k.hears(t, "waiting for Spotify to answer GET /v1/me/tracks", 30*time.Second)
	_, address, _ := strings.Cut(k.text(), "msg=serving address=")
	address, _, _ = strings.Cut(address, "\n")
	if code, body := get(t, "http://"+address+"/healthz"); code != http.StatusOK {
		t.Errorf("/healthz is %d: %s", code, body)
	}
	k.hears(t, "run finished.*job=saved_tracks status=failed.*hint=\"Spotify or the network has trouble", 80*time.Second)
	if err := k.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if _, code := k.end(t, stopLimit); code != 0 {
		t.Errorf("code %d:\n%s", code, k.text())
	}
}
