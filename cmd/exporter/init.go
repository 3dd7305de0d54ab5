package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/thlib/go-timezone-local/tzlocal"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/load/parquet"
	"github.com/tracklake/tracklake/load/postgres"
	"github.com/tracklake/tracklake/pipeline/config"
)

type initCmd struct {
	Size      string   `help:"What to export: essentials, library or everything; default: library." placeholder:"SIZE" xor:"what"`
	Resources []string `help:"What to export instead: names of resources, or a size and names." placeholder:"NAME" xor:"what"`
	To        []string `help:"Where to: a folder for Parquet files, or postgres for the database at DATABASE_URL; repeat it for both. A relative folder is beside jobs.yaml; default: ./data." placeholder:"FOLDER|postgres" sep:"none"`
	At        string   `help:"Time of day at which jobs run, or none for jobs that run only when asked; default: 03:15." placeholder:"HH:MM|none"`
	Timezone  string   `help:"Time zone of the schedules, like Europe/Stockholm; default: this machine's." placeholder:"ZONE"`
	Yes       bool     `short:"y" help:"Ask nothing, and take the default of what no flag says. Nothing is asked either if standard input is no terminal."`
}

const (
	databaseVariable = "DATABASE_URL"
	toPostgres       = "postgres"
	noTime           = "none"
)

// Run is the command init. It never overwrites a file.
func (c *initCmd) Run(a *app) error {
	dotenv := a.beside(".env")
	hasJobs, hasDotenv := exists(a.config), exists(dotenv)
	if hasJobs && hasDotenv {
		return &usageError{&hinted{
			fmt.Errorf("%s and %s exist already; nothing was written", a.config, dotenv),
			"to start anew, move them away; to test them: " + canonical("check"),
		}}
	}
	if hasJobs {
		fmt.Fprintf(a.stdout, "%s exists already and stays as it is.\n", a.config)
		return c.finish(a, dotenv, false)
	}
	draft, err := c.draft(a)
	if err != nil {
		return err
	}
	if err := create(a.config, draft.Text(), 0o666); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "Wrote %s: %s.\n", a.config, summaryOf(draft))
	if hasDotenv {
		fmt.Fprintf(a.stdout, "%s exists already and stays as it is.\n", dotenv)
		fmt.Fprintf(a.stdout, "\nNext: %s\n", a.command("login"))
		return nil
	}
	return c.finish(a, dotenv, slices.ContainsFunc(draft.Destinations, func(d config.Destination) bool { return !d.Driver.Folder }))
}

// finish writes .env, and says what to do next.
func (c *initCmd) finish(a *app, dotenv string, database bool) error {
	var needed []string
	if database {
		needed = append(needed, databaseVariable)
	}
	if err := create(dotenv, dotenvText(needed...), 0o600); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "Wrote %s, which only you can read. Fill in:\n\n", dotenv)
	for _, v := range variables() {
		if v.fill || slices.Contains(needed, v.name) {
			fmt.Fprintf(a.stdout, "  %s\n%s\n", v.name, wrapped(v.doc, "      "))
		}
	}
	fmt.Fprintf(a.stdout, "\nNext: %s\n", a.command("login"))
	return nil
}

// exists reports whether there is anything of that name.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// create writes a new file, which has the mode whatever the umask, if that is for the
// owner alone. An existing file is an error.
func create(path, text string, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return fmt.Errorf("make the folder of %s: %w", path, err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.WriteString(text)
	if mode == 0o600 {
		err = errors.Join(err, f.Chmod(mode))
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(path)))
	}
	return nil
}

// summaryOf says in a few words what a draft does.
func summaryOf(d config.Draft) string {
	var places []string
	for _, to := range d.Destinations {
		if to.Driver.Folder {
			places = append(places, to.Address)
		} else {
			places = append(places, to.Driver.Type)
		}
	}
	when := "without a schedule"
	if d.At != "" {
		when = "at " + d.At + " " + d.Timezone
	}
	return fmt.Sprintf("%s to %s, %s", counted(len(d.Resources), "job", "jobs"), strings.Join(places, " and "), when)
}

// draft takes what the flags say, and asks for the rest on a terminal.
func (c *initCmd) draft(a *app) (config.Draft, error) {
	d := config.Draft{Timezone: localZone(), At: "03:15", Resources: catalog.Of(usualSize)}
	d.Destinations, _ = destinationsOf([]string{"./data"})
	for _, q := range c.questions() {
		if len(q.flag) > 0 {
			if err := q.set(&d, q.flag); err != nil {
				return d, &usageError{fmt.Errorf("--%s: %w", q.name, err)}
			}
			continue
		}
		if c.Yes || !isTerminalInput(a.stdin) {
			continue
		}
		if err := a.ask(q, &d); err != nil {
			return d, err
		}
	}
	if err := d.Check(); err != nil {
		return d, &usageError{err}
	}
	return d, nil
}

// localZone is the time zone of this machine, as far as it can be known.
func localZone() string {
	name, err := tzlocal.RuntimeTZ()
	if err == nil && name != "Etc/UTC" {
		if _, err = config.Zone(name); err == nil {
			return name
		}
	}
	return "UTC"
}

// destinationsOf returns a lake for a folder, and a warehouse for postgres.
func destinationsOf(places []string) ([]config.Destination, error) {
	var out []config.Destination
	for _, place := range places {
		d := config.Destination{Name: "lake", Driver: parquet.Driver(), Address: place}
		switch {
		case place == toPostgres:
			d = config.Destination{Name: "warehouse", Driver: postgres.Driver(), Address: "${" + databaseVariable + "}"}
		case strings.Contains(place, "://"):
			return nil, fmt.Errorf("write postgres, and put the address of the database into .env as %s", databaseVariable)
		}
		if home, err := os.UserHomeDir(); err == nil && strings.HasPrefix(place, "~/") {
			d.Address = filepath.Join(home, place[2:])
		}
		if slices.ContainsFunc(out, func(o config.Destination) bool { return o.Name == d.Name }) {
			return nil, errors.New("name one folder at the most, and postgres once")
		}
		out = append(out, d)
	}
	return out, nil
}
