package extract_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/simulate"
)

// kindOf returns the kind of an error, which must be one of the package.
func kindOf(t *testing.T, err error) *extract.Error {
	t.Helper()
	var e *extract.Error
	if !errors.As(err, &e) {
		t.Fatalf("error = %v, want an extract.Error", err)
	}
	return e
}

func TestClientTroubleThatPasses(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{
		"status:arg=500,every=6", "status:arg=502,every=6", "status:arg=503,times=3", "html:times=2", "html:arg=503,times=2",
		"empty:times=2", "braces:times=2", "null:times=2", "trailing:times=2", "truncate:arg=0,times=2", "truncate:arg=50,every=7",
		"truncate:arg=99,times=3", "reset:times=2", "reset:every=9", "expire:after=3,times=1", "foreign", "limit:arg=20", "limit:arg=7",
		"rate:arg=1,after=4,times=1", "rate:arg=-1,after=4,times=1", "scope:times=1",
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			b := setup(t, small(400))
			f, err := simulate.ParseFault(fault)
			if err != nil {
				t.Fatal(err)
			}
			b.sim.Inject(f)
			reading := extract.Read(b.client, savedTracks(), extract.Plan{})
			ids, _, err := read(t.Context(), reading)
			if err != nil {
				t.Fatal(err)
			}
			if r := reading.Result(); !r.Complete || r.Keys.Count != 400 || len(ids) != 400 || missing(b.sim, ids) > 0 {
				t.Errorf("read %d, complete %v: %s", len(ids), r.Complete, r.Reason)
			}
		})
	}
}

func TestClientTroubleThatStays(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		kind extract.Kind
		want string
	}{
		"status:arg=503":  {extract.Transient, "HTTP 503"},
		"html":            {extract.Malformed, "hotel network"},
		"braces":          {extract.Malformed, "there are no items"},
		"null":            {extract.Malformed, "there are no items"},
		"empty":           {extract.Malformed, "unexpected answer"},
		"trailing":        {extract.Malformed, "invalid JSON at byte"},
		"truncate:arg=40": {extract.Malformed, "the answer was cut off"},
		"reset":           {extract.Transient, "no answer"},
		"bomb:arg=30":     {extract.Malformed, "larger than 8 MiB"},
		"redirect":        {extract.BadRequest, "redirected to another address"},
		"premium":         {extract.AppBlocked, "no active Spotify Premium"},
		"unlisted":        {extract.AppBlocked, "not registered for the app"},
		"scope":           {extract.Scope, "user-library-read"},
		"status:arg=404":  {extract.NotFound, "HTTP 404"},
		"status:arg=403":  {extract.Forbidden, "HTTP 403"},
		"expire":          {extract.SignIn, "rejects a new access token"},
		"rate:arg=3600":   {extract.Blocked, "next attempt after"},
		"quota:arg=80000": {extract.Blocked, "daily quota"},
		"quota":           {extract.Blocked, "daily quota"},
	}
	for fault, tt := range tests {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			b := setup(t, small(60))
			f, err := simulate.ParseFault(fault)
			if err != nil {
				t.Fatal(err)
			}
			b.sim.Inject(f)
			_, _, err = read(t.Context(), extract.Read(b.client, savedTracks(), extract.Plan{}))
			if e := kindOf(t, err); e.Kind != tt.kind || !strings.Contains(e.Error(), tt.want) {
				t.Errorf("error = %v (kind %d), want %q in it (kind %d)", e, e.Kind, tt.want, tt.kind)
			}
			noSecrets(t, b, err.Error())
			if n := b.sim.Count("/v1/"); n > 60 {
				t.Errorf("%d requests were sent into trouble", n)
			}
		})
	}
}

// noSecrets checks for what must never be shown.
func noSecrets(t *testing.T, b *bench, text string) {
	t.Helper()
	for _, secret := range []string{b.sim.Credentials().RefreshToken, simulate.ClientSecret, "access-", "refresh-"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q tells a secret", text)
		}
	}
}

func TestClientAsksNothingOfABlockedBucket(t *testing.T) {
	t.Parallel()
	b := setup(t, small(60))
	l := &limiter{}
	client := b.client.For(l)
	remove := b.sim.Inject(simulate.Fault{Kind: "rate", Arg: 3600})
	_, _, err := read(t.Context(), extract.Read(client, savedTracks(), extract.Plan{}))
	remove()
	wait := time.Until(l.blocked["me/tracks"])
	if e := kindOf(t, err); e.Kind != extract.Blocked || len(l.blocked) != 1 || wait < 3590*time.Second || wait > 3610*time.Second {
		t.Fatalf("error = %v, blocked = %v", err, l.blocked)
	}
	b.sim.ForgetRequests()
	_, _, err = read(t.Context(), extract.Read(b.client, savedTracks(), extract.Plan{}))
	if e := kindOf(t, err); e.Kind != extract.Blocked || b.sim.Count("/v1/me/tracks") != 0 {
		t.Errorf("error = %v after %d requests", err, b.sim.Count("/v1/me/tracks"))
	}
	type user struct{ ID string }
	if _, err := extract.Get[user](t.Context(), b.client, extract.Endpoint{Path: "/me", Bucket: "me"}); err != nil {
		t.Errorf("another bucket: %v", err)
	}
}

