// Package simulate is a simulated Spotify: the Accounts service and the Web
// API, over a made-up but believable world of music that is the same for the
// same seed.
//
// It follows what is known of the real service: paging rules, limits, error
// bodies, the fields of both kinds of apps, rate limit and quota. Faults can be
// switched on while it serves. What is not simulated answers 501 and says so. It
// imports nothing of the project, so that a mistake of the exporter cannot hide
// in it.
package simulate

import (
	"fmt"
	"time"
)

// Mode is the kind of app that the API answers.
type Mode string

const (
	// Development apps get fewer endpoints and fields.
	Development Mode = "development"
	// Extended apps get everything.
	Extended Mode = "extended"
)

// Options describe the world and how it is served.
type Options struct {
	Seed            uint64
	Users           int // accounts; each has a library of its own
	SavedTracks     int // in the library
	TopTracks       int // in the long-term ranking; the others are shorter
	TopArtists      int // in the long-term ranking; 0: those of the top tracks
	SavedAlbums     int
	Shows           int // saved ones
	Episodes        int // saved ones
	Audiobooks      int // saved ones
	Playlists       int // of each account's own, with 100 items, besides the seven that it always has
	Followed        int // artists; 0: a tenth of the world
	PlaysPerDay     int // of each account, on average; they happen as Clock goes on, so two requests may differ. 0: only those that are added
	Life            int // what each account does a day, on average: saves, removes, follows, edits playlists; it happens as Clock goes on, from 2026-11-01T20:00Z. 0: nothing
	Artists         int // in the world; 0: enough for the library
	AlbumsPerArtist int // on average
	Mode            Mode
	Latency         time.Duration  // of every answer
	RateLimit       int            // requests in a rolling 30 seconds; 0: no limit
	Quota           map[string]int // requests of a bucket in a rolling day; others have no limit
	TokenLife       time.Duration  // of access tokens
	Rotate          bool           // a refresh returns a new refresh token and ends the old one
	Oddities        bool           // rows as the real API has them now and then: null, local files, year 0000, …
	RedirectURIs    []string       // registered by the apps; default: /callback on any port of a loopback address
	AppearsOn       bool           // discographies have an appears_on group, too, unordered, with one own album listed again
	Clock           func() time.Time
}

// DefaultOptions is a library of middling size in a development-mode app.
func DefaultOptions() Options {
	return Options{
		Seed: 1, Users: 1, SavedTracks: 1200, TopTracks: 300, PlaysPerDay: 30, AlbumsPerArtist: 14,
		SavedAlbums: 40, Shows: 6, Episodes: 12, Audiobooks: 4,
		Mode: Development, TokenLife: time.Hour, Clock: time.Now,
		RedirectURIs: []string{"http://127.0.0.1/callback", "http://[::1]/callback"},
	}
}

func (o *Options) complete() error {
	d := DefaultOptions()
	if o.Mode == "" {
		o.Mode = d.Mode
	}
	if o.Mode != Development && o.Mode != Extended {
		return fmt.Errorf("unknown mode %q; use development or extended", o.Mode)
	}
	if o.TokenLife == 0 {
		o.TokenLife = d.TokenLife
	}
	if len(o.RedirectURIs) == 0 {
		o.RedirectURIs = d.RedirectURIs
	}
	for _, uri := range o.RedirectURIs {
		if !mayRedirect(uri) {
			return fmt.Errorf("redirect URI %q is insecure; use https, http://127.0.0.1 or http://[::1]", uri)
		}
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Users <= 0 {
		o.Users = d.Users
	}
	if o.AlbumsPerArtist <= 0 {
		o.AlbumsPerArtist = d.AlbumsPerArtist
	}
	if o.Artists <= 0 {
		// A quarter of what artists have recorded is saved, at the most.
		o.Artists = max(40, 4*o.SavedTracks/(tracksPerAlbum*o.AlbumsPerArtist)+o.SavedTracks/40)
		o.Artists = max(o.Artists, 2*o.TopArtists, 2*o.Followed, 4*o.SavedAlbums/o.AlbumsPerArtist)
	}
	for _, size := range []int{o.SavedTracks, o.TopTracks, o.TopArtists, o.PlaysPerDay, o.SavedAlbums, o.Shows, o.Episodes, o.Audiobooks, o.Playlists, o.Followed, o.Life} {
		if size < 0 {
			return fmt.Errorf("a library cannot have a negative size")
		}
	}
	return nil
}
