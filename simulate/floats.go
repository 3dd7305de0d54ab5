package simulate

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// withFloats writes the integers of a JSON text as floats, as Java's
// Double.toString does: plain, and with an exponent from a number on.
func withFloats(text []byte, exponentFrom int64) []byte {
	out := make([]byte, 0, len(text)+len(text)/16)
	for i := 0; i < len(text); {
		end := i + 1
		switch c := text[i]; {
		case c == '"':
			end = endOfString(text, i)
			out = append(out, text[i:end]...)
		case c == '-' || '0' <= c && c <= '9':
			for end < len(text) && bytes.IndexByte([]byte("+-.eE0123456789"), text[end]) >= 0 {
				end++
			}
			out = append(out, float(string(text[i:end]), exponentFrom)...)
		default:
			out = append(out, c)
		}
		i = end
	}
	return out
}

// endOfString returns the place behind the string that begins at i.
func endOfString(text []byte, i int) int {
	for i++; i < len(text) && text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return min(i+1, len(text))
}

// float writes an integer as a float; other numbers stay as they are.
func float(number string, exponentFrom int64) string {
	var n int64
	if json.Unmarshal([]byte(number), &n) != nil {
		return number
	}
	digits := strings.TrimPrefix(number, "-")
	if max(n, -n) < exponentFrom || n == 0 {
		return number + ".0"
	}
	sign, exponent := number[:len(number)-len(digits)], len(digits)-1
	fraction := strings.TrimRight(digits[1:], "0")
	if fraction == "" {
		fraction = "0"
	}
	return sign + digits[:1] + "." + fraction + "E" + strconv.Itoa(exponent)
}
