package simulate

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// A renderer appends JSON objects. It does without encoding/json because a
// simulated server shares the machine with what is measured.
type renderer struct {
	world *world
	mode  Mode
	gone  *vanished
	// markets is the list of an extended app's objects, ready to append.
	markets string
}

func newRenderer(w *world, mode Mode, gone *vanished) *renderer {
	r := &renderer{world: w, mode: mode, gone: gone}
	var b []byte
	b = append(b, `"available_markets":[`...)
	for i := range 184 {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"', byte('A'+i/26%26), byte('A'+i*7%26), '"')
	}
	r.markets = string(append(b, `],`...))
	return r
}

func (r *renderer) extended() bool { return r.mode == Extended }

// simpleArtist is the artist object inside of others.
func (r *renderer) simpleArtist(b []byte, i int) []byte {
	a := &r.world.artists[i]
	b = append(b, '{')
	b = links(b, "artist", a.id)
	b = append(b, `"name":`...)
	b = quote(b, a.name)
	return append(b, `,"type":"artist","uri":"spotify:artist:`+a.id+`"}`...)
}

// fullArtist is the artist object on its own.
func (r *renderer) fullArtist(b []byte, i int) []byte {
	a := &r.world.artists[i]
	b = append(b, '{')
	b = links(b, "artist", a.id)
	if r.extended() {
		b = append(b, `"followers":{"href":null,"total":`...)
		b = strconv.AppendInt(b, int64(1000+i*37), 10)
		b = append(b, `},"genres":[`...)
		b = quote(b, r.world.genres[a.genre].name)
		b = append(b, `],"popularity":`...)
		b = strconv.AppendInt(b, int64(popularity(i)), 10)
		b = append(b, ',')
	}
	b = images(b, a.id)
	b = append(b, `,"name":`...)
	b = quote(b, a.name)
	return append(b, `,"type":"artist","uri":"spotify:artist:`+a.id+`"}`...)
}

// simpleAlbum is the album object without its tracks. group is the album_group
// in a discography, or empty.
func (r *renderer) simpleAlbum(b []byte, artist, n int, group string) []byte {
	a := &r.world.artists[artist].albums[n]
	b = append(b, `{"album_type":"`+a.group+`",`...)
	if group != "" && r.extended() {
		b = append(b, `"album_group":"`+group+`",`...)
	}
	b = append(b, `"artists":[`...)
	b = r.simpleArtist(b, artist)
	b = append(b, `],`...)
	if r.extended() {
		b = append(b, r.markets...)
	}
	b = links(b, "album", a.id)
	b = images(b, a.id)
	b = append(b, `,"is_playable":true,"name":`...)
	b = quote(b, a.name)
	b = append(b, `,"release_date":"`+a.date+`","release_date_precision":"`+a.precision+`","total_tracks":`...)
	b = strconv.AppendInt(b, int64(a.tracks), 10)
	return append(b, `,"type":"album","uri":"spotify:album:`+a.id+`"}`...)
}

// fullAlbum is the album object on its own. tracks appends the first page of its
// tracks.
func (r *renderer) fullAlbum(b []byte, artist, n int, tracks func([]byte) []byte) []byte {
	id := r.world.artists[artist].albums[n].id
	b = r.simpleAlbum(b, artist, n, "")
	b = append(b[:len(b)-1], `,"copyrights":[],"external_ids":{"upc":"`+upc(id)+`"},"genres":[],`...)
	if r.extended() {
		b = append(b, `"label":"Simulated Records","popularity":`...)
		b = append(strconv.AppendInt(b, int64(popularity(n)), 10), ',')
	}
	return append(tracks(append(b, `"tracks":`...)), '}')
}

// upc makes a barcode of an id.
func upc(id string) string {
	var digits []byte
	for _, c := range []byte(id[:12]) {
		digits = append(digits, '0'+c%10)
	}
	return string(digits)
}

// track is the full track object.
func (r *renderer) track(b []byte, p ref) []byte {
	b = r.simpleAlbum(append(b, `{"album":`...), p.artist, p.album, "")
	return r.trackFields(append(b, ','), p, true)
}

