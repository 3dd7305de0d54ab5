package catalog

import (
	"time"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/listdiff"
	"github.com/tracklake/tracklake/transform"
)

// A playlistItem is an entry of a playlist: a track, an episode or a local file.
type playlistItem struct {
	AddedAt *time.Time     `json:"added_at"` // absent in very old playlists
	AddedBy *playlistOwner `json:"added_by"`
	IsLocal *bool          `json:"is_local"`
	Item    *playable      `json:"item"`
	Track   *playable      `json:"track"` // what the item was called until 2026

	playlistID string
	position   int32
}

// A playable is a track or an episode.
type playable struct {
	track
	URI  *string `json:"uri"`
	Show struct {
		ID   *string `json:"id"`
		Name *string `json:"name"`
	} `json:"show"`
}

// playable is what the entry holds; an empty one where Spotify no longer knows it.
func (i *playlistItem) playable() *playable {
	switch {
	case i.Item != nil:
		return i.Item
	case i.Track != nil:
		return i.Track
	}
	return &playable{}
}

// song is the track of the entry; an empty one for anything else.
func (i *playlistItem) song() *track {
	if p := i.playable(); p.Type == nil || *p.Type == "track" {
		return &p.track
	}
	return &track{}
}

// playlistItems are the items of the account's playlists, one list a playlist.
// Development mode gives those of playlists only that the account owns or works on.
func playlistItems() spec[playlistItem] {
	return spec[playlistItem]{
		Name: "playlist_items",
		Doc:  "The items of the account's playlists, in order. A playlist is read again when it has changed.",
		Noun: "item",
		Size: Library,
		Endpoint: extract.Endpoint{
			Path:   "/playlists/{id}/items",
			Bucket: "playlists/items",
			Doc:    "https://developer.spotify.com/documentation/web-api/reference/get-playlists-items",
			Scope:  "playlist-read-private playlist-read-collaborative",
			Query:  map[string][]string{"additional_types": {"track,episode"}},
			Limit:  100,
		},
		Mode: Replace,
		Key:  playlistItemKey, Check: checkPlaylistItem, Failures: 3,
		Parents: &Parents{Noun: "playlist", Of: "playlists", Column: "playlist_id"},
		// A playlist of which nothing has changed is read again now and then,
		// because names and other attributes of its tracks change.
		FullEvery: 30 * 24 * time.Hour,
		Budget:    600,
		Names:     []Naming{{Noun: "album", Column: "album_id"}},
		Adopt: func(i *playlistItem, playlist Parent, position int) {
			i.playlistID, i.position = playlist.ID, int32(position+1)
		},
		Table: transform.Table[playlistItem]{
			Name:    "playlist_items",
			Doc:     "One row for each place of a playlist, as the playlist is now.",
			Key:     []string{"playlist_id", "position"},
			Log:     &transform.Log{Item: []string{"track_id", "item_uri"}, Name: "item_name", List: "playlist_id"},
			Columns: playlistItemColumns(),
		},
	}
}

func playlistItemColumns() []transform.Column[playlistItem] {
	out := []transform.Column[playlistItem]{
		transform.String("playlist_id", "Spotify ID of the playlist.", func(i *playlistItem) string { return i.playlistID }),
		transform.Int32("position", "Place in the playlist, from 1.", func(i *playlistItem) int32 { return i.position }),
		transform.Time("added_at", "When the item was added, UTC; NULL in very old playlists.", func(i *playlistItem) time.Time {
			if i.AddedAt == nil {
				return time.Time{}
			}
			return *i.AddedAt
		}),
		transform.OptString("added_by", "Spotify user ID of whoever added the item.", func(i *playlistItem) *string {
			if i.AddedBy == nil {
				return nil
			}
			return nonEmpty(i.AddedBy.ID)
		}),
		transform.OptString("item_type", "track or episode; NULL where Spotify no longer knows the item.", func(i *playlistItem) *string { return i.playable().Type }),
		transform.OptString("item_uri", "Spotify URI of the item; that of a local file tells its names.", func(i *playlistItem) *string { return nonEmpty(i.playable().URI) }),
		transform.OptString("item_name", "Title of the track, episode or local file.", func(i *playlistItem) *string { return i.playable().Name }),
		transform.OptBool("is_local", "Whether the item is a file on a computer, which has no Spotify ID.", func(i *playlistItem) *bool { return i.IsLocal }),
		transform.OptString("show_id", "Spotify ID of the show that the episode belongs to.", func(i *playlistItem) *string { return nonEmpty(i.playable().Show.ID) }),
		transform.OptString("show_name", "Name of that show.", func(i *playlistItem) *string { return i.playable().Show.Name }),
	}
	for _, c := range trackColumns((*playlistItem).song) {
		if c.Name == "track_id" {
			c = transform.OptString(c.Name, "Spotify ID of the track; NULL for anything else.", func(i *playlistItem) *string { return nonEmpty(&i.song().ID) })
		}
		out = append(out, c)
	}
	return out
}

func playlistItemKey(i *playlistItem) listdiff.Key {
	p, at := i.playable(), int64(0)
	if i.AddedAt != nil {
		at = i.AddedAt.Unix()
	}
	switch {
	case p.ID != "":
		return listdiff.NewKey(p.ID, at)
	case p.URI != nil:
		return listdiff.NewKey(*p.URI, at)
	}
	return listdiff.NewKey("unknown", at)
}

// checkPlaylistItem returns why an entry has no row. One of which Spotify has forgotten
// what it was keeps its place.
func checkPlaylistItem(i *playlistItem) (why string, rowless bool) {
	switch p := i.playable(); {
	case i.Item == nil && i.Track == nil && i.AddedAt == nil:
		return "the entry has no item", false
	case i.Item == nil && i.Track == nil:
		return "", false
	case p.ID == "" && nonEmpty(p.URI) == nil:
		return "the item has no Spotify ID", false
	}
	return "", false
}
