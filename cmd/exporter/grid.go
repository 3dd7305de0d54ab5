package main

import (
	"io"
	"strings"
	"unicode/utf8"
)

// A grid is a table for people, with notes below its rows. Where it is wider than the
// screen, each row becomes a block of lines instead.
type grid struct {
	headers []string
	rows    []gridRow
}

type gridRow struct {
	cells []cell
	notes []string
}

// A cell is a text of a table, and how it stands out.
type cell struct {
	text  string
	style style
}

// without leaves out the columns of some headers.
func (g *grid) without(headers ...string) {
	for _, h := range headers {
		for i := range g.headers {
			if g.headers[i] != h {
				continue
			}
			g.headers = append(g.headers[:i:i], g.headers[i+1:]...)
			for r := range g.rows {
				cells := g.rows[r].cells
				g.rows[r].cells = append(cells[:i:i], cells[i+1:]...)
			}
			break
		}
	}
}

// print writes the table.
func (g *grid) print(w io.Writer, s screen) error {
	widths := make([]int, len(g.headers))
	total := 2 * (len(g.headers) - 1)
	for i, h := range g.headers {
		widths[i] = utf8.RuneCountInString(h)
		for _, r := range g.rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(r.cells[i].text))
		}
		total += widths[i]
	}
	var out strings.Builder
	if s.width > 0 && total > s.width {
		g.blocks(&out, s)
	} else {
		g.lines(&out, s, widths)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func (g *grid) lines(out *strings.Builder, s screen, widths []int) {
	line := func(cells []cell) {
		for i, c := range cells {
			text := s.paint(c.style, c.text)
			if i < len(cells)-1 {
				text += strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text)+2)
			}
			out.WriteString(text)
		}
		out.WriteString("\n")
	}
	var head []cell
	for _, h := range g.headers {
		head = append(head, cell{h, dim})
	}
	line(head)
	for _, r := range g.rows {
		line(r.cells)
		for _, note := range r.notes {
			out.WriteString(s.block(note, 2))
		}
	}
}

// blocks writes each row as its first cell, and a line for each of the others.
func (g *grid) blocks(out *strings.Builder, s screen) {
	label := 0
	for _, h := range g.headers[1:] {
		label = max(label, utf8.RuneCountInString(h))
	}
	for _, r := range g.rows {
		out.WriteString(s.paint(bold, r.cells[0].text) + "\n")
		for i, c := range r.cells[1:] {
			folded := s.fold(c.text, label+4)
			for j, text := range folded {
				name := ""
				if j == 0 {
					name = strings.ToLower(g.headers[i+1])
				}
				out.WriteString("  " + s.paint(dim, pad(name, label)) + "  " + s.paint(c.style, text) + "\n")
			}
		}
		for _, note := range r.notes {
			out.WriteString(s.block(note, 2))
		}
	}
}
