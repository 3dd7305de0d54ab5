package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/load"
)

// A runPrinter prints the outcome of runs for people.
type runPrinter struct {
	out     io.Writer
	screen  screen
	zone    *time.Location
	dryRun  bool
	verbose bool
	names   int // width of the longest name
}

// name returns what a run is called, with its account where there are several.
func (p *runPrinter) name(job, account string) string {
	if account != "" {
		job += " of " + account
	}
	p.names = max(p.names, utf8.RuneCountInString(job))
	return job
}

// print prints one line, and what else there is to say below it.
func (p *runPrinter) print(r load.Run, name string) {
	indent, text := p.names+2, p.outcome(r)
	if p.screen.width > 0 && p.screen.width < 60 { // no room beside the name
		fmt.Fprintf(p.out, "%s  %s\n%s", name, r.Status, p.screen.block(text, indent))
	} else {
		left := p.screen.paint(bold, pad(name, p.names)) + "  " + p.screen.paint(statusStyle(r.Status), string(r.Status)) + "  "
		lines := p.screen.fold(text, indent+len(r.Status)+2)
		fmt.Fprintln(p.out, left+strings.Join(lines, "\n"+strings.Repeat(" ", indent)))
	}
	for _, note := range p.notes(r) {
		fmt.Fprint(p.out, p.screen.block(note, indent))
	}
	if p.verbose {
		p.details(r, indent)
	}
}

func statusStyle(s load.Status) style {
	switch s {
	case load.StatusOK:
		return green
	case load.StatusFailed, load.StatusNeedsSignIn, load.StatusInterrupted:
		return red
	case load.StatusRunning, load.StatusDeferred, load.StatusIncomplete:
	}
	return yellow
}

// outcome says what a run did and what there is now.
func (p *runPrinter) outcome(r load.Run) string {
	var parts []string
	if text := stored(r, p.dryRun); text != "" && !destinationsDiffer(r) {
		parts = append(parts, text)
	}
	if text := upToDate(r); text != "" {
		parts = append(parts, text)
	}
	took := time.Duration(0)
	if !r.FinishedAt.IsZero() {
		took = r.FinishedAt.Sub(r.StartedAt)
	}
	cost := fmt.Sprintf("(%s, %s)", elapsed(took), counted(r.Requests, "request", "requests"))
	if len(parts) == 0 {
		return cost
	}
	return strings.Join(parts, "; ") + " " + cost
}

// stored says what a run did to its resource's own table, and how many rows it has now.
func stored(r load.Run, dryRun bool) string {
	of := catalog.Find(r.Resource)
	if of == nil {
		return ""
	}
	return summarize(r.Tables[of.Table().Name], of.Noun, r.Status, dryRun)
}

// summarize says in words what a count says: 5,012 tracks: 12 added, 3 removed.
func summarize(c load.Count, noun string, status load.Status, dryRun bool) string {
	var changes []string
	for _, n := range []struct {
		rows       int
		done, verb string
	}{{c.Added, "added", "add"}, {c.Changed, "changed", "change"}, {c.Removed, "removed", "remove"}} {
		switch {
		case n.rows > 0 && dryRun:
			changes = append(changes, n.verb+" "+thousands(n.rows))
		case n.rows > 0:
			changes = append(changes, thousands(n.rows)+" "+n.done)
		}
	}
	what := strings.Join(changes, ", ")
	switch {
	case c.Rows == nil:
		return what
	case dryRun && what == "":
		return nouns(*c.Rows, noun) + "; a run would change nothing"
	case dryRun:
		return nouns(*c.Rows, noun) + "; a run would " + what
	case what != "":
		return nouns(*c.Rows, noun) + ": " + what
	case *c.Rows == 0:
		return nouns(0, noun)
	case status == load.StatusOK:
		return nouns(*c.Rows, noun) + ", unchanged"
	}
	return nouns(*c.Rows, noun) + " stored"
}

