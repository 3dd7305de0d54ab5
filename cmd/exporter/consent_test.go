package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
)

// consent stands in for a browser and the person before it: it agrees, or
// cancels where CONSENT says so, and follows where it is led. It leaves the last
// page in page.html. CONSENT_EXTRA is the query of an answer that somebody else makes
// the browser send before; that page is left in extra.html.
func consent() {
	back := decide(os.Args[len(os.Args)-1])
	if extra := os.Getenv("CONSENT_EXTRA"); extra != "" {
		u, err := url.Parse(back)
		exitOn(err)
		u.RawQuery = extra
		visit(u.String(), "extra.html")
	}
	visit(back, "page.html")
}

// visit keeps a page.
func visit(address, name string) {
	resp, err := http.Get(address)
	exitOn(err)
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	exitOn(err)
	exitOn(os.WriteFile("page.new", page, 0o600))
	exitOn(os.Rename("page.new", name))
}

// decide answers the consent page and returns where the browser is sent back.
func decide(address string) string {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer := url.Values{"answer": {"agree"}, "user": {"0"}}
	if how := os.Getenv("CONSENT"); how != "" {
		answer.Set("answer", how)
	}
	if user := os.Getenv("CONSENT_USER"); user != "" {
		answer.Set("user", user)
	}
	resp, err := client.PostForm(address, answer)
	exitOn(err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusFound {
		body, err := io.ReadAll(resp.Body)
		exitOn(err)
		exitOn(fmt.Errorf("the consent page says %d: %s", resp.StatusCode, body))
	}
	return resp.Header.Get("Location")
}

// byhand runs exporter with the arguments after the first, opens the address
// that it prints in consent's manner, and pastes back what the first argument
// says: the whole address, the bare code, an address without or with a wrong
// state, or nothing.
func byhand() {
	what := os.Args[1]
	cmd := exec.Command("exporter", os.Args[2:]...)
	cmd.Stdout = os.Stdout
	stdin, err := cmd.StdinPipe()
	exitOn(err)
	stderr, err := cmd.StderrPipe()
	exitOn(err)
	exitOn(cmd.Start())
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		fmt.Fprintln(os.Stderr, lines.Text())
		if address := strings.TrimSpace(lines.Text()); strings.Contains(address, "/authorize?") {
			_, err := fmt.Fprintln(stdin, paste(what, decide(address)))
			exitOn(err)
			exitOn(stdin.Close())
		}
	}
	if cmd.Wait() != nil {
		os.Exit(cmd.ProcessState.ExitCode())
	}
}

func paste(what, back string) string {
	u, err := url.Parse(back)
	exitOn(err)
	q := u.Query()
	switch what {
	case "code":
		return q.Get("code")
	case "nothing":
		return ""
	case "stateless":
		q.Del("state")
	case "wrong":
		q.Set("state", "another")
	}
	u.RawQuery = q.Encode()
	return u.String()
}
