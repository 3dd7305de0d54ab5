package main

import "fmt"

type migrateCmd struct {
	DryRun bool `help:"List what would be applied; change nothing."`
	JSON   bool `name:"json" help:"Print as JSON."`
}

// migrated is what happened at one destination.
type migrated struct {
	Destination string   `json:"destination"`
	Migrations  []string `json:"migrations"` // applied, or with --dry-run pending
}

// Run is the command migrate.
func (c *migrateCmd) Run(a *app) error {
	config, _, err := a.load(nil)
	if err != nil {
		return err
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
		done = append(done, migrated{Destination: d.Name, Migrations: names})
	}
	if c.JSON {
		return a.printJSON(done)
	}
	c.print(a, done)
	return nil
}

func (c *migrateCmd) print(a *app, done []migrated) {
	if len(done) == 0 {
		fmt.Fprintln(a.stdout, "no destination has all its variables set; nothing was migrated")
	}
	verb := "applied"
	if c.DryRun {
		verb = "would apply"
	}
	for _, m := range done {
		if len(m.Migrations) == 0 {
			fmt.Fprintf(a.stdout, "%s: up to date\n", m.Destination)
		}
		for _, name := range m.Migrations {
			fmt.Fprintf(a.stdout, "%s: %s %s\n", m.Destination, verb, name)
		}
	}
}
