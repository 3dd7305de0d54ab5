// Package config reads jobs.yaml: it parses, checks and describes the file.
//
// It knows the resources of the catalog, and destinations by their drivers. It
// runs nothing and asks no service.
package config

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline/schedule"
)

// Config is a checked jobs.yaml.
type Config struct {
	Path         string
	Location     *time.Location
	Destinations []Destination // in file order
	Jobs         []Job         // in file order
	// Developer names the developer whose client IDs Spotify counts together; empty:
	// each client ID is counted by itself.
	Developer string
	// Budgets are the requests in 24 hours by bucket of the rate limit, where the file
	// sets them.
	Budgets map[string]int
	// TokenStore is the destination beside whose tables accounts are kept; nil:
	// they are kept in files of the user.
	TokenStore *Destination
}

// TokensInFiles is the token_store in the user's configuration folder.
const TokensInFiles = "file"

// A Destination says where rows go.
type Destination struct {
	Name    string
	Driver  load.Driver
	Address string // the value of the driver's setting; may hold a password
	// Unset names the environment variables that the entry needs and that are
	// not set. The destination cannot be used then.
	Unset []string
	Line  int
}

// A Job says what to export, where to, and when.
type Job struct {
	Name         string
	Resource     *catalog.Resource
	Schedule     *schedule.Line // nil: only when asked
	Destinations []string       // names, in file order, at least one
	Options      catalog.Values
	// FullEvery is the time between two full syncs of a list that is otherwise
	// synced incrementally; zero where every sync is full.
	FullEvery time.Duration
	Line      int
}

// An Error collects all mistakes in a jobs.yaml.
type Error struct {
	Path     string
	Problems []Problem
}

// A Problem is one mistake, with its line (0: the whole file).
type Problem struct {
	Line    int
	Message string
}

func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		at := e.Path
		if p.Line > 0 {
			at = fmt.Sprintf("%s:%d", e.Path, p.Line)
		}
		lines[i] = at + ": " + p.Message
	}
	return strings.Join(lines, "\n")
}

// Load reads and checks a jobs.yaml. Variables written as ${NAME} are
// looked up with env. All mistakes are returned in one [*Error].
func Load(path string, env func(string) (string, bool), drivers []load.Driver) (*Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, &Error{Path: path, Problems: []Problem{{
			Message: fmt.Sprintf("cannot be read (%v); write one with init, or name another with --config", pathless(err)),
		}}}
	}
	return Parse(path, text, env, drivers)
}

// Budget is how many requests of a bucket may be made in 24 hours; 0: any
// number.
func (c *Config) Budget(bucket string) int {
	if n, ok := c.Budgets[bucket]; ok {
		return n
	}
	for _, r := range catalog.All() {
		if r.Endpoint.Bucket == bucket {
			return r.Budget
		}
	}
	return 0
}

// Destination returns the destination of that name, or nil.
func (c *Config) Destination(name string) *Destination {
	for i := range c.Destinations {
		if c.Destinations[i].Name == name {
			return &c.Destinations[i]
		}
	}
	return nil
}

// Job returns the job of that name, or nil.
func (c *Config) Job(name string) *Job {
	for i := range c.Jobs {
		if c.Jobs[i].Name == name {
			return &c.Jobs[i]
		}
	}
	return nil
}

// Select returns the named jobs, or all of them, in the order in which they
// must run: a job after those that name its parents.
func (c *Config) Select(names []string) ([]*Job, error) {
	var chosen []*Job
	for i := range c.Jobs {
		chosen = append(chosen, &c.Jobs[i])
	}
	if len(names) > 0 {
		chosen = nil
		for _, name := range names {
			job := c.Job(name)
			if job == nil {
				return nil, &Error{Path: c.Path, Problems: []Problem{{
					Message: fmt.Sprintf("there is no job %q%s", name, didYouMean(name, c.jobNames())),
				}}}
			}
			chosen = append(chosen, job)
		}
	}
	return inOrder(chosen), nil
}

// Usable checks that every variable is set that the jobs' destinations need.
func (c *Config) Usable(jobs []*Job) error {
	e := &Error{Path: c.Path}
	reported := map[string]bool{}
	for _, j := range jobs {
		for _, name := range j.Destinations {
			d := c.Destination(name)
			for _, variable := range d.Unset {
				if !reported[variable] {
					reported[variable] = true
					e.Problems = append(e.Problems, Problem{Line: d.Line, Message: fmt.Sprintf(
						"destination %s needs %s, which is not set; set it in the environment or .env, or take the destination out of job %s", name, variable, j.Name)})
				}
			}
		}
	}
	if len(e.Problems) > 0 {
		return e
	}
	return nil
}

// inOrder puts fan-outs behind the lists that feed them.
func inOrder(jobs []*Job) []*Job {
	var lists, fanOuts []*Job
	seen := map[*Job]bool{}
	for _, j := range jobs {
		switch {
		case seen[j]:
		case j.Resource.Parents != nil:
			fanOuts = append(fanOuts, j)
		default:
			lists = append(lists, j)
		}
		seen[j] = true
	}
	return append(lists, fanOuts...)
}

func (c *Config) jobNames() []string {
	names := make([]string, len(c.Jobs))
	for i, j := range c.Jobs {
		names[i] = j.Name
	}
	return names
}

// pathless drops the file name from an error of package os, for messages that
// begin with it.
func pathless(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// NeedsUser reports whether the job reads what belongs to an account.
func (j *Job) NeedsUser() bool { return j.Resource.Endpoint.Scope != "" || j.Resource.Parents == nil }

// Scopes lists the scopes that some jobs need, each once, in order.
func Scopes(jobs []*Job) []string {
	var out []string
	for _, j := range jobs {
		out = append(out, j.Scopes()...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Scopes lists the scopes that the job needs.
func (j *Job) Scopes() []string { return strings.Fields(j.Resource.Endpoint.Scope) }
