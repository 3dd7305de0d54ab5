package catalog

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/listdiff"
	"github.com/tracklake/tracklake/transform"
)

// An artistAlbum is an album in the discography of one artist.
type artistAlbum struct {
	album
	artistID string
	groups   []string // that were asked for
}

func (a *artistAlbum) listed() *album { return &a.album }

// artistAlbums are the discographies of artists, one list an artist.
// https://developer.spotify.com/documentation/web-api/reference/get-an-artists-albums
func artistAlbums() spec[artistAlbum] {
	return spec[artistAlbum]{
		Name: "artist_albums",
		Doc:  "The albums of artists: those of the account's saved and top tracks, or listed ones.",
		Noun: "album",
		Size: Everything,
		Endpoint: extract.Endpoint{
			Path:   "/artists/{id}/albums",
			Bucket: "artists/albums",
			Doc:    "https://developer.spotify.com/documentation/web-api/reference/get-an-artists-albums",
			Limit:  10,
		},
		Key:    func(a *artistAlbum) listdiff.Key { return listdiff.NewKey(a.ID, groupRank(a.AlbumGroup)) },
		Column: "album_id",
		Check:  func(a *artistAlbum) (string, bool) { return checkAlbum(&a.album) }, Failures: 3,
		Parents: &Parents{Noun: "artist", Column: "artist_id"},
		Every:   Weekly,
		Names:   []Naming{{Noun: "album", Column: "album_id"}},
		// One of the longest discographies takes as many requests as twenty
		// incremental syncs; the quota of a day is about 100 requests.
		FullEvery: 90 * 24 * time.Hour,
		Budget:    80,
		Options: []Option{
			{
				Name: "artists", Kind: Chosen, Splits: "artist", ID: idOf("artist"), IDPattern: idPattern("artist"),
				Doc:     "Which artists: {from: [saved_tracks, top_tracks]} takes those that the tables name, {ids: [...]} the ones listed.",
				Default: []string{"saved_tracks", "top_tracks"},
			},
			{
				Name: "include_groups", Kind: Words,
				Doc:     "Which parts of a discography to read.",
				Allowed: []string{"album", "single", "compilation", "appears_on"},
				Default: []string{"album", "single"},
			},
		},
		Table: artistAlbumsTable(),
		Lists: artistAlbumsLists,
	}
}

func artistAlbumsTable() transform.Table[artistAlbum] {
	return transform.Table[artistAlbum]{
		Name:      "artist_albums",
		Doc:       "The discography of each artist: one row for each artist and album.",
		Key:       []string{"artist_id", "album_id"},
		Removable: true,
		Columns: append([]transform.Column[artistAlbum]{
			transform.String("artist_id", "Spotify ID of the artist in whose discography the album stands.", func(a *artistAlbum) string { return a.artistID }),
			transform.OptString("artist_name", "Name of that artist; NULL where the album does not credit the artist.", (*artistAlbum).artistName),
			transform.String("album_id", "Spotify ID of the album.", func(a *artistAlbum) string { return a.ID }),
			transform.OptString("album_group", "The artist's part in it: album, single, compilation or appears_on.", (*artistAlbum).group),
		}, albumColumns((*artistAlbum).listed)...),
	}
}

func (a *artistAlbum) artistName() *string {
	for i := range a.Artists {
		if a.Artists[i].ID == a.artistID {
			return a.Artists[i].Name
		}
	}
	return nil
}

// group is the album group as sent, or, for apps that are not sent it, as
// follows from what was asked for: without appears_on it is the album's type.
func (a *artistAlbum) group() *string {
	switch {
	case a.AlbumGroup != nil:
		return a.AlbumGroup
	case len(a.groups) == 1:
		return &a.groups[0]
	case slices.Contains(a.groups, "appears_on"):
		return nil
	default:
		return a.AlbumType
	}
}

// artistAlbumsLists are the discographies of the artists.
func artistAlbumsLists(p Params) []list[artistAlbum] {
	groups := p.Options.Words["include_groups"]
	order := Ordered // dates are corrected
	if slices.Contains(groups, "appears_on") {
		order = Unordered
	}
	out := make([]list[artistAlbum], len(p.Parents))
	for i, artist := range p.Parents {
		out[i] = list[artistAlbum]{
			Parent: artist, Query: url.Values{"include_groups": {strings.Join(groups, ",")}}, Order: order,
			Adopt: func(a *artistAlbum, _ int) { a.artistID, a.groups = artist.ID, groups },
		}
	}
	return out
}

// groupRank ranks the entries of an album that stands in a discography several
// times: what the artist made counts more than what the artist appears on.
func groupRank(group *string) int64 {
	if group == nil {
		return 0
	}
	return int64(1 + slices.Index([]string{"appears_on", "compilation", "single", "album"}, *group))
}

// checkAlbum returns why an album has no row.
func checkAlbum(a *album) (why string, rowless bool) {
	return checkObject("an album", a.Type, a.ID), false
}
