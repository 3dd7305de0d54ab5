package listdiff_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tracklake/tracklake/extract/listdiff"
)

func TestKeys(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		keys    []listdiff.Key
		damaged bool
		holes   int
	}{
		"empty":                 {nil, false, 0},
		"one":                   {[]listdiff.Key{"a 1"}, false, 0},
		"sound":                 {[]listdiff.Key{"a 1", "~x", "b 2"}, false, 0},
		"marks within a key":    {[]listdiff.Key{"a!", "b?", "c 1"}, false, 0},
		"unreadable":            {[]listdiff.Key{"a 1", "! 3f", "b 2"}, true, 0},
		"unreadable at first":   {[]listdiff.Key{"!", "b 2"}, true, 0},
		"only an unreadable":    {[]listdiff.Key{"!"}, true, 0},
		"a hole":                {[]listdiff.Key{"a 1", "?"}, true, 1},
		"a hole at first":       {[]listdiff.Key{"?", "a 1"}, true, 1},
		"only holes":            {[]listdiff.Key{"?", "?", "?"}, true, 3},
		"holes and unreadables": {[]listdiff.Key{"?", "!a 1", "?", "b 2"}, true, 2},
		"over a block":          {make([]listdiff.Key, 0, 60_000), true, 600},
	}
	big := tests["over a block"]
	for i := range 60_000 {
		key := "key" + strconv.Itoa(i)
		if i%100 == 99 {
			key = listdiff.Hole
		}
		big.keys = append(big.keys, key)
	}
	tests["over a block"] = big
	for name, tt := range tests {
		var b listdiff.Builder
		for _, k := range tt.keys {
			b.Add(k)
		}
		count := b.Count()
		built := b.Keys()
		joined := listdiff.KeysOf(tt.keys)
		if built != joined || count != len(tt.keys) || built.Count != count {
			t.Errorf("%s: built %d keys in %d bytes, counted %d, want %d in %d bytes", name, built.Count, len(built.Lines), count, len(tt.keys), len(joined.Lines))
		}
		if parsed := listdiff.ParseKeys(built.Lines); parsed != built || !slices.Equal(parsed.All(), tt.keys) {
			t.Errorf("%s: parsed as %d keys", name, parsed.Count)
		}
		if built.Damaged() != tt.damaged || built.Holes() != tt.holes {
			t.Errorf("%s: damaged %v with %d holes, want %v with %d", name, built.Damaged(), built.Holes(), tt.damaged, tt.holes)
		}
		if b.Add("z"); b.Count() != 1 || b.Keys().Lines != "z" {
			t.Errorf("%s: the builder was not emptied", name)
		}
	}
}

// TestBuilderTakesAKeyLargerThanABlock adds one between two others.
func TestBuilderTakesAKeyLargerThanABlock(t *testing.T) {
	t.Parallel()
	keys := []listdiff.Key{"a", strings.Repeat("x", 1<<20), "b"}
	var b listdiff.Builder
	for _, k := range keys {
		b.Add(k)
	}
	if got := b.Keys().All(); !slices.Equal(got, keys) {
		t.Errorf("%d keys came back", len(got))
	}
}
