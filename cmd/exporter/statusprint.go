package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tracklake/tracklake/accounts"
	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
)

// A statusPrinter prints the state of jobs for people.
type statusPrinter struct {
	app    *app
	screen screen
	zone   *time.Location
	now    time.Time
	maxAge time.Duration
}

// print prints a table of the jobs, the destinations that could not be read, and the
// sign-ins.
func (p *statusPrinter) print(all []statusView, known []accounts.Account) error {
	jobs := p.jobs(all, known)
	if err := jobs.print(p.app.stdout, p.screen); err != nil {
		return fmt.Errorf("print the status: %w", err)
	}
	p.unreadable(all)
	return p.signIns(known)
}

// jobs is the table of jobs. What is the same for all of them is left out.
func (p *statusPrinter) jobs(all []statusView, known []accounts.Account) *grid {
	g := &grid{headers: []string{"JOB", "DESTINATION", "ACCOUNT", "STATUS", "LAST RUN", "STORED"}}
	destinations, names, unnamed := map[string]bool{}, map[string]bool{}, false
	for _, v := range all {
		destinations[v.Destination] = true
		if v.Account != "" {
			names[v.Account] = true
			unnamed = unnamed || nameOf(v.Account, known) == v.Account
		}
		status, last, rows := cell{"-", plain}, "never", "-"
		switch {
		case v.Err != nil:
			status, last = cell{"unknown", red}, "-"
		case v.Last != nil:
			status, last = cell{string(v.Last.Status), statusStyle(v.Last.Status)}, relative(v.Last.StartedAt, p.now)
			rows = rowsNow(*v.Last)
		}
		g.rows = append(g.rows, gridRow{
			cells: []cell{{v.Job, bold}, {v.Destination, plain}, {orDash(nameOf(v.Account, known)), plain}, status, {last, plain}, {rows, plain}},
			notes: p.notes(v),
		})
	}
	if len(destinations) == 1 {
		g.without("DESTINATION")
	}
	if len(names) <= 1 && len(known) <= 1 && !unnamed {
		g.without("ACCOUNT")
	}
	return g
}

// rowsNow says how many rows a run left in its resource's own table.
func rowsNow(r load.Run) string {
	of := catalog.Find(r.Resource)
	if of == nil || r.Tables[of.Table().Name].Rows == nil {
		return "-"
	}
	return nouns(*r.Tables[of.Table().Name].Rows, of.Noun)
}

// notes say what else there is to know about a job.
func (p *statusPrinter) notes(v statusView) []string {
	var out []string
	if r := v.Last; r != nil {
		if r.Parents > 0 {
			out = append(out, upToDate(*r))
		}
		if !tellsGap(v) {
			out = append(out, reason(*r, p.now, p.zone)...)
		}
		if r.Status == load.StatusDeferred && r.Pending > 0 {
			out = append(out, counted(r.Pending, "pending removal", "pending removals"))
		}
		if r.Hint != "" && r.Status != load.StatusOK && r.Status != load.StatusDeferred {
			out = append(out, "hint: "+printable(r.Hint))
		}
		if r.Status != load.StatusOK && !v.LastOK.IsZero() {
			out = append(out, "last ok "+moment(v.LastOK, p.now, p.zone))
		}
	}
	if len(v.MissingScopes) > 0 && (v.Last == nil || v.Last.Status != load.StatusNeedsSignIn) {
		out = append(out, p.screen.paint(yellow, "the sign-in lacks the scope "+strings.Join(v.MissingScopes, " and ")), "hint: sign in again: "+p.app.loginCommand(v.lacking))
	}
	out = append(out, p.gaps(v)...)
	if v.Overdue {
		out = append(out, p.screen.paint(yellow, "overdue: no successful run in the last two scheduled slots"))
	}
	if v.Stale {
		out = append(out, p.screen.paint(yellow, "stale: no good run for more than "+distance(p.maxAge)))
	}
	return out
}

// tellsGap reports whether the message of the last run is only about a gap, which gaps
// tell of.
func tellsGap(v statusView) bool {
	return v.Last.Status == load.StatusOK && v.Gaps != nil && slices.ContainsFunc(v.Gaps.Recent, func(g pipeline.Gap) bool {
		return g.NoticedAt.Equal(v.Last.StartedAt)
	})
}

// gaps say when entries may be missing.
func (p *statusPrinter) gaps(v statusView) []string {
	if v.Gaps == nil || len(v.Gaps.Recent) == 0 || v.Last == nil {
		return nil
	}
	noun, n := "entries", len(v.Gaps.Recent)
	if of := catalog.Find(v.Last.Resource); of != nil {
		noun = of.Noun + "s"
	}
	last := v.Gaps.Recent[n-1]
	text := fmt.Sprintf("%s may be missing from %s to %s", noun, minute(last.From, p.zone), minute(last.To, p.zone))
	if n > 1 {
		text += fmt.Sprintf("; %d gaps in 30 days", n)
	}
	out := []string{p.screen.paint(yellow, text)}
	if v.Gaps.Hint != "" {
		out = append(out, "hint: "+v.Gaps.Hint)
	}
	return out
}

// unreadable prints why destinations could not be read.
func (p *statusPrinter) unreadable(all []statusView) {
	printed := map[string]bool{}
	for _, v := range all {
		if v.Err == nil || printed[v.Destination] {
			continue
		}
		printed[v.Destination] = true
		fmt.Fprintf(p.app.stdout, "\n%s", p.screen.block("destination "+v.Destination+" cannot be read: "+printable(v.Problem), 0))
		if v.Hint != "" {
			fmt.Fprint(p.app.stdout, p.screen.block("hint: "+printable(v.Hint), 2))
		}
	}
}

// signIns prints how long each account stays signed in.
func (p *statusPrinter) signIns(known []accounts.Account) error {
	if len(known) == 0 {
		return nil
	}
	fmt.Fprintln(p.app.stdout)
	g := &grid{headers: []string{"ACCOUNT", "USER", "ACCOUNT ID", "SIGN-IN ENDS"}}
	for _, k := range known {
		g.rows = append(g.rows, p.app.signInRow(k, p.now))
	}
	if err := g.print(p.app.stdout, p.screen); err != nil {
		return fmt.Errorf("print the status: %w", err)
	}
	return nil
}

// signInRow is how long an account stays signed in.
func (a *app) signInRow(k accounts.Account, now time.Time) gridRow {
	if k.Problem != nil {
		return gridRow{
			cells: []cell{{k.Name, bold}, {"-", plain}, {"-", plain}, {"unreadable", red}},
			notes: []string{printable(k.Problem.Error()), "hint: " + printable(a.hintFor(k.Problem, k.Name))},
		}
	}
	out := gridRow{cells: []cell{{k.Name, bold}, {orDash(printable(k.User)), plain}, {orDash(k.AccountID), plain}, {day(k.EndsAt(), now), plain}}}
	if text := ending(k, now); text != "" {
		out.cells[3].style = yellow
		out.notes = []string{text, "hint: sign in again: " + a.loginCommand(k.Name)}
	}
	return out
}
