// Command withpostgres runs a command with TEST_DATABASE_URL naming a PostgreSQL server
// for tests: the one that is named already, else one of its own, which ends with the
// command. Its binaries are fetched once, from Maven Central, into the user's cache. It
// needs no root and no PostgreSQL on the machine.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
)

func main() {
	code, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "withpostgres:", err)
	}
	os.Exit(code)
}

func run(args []string) (int, error) {
	switch {
	case len(args) == 0:
		return 2, errors.New("name a command to run")
	case args[0] == serving:
		return status(serve(args[1:]))
	case os.Getenv("TEST_DATABASE_URL") != "":
		return status(command(args))
	}
	// An interrupt reaches the command as well. The server ends after it.
	signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	s, err := start()
	if err != nil {
		return 1, fmt.Errorf("start PostgreSQL: %w", err)
	}
	code, err := status(command(args, "TEST_DATABASE_URL="+s.address, "TEST_POSTGRES_BIN="+s.binaries))
	return code, errors.Join(err, s.stop())
}

// command runs the command with more in its environment.
func command(args []string, more ...string) error {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), more...)
	return cmd.Run()
}

// status is the exit code for what a command returned. One that has said for itself
// why it failed leaves no error.
func status(err error) (int, error) {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &exit):
		return max(exit.ExitCode(), 1), nil
	}
	return 1, err
}
