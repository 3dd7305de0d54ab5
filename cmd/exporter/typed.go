package main

import (
	"strings"
	"sync/atomic"
)

// canonical returns a command as it is in hints, which are stored and come from
// packages that do not know how the program was called. It is at the end of a hint,
// after a colon.
func canonical(words ...string) string {
	all := append([]string{"exporter"}, words...)
	for i := range all {
		all[i] = quoted(all[i])
	}
	return strings.Join(all, " ")
}

// An invocation is how the program was called, so that hints can say what to type.
type invocation struct {
	program string
	config  string
	account string
	several atomic.Bool // jobs run for several accounts
}

func canonicalLogin(account string) string {
	if account == "" {
		return canonical("login")
	}
	return canonical("login", "--account", account)
}

func cutLast(s, separator string) (before, after string, found bool) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(separator):], true
}

// quoted returns a word quoted for a shell.
func quoted(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@%+=,", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// typed replaces the canonical command at the end of a hint with what to type here and
// now: the program as it was called, with the same configuration and, to run jobs, an
// account if one is given.
func (i *invocation) typed(hint, account string) string {
	text, command, found := cutLast(hint, ": exporter ")
	if !found || strings.HasPrefix(command, "-") { // that was typed already
		return hint
	}
	if verb, _, _ := strings.Cut(command, " "); verb != "run" && verb != "backfill" {
		account = ""
	}
	return text + ": " + i.prefix(account) + " " + command
}

// prefix returns the start of a command: the program as it was called, by a path or by
// its name, and its global flags.
func (i *invocation) prefix(account string) string {
	words := []string{"exporter"}
	if strings.ContainsAny(i.program, `/\`) {
		words[0] = quoted(i.program)
	}
	if i.config != "jobs.yaml" && i.config != "" {
		words = append(words, "--config", quoted(i.config))
	}
	if account != "" {
		words = append(words, "--account", quoted(account))
	}
	return strings.Join(words, " ")
}

// command returns what to type to run a command with the same configuration.
func (i *invocation) command(words ...string) string {
	return i.prefix("") + strings.TrimPrefix(canonical(words...), "exporter")
}

// loginCommand returns what to type to sign an account in: again, or, without a name,
// for the first time.
func (i *invocation) loginCommand(account string) string {
	return i.prefix("") + strings.TrimPrefix(canonicalLogin(account), "exporter")
}

// accountFlag returns the account to name in a command about one; "" if there is only
// one.
func (i *invocation) accountFlag(account string) string {
	if i.account != "" || !i.several.Load() {
		return i.account
	}
	return account
}
