package simulate_test

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/tracklake/tracklake/simulate"
)

// TestFloats compares all values of answers with the true ones.
func TestFloats(t *testing.T) {
	t.Parallel()
	for name, l := range lists() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := l.start(t)
			path := l.at(s)
			_, _, was := s.get(t, path)
			s.inject(t, "floats")
			_, _, is := s.get(t, path)
			before, after := tokens(t, was), tokens(t, is)
			if len(before) != len(after) {
				t.Fatalf("%d tokens, then %d", len(before), len(after))
			}
			for i := range before {
				number, isNumber := before[i].(json.Number)
				if !isNumber && before[i] != after[i] {
					t.Errorf("%v became %v", before[i], after[i])
				}
				if isNumber {
					checkFloat(t, number, after[i])
				}
			}
		})
	}
}

func tokens(t *testing.T, text string) []json.Token {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var out []json.Token
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, token)
	}
}

func checkFloat(t *testing.T, was json.Number, is json.Token) {
	t.Helper()
	got, _ := is.(json.Number)
	a, _ := was.Float64()
	b, err := got.Float64()
	if text := got.String(); err != nil || a != b || !strings.Contains(text, ".") || strings.Contains(text, "E") != (a >= 250000) {
		t.Errorf("%s became %v", was, is)
	}
}

func TestFloatsGetAnExponentWhereTold(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for arg, want := range map[int]string{0: `"limit":50.0,`, 50: `"limit":5.0E1,`, 51: `"limit":50.0,`} {
		s.ClearFaults()
		s.Inject(simulate.Fault{Kind: "floats", Arg: arg})
		if _, _, body := s.get(t, library); !strings.Contains(body, want) {
			t.Errorf("arg=%d: %s is missing", arg, want)
		}
	}
	s.ClearFaults()
	s.SetRaw(0, `{"added_at":"1 \" 2 \\","track":{"duration_ms":11113535,"n":[-7,-300000,0,1.5,2e3,10000000]}}`)
	s.Inject(simulate.Fault{Kind: "floats"})
	if _, _, body := s.get(t, library); !strings.Contains(body, `{"added_at":"1 \" 2 \\","track":{"duration_ms":1.1113535E7,"n":[-7.0,-3.0E5,0.0,1.5,2e3,1.0E7]}}`) {
		t.Errorf("%.300s", body)
	}
}
