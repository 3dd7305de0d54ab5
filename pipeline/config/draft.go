package config

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tracklake/tracklake/catalog"
)

// A Draft is what a new jobs.yaml says: one job a resource, and all of them write to
// all destinations.
type Draft struct {
	Timezone     string
	Destinations []Destination // Name, Driver and Address of each
	Resources    []*catalog.Resource
	// At is the time of day, HH:MM, at which the jobs run. Empty: they have no
	// schedule.
	At string
}

// Check returns what is wrong with the draft.
func (d Draft) Check() error {
	if _, err := Zone(d.Timezone); err != nil {
		return err
	}
	if _, err := time.Parse(timeOfDay, d.At); d.At != "" && err != nil {
		return fmt.Errorf("unknown time of day %q; write it like 03:15", d.At)
	}
	for _, r := range d.Resources {
		if len(r.Sources()) > 0 && len(d.sources(r)) == 0 {
			return fmt.Errorf("%s takes its %ss from other tables; choose %s as well", r.Name, r.Parents.Noun, strings.Join(r.Sources(), " or "))
		}
	}
	return nil
}

const timeOfDay = "15:04"

// sources are the resources of the draft that a resource takes its parents from: those
// of its default, else any that name them.
func (d Draft) sources(r *catalog.Resource) []string {
	absent := func(name string) bool {
		return !slices.ContainsFunc(d.Resources, func(r *catalog.Resource) bool { return r.Name == name })
	}
	if usual := slices.DeleteFunc(slices.Clone(r.Defaults().Parents.From), absent); len(usual) > 0 {
		return usual
	}
	return slices.DeleteFunc(r.Sources(), absent)
}

// Text is the commented jobs.yaml of a draft that passes [Draft.Check].
func (d Draft) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# yaml-language-server: $schema=%s\n", SchemaURL)
	b.WriteString("# What to export, where to, and when. Every setting: https://github.com/tracklake/tracklake/blob/main/docs/configuration.md\n")
	fmt.Fprintf(&b, "timezone: %s\n\ndestinations:\n", scalar(d.Timezone))
	var names []string
	for _, to := range d.Destinations {
		names = append(names, to.Name)
		fmt.Fprintf(&b, "  # %s\n  %s: {type: %s, %s: %s}\n", to.Driver.Doc, to.Name, to.Driver.Type, to.Driver.Setting, scalar(to.Address))
	}
	b.WriteString("\njobs:\n")
	for _, r := range d.Resources {
		fmt.Fprintf(&b, "  # %s\n  %s:\n", r.Doc, r.Name)
		if d.At != "" {
			fmt.Fprintf(&b, "    schedule: %s\n", d.schedule(r.Every))
		}
		fmt.Fprintf(&b, "    destinations: [%s]\n", strings.Join(names, ", "))
		d.options(&b, r)
	}
	return b.String()
}

// schedule is the cron line for a cadence, with what it means.
func (d Draft) schedule(every catalog.Cadence) string {
	at, _ := time.Parse(timeOfDay, d.At)
	hour, minute := at.Hour(), at.Minute()
	switch every {
	case catalog.Hourly:
		return fmt.Sprintf(`"%d * * * *" # every hour`, minute)
	case catalog.Weekly:
		return fmt.Sprintf(`"%d %d * * 0" # Sundays at %s`, minute, hour, at.Format(timeOfDay))
	default:
		return fmt.Sprintf(`"%d %d * * *" # every day at %s`, minute, hour, at.Format(timeOfDay))
	}
}

// options writes all options of a resource with their defaults.
func (d Draft) options(b *strings.Builder, r *catalog.Resource) {
	if len(r.Options) > 0 {
		b.WriteString("    options:\n")
	}
	for _, o := range r.Options {
		fmt.Fprintf(b, "      # %s\n      %s: ", o.Doc, o.Name)
		switch o.Kind {
		case catalog.Words:
			fmt.Fprintf(b, "[%s]\n", strings.Join(o.Default, ", "))
		case catalog.Number:
			fmt.Fprintf(b, "%d\n", o.Number)
		case catalog.Chosen:
			fmt.Fprintf(b, "{from: [%s]}\n", strings.Join(d.sources(r), ", "))
		}
	}
}

// scalar is a text in YAML, in quotes unless it cannot be mistaken for anything else.
func scalar(text string) string {
	if regexp.MustCompile(`^([A-Z][A-Za-z]+/|\.{0,2}/)[A-Za-z0-9_./+-]*$|^UTC$`).MatchString(text) {
		return text
	}
	quoted, _ := json.Marshal(text) // a string always can be
	return string(quoted)
}
