package catalog

import (
	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/listdiff"
	"github.com/tracklake/tracklake/transform"
)

// A playlist is Spotify's simplified playlist object.
type playlist struct {
	ID            string         `json:"id"`
	Name          *string        `json:"name"`
	Description   *string        `json:"description"`
	SnapshotID    string         `json:"snapshot_id"`
	Public        *bool          `json:"public"`
	Collaborative *bool          `json:"collaborative"`
	Owner         playlistOwner  `json:"owner"`
	Items         *playlistCount `json:"items"`
	Tracks        *playlistCount `json:"tracks"` // what items were called until 2026
	Images        []image        `json:"images"`
}

type playlistOwner struct {
	ID   *string `json:"id"`
	Name *string `json:"display_name"`
}

type playlistCount struct {
	Total *int32 `json:"total"`
}

// playlists are those that the account owns or follows.
func playlists() spec[playlist] {
	return spec[playlist]{
		Name: "playlists",
		Doc:  "The playlists that the account owns or follows.",
		Noun: "playlist",
		Size: Library,
		Endpoint: extract.Endpoint{
			Path:   "/me/playlists",
			Bucket: "me/playlists",
			Doc:    "https://developer.spotify.com/documentation/web-api/reference/get-a-list-of-current-users-playlists",
			Scope:  "playlist-read-private playlist-read-collaborative",
			Limit:  50,
		},
		Key:    func(p *playlist) listdiff.Key { return listdiff.NewKey(p.ID, 0) },
		Column: "playlist_id", Unique: true,
		Check:    checkPlaylist,
		AsParent: (*playlist).asParent,
		Table: transform.Table[playlist]{
			Name:      "playlists",
			Doc:       "One row for each playlist that the account owns or follows, or did.",
			Key:       []string{"playlist_id"},
			Removable: true,
			Log:       &transform.Log{Item: []string{"playlist_id"}, Name: "playlist_name"},
			Columns: []transform.Column[playlist]{
				transform.String("playlist_id", "Spotify ID of the playlist.", func(p *playlist) string { return p.ID }),
				transform.OptString("playlist_name", "Name of the playlist.", func(p *playlist) *string { return p.Name }),
				transform.OptString("description", "Description of the playlist.", func(p *playlist) *string { return nonEmpty(p.Description) }),
				transform.OptString("owner_id", "Spotify user ID of the owner.", func(p *playlist) *string { return p.Owner.ID }),
				transform.OptString("owner_name", "Display name of the owner.", func(p *playlist) *string { return p.Owner.Name }),
				transform.OptString("snapshot_id", "Version of the playlist; it changes with the items.", func(p *playlist) *string { return nonEmpty(&p.SnapshotID) }),
				transform.OptBool("public", "Whether the playlist is on its owner's profile, as Spotify says, which is not reliable.", func(p *playlist) *bool { return p.Public }),
				transform.OptBool("collaborative", "Whether others may change the playlist.", func(p *playlist) *bool { return p.Collaborative }),
				transform.OptInt32("total_items", "Number of items, also of those that the app may not read.", (*playlist).total),
				transform.OptString("image_url", "Address of the playlist's picture, in its widest size.", func(p *playlist) *string { return widest(p.Images) }),
			},
		},
	}
}

func (p *playlist) asParent() Parent {
	out := Parent{ID: p.ID, Version: p.SnapshotID}
	if p.Name != nil {
		out.Name = *p.Name
	}
	return out
}

func (p *playlist) total() *int32 {
	switch {
	case p.Items != nil:
		return p.Items.Total
	case p.Tracks != nil:
		return p.Tracks.Total
	}
	return nil
}

func checkPlaylist(p *playlist) (why string, rowless bool) {
	if p.ID == "" {
		return "the playlist has no Spotify ID", false
	}
	return "", false
}
