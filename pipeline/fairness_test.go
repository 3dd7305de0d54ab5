package pipeline_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/pipeline"
	"github.com/tracklake/tracklake/simulate"
)

// TestUnreadableArtistsDelayNoOther lets some artists fail every night,
// each night in a process of its own.
func TestUnreadableArtistsDelayNoOther(t *testing.T) {
	t.Parallel()
	c := newCalendar(t, 60, 30, 100)
	again, err := c.sim.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	})
	c.complete(t, 12)
	c.untilOK(t)
	bad := map[string]bool{}
	for _, i := range []int{0, 20, 40} {
		bad[c.artists[i]] = true
		c.sim.Inject(simulate.Fault{Kind: "status", Arg: 500, Path: "/v1/artists/" + c.artists[i] + "/"})
	}
	credentials := c.sim.Credentials()
	for range 14 {
		client, err := extract.New(extract.Config{
			ClientID: credentials.ClientID, ClientSecret: credentials.ClientSecret,
			APIURL: again.APIURL, AccountsURL: again.AccountsURL, RetryDelay: time.Millisecond, Now: c.clock.Now,
		})
		if err != nil {
			t.Fatal(err)
		}
		c.user = &pipeline.User{IsApp: true, Client: client, ClientID: credentials.ClientID}
		if run := c.pass(t); run.Status != load.StatusIncomplete && run.Status != load.StatusDeferred {
			t.Errorf("night %d: %+v", c.night, run)
		}
		client.CloseIdle()
	}
	for _, id := range c.artists {
		if age := c.night - 1 - c.readAt[id]; !bad[id] && age > 5 {
			t.Errorf("artist %s was read %d nights ago", id, age)
		}
	}
}

// TestALongListThatMovesDelaysNoOther gives an album of a list longer than the
// budget another date every night.
func TestALongListThatMovesDelaysNoOther(t *testing.T) {
	t.Parallel()
	c := newCalendar(t, 12, 60, 100)
	id := c.busiest()
	c.artists = append([]string{id}, slices.DeleteFunc(slices.Clone(c.artists), func(a string) bool { return a == id })...)
	c.configure(t, fmt.Sprintf(`budgets: {artists/albums: 8}
destinations: {lake: {type: parquet, path: %q}}
jobs:
  artist_albums: {destinations: [lake], options: {artists: {ids: [%%s]}}}
`, t.TempDir()), nil)
	if n := len(c.sim.ArtistAlbums(id, "album", "single")); n < 200 {
		t.Fatalf("%d albums are too few for this test", n)
	}
	for range 30 {
		c.pass(t)
		all := c.sim.ArtistAlbums(id, "album", "single")
		c.sim.MoveAlbum(id, all[20+c.night], all[5])
	}
	for _, other := range c.artists[1:] {
		if _, read := c.readAt[other]; !read {
			t.Errorf("artist %s was not read in 30 nights", other)
		}
	}
}
