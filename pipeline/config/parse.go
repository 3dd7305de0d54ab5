package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // zones work on machines that have no zone files

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline/schedule"
)

// Parse checks the text of a jobs.yaml. See [Load].
func Parse(path string, text []byte, env func(string) (string, bool), drivers []load.Driver) (*Config, error) {
	p := &fileParser{reader: reader{env: env}, drivers: drivers, config: &Config{Path: path, Location: time.UTC}}
	root, err := parseYAML(text)
	if err != nil {
		return nil, &Error{Path: path, Problems: []Problem{*err}}
	}
	p.file(root)
	if len(p.problems) > 0 {
		slices.SortStableFunc(p.problems, func(a, b Problem) int { return a.Line - b.Line })
		return nil, &Error{Path: path, Problems: p.problems}
	}
	return p.config, nil
}

func parseYAML(text []byte) (ast.Node, *Problem) {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		var syntax *yaml.SyntaxError
		if errors.As(err, &syntax) && syntax.Token != nil {
			return nil, &Problem{Line: syntax.Token.Position.Line, Message: "is not valid YAML: " + syntax.Message}
		}
		return nil, &Problem{Message: "is not valid YAML: " + firstLine(err.Error())}
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return nil, &Problem{Message: "needs exactly one YAML document with destinations and jobs"}
	}
	return file.Docs[0].Body, nil
}

// fileParser walks the syntax tree, so that every problem has its line, and
// continues after each, so that all are reported at once.
type fileParser struct {
	reader
	drivers []load.Driver
	config  *Config
	sound   []Job // those without a problem of their own
}

func (p *fileParser) file(root ast.Node) {
	keys := []string{"timezone", "token_store", "developer", "budgets", "destinations", "jobs"}
	m := p.mapping(root, "the file", keys)
	if z := m["timezone"]; z != nil {
		p.timezone(z)
	}
	if m["destinations"] == nil && m["jobs"] == nil {
		p.fail(root, "has neither destinations nor jobs; see https://github.com/tracklake/tracklake#jobsyaml")
		return
	}
	for _, e := range p.entries(m["destinations"], "destinations") {
		p.destination(e)
	}
	for _, e := range p.entries(m["jobs"], "jobs") {
		p.job(e)
	}
	for _, e := range p.entries(m["budgets"], "budgets") {
		p.budget(e)
	}
	if n := m["developer"]; n != nil {
		p.config.Developer = p.text(n, "developer")
	}
	if n := m["token_store"]; n != nil {
		p.tokenStore(n)
	}
	p.checkSources()
	p.checkOverlaps()
}

// budget sets how many requests of a bucket may be made in 24 hours.
func (p *fileParser) budget(e entry) {
	var buckets []string
	for _, r := range catalog.All() {
		buckets = append(buckets, r.Endpoint.Bucket)
	}
	if !slices.Contains(buckets, e.name) {
		p.fail(e.key, "unknown bucket %q%s", e.name, didYouMean(e.name, buckets))
	}
	n, err := strconv.Atoi(p.text(e.value, "budget"))
	if err != nil || n < 0 {
		p.fail(e.value, "the budget of %s must be a whole number of requests in 24 hours, or 0 for no limit", e.name)
	}
	if p.config.Budgets == nil {
		p.config.Budgets = map[string]int{}
	}
	p.config.Budgets[e.name] = n
}

// fullEvery reads a number of days or hours: 7d, 36h.
func (p *fileParser) fullEvery(job *Job, n ast.Node) {
	text := p.text(n, "full_every")
	unit := map[string]time.Duration{"d": 24 * time.Hour, "h": time.Hour}
	for suffix, length := range unit {
		if digits, ok := strings.CutSuffix(text, suffix); ok {
			if count, err := strconv.Atoi(digits); err == nil && count >= 0 && count <= 3650 {
				job.FullEvery = time.Duration(count) * length
				return
			}
		}
	}
	p.fail(n, "job %s: full_every must be a number of days or hours, like 7d or 36h", job.Name)
}

// tokenStore says where accounts are kept.
func (p *fileParser) tokenStore(n ast.Node) {
	known := []string{TokensInFiles}
	for i := range p.config.Destinations {
		if d := &p.config.Destinations[i]; d.Driver.Accounts {
			known = append(known, d.Name)
		}
	}
	if name := p.word(n, n, "token_store", known); name != TokensInFiles {
		p.config.TokenStore = p.config.Destination(name)
	}
}

func (p *fileParser) timezone(n ast.Node) {
	name := p.text(n, "timezone")
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		p.fail(n, "unknown time zone %q; use a name like Europe/Stockholm, or UTC", name)
		return
	}
	p.config.Location = zone
}

func (p *fileParser) destination(e entry) {
	m := p.mapping(e.value, "destination "+e.name, append([]string{"type"}, p.settings()...))
	d := Destination{Name: e.name, Line: e.line}
	if !namePattern().MatchString(e.name) {
		p.fail(e.key, "destination name %q: use letters, digits, - and _", e.name)
	}
	var types []string
	for _, driver := range p.drivers {
		types = append(types, driver.Type)
	}
	if i := slices.Index(types, p.word(m["type"], e.value, "type of destination "+e.name, types)); i >= 0 {
		d.Driver = p.drivers[i]
		d.Address = p.address(&d, m, e)
	}
	p.oneName(&d, e)
	p.config.Destinations = append(p.config.Destinations, d)
}

