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
	Config    string           `help:"File that describes jobs and destinations." default:"jobs.yaml" placeholder:"FILE"`
	Account   string           `help:"Account to use, by name or account_id; default: all connected accounts." placeholder:"NAME"`
	LogFormat string           `help:"Format of log lines on stderr: ${enum}." enum:"text,json" default:"text"`
	LogLevel  string           `help:"Minimum log level: ${enum}." enum:"debug,info,warn,error" default:"info"`
	Version   kong.VersionFlag `help:"Print the version and exit."`

	Demo     demoCmd     `cmd:"" help:"Export a simulated account to ./demo: nothing to sign up for."`
	Login    loginCmd    `cmd:"" help:"Connect an account: sign in to Spotify in the browser."`
	Accounts accountsCmd `cmd:"" help:"List connected accounts, remove one, or change the key that encrypts them."`
	Forget   forgetCmd   `cmd:"" help:"Delete everything exported of an account, and its credentials."`
	Run      runCmd      `cmd:"" help:"Run jobs now and exit; what cron calls."`
	Plan     planCmd     `cmd:"" help:"Show how many requests a run would make, and what is left of the day's budget."`
	Serve    serveCmd    `cmd:"" help:"Run jobs on their schedules."`
	Backfill backfillCmd `cmd:"" help:"Sync everything in full; resumable."`
	Status   statusCmd   `cmd:"" help:"Show the last run of each job and how old its data is."`
	Check    checkCmd    `cmd:"" help:"Check configuration, credentials, scopes and destinations without exporting."`
	Migrate  migrateCmd  `cmd:"" help:"Migrate PostgreSQL schemas and Parquet files."`
	Tables   tablesCmd   `cmd:"" help:"Describe the tables and their columns."`
	Simulate simulateCmd `cmd:"" help:"Serve a simulated Spotify, to write programs against."`
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

// execute parses the arguments and runs the command that they name.
func (a *app) execute(args []string) error {
	var c cli
	exited := exitCode(-1)
	parser, err := kong.New(&c,
		kong.Name("exporter"),
		kong.Description("Keeps a copy of a Spotify library as SQL tables and Parquet files.\n\nExit codes: 0 ok, 1 failed, 2 usage or configuration error, 3 needs sign-in, 4 deferred until a time, 5 incomplete, 130 interrupted."),
		kong.Writers(a.stdout, a.stderr),
		kong.Exit(func(code int) { exited = exitCode(code); panic(exited) }),
		kong.Vars{"version": version()},
		kong.UsageOnError(),
	)
	if err != nil {
		return fmt.Errorf("set up the command line: %w", err)
	}
	command, err := parse(parser, args)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		return &usageError{err}
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

// version returns the version that the Makefile stamped, or that go install knows.
func version() string {
	if stamped != "" {
		return stamped
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
