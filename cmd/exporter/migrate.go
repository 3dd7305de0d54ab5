package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/tracklake/tracklake/pipeline/config"
)

type migrateCmd struct {
	DryRun    bool   `help:"List what would be applied; change nothing."`
	GrantRead string `help:"Also grant this PostgreSQL role read access to all tables and views, including those of later migrations." placeholder:"ROLE"`
	JSON      bool   `name:"json" help:"Print as JSON."`
}

// migrated is what happened at one destination.
type migrated struct {
	Destination string   `json:"destination"`
	Migrations  []string `json:"migrations"`             // applied, or with --dry-run pending
	GrantedRead string   `json:"granted_read,omitempty"` // the role that may read now, or with --dry-run would
}

// Run is the command migrate.
func (c *migrateCmd) Run(a *app) error {
	config, _, err := a.load(nil)
	if err != nil {
		return err
	}
	if c.GrantRead != "" && !slices.ContainsFunc(config.Destinations, grants) {
		return &usageError{&hinted{errors.New("--grant-read needs a PostgreSQL destination whose variables are set"), "see docs/postgresql.md"}}
	}
	var done []migrated
	for _, d := range config.Destinations {
		if len(d.Unset) > 0 {
			continue
		}
		names, err := d.Driver.Migrate(a.ctx, d.Address, openOptions(a.log()), c.DryRun)
		if err != nil {
			return fmt.Errorf("migrate %s: %w", d.Name, err)
		}
		m := migrated{Destination: d.Name, Migrations: names}
		if c.GrantRead != "" && grants(d) {
			m.GrantedRead = c.GrantRead
			if !c.DryRun {
				err = d.Driver.GrantRead(a.ctx, d.Address, c.GrantRead, openOptions(a.log()))
			}
			if err != nil {
				return fmt.Errorf("grant read access at %s: %w", d.Name, err)
			}
		}
		done = append(done, m)
	}
	if c.JSON {
		return a.printJSON(done)
	}
	c.print(a, done)
	return nil
}

// grants tells whether a destination has roles that can be let read.
func grants(d config.Destination) bool { return d.Driver.GrantRead != nil && len(d.Unset) == 0 }

func (c *migrateCmd) print(a *app, done []migrated) {
	if len(done) == 0 {
		fmt.Fprintln(a.stdout, "no destination has all its variables set; nothing was migrated")
	}
	verb, grant := "applied", "granted"
	if c.DryRun {
		verb, grant = "would apply", "would grant"
	}
	for _, m := range done {
		if len(m.Migrations) == 0 {
			fmt.Fprintf(a.stdout, "%s: up to date\n", m.Destination)
		}
		for _, name := range m.Migrations {
			fmt.Fprintf(a.stdout, "%s: %s %s\n", m.Destination, verb, name)
		}
		if m.GrantedRead != "" {
			fmt.Fprintf(a.stdout, "%s: %s %s read access to all tables and views\n", m.Destination, grant, m.GrantedRead)
		}
	}
}
