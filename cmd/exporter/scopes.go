package main

import (
	"slices"
	"strings"

	"github.com/tracklake/tracklake/pipeline/config"
)

// A neededScope is a scope with the jobs that need it.
type neededScope struct {
	scope string
	jobs  []string
}

// String is the scope with its jobs: user-top-read for jobs top_artists and top_tracks.
func (n neededScope) String() string {
	last := len(n.jobs) - 1
	if last == 0 {
		return n.scope + " for job " + n.jobs[0]
	}
	return n.scope + " for jobs " + strings.Join(n.jobs[:last], ", ") + " and " + n.jobs[last]
}

// missingScopes lists the scopes that jobs need and that were not granted.
func missingScopes(jobs []*config.Job, granted []string) []neededScope {
	var out []neededScope
	for _, scope := range config.Scopes(jobs) {
		if slices.Contains(granted, scope) {
			continue
		}
		n := neededScope{scope: scope}
		for _, j := range jobs {
			if slices.Contains(j.Scopes(), scope) {
				n.jobs = append(n.jobs, j.Name)
			}
		}
		out = append(out, n)
	}
	return out
}

// listed joins scopes for a message.
func listed(scopes []neededScope) string {
	var out []string
	for _, n := range scopes {
		out = append(out, n.String())
	}
	return strings.Join(out, "; ")
}
