package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// TestExposition reads metrics back with Prometheus' own parser.
func TestExposition(t *testing.T) {
	t.Parallel()
	odd := "a \"b\" \\n\nÅ}"
	runs := newCounter("runs_total", "Runs.", "job", "status")
	runs.add(1, "tracks", "ok")
	runs.add(2.5, "tracks", "ok")
	runs.add(0, odd, "failed")
	ends := newGauge("ends", "An end.")
	ends.set(5)
	ends.set(1.7954e9)

	parser := expfmt.NewTextParser(model.LegacyValidation)
	read, err := parser.TextToMetricFamilies(strings.NewReader(expose(runs, newGauge("nothing", "No value."), ends)))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for name, f := range read {
		for _, m := range f.GetMetric() {
			key := name + " " + f.GetHelp() + " " + f.GetType().String()
			for _, l := range m.GetLabel() {
				key += " " + l.GetName() + "=" + l.GetValue()
			}
			got[key] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	want := map[string]float64{
		"tracklake_runs_total Runs. COUNTER job=tracks status=ok":          3.5,
		"tracklake_runs_total Runs. COUNTER job=" + odd + " status=failed": 0,
		"tracklake_ends An end. GAUGE":                                     1.7954e9,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
