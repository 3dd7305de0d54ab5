package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/pipeline/config"
)

// A question asks for one part of a draft, which a flag can answer.
type question struct {
	name  string   // of the flag
	flag  []string // its value; empty: not given
	text  string
	head  string      // what to know about the list
	list  [][2]string // what can be chosen, with what it is
	usual func(config.Draft) string
	set   func(*config.Draft, []string) error
}

// questions are those of init, in order.
func (c *initCmd) questions() []question {
	return []question{
		c.what(),
		{
			name: "to", flag: c.To,
			text:  "Where to? A folder for Parquet files, postgres, or both, separated by a comma",
			usual: func(d config.Draft) string { return d.Destinations[0].Address },
			set: func(d *config.Draft, words []string) (err error) {
				d.Destinations, err = destinationsOf(words)
				return err
			},
		},
		{
			name: "at", flag: given(c.At),
			text:  "When? The time of day at which jobs run, or none if they run only when asked, as by cron",
			usual: func(d config.Draft) string { return d.At },
			set: func(d *config.Draft, words []string) error {
				if d.At = strings.Join(words, " "); d.At == noTime {
					d.At = ""
				}
				return d.Check()
			},
		},
		{
			name: "timezone", flag: given(c.Timezone),
			text:  "In which time zone?",
			usual: func(d config.Draft) string { return d.Timezone },
			set: func(d *config.Draft, words []string) error {
				d.Timezone = strings.Join(words, " ")
				return d.Check()
			},
		},
	}
}

// what asks what to export, which either of two flags can answer.
func (c *initCmd) what() question {
	q := question{
		name: "resources", flag: c.Resources, head: sizesHead, list: sizeList(),
		text:  "What to export? A size, or names of resources, separated by commas",
		usual: func(config.Draft) string { return usualSize.String() },
		set: func(d *config.Draft, words []string) (err error) {
			if d.Resources, err = resourcesOf(words); err != nil {
				return err
			}
			return d.Check()
		},
	}
	if c.Size != "" {
		q.name, q.flag = "size", []string{c.Size}
		q.set = func(d *config.Draft, words []string) error {
			size, err := sizeNamed(words[0])
			d.Resources = catalog.Of(size)
			return err
		}
	}
	return q
}

// given is the value of a flag that has one, as a list.
func given(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}

// ask asks until an answer is right. An empty one stands for what is usual.
func (a *app) ask(q question, d *config.Draft) error {
	s := screenOf(a.stderr)
	if q.head != "" {
		fmt.Fprint(a.stderr, s.block(q.head, 0))
	}
	for i, choice := range q.list {
		doc := strings.Join(s.fold(choice[1], 24), "\n"+strings.Repeat(" ", 24))
		fmt.Fprintf(a.stderr, "  %2d  %-16s  %s\n", i+1, choice[0], doc)
	}
	for {
		fmt.Fprint(a.stderr, strings.TrimSuffix(s.block(q.text+" ["+q.usual(*d)+"]:", 0), "\n")+" ")
		line, err := readLine(a.ctx, a.stdin)
		if err != nil {
			return err
		}
		if !strings.HasSuffix(line, "\n") {
			return &usageError{errors.New("the input ended; nothing was written")}
		}
		var words []string
		for word := range strings.SplitSeq(line, ",") {
			words = append(words, strings.TrimSpace(word))
		}
		if words = slices.DeleteFunc(words, func(w string) bool { return w == "" }); len(words) == 0 {
			return nil
		}
		draft := *d
		if err = q.set(&draft, words); err == nil {
			*d = draft
			return nil
		}
		fmt.Fprintf(a.stderr, "%s.\n", err)
	}
}

// isTerminalInput reports whether somebody can answer.
func isTerminalInput(r io.Reader) bool {
	f, ok := r.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
