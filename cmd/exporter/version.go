package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/alecthomas/kong"
)

// stamped is the version, set by the Makefile with -ldflags.
var stamped string

// versionFlag prints the version and ends the program.
type versionFlag bool

// BeforeReset implements a hook of kong. It comes before the command line is checked.
func (versionFlag) BeforeReset(k *kong.Kong) error {
	fmt.Fprintln(k.Stdout, "exporter "+buildOf().line())
	k.Exit(int(codeOK))
	return nil
}

type versionCmd struct {
	JSON bool `name:"json" help:"Print as JSON."`
}

// A build is what the program was built from.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Date     string `json:"date,omitempty"`     // of the commit
	Modified bool   `json:"modified,omitempty"` // it has changes that are not in the commit
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// Run is the command version.
func (c *versionCmd) Run(a *app) error {
	b := buildOf()
	if c.JSON {
		return a.printJSON(b)
	}
	fmt.Fprintf(a.stdout, "exporter %s\n", b.Version)
	for _, line := range [][2]string{{"commit", b.commit()}, {"date", b.Date}, {"go", b.Go}, {"platform", b.Platform}} {
		fmt.Fprintf(a.stdout, "%-8s  %s\n", line[0], cmp.Or(line[1], "unknown"))
	}
	return nil
}

// version returns the version that the Makefile stamped, or that go install knows.
func version() string { return buildOf().Version }

func buildOf() build {
	b := build{Version: stamped, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		b.Version = cmp.Or(b.Version, "unknown")
		return b
	}
	b.Version = cmp.Or(b.Version, info.Main.Version, "unknown")
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Date = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

func (b build) commit() string {
	if b.Modified {
		return b.Commit + " with changes"
	}
	return b.Commit
}

// line is all of it in one line.
func (b build) line() string {
	details := []string{b.Go, b.Platform}
	if b.Commit != "" {
		date, _, _ := strings.Cut(b.Date, "T")
		details = append([]string{b.Commit[:min(12, len(b.Commit))] + " of " + cmp.Or(date, "an unknown day")}, details...)
	}
	return b.Version + " (" + strings.Join(details, ", ") + ")"
}
