package catalog_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/tracklake/tracklake/catalog"
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/transform"
)

// List what a sign-in with the scope to read playlists can export.
func ExampleAll() {
	for _, r := range catalog.All() {
		if strings.Contains(r.Endpoint.Scope, "playlist-read-private") {
			fmt.Printf("%s: GET %s\n", r.Name, r.Endpoint.Path)
		}
	}
	// Output:
	// playlists: GET /me/playlists
	// playlist_items: GET /playlists/{id}/items
}

// connect returns a client that is signed in with an access token.
func connect(url string) (*extract.Client, error) {
	return extract.New(extract.Config{
		ClientID: "app", APIURL: url, AccountsURL: url,
		Tokens: extract.NewFixedToken(extract.Token{AccessToken: "secret", RenewAt: time.Now().Add(time.Hour)}),
	})
}

// A feed reads a resource and turns its entries into rows. A field that the API
// did not send is NULL, and not printed here.
func ExampleResource_Open() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"total": 1, "items": [{"added_at": "2026-11-18T07:41:05Z", "track":
			{"id": "t1", "name": "Song", "artists": [{"id": "a1", "name": "Ann"}, {"id": "b2", "name": "Bob"}]}}]}`)
	}))
	defer server.Close()
	client, err := connect(server.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.CloseIdle()
	resource := catalog.Find("saved_tracks")
	feed, err := resource.Open(catalog.Params{Account: "sam", Options: resource.Defaults()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer feed.Release()
	var batches []transform.Batch
	for step, err := range feed.Read(client, 0, extract.Plan{}).Steps(context.Background()) {
		if err != nil {
			fmt.Println(err)
			return
		}
		batches = append(batches, feed.Append(step)...) // step.Restart would void the rows so far
	}
	for _, batch := range append(batches, feed.Flush()...) {
		for i, field := range batch.Table.Fields {
			if column := batch.Record.Column(i); column.IsValid(0) {
				fmt.Printf("%s.%s: %s\n", batch.Table.Name, field.Name, column.ValueStr(0))
			}
		}
		batch.Record.Release()
	}
	// Output:
	// saved_tracks.account_id: sam
	// saved_tracks.added_at: 2026-11-18 07:41:05Z
	// saved_tracks.track_id: t1
	// saved_tracks.track_name: Song
	// saved_tracks.artist_ids: ["a1","b2"]
	// saved_tracks.artist_names: ["Ann","Bob"]
}
