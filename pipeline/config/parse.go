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
	m, ok := p.mapping(root, "the file", keys)
	if z := m["timezone"]; z != nil {
		p.timezone(z)
	}
	if m["destinations"] == nil && m["jobs"] == nil {
		if !ok {
			return
		}
		p.fail(root, "has neither destinations nor jobs; see https://github.com/tracklake/tracklake/blob/main/docs/configuration.md")
		return
	}
	p.each(m["destinations"], "destinations", p.destination)
	p.each(m["jobs"], "jobs", p.job)
	p.each(m["budgets"], "budgets", p.budget)
	if n := m["developer"]; n != nil {
		p.config.Developer, _ = p.text(n, "developer")
	}
	if n := m["token_store"]; n != nil {
		p.tokenStore(n)
	}
	p.checkSources()
	p.checkOverlaps()
}

func (p *fileParser) each(n ast.Node, what string, do func(entry)) {
	entries, _ := p.entries(n, what)
	for _, e := range entries {
		do(e)
	}
}

// maxBudget is more than anybody is granted.
const maxBudget = 1_000_000

// budget sets how many requests of a bucket may be made in 24 hours; 0: any number.
func (p *fileParser) budget(e entry) {
	if known := buckets(); !slices.Contains(known, e.name) {
		p.fail(e.key, "unknown bucket %q%s", e.name, didYouMean(e.name, known))
		return
	}
	n, _ := p.number(e.value, "budget of "+e.name, 0, maxBudget)
	if p.config.Budgets == nil {
		p.config.Budgets = map[string]int{}
	}
	p.config.Budgets[e.name] = n
}

// fullEvery reads a number of days or hours: 7d, 36h.
func (p *fileParser) fullEvery(job *Job, n ast.Node) {
	text, ok := p.exact(n, "full_every")
	if !ok {
		return
	}
	m := fullEveryPattern().FindStringSubmatch(text)
	if m == nil {
		p.fail(n, "job %s: full_every must be a number of days or hours, like 7d or 36h", job.Name)
		return
	}
	count, _ := strconv.Atoi(m[1]) // four digits at most
	job.FullEvery = time.Duration(count) * time.Hour
	if m[2] == "d" {
		job.FullEvery *= 24
	}
}

// tokenStore says where accounts are kept.
func (p *fileParser) tokenStore(n ast.Node) {
	known := []string{TokensInFiles}
	for i := range p.config.Destinations {
		if d := &p.config.Destinations[i]; d.Driver.Accounts {
			known = append(known, d.Name)
		}
	}
	if name, ok := p.word(n, n, "token_store", known); ok && name != TokensInFiles {
		p.config.TokenStore = p.config.Destination(name)
	}
}

func (p *fileParser) timezone(n ast.Node) {
	name, ok := p.text(n, "timezone")
	if !ok {
		return
	}
	zone, err := Zone(name)
	if err != nil {
		p.fail(n, "%v", err)
		return
	}
	p.config.Location = zone
}

// Zone returns the time zone of that name, which must mean the same on every machine.
func Zone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" || name == "" {
		return nil, fmt.Errorf("unknown time zone %q; use a name like Europe/Stockholm, or UTC", name)
	}
	return zone, nil
}

func (p *fileParser) destination(e entry) {
	d := Destination{Name: e.name, Line: e.line}
	if !namePattern().MatchString(e.name) {
		p.fail(e.key, "destination name %q: use letters, digits, - and _", e.name)
	}
	if m, ok := p.mapping(e.value, "destination "+e.name, append([]string{"type"}, p.settings()...)); m != nil {
		p.driver(&d, e, m, ok)
	}
	p.oneName(&d, e)
	p.config.Destinations = append(p.config.Destinations, d)
}