func TestClientRefreshesOnceForMany(t *testing.T) {
	t.Parallel()
	b := setup(t, small(10))
	type user struct{ ID string }
	get := func() error {
		_, err := extract.Get[user](t.Context(), b.client, extract.Endpoint{Path: "/me", Bucket: "me"})
		return err
	}
	for round := range 3 {
		b.sim.ForgetRequests()
		b.sim.ExpireAccess()
		var calls sync.WaitGroup
		for range 20 {
			calls.Go(func() {
				if err := get(); err != nil {
					t.Error(err)
				}
			})
		}
		calls.Wait()
		if n := b.sim.Count("/api/token"); n != 1 {
			t.Errorf("round %d: %d token requests, want 1", round, n)
		}
	}
}

func TestClientTokens(t *testing.T) {
	t.Parallel()
	type user struct{ ID string }
	me := extract.Endpoint{Path: "/me", Bucket: "me"}
	t.Run("a rotated token is kept before it is used", func(t *testing.T) {
		t.Parallel()
		o := small(10)
		o.Rotate = true
		b := setup(t, o)
		for range 2 {
			if _, err := extract.Get[user](t.Context(), b.client, me); err != nil {
				t.Fatal(err)
			}
			b.sim.ExpireAccess()
		}
		if b.tokens.saved != 2 {
			t.Errorf("saved %d times, want 2", b.tokens.saved)
		}
	})
	t.Run("an answer without one keeps the old", func(t *testing.T) {
		t.Parallel()
		b := setup(t, small(10))
		if _, err := extract.Get[user](t.Context(), b.client, me); err != nil || b.tokens.saved != 0 {
			t.Errorf("error %v, saved %d times", err, b.tokens.saved)
		}
	})
	t.Run("a sign-in that has ended is not asked for again", func(t *testing.T) {
		t.Parallel()
		b := setup(t, small(10))
		b.sim.Revoke()
		for range 3 {
			_, err := extract.Get[user](t.Context(), b.client, me)
			if e := kindOf(t, err); e.Kind != extract.SignIn || e.Hint() == "" {
				t.Errorf("error = %v", err)
			}
			noSecrets(t, b, err.Error())
		}
		if n := b.sim.Count("/api/token"); n != 1 {
			t.Errorf("%d token requests, want 1", n)
		}
	})
	t.Run("wrong credentials", func(t *testing.T) {
		t.Parallel()
		b := setup(t, small(10), func(c *extract.Config) { c.ClientSecret = "wrong" })
		_, err := extract.Get[user](t.Context(), b.client, me)
		if e := kindOf(t, err); e.Kind != extract.Credentials || b.sim.Count("/api/token") != 1 {
			t.Errorf("error = %v after %d requests", err, b.sim.Count("/api/token"))
		}
	})
	t.Run("a token endpoint in trouble", func(t *testing.T) {
		t.Parallel()
		b := setup(t, small(10))
		b.sim.Inject(simulate.Fault{Kind: "html", Arg: 503, Path: "/api/token", Times: 2})
		if _, err := extract.Get[user](t.Context(), b.client, me); err != nil {
			t.Fatal(err)
		}
		b.sim.ExpireAccess()
		b.sim.ForgetRequests()
		b.sim.Inject(simulate.Fault{Kind: "html", Arg: 503, Path: "/api/token"})
		_, err := extract.Get[user](t.Context(), b.client, me)
		if e := kindOf(t, err); e.Kind != extract.Transient || b.sim.Count("/api/token") != 5 {
			t.Errorf("error = %v after %d requests, want 5", err, b.sim.Count("/api/token"))
		}
		noSecrets(t, b, err.Error())
	})
}

