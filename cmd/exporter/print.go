package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/load"
)

// printRun prints the outcome of a run, with its account if there are several.
func printRun(w io.Writer, r load.Run, account string, dryRun bool) {
	took := r.FinishedAt.Sub(r.StartedAt)
	if r.FinishedAt.IsZero() {
		took = 0
	}
	name := r.Job
	if account != "" {
		name += " of " + account
	}
	fmt.Fprintf(w, "%s: %s, %s in %s, %s\n", name, r.Status,
		counted(r.Items, "item", "items"), roughly(took), counted(r.Requests, "request", "requests"))
	would := ""
	if dryRun {
		would = "would be "
	}
	for _, name := range tableNames(r) {
		c := r.Tables[name]
		fmt.Fprintf(w, "  %-14s %s%s new, %s changed, %s unchanged, %s removed\n", name, would,
			thousands(c.Inserted), thousands(c.Updated), thousands(c.Unchanged), thousands(c.Removed))
	}
	if r.Parents > 0 && r.Status != load.StatusDeferred { // its message says so
		fmt.Fprintf(w, "  %s of %s are up to date\n", thousands(r.Fresh), counted(r.Parents, catalog.Noun(r.Resource), catalog.Noun(r.Resource)+"s"))
	}
	if r.SavedRequests > 0 {
		fmt.Fprintf(w, "  %s saved\n", counted(r.SavedRequests, "request", "requests"))
	}
	if r.Rejects > 0 {
		fmt.Fprintf(w, "  %s could not be kept; see table rejects\n", counted(r.Rejects, "item", "items"))
	}
	if r.FieldErrors > 0 {
		are := "are"
		if r.FieldErrors == 1 {
			are = "is"
		}
		fmt.Fprintf(w, "  %s of an unexpected type and %s NULL\n", counted(r.FieldErrors, "value was", "values were"), are)
	}
	if r.Message != "" {
		fmt.Fprintf(w, "  %s\n", printable(r.Message))
	}
	if r.Hint != "" {
		fmt.Fprintf(w, "  hint: %s\n", printable(r.Hint))
	}
}

func tableNames(r load.Run) []string {
	var names []string
	for name, c := range r.Tables {
		if c != (load.Count{}) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// counted formats a count with its noun.
func counted(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + more
}

// thousands formats a count for people: 12,345.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// roughly formats a duration without false precision.
func roughly(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return d.Round(10 * time.Millisecond).String()
	default:
		return d.Round(time.Second).String()
	}
}

// printable makes text safe for a terminal: text from outside may have control
// characters.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '\uFFFD'
		}
		return r
	}, s)
}
