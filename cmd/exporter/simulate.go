package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/tracklake/tracklake/simulate"
)

type simulateCmd struct {
	Listen      string         `help:"Loopback address to serve on." default:"127.0.0.1:8899" placeholder:"HOST:PORT"`
	Latency     time.Duration  `help:"Latency of every answer."`
	RateLimit   int            `help:"Requests in a rolling 30 seconds; 0 for no limit."`
	Quota       map[string]int `help:"Requests to a bucket a day, like artists/albums=100." placeholder:"BUCKET=N"`
	Fault       []string       `help:"Fault to switch on, like status:arg=503,every=20; see --faults." placeholder:"KIND[:SETTINGS]" sep:"none"`
	Faults      bool           `help:"List the kinds of faults and exit."`
	Users       int            `help:"Accounts to sign in to, each with a library of its own." default:"1"`
	Oddities    bool           `help:"Add odd rows that the real API has now and then: null, local files, year 0000."`
	RedirectURI []string       `help:"Redirect URI that the apps have registered. Unless told otherwise, /callback on any port of 127.0.0.1 and [::1]." placeholder:"URI"`
	worldFlags
}

// worldFlags size the simulated world.
type worldFlags struct {
	Seed        uint64 `help:"Seed of the world; the same seed makes the same world." default:"1"`
	Tracks      int    `help:"Saved tracks." default:"1200"`
	TopTracks   int    `help:"Places in the long-term ranking." default:"300"`
	TopArtists  int    `help:"Artists in the long-term ranking; 0: those of the top tracks."`
	SavedAlbums int    `help:"Saved albums." default:"40"`
	Shows       int    `help:"Saved shows." default:"6"`
	Episodes    int    `help:"Saved episodes." default:"12"`
	Audiobooks  int    `help:"Saved audiobooks." default:"4"`
	Playlists   int    `help:"Playlists with 100 items besides the seven that an account always has."`
	Life        int    `help:"What each account does a day, on average, from 1 November 2026 on: it saves, removes, follows, and edits playlists."`
	Followed    int    `help:"Followed artists; 0: a tenth of the world."`
	Artists     int    `help:"Artists in the world; 0: as many as needed."`
	Albums      int    `help:"Albums an artist has on average." default:"14"`
	Mode        string `help:"Kind of app: ${enum}." enum:"development,extended" default:"development"`
}

func (f worldFlags) options() simulate.Options {
	o := simulate.DefaultOptions()
	o.Seed, o.SavedTracks, o.TopTracks, o.Artists, o.AlbumsPerArtist = f.Seed, f.Tracks, f.TopTracks, f.Artists, f.Albums
	o.TopArtists, o.Followed, o.Playlists, o.Life = f.TopArtists, f.Followed, f.Playlists, f.Life
	o.SavedAlbums, o.Shows, o.Episodes, o.Audiobooks = f.SavedAlbums, f.Shows, f.Episodes, f.Audiobooks
	o.Mode = simulate.Mode(f.Mode)
	return o
}

// Run is the command simulate. It serves until a signal comes.
func (c *simulateCmd) Run(a *app) error {
	if c.Faults {
		return printFaults(a)
	}
	o := c.options()
	o.Latency, o.RateLimit, o.Quota, o.Oddities, o.Users = c.Latency, c.RateLimit, c.Quota, c.Oddities, c.Users
	o.RedirectURIs = c.RedirectURI
	server, err := simulate.New(o)
	if err != nil {
		return &usageError{err}
	}
	for _, text := range c.Fault {
		fault, err := simulate.ParseFault(text)
		if err != nil {
			return &usageError{fmt.Errorf("%w; see %s", err, a.command("simulate", "--faults"))}
		}
		server.Inject(fault)
	}
	running, err := server.Start(c.Listen)
	if err != nil {
		return fmt.Errorf("start the simulation: %w", err)
	}
	credentials := server.Credentials()
	fmt.Fprintf(a.stdout, "SPOTIFY_API_URL=%s\nSPOTIFY_ACCOUNTS_URL=%s\nSPOTIFY_CLIENT_ID=%s\nSPOTIFY_CLIENT_SECRET=%s\nSPOTIFY_REFRESH_TOKEN=%s\n",
		running.APIURL, running.AccountsURL, credentials.ClientID, credentials.ClientSecret, credentials.RefreshToken)
	fmt.Fprintln(a.stderr, "Serving a simulated Spotify; stop it with Ctrl-C. Copy the lines above into .env.")
	if err := running.Wait(a.ctx); err != nil {
		return fmt.Errorf("serve the simulation: %w", err)
	}
	return nil
}

func printFaults(a *app) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, k := range simulate.FaultKinds() {
		fmt.Fprintf(w, "%s\t%s\n", k.Name, k.Doc)
	}
	fmt.Fprintln(w, "\t\nsettings\t")
	for _, setting := range simulate.FaultSettings() {
		fmt.Fprintf(w, "%s\t%s\n", setting.Name, setting.Doc)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print the faults: %w", err)
	}
	return nil
}
