package catalog

import (
	"strconv"
	"strings"
	"time"
)

// The types below are what the project keeps of Spotify's objects. Pointers
// mark fields that one kind of app or another does not get, so that "not sent"
// stays apart from 0 and "".

// A track is Spotify's track object.
// https://developer.spotify.com/documentation/web-api/reference/get-track
type track struct {
	ID          string      `json:"id"` // empty for local files
	Type        *string     `json:"type"`
	Name        *string     `json:"name"`
	Album       *album      `json:"album"`
	Artists     []artist    `json:"artists"`
	DiscNumber  *int32      `json:"disc_number"`
	TrackNumber *int32      `json:"track_number"`
	DurationMS  *int32      `json:"duration_ms"`
	Explicit    *bool       `json:"explicit"`
	IsLocal     bool        `json:"is_local"`
	IsPlayable  *bool       `json:"is_playable"`
	Popularity  *int32      `json:"popularity"`
	ExternalIDs externalIDs `json:"external_ids"`
	LinkedFrom  *linkedFrom `json:"linked_from"`
}

type externalIDs struct {
	ISRC *string `json:"isrc"`
}

// linkedFrom names the track that was asked for when Spotify plays another.
type linkedFrom struct {
	ID *string `json:"id"`
}

// An album is Spotify's simplified album object.
// https://developer.spotify.com/documentation/web-api/reference/get-an-artists-albums
type album struct {
	ID                   string   `json:"id"`
	Type                 *string  `json:"type"`
	Name                 *string  `json:"name"`
	AlbumType            *string  `json:"album_type"`
	AlbumGroup           *string  `json:"album_group"`
	ReleaseDate          *string  `json:"release_date"`
	ReleaseDatePrecision *string  `json:"release_date_precision"`
	TotalTracks          *int32   `json:"total_tracks"`
	Artists              []artist `json:"artists"`
	Images               []image  `json:"images"`
}

// checkObject returns why an object has no row, or "": it is of another type than what
// is wanted, like "an album", or has no ID.
func checkObject(what string, objectType *string, id string) string {
	_, noun, _ := strings.Cut(what, " ")
	switch {
	case objectType != nil && *objectType != noun:
		return "the entry is not " + what + " but of type " + strconv.Quote(*objectType)
	case id == "":
		return "the " + noun + " has no Spotify ID"
	}
	return ""
}

// An image is one size of a cover.
type image struct {
	URL   *string `json:"url"`
	Width *int32  `json:"width"` // in pixels; null for pictures that users upload
}

// widest is the address of the widest of some images, where there is one. Music has the
// widest first, shows have it last.
func widest(images []image) *string {
	var url *string
	most := int32(-1)
	for i := range images {
		width := int32(0)
		if images[i].Width != nil {
			width = *images[i].Width
		}
		if width > most {
			url, most = images[i].URL, width
		}
	}
	return nonEmpty(url)
}

// An artist is Spotify's simplified artist object.
// https://developer.spotify.com/documentation/web-api/reference/get-an-artist
type artist struct {
	ID   string  `json:"id"`
	Name *string `json:"name"`
}

// A fullArtist is Spotify's artist object.
// https://developer.spotify.com/documentation/web-api/reference/get-an-artist
type fullArtist struct {
	ID         string    `json:"id"`
	Type       *string   `json:"type"`
	Name       *string   `json:"name"`
	Genres     []string  `json:"genres"`
	Popularity *int32    `json:"popularity"`
	Followers  followers `json:"followers"`
	Images     []image   `json:"images"`
}

type followers struct {
	Total *int32 `json:"total"`
}

func artistID(a *artist) string { return a.ID }

// artistName is the name for list columns: a name that was not sent is an
// empty text there, so that names and ids stay in step.
func artistName(a *artist) string {
	if a.Name == nil {
		return ""
	}
	return *a.Name
}

// releasedOn is the first day of the period that a release date names, or the
// zero time when the date is absent, has the year 0000, or is no date.
func (a *album) releasedOn() time.Time {
	if a == nil {
		return time.Time{}
	}
	return firstDayOf(a.ReleaseDate)
}

// firstDayOf is the same for the date itself.
func firstDayOf(date *string) time.Time {
	if date == nil {
		return time.Time{}
	}
	return firstDay(*date)
}

// firstDay parses 2006, 2006-01 and 2006-01-02 without the cost of
// time.Parse, which is called three times a row.
func firstDay(s string) time.Time {
	year, month, day := 0, 1, 1
	ok := true
	part := func(from, to int) int {
		n, err := strconv.ParseUint(s[from:to], 10, 16)
		ok = ok && err == nil
		return int(n)
	}
	switch {
	case len(s) == 4:
		year = part(0, 4)
	case len(s) == 7 && s[4] == '-':
		year, month = part(0, 4), part(5, 7)
	case len(s) == 10 && s[4] == '-' && s[7] == '-':
		year, month, day = part(0, 4), part(5, 7), part(8, 10)
	default:
		return time.Time{}
	}
	t := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if !ok || year == 0 || int(t.Month()) != month || t.Day() != day {
		return time.Time{}
	}
	return t
}