// oneName refuses a second name for the same place: jobs that write to
// different destinations must not meet.
func (p *fileParser) oneName(d *Destination, e entry) {
	for _, other := range p.config.Destinations {
		if d.Driver.Type == other.Driver.Type && d.Address != "" && len(d.Unset)+len(other.Unset) == 0 && d.place() == other.place() {
			p.fail(e.key, "destinations %s and %s have the same %s; keep one of them", other.Name, d.Name, d.Driver.Setting)
		}
	}
}

// place is the same for two ways to write one address.
func (d *Destination) place() string {
	if d.Driver.Folder {
		return filepath.Clean(d.Address)
	}
	return d.Address
}

// settings lists what destinations have to be set, each once.
func (p *fileParser) settings() []string {
	var out []string
	for _, d := range p.drivers {
		if !slices.Contains(out, d.Setting) {
			out = append(out, d.Setting)
		}
	}
	return out
}

// address returns the setting that a type of destination must have, and refuses
// those that belong to other types. A relative path starts at the folder of jobs.yaml.
func (p *fileParser) address(d *Destination, m map[string]ast.Node, e entry) string {
	want := d.Driver.Setting
	for _, other := range p.settings() {
		if other != want && m[other] != nil {
			p.fail(m[other], "destination %s: %s does not go with type %s", e.name, other, d.Driver.Type)
		}
	}
	if m[want] == nil {
		p.fail(e.key, "destination %s: %s is missing", e.name, want)
		return ""
	}
	value, unset := p.expand(p.rawText(m[want], want))
	d.Unset = unset
	if value == "" && len(unset) == 0 {
		p.fail(m[want], "destination %s: %s is empty", e.name, want)
	}
	if folder := filepath.Dir(p.config.Path); d.Driver.Folder && folder != "." && len(unset) == 0 && !filepath.IsAbs(value) {
		return filepath.Join(folder, value)
	}
	return value
}

func (p *fileParser) job(e entry) {
	before := len(p.problems)
	m := p.mapping(e.value, "job "+e.name, []string{"resource", "schedule", "full_every", "destinations", "options"})
	if !namePattern().MatchString(e.name) {
		p.fail(e.key, "job name %q: use letters, digits, - and _", e.name)
	}
	job := Job{Name: e.name, Line: e.line}
	name, at := e.name, ast.Node(e.key)
	if n := m["resource"]; n != nil {
		name, at = p.text(n, "resource"), n
	}
	if job.Resource = catalog.Find(name); job.Resource == nil {
		p.fail(at, "unknown resource %q%s", name, didYouMean(name, resourceNames()))
		return
	}
	if n := m["schedule"]; n != nil {
		p.schedule(&job, n)
	}
	job.FullEvery = job.Resource.FullEvery
	if n := m["full_every"]; n != nil {
		p.fullEvery(&job, n)
	}
	p.jobDestinations(&job, m["destinations"], e)
	job.Options = p.options(job.Resource, m["options"])
	p.config.Jobs = append(p.config.Jobs, job)
	if len(p.problems) == before {
		p.sound = append(p.sound, job)
	}
}

func (p *fileParser) schedule(job *Job, n ast.Node) {
	s, err := schedule.Parse(p.text(n, "schedule"), p.config.Location)
	if err != nil {
		p.fail(n, "job %s: %v", job.Name, err)
		return
	}
	job.Schedule = s
}

func (p *fileParser) jobDestinations(job *Job, n ast.Node, e entry) {
	if n == nil {
		p.fail(e.key, "job %s: destinations is missing; name at least one", job.Name)
		return
	}
	var known []string
	for _, d := range p.config.Destinations {
		known = append(known, d.Name)
	}
	for _, item := range p.list(n, "destinations") {
		name := p.text(item, "destination")
		switch {
		case p.config.Destination(name) == nil:
			p.fail(item, "job %s: unknown destination %q%s", job.Name, name, didYouMean(name, known))
		case slices.Contains(job.Destinations, name):
			p.fail(item, "job %s: destination %q is named twice", job.Name, name)
		default:
			job.Destinations = append(job.Destinations, name)
		}
	}
	if len(p.list(n, "destinations")) == 0 {
		p.fail(n, "job %s: name at least one destination", job.Name)
	}
}

// checkSources makes sure that a job which takes its parents from a table has a job
// that writes the table.
func (p *fileParser) checkSources() {
	for _, job := range p.config.Jobs {
		for _, from := range job.Options.Parents.From {
			if p.config.SourceOf(from) == nil {
				p.problems = append(p.problems, Problem{Line: job.Line, Message: fmt.Sprintf(
					"job %s takes its %ss from %s, but no job exports that; add one, or name others under from", job.Name, job.Resource.Parents.Noun, from)})
			}
		}
	}
}

// SourceOf returns the first job that exports a resource, or nil.
func (c *Config) SourceOf(resource string) *Job {
	for i := range c.Jobs {
		if c.Jobs[i].Resource.Name == resource {
			return &c.Jobs[i]
		}
	}
	return nil
}

func namePattern() *regexp.Regexp     { return regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`) }
func variablePattern() *regexp.Regexp { return regexp.MustCompile(`\$\{[A-Za-z_][A-Za-z0-9_]*\}`) }

func resourceNames() []string {
	var names []string
	for _, r := range catalog.All() {
		names = append(names, r.Name)
	}
	return names
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
