package extract_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/listdiff"
	"github.com/tracklake/tracklake/extract/quota"
	"github.com/tracklake/tracklake/simulate"
)

// A savedSong is what this example decodes of an entry. The client skips all
// other fields of the answer.
type savedSong struct {
	Track struct {
		ID string `json:"id"`
	} `json:"track"`
}

// savedSongs declares a list: where it is, and what tells its entries apart.
func savedSongs() extract.List[savedSong] {
	return extract.List[savedSong]{
		Endpoint: extract.Endpoint{Path: "/me/tracks", Bucket: "me/tracks", Limit: 50},
		Key:      func(s *savedSong) listdiff.Key { return listdiff.NewKey(s.Track.ID, 0) },
		Unique:   true,
	}
}

// printPages reads the list with the client of one run, and returns the keys of
// the list as it is now.
func printPages(ctx context.Context, client *extract.Client, plan extract.Plan) (listdiff.Keys, error) {
	reading := extract.Read(client, savedSongs(), plan)
	for page, err := range reading.Pages(ctx) {
		if err != nil {
			return listdiff.Keys{}, err
		}
		if page.Restart {
			fmt.Println("the list moved; what came before is void")
		}
		fmt.Printf("offset %3d: %d of %d entries\n", page.Offset, len(page.Entries), page.Total)
	}
	result := reading.Result()
	fmt.Printf("complete: %t, requests made: %d, saved: %d\n", result.Complete, client.Stats().Requests, result.Saved)
	return result.Keys, nil
}

// connect returns a client for a simulated account.
func connect(url string, account simulate.Credentials) (*extract.Client, error) {
	return extract.New(extract.Config{
		ClientID:     account.ClientID,
		ClientSecret: account.ClientSecret,
		APIURL:       url + "/v1",
		AccountsURL:  url,
		Tokens:       extract.NewFixedToken(extract.Token{RefreshToken: account.RefreshToken}),
	})
}

// The first run reads every page of a list. The second run knows the keys of the
// list, so it reads only what must have changed.
func Example() {
	folder, err := os.MkdirTemp("", "extract")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(folder) }()
	spotify, err := simulate.New(simulate.Options{SavedTracks: 180})
	if err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(spotify.Handler())
	defer server.Close()
	client, err := connect(server.URL, spotify.Credentials())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.CloseIdle()
	ctx := context.Background()
	limiter := quota.NewLimiter(quota.Options{Store: quota.NewFile(filepath.Join(folder, "quota.json")), Owner: simulate.ClientID})

	known, err := printPages(ctx, client.For(limiter), extract.Plan{})
	if err != nil {
		fmt.Println(err)
		return
	}
	spotify.SaveTracks(2, time.Now())
	if _, err := printPages(ctx, client.For(limiter), extract.Plan{Incremental: true, Known: known}); err != nil {
		fmt.Println(err)
	}
	if err := limiter.Close(ctx); err != nil {
		fmt.Println(err)
	}
	// Output:
	// offset   0: 50 of 180 entries
	// offset  50: 50 of 180 entries
	// offset 100: 50 of 180 entries
	// offset 150: 30 of 180 entries
	// complete: true, requests made: 4, saved: 0
	// offset   0: 50 of 182 entries
	// complete: true, requests made: 1, saved: 3
}
