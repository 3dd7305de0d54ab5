// Command exporter keeps a copy of a Spotify library as SQL tables and Parquet
// files.
//
// The command only parses flags, wires the parts together and prints. It is
// the one place that knows which destinations exist.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/tracklake/tracklake/load/parquet"
)

// cli is the command line.
type cli struct {
	Config    string      `help:"File that describes jobs and destinations. Relative paths in it, and .env, are those of its folder." default:"jobs.yaml" placeholder:"FILE" env:"EXPORTER_CONFIG" group:"global"`
	Account   string      `help:"Account to use, by name or account_id; default: all connected accounts." placeholder:"NAME" group:"global"`
	LogFormat string      `help:"Format of log lines on stderr: ${enum}." enum:"text,json" default:"text" group:"global"`
	LogLevel  string      `help:"Minimum log level: ${enum}." enum:"debug,info,warn,error" default:"info" group:"global"`
	Version   versionFlag `help:"Print the version and exit." group:"global"`

	Init   initCmd   `cmd:"" group:"path" help:"Write a jobs.yaml and a .env, asking what to export, where to and when."`
	Login  loginCmd  `cmd:"" group:"path" help:"Connect an account: sign in to Spotify in the browser."`
	Check  checkCmd  `cmd:"" group:"path" help:"Check configuration, credentials, scopes and destinations without exporting."`
	Run    runCmd    `cmd:"" group:"path" help:"Run jobs now and exit; what cron calls."`
	Status statusCmd `cmd:"" group:"path" help:"Show the last run of each job and how old its data is."`

	Demo     demoCmd     `cmd:"" group:"more" help:"Export a simulated account to ./demo: nothing to sign up for."`
	Serve    serveCmd    `cmd:"" group:"more" help:"Run jobs on their schedules."`
	Plan     planCmd     `cmd:"" group:"more" help:"Show how many requests a run would make, and what is left of the day's budget."`
	Backfill backfillCmd `cmd:"" group:"more" help:"Sync everything in full; resumable."`
	Accounts accountsCmd `cmd:"" group:"more" help:"List connected accounts, remove one, or change the key that encrypts them."`
	Forget   forgetCmd   `cmd:"" group:"more" help:"Delete everything exported of an account, and its credentials."`
	Migrate  migrateCmd  `cmd:"" group:"more" help:"Migrate PostgreSQL schemas and Parquet files."`
	Tables   tablesCmd   `cmd:"" group:"more" help:"Describe the tables and their columns."`
	Simulate simulateCmd `cmd:"" group:"more" help:"Serve a simulated Spotify, to write programs against."`

	Help       helpCmd       `cmd:"" group:"about" help:"Show help about a command, the environment variables or the exit codes."`
	Completion completionCmd `cmd:"" group:"about" help:"Print a script that completes commands in a shell."`
	Show       versionCmd    `cmd:"" name:"version" group:"about" help:"Print the version, the commit, its date and the Go version."`
	Complete   completeCmd   `cmd:"" name:"__complete" group:"about" hidden:"" passthrough:"" help:"Print what can follow some words; for the scripts of completion."`
}

func main() {
	// A core file would hold tokens.
	forbidCore()
	frugal()
	os.Exit(exporter(os.Args, os.Stdin, os.Stdout, os.Stderr))
}

// frugal limits memory, as the program runs beside others. A library that needs more
// gets it, and takes longer. GOGC or GOMEMLIMIT overrides the limit.
func frugal() {
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(80 << 20)
	}
}

// stopTime is how long a command may take to end after a signal: a little longer than
// what a run may take to commit. Supervisors kill a process after ten seconds.
const stopTime = 9 * time.Second

// exporter runs one command and returns its exit code. The first SIGINT or
// SIGTERM lets the command end in order, the second ends the program at once.
func exporter(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer context.AfterFunc(ctx, func() {
		stop() // from now on a signal has its usual effect
		time.AfterFunc(stopTime, func() {
			fmt.Fprintln(stderr, "exporter: stopped while it waited for an answer")
			os.Exit(int(codeInterrupted))
		})
	})()
	a := newApp(ctx, stdin, stdout, stderr)
	a.program = args[0]
	err := parquet.ReuseCompressors()
	if err == nil {
		err = a.execute(args[1:])
	}
	var done exitCode
	if err == nil || errors.As(err, &done) {
		return int(done)
	}
	fmt.Fprintln(stderr, "exporter:", err)
	if hint := a.hintOf(err); hint != "" {
		fmt.Fprintln(stderr, "hint:", hint)
	}
	return codeOf(err)
}

// execute parses the arguments and runs the command that they name. Without any, it
// shows the help.
func (a *app) execute(args []string) error {
	if len(args) == 0 {
		args = []string{"--help"}
	}
	var c cli
	exited := exitCode(-1)
	parser, err := newParser(&c, kong.Writers(a.stdout, a.stderr), kong.Exit(func(code int) { exited = exitCode(code); panic(exited) }))
	if err != nil {
		return fmt.Errorf("set up the command line: %w", err)
	}
	command, err := parse(parser, args)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		return &usageError{&hinted{err, "for commands and flags: " + canonical("help")}}
	}
	a.use(&c)
	return command.Run(a)
}

// parse turns the panic with which kong leaves after --help into a return.
func parse(parser *kong.Kong, args []string) (ctx *kong.Context, err error) {
	defer func() {
		if left := recover(); left != nil {
			if _, ok := left.(exitCode); !ok {
				panic(left)
			}
		}
	}()
	return parser.Parse(args)
}
