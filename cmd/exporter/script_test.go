package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tracklake/tracklake/internal/pgtest"
	"github.com/tracklake/tracklake/internal/rowreader"
	"github.com/tracklake/tracklake/simulate"
)

// The scripts in testdata are tests of whole commands, as a user types them.
// Besides the real program they have:
//
//	sim NAME=VALUE…    starts a simulated Spotify and sets the environment for it
//	fault FAULT…       switches faults on, in place of those that were on
//	library WHAT N     save N, remove N (newest first) tracks, scopes 0,
//	                   revoke N (the user of that number, counted from 0),
//	                   expire 0 (all access tokens)
//	requests PREFIX N  compares the number of requests since the last look;
//	                   "requests forget" resets the count
//	database           makes an empty database and sets DATABASE_URL
//	query SQL          prints the rows of a query to that database
//	consent, byhand    stand in for a browser; see consent_test.go
//	called ARGUMENT…   exporter, called by the path in $CALLED
//	conforms COMMAND   checks the JSON on stdout against the schema of a command
//	rows FOLDER [COLUMN…]  prints the distinct values in Parquet files and how many rows have them
//	get URL [HOST]     prints an answer of a server, asked by the name of a host
//	duckdb SQL         prints the rows of a query to Parquet files; only in testdata/readers
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"exporter": main, "called": called, "query": query, "rows": rows, "get": fetch, "duckdb": duckdb, "consent": consent, "byhand": byhand, "keep-address": keepAddress})
}

func TestScripts(t *testing.T) {
	t.Parallel()
	runScripts(t, "testdata")
}

// TestReadersScripts are those that read files with DuckDB.
func TestReadersScripts(t *testing.T) {
	t.Parallel()
	runScripts(t, "testdata/readers")
}

// TestTerminalScripts are those that need a terminal or a certain shell.
func TestTerminalScripts(t *testing.T) {
	t.Parallel()
	runScripts(t, "testdata/terminal")
}

func runScripts(t *testing.T, folder string) {
	t.Helper()
	testscript.Run(t, testscript.Params{
		Dir: folder,
		Setup: func(e *testscript.Env) error {
			e.Setenv("TEST_PYTHON", os.Getenv("TEST_PYTHON"))
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("BROWSER", "consent")
			e.Setenv("SPOTIFY_REDIRECT_URI", "http://127.0.0.1/callback") // any free port
			e.Values[simKey{}] = &scriptSim{}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"sim": startSim, "fault": setFaults, "library": changeLibrary, "requests": countRequests, "database": makeDatabase, "conforms": conforms,
		},
	})
}

type simKey struct{}

// scriptSim is the simulation of one script.
type scriptSim struct{ server *simulate.Server }

func simOf(ts *testscript.TestScript) *simulate.Server {
	s := ts.Value(simKey{}).(*scriptSim)
	if s.server == nil {
		ts.Fatalf("the script has not started a simulation")
	}
	return s.server
}

func startSim(ts *testscript.TestScript, _ bool, args []string) {
	o := simulate.DefaultOptions()
	o.SavedTracks, o.TopTracks, o.Artists = 300, 60, 20
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		n, err := strconv.Atoi(value)
		switch name {
		case "tracks":
			o.SavedTracks = n
		case "artists":
			o.Artists = n
		case "quota":
			o.Quota = map[string]int{"artists/albums": n}
		case "latency_ms":
			o.Latency = time.Duration(n) * time.Millisecond
		case "users":
			o.Users = n
		case "plays":
			o.PlaysPerDay = n
		case "mode":
			o.Mode, err = simulate.Mode(value), nil
		case "oddities":
			o.Oddities, err = value == "yes", nil
		case "rotate":
			o.Rotate, err = value == "yes", nil
		default:
			ts.Fatalf("unknown setting %s", name)
		}
		ts.Check(err)
	}
	server, err := simulate.New(o)
	ts.Check(err)
	running, err := server.Start("127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() {
		if err := running.Close(); err != nil {
			ts.Logf("closing the simulation: %v", err)
		}
	})
	ts.Value(simKey{}).(*scriptSim).server = server
	c := server.Credentials()
	ts.Setenv("SPOTIFY_API_URL", running.APIURL)
	ts.Setenv("SPOTIFY_ACCOUNTS_URL", running.AccountsURL)
	ts.Setenv("SPOTIFY_CLIENT_ID", c.ClientID)
	ts.Setenv("SPOTIFY_CLIENT_SECRET", c.ClientSecret)
	ts.Setenv("SPOTIFY_REFRESH_TOKEN", c.RefreshToken)
	ts.Setenv("ARTIST", server.Artists()[0])
}

