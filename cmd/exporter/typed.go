package main

import (
	"regexp"
	"strings"
)

// canonical is a command as texts hold it that are stored, or that come from
// packages which do not know how the program was called: see typed.
func canonical(words ...string) string {
	all := append([]string{"exporter"}, words...)
	for i := range all {
		all[i] = quoted(all[i])
	}
	return strings.Join(all, " ")
}

// command is what to type to run a command on the same configuration.
func (a *app) command(words ...string) string { return a.typed(canonical(words...), "") }

// canonicalCommand finds such a command in a text.
func canonicalCommand() *regexp.Regexp {
	return regexp.MustCompile("(^|[\\s`])exporter (accounts|backfill|check|forget|login|migrate|plan|run|simulate|status)\\b")
}

// typed makes of the canonical commands in a text what to type here and now: the
// program as it was called, on the same configuration, and, where jobs are run,
// for an account, if one is given. What is typed already stays as it is.
func (a *app) typed(text, account string) string {
	if !strings.Contains(text, "exporter ") {
		return text
	}
	return canonicalCommand().ReplaceAllStringFunc(text, func(found string) string {
		before, verb, _ := strings.Cut(found, "exporter ")
		words := []string{quoted(a.called())}
		if a.config != "jobs.yaml" && a.config != "" {
			words = append(words, "--config", quoted(a.config))
		}
		if account != "" && (verb == "run" || verb == "backfill") {
			words = append(words, "--account", quoted(account))
		}
		return before + strings.Join(append(words, verb), " ")
	})
}

// called is how the program was called: by a path, or by its name.
func (a *app) called() string {
	if strings.ContainsAny(a.program, `/\`) {
		return a.program
	}
	return "exporter"
}

// meant is the account to name in a command about one: none where it goes without
// saying.
func (a *app) meant(account string) string {
	if a.account != "" || !a.several.Load() {
		return a.account
	}
	return account
}

// quoted is a word as a shell reads it.
func quoted(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@%+=,", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