// driver reads the type of a destination, and the setting that goes with it.
func (p *fileParser) driver(d *Destination, e entry, m map[string]ast.Node, complete bool) {
	if m["type"] == nil && !complete {
		return
	}
	var types []string
	for _, driver := range p.drivers {
		types = append(types, driver.Type)
	}
	if word, ok := p.word(m["type"], e.value, "type of destination "+e.name, types); ok {
		d.Driver = p.drivers[slices.Index(types, word)]
		if m[d.Driver.Setting] != nil || complete {
			d.Address = p.address(d, m, e)
		}
	}
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
			p.fail(m[other], "destination %s: %s does not go with type %s, which needs %s", e.name, other, d.Driver.Type, want)
			return ""
		}
	}
	if m[want] == nil {
		p.fail(e.key, "destination %s: %s is missing", e.name, want)
		return ""
	}
	written, ok := p.exact(m[want], want)
	value, unset := p.expand(strings.TrimSpace(written))
	d.Unset = unset
	if ok && value == "" && len(unset) == 0 {
		p.fail(m[want], "destination %s: %s is empty", e.name, want)
	}
	if folder := filepath.Dir(p.config.Path); d.Driver.Folder && folder != "." && value != "" && len(unset) == 0 && !filepath.IsAbs(value) {
		return filepath.Join(folder, value)
	}
	return value
}

func (p *fileParser) job(e entry) {
	before := len(p.problems)
	m, complete := p.mapping(e.value, "job "+e.name, []string{"resource", "schedule", "full_every", "destinations", "options"})
	if m == nil {
		return
	}
	job := Job{Name: e.name, Line: e.line}
	if m["resource"] == nil && !complete && catalog.Find(e.name) == nil {
		return
	}
	if job.Resource = p.resource(e, m["resource"]); job.Resource == nil {
		return
	}
	if n := m["schedule"]; n != nil {
		p.schedule(&job, n)
	}
	job.FullEvery = job.Resource.FullEvery
	if n := m["full_every"]; n != nil {
		p.fullEvery(&job, n)
	}
	if m["destinations"] != nil || complete {
		p.jobDestinations(&job, m["destinations"], e)
	}
	job.Options = p.options(job.Resource, m["options"])
	p.config.Jobs = append(p.config.Jobs, job)
	if len(p.problems) == before {
		p.sound = append(p.sound, job)
	}
}

// resource returns what a job exports, or nil.
func (p *fileParser) resource(e entry, n ast.Node) *catalog.Resource {
	name, at := e.name, ast.Node(e.key)
	if n != nil {
		if !namePattern().MatchString(e.name) {
			p.fail(e.key, "job name %q: use letters, digits, - and _", e.name)
		}
		given, ok := p.exact(n, "resource")
		if !ok {
			return nil
		}
		name, at = given, n
	}
	r := catalog.Find(name)
	if r == nil {
		p.fail(at, "unknown resource %q%s", name, didYouMean(name, resourceNames()))
	}
	return r
}

func (p *fileParser) schedule(job *Job, n ast.Node) {
	line, ok := p.exact(n, "schedule")
	if !ok {
		return
	}
	s, err := schedule.Parse(line, p.config.Location)
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
	items, ok := p.list(n, "destinations")
	if ok && len(items) == 0 {
		p.fail(n, "job %s: name at least one destination", job.Name)
	}
	for _, item := range items {
		name, ok := p.exact(item, "destination")
		switch {
		case !ok:
		case p.config.Destination(name) == nil:
			p.fail(item, "job %s: unknown destination %q%s", job.Name, name, didYouMean(name, known))
		case slices.Contains(job.Destinations, name):
			p.fail(item, "job %s: destination %q is named twice", job.Name, name)
		default:
			job.Destinations = append(job.Destinations, name)
		}
	}
}

// checkSources makes sure that a job which takes its parents from a table has a job
// that writes the table.
func (p *fileParser) checkSources() {
	for _, job := range p.config.Jobs {
		missing := slices.DeleteFunc(slices.Clone(job.Options.Parents.From), func(from string) bool { return p.config.SourceOf(from) != nil })
		if len(missing) > 0 {
			p.problems = append(p.problems, Problem{Line: job.Line, Message: fmt.Sprintf(
				"job %s takes its %ss from %s, but no job exports that; add one, or name others under from", job.Name, job.Resource.Parents.Noun, strings.Join(missing, " and "))})
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

func namePattern() *regexp.Regexp      { return regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`) }
func fullEveryPattern() *regexp.Regexp { return regexp.MustCompile(`^([0-9]{1,4})([dh])$`) }
func variablePattern() *regexp.Regexp  { return regexp.MustCompile(`\$\{[A-Za-z_][A-Za-z0-9_]*\}`) }

// buckets lists the buckets of the rate limit, each once.
func buckets() []string {
	var out []string
	for _, r := range catalog.All() {
		if !slices.Contains(out, r.Endpoint.Bucket) {
			out = append(out, r.Endpoint.Bucket)
		}
	}
	return out
}

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