// upToDate says how far a fan-out is.
func upToDate(r load.Run) string {
	of := catalog.Find(r.Resource)
	switch {
	case of == nil || of.Parents == nil || r.Parents == 0:
		return ""
	case r.UpToDate == r.Parents && r.Parents == 1:
		return "1 " + of.Parents.Noun + " up to date"
	case r.UpToDate == r.Parents:
		return "all " + nouns(r.Parents, of.Parents.Noun) + " up to date"
	}
	return fmt.Sprintf("%s of %s up to date", thousands(r.UpToDate), nouns(r.Parents, of.Parents.Noun))
}

// destinationsDiffer reports whether what a run did to its resource's own table is not
// the same at all destinations.
func destinationsDiffer(r load.Run) bool {
	first := ""
	for _, name := range slices.Sorted(maps.Keys(r.Destinations)) {
		text := stored(at(r, name), false)
		if first == "" {
			first = text
		}
		if text != first {
			return true
		}
	}
	return false
}

// at is a run with the counts of one destination.
func at(r load.Run, destination string) load.Run {
	r.Tables = r.Destinations[destination]
	return r
}

// notes say what else there is to know about a run.
func (p *runPrinter) notes(r load.Run) []string {
	var out []string
	if destinationsDiffer(r) {
		for _, name := range slices.Sorted(maps.Keys(r.Destinations)) {
			out = append(out, name+": "+stored(at(r, name), p.dryRun))
		}
	}
	if r.Rejects > 0 {
		out = append(out, counted(r.Rejects, "item", "items")+" rejected; see table rejects")
	}
	if r.FieldErrors > 0 {
		out = append(out, counted(r.FieldErrors, "value", "values")+" of an unexpected type stored as NULL")
	}
	out = append(out, reason(r, time.Now(), p.zone)...)
	if r.Hint != "" {
		out = append(out, "hint: "+printable(r.Hint))
	}
	return out
}

// reason says why a run ended as it did, and when it resumes.
func reason(r load.Run, now time.Time, zone *time.Location) []string {
	var out []string
	if r.Message != "" {
		out = append(out, printable(r.Message))
	}
	if !r.DeferredTo.IsZero() {
		out = append(out, "resumes after "+moment(r.DeferredTo, now, zone))
	}
	if len(out) == 0 {
		return nil
	}
	return []string{strings.Join(out, "; ")}
}

// details prints all counts, zeros as well.
func (p *runPrinter) details(r load.Run, indent int) {
	all := r.Destinations
	if len(all) == 0 {
		all = map[string]map[string]load.Count{"": r.Tables}
	}
	for _, destination := range slices.Sorted(maps.Keys(all)) {
		for _, table := range slices.Sorted(maps.Keys(all[destination])) {
			c := all[destination][table]
			text := "table " + table
			if destination != "" {
				text += " at " + destination
			}
			if c.Rows != nil {
				text += ": " + nouns(*c.Rows, "row")
			}
			text += fmt.Sprintf("; %s added, %s changed, %s unchanged, %s removed",
				thousands(c.Added), thousands(c.Changed), thousands(c.Unchanged), thousands(c.Removed))
			fmt.Fprint(p.out, p.screen.block(text, indent))
		}
	}
	text := fmt.Sprintf("%s read; %s saved, %s, %s throttled, %s waited", counted(r.Items, "item", "items"), counted(r.SavedRequests, "request", "requests"),
		counted(r.Retries, "retry", "retries"), thousands(r.Throttled), elapsed(time.Duration(r.WaitedMS)*time.Millisecond))
	text += fmt.Sprintf("; %s, %s, %s", counted(r.Rejects, "reject", "rejects"), counted(r.Unreadable, "unreadable entry", "unreadable entries"), counted(r.Pending, "pending removal", "pending removals"))
	fmt.Fprint(p.out, p.screen.block(text, indent))
}
