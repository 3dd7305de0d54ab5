package listdiff_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tracklake/tracklake/extract/listdiff"
)

func TestGaps(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		before, after string   // keys
		want          []string // before>after@position
	}{
		"both empty":                      {"", "", nil},
		"same":                            {"a,b,c", "a,b,c", nil},
		"first ones":                      {"", "a,b", []string{">a,b@0"}},
		"all removed":                     {"a,b", "", []string{"a,b>@0"}},
		"exchanged":                       {"a,b", "c,d", []string{"a,b>c,d@0"}},
		"at the beginning":                {"a,c", "b,c", []string{"a>b@0"}},
		"at the end":                      {"a,b", "a,c", []string{"b>c@1"}},
		"in the middle":                   {"a,b,c", "a,d,e,c", []string{"b>d,e@1"}},
		"one removed, another came":       {"a,b,c,d", "b,c,e,d", []string{"a>@0", ">e@2"}},
		"moved":                           {"a,b,c", "c,a,b", []string{">c@0", "c>@3"}},
		"became unreadable":               {"a,b 1,c", "a,! 1,c", []string{"b 1>! 1@1"}},
		"became a hole":                   {"a,b,c", "a,c,?", []string{"b>@1", ">?@2"}},
		"unreadable as before":            {"a,!,b,!,!", "a,!,b,!,!", []string{"!>!@1", "!,!>!,!@3"}},
		"one more unreadable at the end":  {"a,!,b", "a,!,b,!", []string{"!>!@1", ">!@3"}},
		"one more unreadable between two": {"a,!,b", "a,!,!,b", []string{"!>!,!@1"}},
		"nothing but holes":               {"?,?", "?,?,?", []string{"?,?>?,?,?@0"}},
		"rowless":                         {"~x,~x,a", "~x,a", []string{"~x,~x>~x@0"}},
		"twice before":                    {"a,b,a", "a,b", []string{"a>a@0", "a>@2"}},
		"twice after":                     {"a", "a,a", []string{">a@0"}},
		"twice after, among others":       {"x,a,y", "x,a,z,a,y", []string{">a,z@1"}},
		"twice after, apart":              {"a,b,c", "a,b,a,c", []string{">a@2"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, g := range listdiff.Gaps(keysIn(tt.before), keysIn(tt.after)) {
				got = append(got, fmt.Sprintf("%s>%s@%d", strings.Join(g.Before, ","), strings.Join(g.After, ","), g.At))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func keysIn(text string) []listdiff.Key {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

// TestGapsOfAnyLists puts the gaps of lists of few different keys into the one
// version, and gets the other.
func TestGapsOfAnyLists(t *testing.T) {
	t.Parallel()
	all := []listdiff.Key{"a", "b", "c", "d", "!", "! 3f", "?", "~x"}
	for seed := range uint64(20_000) {
		r := rand.New(rand.NewPCG(seed, 3))
		draw := func() []listdiff.Key {
			out := make([]listdiff.Key, r.IntN(8))
			for i := range out {
				out[i] = all[r.IntN(len(all))]
			}
			return out
		}
		before, after := draw(), draw()
		got, rest, end := []listdiff.Key{}, before, 0
		for _, g := range listdiff.Gaps(before, after) {
			same := g.At - end
			got = append(append(got, rest[:same]...), g.After...)
			rest = rest[same:]
			if !slices.Equal(rest[:len(g.Before)], g.Before) {
				t.Fatalf("%v to %v: the gap at %d does not hold what stands there", before, after, g.At)
			}
			rest, end = rest[len(g.Before):], g.At+len(g.After)
		}
		if got = append(got, rest...); !slices.Equal(got, after) {
			t.Fatalf("%v to %v: the gaps make %v", before, after, got)
		}
	}
}
