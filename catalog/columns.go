package catalog

import (
	"slices"
	"time"

	"github.com/tracklake/tracklake/transform"
)

// albumOf returns the track's album, or an empty one when it came without, so
// that accessors stay plain field reads.
func albumOf(t *track) *album {
	if t.Album == nil {
		return &album{}
	}
	return t.Album
}

// trackColumns are the columns of a track, for every table of which a row is
// about one track.
func trackColumns[T any](of func(*T) *track) []transform.Column[T] {
	return transform.Of(of, ownTrackColumns())
}

func ownTrackColumns() []transform.Column[track] {
	return slices.Concat([]transform.Column[track]{
		transform.String("track_id", "Spotify ID of the track.", func(t *track) string { return t.ID }),
		transform.OptString("track_name", "Title of the track.", func(t *track) *string { return t.Name }),
		transform.Strings("artist_ids", "Spotify IDs of the track's artists, main artist first.", func(t *track) []artist { return t.Artists }, artistID),
		transform.Strings("artist_names", "Names of the track's artists, in the order of artist_ids.", func(t *track) []artist { return t.Artists }, artistName),
		transform.OptString("album_id", "Spotify ID of the album that the track is on.", func(t *track) *string { return nonEmpty(&albumOf(t).ID) }),
	}, albumColumns(albumOf), []transform.Column[track]{
		transform.OptInt32("disc_number", "Number of the disc, from 1.", func(t *track) *int32 { return t.DiscNumber }),
		transform.OptInt32("track_number", "Number of the track on its disc, from 1.", func(t *track) *int32 { return t.TrackNumber }),
		transform.OptInt32("duration_ms", "Length in milliseconds.", func(t *track) *int32 { return t.DurationMS }),
		transform.OptBool("explicit", "Whether the lyrics are marked explicit.", func(t *track) *bool { return t.Explicit }),
		transform.OptBool("is_playable", "Whether the account can play the track in its country.", func(t *track) *bool { return t.IsPlayable }),
		transform.OptString("isrc", "International Standard Recording Code.", func(t *track) *string { return t.ExternalIDs.ISRC }),
		transform.OptInt32("popularity", "Popularity from 0 to 100; NULL for apps in development mode, which do not get it.", func(t *track) *int32 { return t.Popularity }),
		transform.OptString("linked_from_id", "ID of the track that was saved or ranked, when Spotify plays another in its place.", func(t *track) *string {
			if l := t.LinkedFrom; l != nil {
				return nonEmpty(l.ID)
			}
			return nil
		}),
	})
}

// albumColumns are the columns of an album, beside its id.
func albumColumns[T any](of func(*T) *album) []transform.Column[T] {
	return transform.Of(of, ownAlbumColumns())
}

func ownAlbumColumns() []transform.Column[album] {
	return []transform.Column[album]{
		transform.OptString("album_name", "Title of the album; empty when Spotify took the album down.", func(a *album) *string { return a.Name }),
		transform.OptString("album_type", "album, single or compilation.", func(a *album) *string { return a.AlbumType }),
		transform.Strings("album_artist_ids", "Spotify IDs of the album's artists, main artist first.", func(a *album) []artist { return a.Artists }, artistID),
		transform.Strings("album_artist_names", "Names of the album's artists, in the order of album_artist_ids.", func(a *album) []artist { return a.Artists }, artistName),
		transform.OptString("release_date", "Release date of the album as Spotify gives it: year, year and month, or day.", func(a *album) *string { return a.ReleaseDate }),
		transform.OptString("release_date_precision", "How exact release_date is: year, month or day.", func(a *album) *string { return a.ReleaseDatePrecision }),
		transform.Date("released_on", "First day of the period that release_date names; NULL when its year is 0000 or absent.", func(a *album) time.Time { return a.releasedOn() }),
		transform.OptInt32("album_total_tracks", "Number of tracks on the album.", func(a *album) *int32 { return a.TotalTracks }),
		transform.OptString("album_image_url", "Address of the album's cover, in its widest size.", func(a *album) *string { return widest(a.Images) }),
	}
}

// artistColumns are the columns of an artist, for every table of which a row is about
// one artist.
func artistColumns[T any](of func(*T) *fullArtist) []transform.Column[T] {
	return transform.Of(of, ownArtistColumns())
}

func ownArtistColumns() []transform.Column[fullArtist] {
	return []transform.Column[fullArtist]{
		transform.String("artist_id", "Spotify ID of the artist.", func(a *fullArtist) string { return a.ID }),
		transform.OptString("artist_name", "Name of the artist.", func(a *fullArtist) *string { return a.Name }),
		transform.Strings("genres", "Genres of the artist; NULL for apps in development mode, which do not get them.", func(a *fullArtist) []string { return a.Genres }, func(s *string) string { return *s }),
		transform.OptInt32("popularity", "Popularity from 0 to 100; NULL for apps in development mode, which do not get it.", func(a *fullArtist) *int32 { return a.Popularity }),
		transform.OptInt32("followers", "Number of followers; NULL for apps in development mode, which do not get it.", func(a *fullArtist) *int32 { return a.Followers.Total }),
		transform.OptString("image_url", "Address of the artist's picture, in its widest size.", func(a *fullArtist) *string { return widest(a.Images) }),
	}
}

// addedAt is the column of when something was saved.
func addedAt[T any](noun string, get func(*T) time.Time) transform.Column[T] {
	return transform.Time("added_at", "When the "+noun+" was saved, UTC, as Spotify says; it can lie years off.", get)
}

func nonEmpty(s *string) *string {
	if s == nil || *s == "" {
		return nil
	}
	return s
}
