package main

import (
	"fmt"
	"testing"

	"github.com/tracklake/tracklake/accounts"
	"github.com/tracklake/tracklake/extract"
)

func TestHints(t *testing.T) {
	t.Parallel()
	signIn := func(kind extract.Kind) error { return &extract.Error{Kind: kind, Hint: "sign in again"} }
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
		{"x.yaml", "", &accounts.NotFoundError{Name: "bob"}, "connect one: exporter --config x.yaml login"},
		{"x.yaml", "", &accounts.NotFoundError{Known: []string{"anna"}}, "these are connected: anna"},
		{"x.yaml", "", &accounts.OpenFileError{Account: "sam", Path: "/a b/sam.json", Want: 0o600}, "close it with `chmod 600 '/a b/sam.json'`; if somebody may have read it, sign in again: exporter --config x.yaml login --account sam"},
		{"x.yaml", "", &accounts.Error{Next: accounts.Advice{Text: "make it", Step: accounts.Migrate}}, "make it: exporter --config x.yaml migrate"},
		{"x.yaml", "", &accounts.Error{Next: accounts.Advice{Text: "remove it", Step: accounts.Remove, Account: "anna"}}, "remove it: exporter --config x.yaml accounts remove anna"},
		{"x.yaml", "", &hinted{signIn(extract.SignIn), "wait"}, "wait"},
		{"x.yaml", "", fmt.Errorf("other"), ""},
	} {
		a := &app{config: tt.config, account: tt.account}
		if got := a.hintOf(fmt.Errorf("wrapped: %w", tt.err)); got != tt.want {
			t.Errorf("%T: %s\nwant %s", tt.err, got, tt.want)
		}
	}
}
