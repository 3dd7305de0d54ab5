package main

import (
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/vbauerster/mpb/v8/cwriter"
)

// A screen says how an output stream shows text.
type screen struct {
	width  int // columns; 0: not a terminal, lines may have any length
	colour bool
}

// screenOf measures a stream. NO_COLOR and TERM=dumb turn colours off.
func screenOf(w io.Writer) screen {
	f, ok := w.(*os.File)
	if !ok || !cwriter.IsTerminal(int(f.Fd())) {
		return screen{}
	}
	width, _, err := cwriter.GetSize(int(f.Fd()))
	if err != nil || width < 20 {
		width = 80
	}
	return screen{width: width, colour: os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

// A style is how text stands out where there is colour.
type style string

const (
	plain  style = ""
	bold   style = "1"
	dim    style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
)

// paint returns text in a style.
func (s screen) paint(how style, text string) string {
	if !s.colour || how == plain || text == "" {
		return text
	}
	return "\x1b[" + string(how) + "m" + text + "\x1b[0m"
}

// fold breaks text at spaces into lines that fit behind an indent of so many columns.
// A word that is too long for a line has one of its own.
func (s screen) fold(text string, indent int) []string {
	if s.width == 0 {
		return []string{text}
	}
	room := max(20, s.width-indent)
	var out []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= room:
			line += " " + word
		default:
			out, line = append(out, line), word
		}
	}
	return append(out, line)
}

// block folds text and puts an indent before each line.
func (s screen) block(text string, indent int) string {
	before := strings.Repeat(" ", indent)
	return before + strings.Join(s.fold(text, indent), "\n"+before) + "\n"
}

// pad adds spaces up to a width.
func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
}