func TestClientMovingList(t *testing.T) {
	t.Parallel()
	tests := map[string]func(s *simulate.Server, n int){
		"one saved":          func(s *simulate.Server, n int) { once(n, 5, func() { s.SaveTracks(1, time.Now()) }) },
		"sixty saved":        func(s *simulate.Server, n int) { once(n, 5, func() { s.SaveTracks(60, time.Now()) }) },
		"one removed":        func(s *simulate.Server, n int) { once(n, 5, func() { s.RemoveTrack(400) }) },
		"the newest removed": func(s *simulate.Server, n int) { once(n, 9, func() { s.RemoveTrack(0) }) },
		"saved, then removed": func(s *simulate.Server, n int) {
			once(n, 4, func() { s.SaveTracks(1, time.Now()) })
			once(n, 9, func() { s.RemoveTrack(20) })
		},
		"half of it removed": func(s *simulate.Server, n int) {
			once(n, 6, func() {
				for range 300 {
					s.RemoveTrack(0)
				}
			})
		},
		"saved all the time":   func(s *simulate.Server, _ int) { s.SaveTracks(1, time.Now()) },
		"removed all the time": func(s *simulate.Server, _ int) { s.RemoveTrack(10) },
	}
	for name, move := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, small(600))
			b.sim.OnRequest(func(n int, r *http.Request) {
				if strings.HasPrefix(r.URL.Path, "/v1/") {
					move(b.sim, n)
				}
			})
			reading := extract.Read(b.client, savedTracks(), extract.Plan{})
			ids, _, err := read(t.Context(), reading)
			if err != nil {
				t.Fatal(err)
			}
			r := reading.Result()
			if r.Complete && (missing(b.sim, ids) > 0 || len(ids) != len(b.sim.SavedTracks()) || !slices.Equal(r.Keys.All(), keysOf(b.sim))) {
				t.Errorf("a false complete: read %d of %d, %d missing, %d keys", len(ids), len(b.sim.SavedTracks()), missing(b.sim, ids), r.Keys.Count)
			}
			if !r.Complete && !strings.Contains(name, "all the time") {
				t.Errorf("not complete: %s", r.Reason)
			}
		})
	}
}

// once calls f at the n-th request.
func once(n, at int, f func()) {
	if n == at {
		f()
	}
}

func TestClientBadItems(t *testing.T) {
	t.Parallel()
	for _, at := range []int{0, 49, 137, 399} {
		b := setup(t, small(400))
		b.sim.Inject(simulate.Fault{Kind: "baditem", Arg: at})
		reading := extract.Read(b.client, savedTracks(), extract.Plan{})
		ids, _, err := read(t.Context(), reading)
		if err != nil {
			t.Fatal(err)
		}
		want := keysOf(b.sim)
		want[at] = "!"
		if r := reading.Result(); len(ids) != 399 || !r.Complete || !slices.Equal(r.Keys.All(), want) {
			t.Errorf("bad item %d: read %d, complete %v with %d keys", at, len(ids), r.Complete, r.Keys.Count)
		}
	}
}

func TestClientOddItems(t *testing.T) {
	t.Parallel()
	o := small(120)
	o.Oddities = true
	b := setup(t, o)
	reading := extract.Read(b.client, savedTracks(), extract.Plan{})
	ids, rejects, err := read(t.Context(), reading)
	if err != nil {
		t.Fatal(err)
	}
	if r := reading.Result(); !r.Complete || r.Keys.Count != 120 || missing(b.sim, ids) > 0 {
		t.Errorf("complete %v with %d keys, %d missing", r.Complete, r.Keys.Count, missing(b.sim, ids))
	}
	if len(ids)+len(rejects) != 120 || len(rejects) != 3 {
		t.Errorf("%d items and %d rejects", len(ids), len(rejects))
	}
	for _, e := range rejects {
		if e.Reject.Reason == "" || len(e.Reject.Raw) == 0 || (e.Position-3)%4 != 0 {
			t.Errorf("reject at %d: %+v", e.Position, e.Reject)
		}
	}
}

func TestClientStopsEarly(t *testing.T) {
	t.Parallel()
	b := setup(t, small(2000))
	for range extract.Read(b.client, savedTracks(), extract.Plan{}).Pages(t.Context()) {
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	pages := 0
	for _, err := range extract.Read(b.client, savedTracks(), extract.Plan{}).Pages(ctx) {
		if pages++; pages == 2 {
			cancel()
		}
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("error = %v", err)
		}
	}
	if pages > 30 {
		t.Errorf("%d pages came after the end", pages)
	}
}

func TestClientRefusesUnsafeAddresses(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"http://api.spotify.com/v1", "http://127.0.0.1.evil.test/v1", "ftp://127.0.0.1/v1", "https://user:pw@api.spotify.com/v1",
		"https://api.spotify.com/v1?x=1", "http://localhost/v1", "//127.0.0.1", "",
	} {
		_, err := extract.New(extract.Config{ClientID: "x", APIURL: address, AccountsURL: address, Tokens: &memoryTokens{}})
		if (err == nil) != (address == "") {
			t.Errorf("%q: %v", address, err)
		}
		if err != nil && strings.Contains(err.Error(), "pw") {
			t.Errorf("%v tells a password", err)
		}
	}
}
