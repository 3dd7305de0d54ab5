package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
)

type statusCmd struct {
	Jobs []string `arg:"" optional:"" help:"Jobs to show; all of the file when none is named."`
	JSON bool     `name:"json" help:"Print as JSON."`
}

// Run is the command status. It asks the API nothing and needs no credentials.
func (c *statusCmd) Run(a *app) error {
	config, jobs, err := a.load(c.Jobs)
	if err != nil {
		return err
	}
	runner := pipeline.NewRunner(config, pipeline.Options{Open: opener(true), Log: a.log()})
	standing, err := runner.Status(a.ctx, jobs)
	if err != nil {
		return err
	}
	if err := runner.Close(context.WithoutCancel(a.ctx)); err != nil {
		return err
	}
	if a.account != "" {
		standing = ofAccount(standing, a.account)
	}
	if c.JSON {
		return a.printJSON(standing)
	}
	return a.printStatus(standing)
}

func ofAccount(all []pipeline.JobStatus, account string) []pipeline.JobStatus {
	var out []pipeline.JobStatus
	for _, s := range all {
		if s.Account == account || s.Last == nil {
			out = append(out, s)
		}
	}
	return out
}

func (a *app) printStatus(standing []pipeline.JobStatus) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "JOB\tDESTINATION\tACCOUNT\tLAST RUN\tSTATUS\tLAST OK\tNEXT\tNOTE")
	for _, s := range standing {
		if s.Last == nil {
			fmt.Fprintf(w, "%s\t%s\t-\tnever\t-\t-\t%s\t\n", s.Job, s.Destination, moment(s.NextAt))
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s.Job, s.Destination, s.Account,
			moment(s.Last.StartedAt), s.Last.Status, moment(s.LastOK), moment(s.NextAt), note(s))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print the status: %w", err)
	}
	return nil
}

// note is the one thing about a job that its reader should know.
func note(s pipeline.JobStatus) string {
	r := s.Last
	text := ""
	switch {
	case r.Status == load.StatusDeferred:
		text = fmt.Sprintf("goes on after %s", moment(r.DeferredTo))
	case r.Message != "":
		text = printable(r.Message)
	case s.Late:
		text = "late: no good run for two turns of the schedule"
	}
	if r.Parents > 0 {
		text = strings.TrimSuffix(fmt.Sprintf("%s of %s artists fresh; %s", thousands(r.Fresh), thousands(r.Parents), text), "; ")
	}
	return text
}

// moment writes a time for people, in UTC.
func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04Z")
}