func setFaults(ts *testscript.TestScript, _ bool, args []string) {
	server := simOf(ts)
	server.ClearFaults()
	for _, text := range args {
		f, err := simulate.ParseFault(text)
		ts.Check(err)
		server.Inject(f)
	}
}

func changeLibrary(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	switch server := simOf(ts); args[0] {
	case "save":
		server.SaveTracks(n, time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC))
	case "remove":
		for range n {
			server.RemoveTrack(0)
		}
	case "play": // one a minute, the last one some minutes ago
		ago, err := strconv.Atoi(args[2])
		ts.Check(err)
		for i := range n {
			server.AddPlay(time.Now().Add(-time.Duration(ago+n-1-i) * time.Minute))
		}
	case "revoke":
		server.RevokeUser(n)
	case "expire":
		server.ExpireAccess()
	case "scopes":
		server.GrantOnly("user-top-read")
	default:
		ts.Fatalf("unknown change %s", args[0])
	}
}

func countRequests(ts *testscript.TestScript, neg bool, args []string) {
	server := simOf(ts)
	got := server.Count(args[0])
	server.ForgetRequests()
	if args[0] == "forget" {
		return
	}
	if want, err := strconv.Atoi(args[1]); err != nil || (got == want) == neg {
		ts.Fatalf("%d requests to %s", got, args[0])
	}
}

func makeDatabase(ts *testscript.TestScript, _ bool, _ []string) {
	address, drop, err := pgtest.Create(context.Background())
	ts.Check(err)
	ts.Defer(func() {
		if err := drop(); err != nil {
			ts.Logf("dropping the database: %v", err)
		}
	})
	ts.Setenv("DATABASE_URL", address)
}

// called is the program, called by a path. Scripts would call it by its name only.
func called() {
	os.Args[0] = os.Getenv("CALLED")
	main()
}

// query prints the rows of a query, a line each.
func query() {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, os.Getenv("DATABASE_URL"))
	exitOn(err)
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, os.Args[1])
	exitOn(err)
	for rows.Next() {
		values, err := rows.Values()
		exitOn(err)
		fmt.Println(values...)
	}
	exitOn(rows.Err())
}

// fetch prints the body of an answer, whatever its status.
func fetch() {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, os.Args[1], nil)
	exitOn(err)
	if len(os.Args) > 2 {
		r.Host = os.Args[2]
	}
	answer, err := http.DefaultClient.Do(r)
	exitOn(err)
	_, err = io.Copy(os.Stdout, answer.Body)
	exitOn(errors.Join(err, answer.Body.Close()))
}

// rows prints the distinct values of columns and how many rows have them, in order.
func rows() {
	all, err := rowreader.Read(os.Args[1], os.Args[2:]...)
	exitOn(err)
	counts := map[string]int{}
	for _, row := range all {
		counts[strings.Join(append(row, ""), " ")]++
	}
	for _, values := range slices.Sorted(maps.Keys(counts)) {
		fmt.Printf("%s%d\n", values, counts[values])
	}
}

// duckdb prints the rows of a query, a line each.
func duckdb() {
	cmd := exec.Command(os.Getenv("TEST_PYTHON"), "-c", `
import sys, duckdb
for row in duckdb.sql(sys.argv[1]).fetchall(): print(*row)`, os.Args[1])
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	exitOn(cmd.Run())
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
