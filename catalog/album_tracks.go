package catalog

import (
	"slices"
	"time"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/listdiff"
	"github.com/tracklake/tracklake/transform"
)

// An albumTrack is a track in the list of its album. Spotify sends it without its album,
// ISRC and popularity.
type albumTrack struct {
	track
	albumID  string
	position int32 // in the list, from 1
}

func (t *albumTrack) song() *track { return &t.track }

// numbers are the numbers of the disc and of the track. Without both of them, all tracks
// count as being on one disc.
func (t *albumTrack) numbers() (disc, number int32) {
	if t.DiscNumber == nil || t.TrackNumber == nil {
		return 1, t.position
	}
	return *t.DiscNumber, *t.TrackNumber
}

func (t *albumTrack) disc() int32 {
	disc, _ := t.numbers()
	return disc
}

func (t *albumTrack) number() int32 {
	_, number := t.numbers()
	return number
}

// albumTracks are the tracks of albums, one list an album.
// https://developer.spotify.com/documentation/web-api/reference/get-an-albums-tracks
func albumTracks() spec[albumTrack] {
	return spec[albumTrack]{
		Name:     "album_tracks",
		Doc:      "The tracks of albums that chosen tables name, or of listed ones; saved_albums has those of saved albums. Each album is read once in half a year.",
		Noun:     "track",
		Endpoint: albumTracksEndpoint(),
		Mode:     Replace, Every: Weekly, Size: Everything,
		Key:     func(t *albumTrack) listdiff.Key { return listdiff.NewKey(t.ID, 0) },
		Check:   func(t *albumTrack) (string, bool) { return checkTrack(&t.track) },
		Parents: &Parents{Noun: "album", Column: "album_id", Version: "1"},
		// Albums do not change once they are out, but for what Spotify corrects.
		FullEvery: 180 * 24 * time.Hour,
		Failures:  3,
		Budget:    480,
		Options: []Option{{
			Name: "albums", Kind: Chosen, Splits: "album", ID: idOf("album"), IDPattern: idPattern("album"),
			Doc:     "Which albums: {from: [top_tracks, plays]} takes those that the tables name, {ids: [...]} the ones listed.",
			Default: []string{"top_tracks"},
		}},
		Adopt: func(t *albumTrack, album Parent, position int) {
			t.albumID, t.position = album.ID, int32(position+1)
		},
		Table: transform.Table[albumTrack]{
			Name:    "album_tracks",
			Doc:     "One row for each track of an album, as the album was when it was last read.",
			Key:     albumTrackKey(),
			Columns: albumTrackColumns(names(albumColumns((*albumTrack).ofAlbum))),
		},
	}
}

func albumTracksEndpoint() extract.Endpoint {
	return extract.Endpoint{
		Path:   "/albums/{id}/tracks",
		Bucket: "albums/tracks",
		Doc:    "https://developer.spotify.com/documentation/web-api/reference/get-an-albums-tracks",
		Limit:  50,
	}
}

func (t *albumTrack) ofAlbum() *album { return albumOf(&t.track) }

// albumTrackKey is the key of a table of the tracks of albums.
func albumTrackKey() []string { return []string{"album_id", "disc_number", "track_number"} }

// unsent are the columns of a track that Spotify does not send in the list of an album.
func unsent() []string { return []string{"isrc", "popularity"} }

// albumTrackColumns are the columns of a track in the list of its album, but for those
// without which the table does, and those that are not sent.
func albumTrackColumns(without []string) []transform.Column[albumTrack] {
	out := []transform.Column[albumTrack]{
		transform.String("album_id", "Spotify ID of the album.", func(t *albumTrack) string { return t.albumID }),
		transform.Int32("disc_number", "Number of the disc, from 1.", (*albumTrack).disc),
		transform.Int32("track_number", "Number of the track on its disc, from 1; its place on the album where Spotify sends no numbers.", (*albumTrack).number),
	}
	without = slices.Concat(without, unsent(), names(out))
	return append(out, slices.DeleteFunc(trackColumns((*albumTrack).song), func(c transform.Column[albumTrack]) bool {
		return slices.Contains(without, c.Name)
	})...)
}

func names[T any](columns []transform.Column[T]) []string {
	var out []string
	for _, c := range columns {
		out = append(out, c.Name)
	}
	return out
}
