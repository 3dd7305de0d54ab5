package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// expositionType is the media type of Prometheus' text format.
const expositionType = "text/plain; version=0.0.4; charset=utf-8"

// A family is one metric: a value for each combination of its labels. It is not safe
// for concurrent use.
type family struct {
	name, help, kind string
	labels           []string
	values           map[string]float64 // by the labels, in the text format
}

func newCounter(name, help string, labels ...string) *family {
	return &family{"tracklake_" + name, help, "counter", labels, map[string]float64{}}
}

func newGauge(name, help string, labels ...string) *family {
	return &family{"tracklake_" + name, help, "gauge", labels, map[string]float64{}}
}

// add and set take a value for each label.
func (f *family) add(n float64, labels ...string) { f.values[f.key(labels)] += n }
func (f *family) set(n float64, labels ...string) { f.values[f.key(labels)] = n }

func (f *family) key(values []string) string {
	if len(f.labels) == 0 {
		return ""
	}
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	pairs := make([]string, len(f.labels))
	for i, label := range f.labels {
		pairs[i] = label + `="` + escape.Replace(values[i]) + `"`
	}
	return "{" + strings.Join(pairs, ",") + "}"
}

// expose writes families in the text format. Those without a value are left out.
func expose(families ...*family) string {
	var b strings.Builder
	for _, f := range families {
		if len(f.values) == 0 {
			continue
		}
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", f.name, f.help, f.name, f.kind)
		for _, labels := range slices.Sorted(maps.Keys(f.values)) {
			fmt.Fprintf(&b, "%s%s %s\n", f.name, labels, strconv.FormatFloat(f.values[labels], 'g', -1, 64))
		}
	}
	return b.String()
}