// simpleTrack is the track object in its album.
func (r *renderer) simpleTrack(b []byte, p ref) []byte {
	return r.trackFields(append(b, '{'), p, false)
}

// trackFields appends what follows the album in a track, to the closing brace.
func (r *renderer) trackFields(b []byte, p ref, full bool) []byte {
	s := r.world.song(p)
	b = append(b, `"artists":[`...)
	b = r.simpleArtist(b, p.artist)
	if s.guest >= 0 {
		b = append(b, ',')
		b = r.simpleArtist(b, s.guest)
	}
	b = append(b, `],`...)
	if r.extended() {
		b = append(b, r.markets...)
	}
	b = fmt.Appendf(b, `"disc_number":%d,"duration_ms":%d`, 1+p.track/tracksPerDisc, s.ms)
	b = append(b, `,"explicit":`...)
	b = append(strconv.AppendBool(b, s.explicit), ',')
	if full {
		b = append(b, `"external_ids":{"isrc":"`+s.isrc+`"},`...)
	}
	b = links(b, "track", s.id)
	b = append(b, `"is_local":false,"is_playable":true,`...)
	if r.extended() {
		b = r.extendedTrack(b, p, s, full)
	}
	b = append(b, `"name":`...)
	b = quote(b, s.name)
	b = append(b, `,"track_number":`...)
	b = strconv.AppendInt(b, int64(p.track%tracksPerDisc+1), 10)
	return append(b, `,"type":"track","uri":"spotify:track:`+s.id+`"}`...)
}

// extendedTrack appends what extended apps alone get of a track.
func (r *renderer) extendedTrack(b []byte, p ref, s song, full bool) []byte {
	if full {
		b = append(b, `"popularity":`...)
		b = append(strconv.AppendInt(b, int64(popularity(p.artist+p.track)), 10), ',')
	}
	b = append(b, `"preview_url":null,`...)
	if s.ms%7 == 0 {
		b = append(b, `"linked_from":{`...)
		b = links(b, "track", s.id[1:]+"0")
		b = append(b, `"type":"track","uri":"spotify:track:`+s.id[1:]+`0"},`...)
	}
	return b
}

// saved is an entry of the library.
func (r *renderer) saved(b []byte, row saved) []byte {
	if row.raw != "" {
		return append(b, row.raw...)
	}
	b = append(b, `{"added_at":"`...)
	b = row.added.AppendFormat(b, "2006-01-02T15:04:05Z")
	b = append(b, `","track":`...)
	b = r.track(b, row.ref)
	return append(b, '}')
}

// listed is an entry of a discography.
func (r *renderer) listed(b []byte, l listing) []byte {
	if l.raw != "" {
		return append(b, l.raw...)
	}
	return r.simpleAlbum(b, l.artist, l.album, l.group)
}

// links appends external_urls, href and id, with a comma behind.
func links(b []byte, kind, id string) []byte {
	b = append(b, `"external_urls":{"spotify":"https://open.spotify.com/`...)
	b = append(append(append(b, kind...), '/'), id...)
	b = append(b, `"},"href":"https://api.spotify.com/v1/`...)
	b = append(append(append(b, kind...), 's', '/'), id...)
	b = append(b, `","id":"`...)
	return append(append(b, id...), '"', ',')
}

func images(b []byte, id string) []byte {
	b = append(b, `"images":[`...)
	for i, size := range []string{"640", "300", "64"} {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"height":`+size+`,"url":"https://i.scdn.co/image/ab67616d0000b273`...)
		b = append(b, id...)
		b = append(b, `c18","width":`+size+`}`...)
	}
	return append(b, ']')
}

func popularity(n int) int { return 90 - n%71 }

// quote appends a JSON string.
func quote(b []byte, s string) []byte {
	b = append(b, '"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', byte(c))
		case c < ' ':
			const hex = "0123456789abcdef"
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = utf8.AppendRune(b, c)
		}
	}
	return append(b, '"')
}
