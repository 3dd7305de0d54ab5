package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/pipeline/config"
)

type completionCmd struct {
	Shell string `arg:"" help:"The shell: ${enum}." enum:"bash,zsh,fish"`
}

// Run is the command completion.
func (c *completionCmd) Run(a *app) error {
	fmt.Fprint(a.stdout, completionScripts()[c.Shell])
	return nil
}

// completionScripts are by shell. Each asks the program what can come next, and offers
// files where that is nothing.
func completionScripts() map[string]string {
	return map[string]string{
		"bash": `# bash completion of exporter; load it with: source <(exporter completion bash)
_exporter() {
    local IFS=$'\n' cur="${COMP_WORDS[COMP_CWORD]}"
    [ "$cur" = "=" ] && cur=""
    cur="${cur##*,}"
    COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f 1)" -- "$cur"))
    local word="${COMP_WORDS[COMP_CWORD]}"
    if [[ "$word" == *,* ]]; then COMPREPLY=("${COMPREPLY[@]/#/${word%,*},}"); fi
}
complete -o default -F _exporter exporter
`,
		"zsh": `#compdef exporter
# zsh completion of exporter; load it with: source <(exporter completion zsh)
_exporter() {
    local -a found
    local line
    for line in "${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
        [[ -n "$line" ]] && found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    done
    if (( ${#found} == 0 )); then
        _files
        return
    fi
    if [[ "$words[CURRENT]" == --*=* ]]; then compset -P '*='; fi
    compset -P '*,'
    _describe -V exporter found
}
if [[ "$funcstack[1]" = _exporter ]]; then _exporter "$@"; else compdef _exporter exporter; fi
`,
		"fish": `# fish completion of exporter; load it with: exporter completion fish | source
function __exporter_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l current $words[-1]
    set -l before (string match -r -- '^(?:--[^=]*=)?(?:.*,)?' $current)
    set -l found ($words[1] __complete $words[2..] 2>/dev/null)
    if test (count $found) -eq 0
        __fish_complete_path (commandline -ct)
        return
    end
    for line in $found
        echo -- $before$line
    end
end
complete -c exporter -f -a '(__exporter_complete)'
`,
	}
}

type completeCmd struct {
	Words []string `arg:"" optional:"" help:"The words so far; the last one is incomplete."`
}

// Run prints a line for each word that can stand at the end: the word, a tab, and what
// it means.
func (c *completeCmd) Run(a *app, k *kong.Kong) error {
	for _, found := range a.complete(k.Model.Node, c.Words) {
		fmt.Fprintf(a.stdout, "%s\t%s\n", found[0], found[1])
	}
	return nil
}

// complete returns what can stand in place of the last word, with its meaning. What the
// last word begins with is the caller's concern, as shells differ.
func (a *app) complete(node *kong.Node, words []string) [][2]string {
	if len(words) == 0 {
		words = []string{""}
	}
	var expects *kong.Flag // a value
	var given []string     // arguments of the command
	for _, word := range words[:len(words)-1] {
		name, value, assigned := strings.Cut(word, "=")
		switch {
		case word == "=": // bash splits there
		case expects != nil:
			a.noteFlag(expects, word)
			expects = nil
		case strings.HasPrefix(word, "-") && assigned:
			a.noteFlag(flagOf(node, name), value)
		case strings.HasPrefix(word, "-"):
			if f := flagOf(node, word); f != nil && !f.IsBool() {
				expects = f
			}
		case childOf(node, word) != nil:
			node = childOf(node, word)
		default:
			given = append(given, word)
		}
	}
	last := words[len(words)-1]
	if name, _, assigned := strings.Cut(last, "="); assigned && name != "" {
		expects = flagOf(node, name)
	}
	switch {
	case expects != nil:
		return a.values(expects.Value)
	case strings.HasPrefix(last, "-"):
		return flagsOf(node)
	}
	return a.arguments(node, given)
}

// noteFlag remembers the configuration, whose jobs are offered later.
func (a *app) noteFlag(f *kong.Flag, value string) {
	if f != nil && f.Name == "config" {
		a.config = value
		a.dotenv, a.dotenvErr = readDotenv(a.beside(".env"))
	}
}

// arguments returns commands, and values of an argument, without those given before.
func (a *app) arguments(node *kong.Node, given []string) [][2]string {
	var out [][2]string
	for _, child := range node.Children {
		if !child.Hidden && len(given) == 0 {
			out = append(out, [2]string{child.Name, child.Help})
		}
	}
	if node.DefaultCmd != nil {
		node = node.DefaultCmd
	}
	for _, p := range node.Positional {
		if len(given) > 0 && !p.IsSlice() {
			continue
		}
		out = append(out, a.values(p)...)
		if p.Name == "topic" && len(given) == 0 {
			for _, command := range rootOf(node).Children {
				if !command.Hidden {
					out = append(out, [2]string{command.Name, command.Help})
				}
			}
		}
	}
	return slices.DeleteFunc(out, func(o [2]string) bool { return slices.Contains(given, o[0]) })
}

// values returns the values of a flag or an argument, if there is a list of them.
func (a *app) values(v *kong.Value) [][2]string {
	var out [][2]string
	switch {
	case v.Enum != "":
		for _, word := range v.EnumSlice() {
			out = append(out, [2]string{word, ""})
		}
	case v.Name == "jobs":
		file, err := config.Load(a.config, a.env, drivers())
		if err != nil {
			return nil // there is nobody to tell
		}
		for _, j := range file.Jobs {
			out = append(out, [2]string{j.Name, j.Resource.Doc})
		}
	case v.Name == "resources":
		for _, r := range catalog.All() {
			out = append(out, [2]string{r.Name, r.Doc})
		}
	case v.Name == "tables":
		for _, t := range catalog.Tables() {
			out = append(out, [2]string{t.Name, t.Doc})
		}
		for _, v := range catalog.Views() {
			out = append(out, [2]string{v.Path(""), v.Doc})
		}
	case v.Name == "topic":
		out = [][2]string{{"environment", "The environment variables."}, {"exit-codes", "What the exit codes mean."}}
	}
	return out
}

func rootOf(n *kong.Node) *kong.Node {
	for n.Parent != nil {
		n = n.Parent
	}
	return n
}

func childOf(n *kong.Node, name string) *kong.Node {
	i := slices.IndexFunc(n.Children, func(c *kong.Node) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return n.Children[i]
}

// flagOf returns the flag that a word names, or nil.
func flagOf(n *kong.Node, word string) *kong.Flag {
	for _, flags := range n.AllFlags(true) {
		for _, f := range flags {
			if word == "--"+f.Name || f.Short != 0 && word == "-"+string(f.Short) {
				return f
			}
		}
	}
	return nil
}

func flagsOf(n *kong.Node) [][2]string {
	var out [][2]string
	for _, flags := range n.AllFlags(true) {
		for _, f := range flags {
			out = append(out, [2]string{"--" + f.Name, f.Help})
		}
	}
	return out
}
