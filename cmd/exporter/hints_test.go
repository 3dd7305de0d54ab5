package main

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/tracklake/tracklake/accounts"
	"github.com/tracklake/tracklake/extract"
)

func TestHints(t *testing.T) {
	t.Parallel()
	signIn := func(kind extract.Kind) error { return &extract.Error{Kind: kind, Advice: "sign in again"} }
	for _, tt := range []struct {
		config, account string
		err             error
		want            string
	}{
		{"jobs.yaml", "", signIn(extract.SignIn), "sign in again: exporter login"},
		{"jobs.yaml", "default", signIn(extract.SignIn), "sign in again: exporter login --account default"},
		{"etc/jobs.yaml", "anna", signIn(extract.Scope), "sign in again: exporter --config etc/jobs.yaml login --account anna"},
		{"my jobs.yaml", "anna", signIn(extract.SignIn), "sign in again: exporter --config 'my jobs.yaml' login --account anna"},
		{"it's.yaml", "anna", signIn(extract.SignIn), `sign in again: exporter --config 'it'\''s.yaml' login --account anna`},
		{"jobs.yaml", "anna", signIn(extract.Forbidden), "sign in again"},
		{"jobs.yaml", "anna", &extract.RefusedError{Advice: "sign in again and choose Agree"}, "sign in again and choose Agree: exporter login --account anna"},
		{"x.yaml", "", &accounts.Error{Advice: "create it: exporter migrate"}, "create it: exporter --config x.yaml migrate"},
		{"x.yaml", "bob", &accounts.Error{Advice: "remove it: exporter accounts remove anna"}, "remove it: exporter --config x.yaml accounts remove anna"},
		{"x.yaml", "", &usageError{&accounts.Error{Advice: "these are connected: anna"}}, "these are connected: anna"},
		{"x.yaml", "", &hinted{signIn(extract.SignIn), "wait"}, "wait"},
		{"x.yaml", "", fmt.Errorf("other"), ""},
	} {
		a := &invocation{config: tt.config, account: tt.account}
		if got := a.hintOf(fmt.Errorf("wrapped: %w", tt.err)); got != tt.want {
			t.Errorf("%T: %s\nwant %s", tt.err, got, tt.want)
		}
	}
}

// TestTyped makes of the command that ends a hint what can be typed where the program
// was called, and only once.
func TestTyped(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ program, config, account, text, want string }{
		{"exporter", "jobs.yaml", "", "run it again: exporter run top", "run it again: exporter run top"},
		{"/usr/bin/exporter", "jobs.yaml", "", "create it: exporter migrate", "create it: /usr/bin/exporter migrate"},
		{"bin/exporter", "jobs.yaml", "anna", "run it again: exporter run top", "run it again: bin/exporter --account anna run top"},
		{"bin/exporter", "x.yaml", "anna", "stop exporter serve, or: exporter login --account bob", "stop exporter serve, or: bin/exporter --config x.yaml login --account bob"},
		{"./my bin/exporter", "a b.yaml", "it's", "all: exporter backfill top", `all: './my bin/exporter' --config 'a b.yaml' --account 'it'\''s' backfill top`},
		{"exporter", "x.yaml", "anna", "run it again: exporter run top", "run it again: exporter --config x.yaml --account anna run top"},
		{"bin/exporter", "jobs.yaml", "", "update exporter; an older one will not do", "update exporter; an older one will not do"},
		{"bin/exporter", "jobs.yaml", "", "stop exporter serve", "stop exporter serve"},
	} {
		a := &invocation{program: tt.program, config: tt.config}
		got := a.typed(tt.text, tt.account)
		if got != tt.want || a.typed(got, tt.account) != tt.want {
			t.Errorf("%s\nwant %s", got, tt.want)
		}
	}
}

// TestHintsInLogLines can be copied, whatever the path.
func TestHintsInLogLines(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	a := &app{invocation: invocation{config: "it's.yaml"}, logFormat: "text"}
	a.logAt(&out, slog.LevelInfo).With("job", "top").Warn("it failed", "hint", "see: exporter check", "left", 1)
	const want = "level=WARN msg=\"it failed\" job=top left=1\n  hint: see: exporter --config 'it'\\''s.yaml' check\n"
	if _, got, _ := strings.Cut(out.String(), " "); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	out.Reset()
	a.config = "a b.yaml"
	a.logAt(&out, slog.LevelInfo).Warn("it failed", "hint", "see: exporter check")
	if !strings.HasSuffix(out.String(), "hint=\"see: exporter --config 'a b.yaml' check\"\n") {
		t.Error(out.String())
	}
}
