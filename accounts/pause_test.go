package accounts_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tracklake/tracklake/accounts"
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/simulate"
)

// tell is what a night tells of each account: a letter each.
func tell(t *testing.T, p *place, users int) string {
	t.Helper()
	out := ""
	for user := range users {
		switch err := ask(t, p.client(t, user, p.clock.Now)); {
		case err == nil:
			out += "o"
		case kind(err) == extract.Closed:
			out += "d" // deferred
		case kind(err) == extract.SignIn:
			out += "s" // needs a sign-in
		default:
			t.Fatal(err)
		}
	}
	return out
}

// revoked makes accounts of which the first were really revoked, all at once.
func revoked(t *testing.T, users, n int) *place {
	t.Helper()
	p := newPlace(t, users)
	for user := range n {
		p.sim.RevokeUser(user)
	}
	p.clock.pass(24 * time.Hour)
	p.sim.ForgetRequests()
	return p
}

// TestARealRevocationOfManyIsOverAfterADay exports every night, in the order of
// names: the healthy ones are never held back, and the others are told so.
func TestARealRevocationOfManyIsOverAfterADay(t *testing.T) {
	t.Parallel()
	p := revoked(t, 10, 6)
	for night, want := range []string{"ssssddoooo", "ssssssoooo", "ssssssoooo", "ssssssoooo"} {
		if got := tell(t, p, 10); got != want {
			t.Errorf("night %d: %s, want %s", night, got, want)
		}
		p.clock.pass(24*time.Hour - time.Second) // no cron is exact
	}
	if n, want := p.sim.Count("/api/token"), 2*6+4*4; n != want {
		t.Errorf("%d token requests, want two for each that was revoked and one a night for the others: %d", n, want)
	}
}

// TestProbesTakeTurns looks every ten minutes, always in the same order.
func TestProbesTakeTurns(t *testing.T) {
	t.Parallel()
	p := revoked(t, 10, 6)
	tell(t, p, 10)
	probes := map[int]int{}
	for range 12 * 6 { // twelve hours
		p.clock.pass(10 * time.Minute)
		for user := range 6 {
			before := p.sim.Count("/api/token")
			if err := ask(t, p.client(t, user, p.clock.Now)); kind(err) != extract.Closed {
				t.Fatalf("user %d: %v", user, err)
			}
			probes[user] += p.sim.Count("/api/token") - before
		}
	}
	for user := range 6 {
		if probes[user] < 5 || probes[user] > 8 {
			t.Errorf("user %d was asked for %d times of %v", user, probes[user], probes)
		}
	}
	p.clock.pass(12 * time.Hour)
	p.sim.ForgetRequests()
	for range 20 {
		if got := tell(t, p, 6); got != "ssssss" {
			t.Fatal(got)
		}
		p.clock.pass(15 * time.Minute)
	}
	if n := p.sim.Count("/api/token"); n != 6 {
		t.Errorf("%d token requests for the 6 that were revoked, after a day", n)
	}
}

// TestAfterAnIncidentARefusalIsFinal lets everybody be refused, and then only
// those who were really revoked.
func TestAfterAnIncidentARefusalIsFinal(t *testing.T) {
	t.Parallel()
	p := revoked(t, 12, 6)
	p.sim.Inject(simulate.Fault{Kind: "revoked", Path: "/api/token"})
	if got, want := tell(t, p, 12), "ssssdddddddd"; got != want {
		t.Fatalf("%s, want %s", got, want)
	}
	p.sim.ClearFaults()
	for range 12 { // those who were revoked have the first turns
		p.clock.pass(16 * time.Minute)
		tell(t, p, 12)
	}
	p.sim.ForgetRequests()
	for range 3 {
		p.clock.pass(2 * time.Hour)
		if got, want := tell(t, p, 12), "ssssssoooooo"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if n := p.sim.Count("/api/token"); n != 3*6 {
		t.Errorf("%d token requests, want those of the 6 that are healthy", n)
	}
}

// TestSigningInAgainDuringAPause mends one that was revoked: it works at once,
// and holds nobody back.
func TestSigningInAgainDuringAPause(t *testing.T) {
	t.Parallel()
	p := newPlace(t, 10)
	p.clock.pass(24 * time.Hour)
	p.sim.Inject(simulate.Fault{Kind: "revoked", Path: "/api/token"})
	if got := tell(t, p, 6); strings.Contains(got, "o") {
		t.Fatal(got)
	}
	p.sim.ClearFaults()
	_, err := accounts.New(p.backend, nil, p.clock.Now).Connect(t.Context(), accounts.Connection{
		Name: simulate.UserID, AccountID: simulate.AccountID, ClientID: simulate.ClientID,
		Token: extract.Token{RefreshToken: p.sim.Credentials().RefreshToken, SignedInAt: p.clock.Now()},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := tell(t, p, 10), "odddddoooo"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
