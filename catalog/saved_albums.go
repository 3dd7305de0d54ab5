package catalog

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/listdiff"
	"github.com/tracklake/tracklake/transform"
)

// A savedAlbum is a row of the list of saved albums.
type savedAlbum struct {
	AddedAt time.Time  `json:"added_at"`
	Album   *fullAlbum `json:"album"`
}

// A fullAlbum is Spotify's album object.
// https://developer.spotify.com/documentation/web-api/reference/get-an-album
type fullAlbum struct {
	album
	Tracks trackPage `json:"tracks"` // the first 50
}

// A trackPage is a part of the tracks of an album.
type trackPage struct {
	Items []*track `json:"items"`
	Total int      `json:"total"`
}

func (s *savedAlbum) album() *album { return &s.Album.album }

// savedAlbums are the albums in the account's library, in an order that is not that of
// added_at.
// https://developer.spotify.com/documentation/web-api/reference/get-users-saved-albums
func savedAlbums() spec[savedAlbum] {
	return spec[savedAlbum]{
		Name: "saved_albums",
		Doc:  "The albums in the account's library, with their tracks.",
		Noun: "album",
		Size: Library,
		Endpoint: extract.Endpoint{
			Path:   "/me/albums",
			Bucket: "me/albums",
			Doc:    "https://developer.spotify.com/documentation/web-api/reference/get-users-saved-albums",
			Scope:  "user-library-read",
			Limit:  50,
		},
		Order: Ordered, Key: savedAlbumKey, Column: "album_id", Unique: true,
		Check:     checkSavedAlbum,
		FullEvery: 7 * 24 * time.Hour,
		Names: []Naming{
			{Noun: "artist", Column: "album_artist_ids"},
			{Noun: "album", Column: "album_id"},
		},
		Complete: completeAlbum,
		Table: transform.Table[savedAlbum]{
			Name:      "saved_albums",
			Doc:       "One row for each album that is or was saved in the account's library.",
			Key:       []string{"album_id"},
			Removable: true,
			Log:       &transform.Log{Item: []string{"album_id"}, Name: "album_name"},
			Columns: append([]transform.Column[savedAlbum]{
				addedAt("album", func(s *savedAlbum) time.Time { return s.AddedAt }),
				transform.String("album_id", "Spotify ID of the album.", func(s *savedAlbum) string { return s.Album.ID }),
			}, albumColumns((*savedAlbum).album)...),
		},
		Also: []further[savedAlbum]{also[savedAlbum, albumTrack]{
			Table: transform.Table[albumTrack]{
				Name:      "saved_album_tracks",
				Doc:       "One row for each track of an album that is or was saved in the account's library.",
				Key:       albumTrackKey(),
				Removable: true,
				Columns:   albumTrackColumns(nil),
			},
			Column: "album_id", Rows: (*savedAlbum).tracks,
		}},
	}
}

func savedAlbumKey(s *savedAlbum) listdiff.Key {
	if s.Album == nil {
		return savedKey("", s.AddedAt)
	}
	return savedKey(s.Album.ID, s.AddedAt)
}

func checkSavedAlbum(s *savedAlbum) (why string, rowless bool) {
	if s.Album == nil {
		return "the entry has no album", false
	}
	return checkAlbum(&s.Album.album)
}

// tracks are those of the album that came. They are all if they are as many as the album
// counts and each can be read. An album without tracks was taken down.
func (s *savedAlbum) tracks() (tracks []albumTrack, whole bool) {
	for i, t := range s.Album.Tracks.Items {
		if t == nil {
			continue
		}
		if why, _ := checkTrack(t); why == "" {
			t.Album = &s.Album.album
			tracks = append(tracks, albumTrack{track: *t, albumID: s.Album.ID, position: int32(i + 1)})
		}
	}
	return tracks, len(tracks) > 0 && len(tracks) == s.Album.Tracks.Total
}

// mostAlbumTracks bounds the tracks that are requested of an album. The longest have
// some hundreds.
const mostAlbumTracks = 5000

// completeAlbum requests the tracks behind the first fifty of an album.
func completeAlbum(ctx context.Context, c *extract.Client, s *savedAlbum) (why string, err error) {
	t := &s.Album.Tracks
	e := albumTracksEndpoint()
	e.Path = pathOf(e.Path, s.Album.ID)
	for n := len(t.Items); n > 0 && n < min(t.Total, mostAlbumTracks); n = len(t.Items) {
		e.Query = map[string][]string{"offset": {strconv.Itoa(n)}, "limit": {strconv.Itoa(e.Limit)}}
		more, err := extract.Get[trackPage](ctx, c, e)
		if err != nil && !concernsOne(err) {
			return "", fmt.Errorf("read the tracks of album %s: %w", s.Album.ID, err)
		}
		if err != nil || len(more.Items) == 0 {
			why := fmt.Sprintf("only %d of the album's %d tracks came", n, t.Total)
			if err != nil {
				why += ": " + strings.TrimSuffix(err.Error(), ".")
			}
			return why, nil
		}
		t.Items = append(t.Items, more.Items...)
	}
	return "", nil
}

// concernsOne reports whether an error can be the fault of what was asked for, and does
// not say that nothing else can be read.
func concernsOne(err error) bool {
	var api *extract.Error
	if !errors.As(err, &api) {
		return false
	}
	switch api.Kind {
	case extract.NotFound, extract.Forbidden, extract.BadRequest, extract.Malformed:
		return true
	case extract.Transient:
		return api.Status >= 500
	default:
		return false
	}
}
