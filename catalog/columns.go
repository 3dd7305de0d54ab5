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
	onAlbum := func(i *T) *album { return albumOf(of(i)) }
	return slices.Concat([]transform.Column[T]{
		transform.String("track_id", "Spotify ID of the track.", func(i *T) string { return of(i).ID }),
		transform.OptString("track_name", "Title of the track.", func(i *T) *string { return of(i).Name }),
		transform.Strings("artist_ids", "Spotify IDs of the track's artists, main artist first.", func(i *T) []artist { return of(i).Artists }, artistID),
		transform.Strings("artist_names", "Names of the track's artists, in the order of artist_ids.", func(i *T) []artist { return of(i).Artists }, artistName),
		transform.OptString("album_id", "Spotify ID of the album that the track is on.", func(i *T) *string { return nonEmpty(&onAlbum(i).ID) }),
	}, albumColumns(onAlbum), []transform.Column[T]{
		transform.OptInt32("disc_number", "Number of the disc, from 1.", func(i *T) *int32 { return of(i).DiscNumber }),
		transform.OptInt32("track_number", "Number of the track on its disc, from 1.", func(i *T) *int32 { return of(i).TrackNumber }),
		transform.OptInt32("duration_ms", "Length in milliseconds.", func(i *T) *int32 { return of(i).DurationMS }),
		transform.OptBool("explicit", "Whether the lyrics are marked explicit.", func(i *T) *bool { return of(i).Explicit }),
		transform.OptBool("is_playable", "Whether the account can play the track in its country.", func(i *T) *bool { return of(i).IsPlayable }),
		transform.OptString("isrc", "International Standard Recording Code.", func(i *T) *string { return of(i).ExternalIDs.ISRC }),
		transform.OptInt32("popularity", "Popularity from 0 to 100; NULL for apps in development mode, which do not get it.", func(i *T) *int32 { return of(i).Popularity }),
		transform.OptString("linked_from_id", "ID of the track that was saved or ranked, when Spotify plays another in its place.", func(i *T) *string {
			if l := of(i).LinkedFrom; l != nil {
				return nonEmpty(l.ID)
			}
			return nil
		}),
	})
}

// albumColumns are the columns of an album, beside its id.
func albumColumns[T any](of func(*T) *album) []transform.Column[T] {
	return []transform.Column[T]{
		transform.OptString("album_name", "Title of the album; empty when Spotify took the album down.", func(i *T) *string { return of(i).Name }),
		transform.OptString("album_type", "album, single or compilation.", func(i *T) *string { return of(i).AlbumType }),
		transform.Strings("album_artist_ids", "Spotify IDs of the album's artists, main artist first.", func(i *T) []artist { return of(i).Artists }, artistID),
		transform.Strings("album_artist_names", "Names of the album's artists, in the order of album_artist_ids.", func(i *T) []artist { return of(i).Artists }, artistName),
		transform.OptString("release_date", "Release date of the album as Spotify gives it: year, year and month, or day.", func(i *T) *string { return of(i).ReleaseDate }),
		transform.OptString("release_date_precision", "How exact release_date is: year, month or day.", func(i *T) *string { return of(i).ReleaseDatePrecision }),
		transform.Date("released_on", "First day of the period that release_date names; NULL when its year is 0000 or absent.", func(i *T) time.Time { return of(i).releasedOn() }),
		transform.OptInt32("album_total_tracks", "Number of tracks on the album.", func(i *T) *int32 { return of(i).TotalTracks }),
		transform.OptString("album_image_url", "Address of the album's cover, in its widest size.", func(i *T) *string { return widest(of(i).Images) }),
	}
}

// artistColumns are the columns of an artist, for every table of which a row is about
// one artist.
func artistColumns[T any](of func(*T) *fullArtist) []transform.Column[T] {
	return []transform.Column[T]{
		transform.String("artist_id", "Spotify ID of the artist.", func(i *T) string { return of(i).ID }),
		transform.OptString("artist_name", "Name of the artist.", func(i *T) *string { return of(i).Name }),
		transform.Strings("genres", "Genres of the artist; NULL for apps in development mode, which do not get them.", func(i *T) []string { return of(i).Genres }, func(s *string) string { return *s }),
		transform.OptInt32("popularity", "Popularity from 0 to 100; NULL for apps in development mode, which do not get it.", func(i *T) *int32 { return of(i).Popularity }),
		transform.OptInt32("followers", "Number of followers; NULL for apps in development mode, which do not get it.", func(i *T) *int32 { return of(i).Followers.Total }),
		transform.OptString("image_url", "Address of the artist's picture, in its widest size.", func(i *T) *string { return widest(of(i).Images) }),
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
