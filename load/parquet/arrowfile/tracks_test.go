package arrowfile_test

import (
	"math/rand/v2"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

var (
	textType = arrow.BinaryTypes.String
	listType = arrow.ListOf(textType)
	intType  = arrow.PrimitiveTypes.Int32
	boolType = arrow.FixedWidthTypes.Boolean
	timeType = arrow.FixedWidthTypes.Timestamp_us
)

// tracks has the shape of a table of saved tracks: 28 columns.
var tracks = arrow.NewSchema([]arrow.Field{
	{Name: "track_id", Type: textType},
	{Name: "added_at", Type: timeType, Nullable: true},
	{Name: "track_name", Type: textType, Nullable: true},
	{Name: "artist_ids", Type: listType, Nullable: true},
	{Name: "artist_names", Type: listType, Nullable: true},
	{Name: "album_id", Type: textType, Nullable: true},
	{Name: "album_name", Type: textType, Nullable: true},
	{Name: "album_type", Type: textType, Nullable: true},
	{Name: "album_artist_ids", Type: listType, Nullable: true},
	{Name: "album_artist_names", Type: listType, Nullable: true},
	{Name: "album_uri", Type: textType, Nullable: true},
	{Name: "album_image", Type: textType, Nullable: true},
	{Name: "release_date", Type: textType, Nullable: true},
	{Name: "release_date_precision", Type: textType, Nullable: true},
	{Name: "released_on", Type: arrow.FixedWidthTypes.Date32, Nullable: true},
	{Name: "disc_number", Type: intType, Nullable: true},
	{Name: "track_number", Type: intType, Nullable: true},
	{Name: "duration_ms", Type: intType, Nullable: true},
	{Name: "explicit", Type: boolType, Nullable: true},
	{Name: "is_local", Type: boolType, Nullable: true},
	{Name: "is_playable", Type: boolType, Nullable: true},
	{Name: "isrc", Type: textType, Nullable: true},
	{Name: "track_uri", Type: textType, Nullable: true},
	{Name: "popularity", Type: intType, Nullable: true},
	{Name: "linked_from_id", Type: textType, Nullable: true},
	{Name: "first_seen_at", Type: timeType},
	{Name: "last_seen_at", Type: timeType},
	{Name: "removed_at", Type: timeType, Nullable: true},
}, nil)

// A library makes rows of saved tracks, the same ones each time. About ten
// rows share an album and twenty an artist; they are not in the order of
// their albums.
type library struct {
	random *rand.Rand
	albums []album
	made   int
	size   int
}

type album struct {
	id, name, image, date string
	artists               []artist
	day                   int
}

type artist struct{ id, name string }

func newLibrary(size int) *library {
	l := &library{random: rand.New(rand.NewPCG(1, 2)), size: size}
	artists := make([]artist, size/20+1)
	for i := range artists {
		artists[i] = artist{l.id(22), l.name(1, 3)}
	}
	for range size/10 + 1 {
		a := album{id: l.id(22), name: l.name(1, 5), day: 7000 + l.random.IntN(13_000)}
		a.image = "https://i.scdn.co/image/ab67616d0000b273" + l.hex(24)
		a.date = arrow.Date32(a.day).FormattedString()
		for range 1 + l.random.IntN(8)/6 {
			a.artists = append(a.artists, artists[l.random.IntN(len(artists))])
		}
		l.albums = append(l.albums, a)
	}
	return l
}

func (l *library) from(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[l.random.IntN(len(alphabet))]
	}
	return string(b)
}

func (l *library) id(n int) string {
	return l.from("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", n)
}

func (l *library) hex(n int) string { return l.from("0123456789abcdef", n) }

func (l *library) name(least, most int) string {
	words := make([]string, least+l.random.IntN(most-least+1))
	for i := range words {
		word := l.from("aaabcdeeeeffghiiijklmnnooopprrrsssttttuuvwxy", 2+l.random.IntN(7))
		words[i] = strings.ToUpper(word[:1]) + word[1:]
	}
	return strings.Join(words, " ")
}

// next is a record of up to n further rows; nil at the end.
func (l *library) next(n int) arrow.Record {
	n = min(n, l.size-l.made)
	if n <= 0 {
		return nil
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, tracks)
	defer b.Release()
	for range n {
		l.row(b)
		l.made++
	}
	return b.NewRecord()
}

func (l *library) row(b *array.RecordBuilder) {
	const run = 1_780_000_000_000_000
	a := l.albums[l.random.IntN(len(l.albums))]
	id, others := l.id(22), a.artists[:1]
	if l.random.IntN(4) == 0 {
		others = append(others[:1:1], l.albums[l.random.IntN(len(l.albums))].artists...)
	}
	linked := any(nil)
	if l.random.IntN(20) == 0 {
		linked = l.id(22)
	}
	for i, v := range []any{
		id, run - int64(l.made)*1_000_000*7200, l.name(1, 5), ids(others), names(others),
		a.id, a.name, []string{"album", "album", "single", "compilation"}[a.day%4], ids(a.artists), names(a.artists),
		"spotify:album:" + a.id, a.image, a.date, "day", a.day, 1 + l.random.IntN(20)/19, 1 + l.random.IntN(15), 120_000 + l.random.IntN(240_000),
		l.random.IntN(8) == 0, false, true, "US" + strings.ToUpper(l.hex(3)) + l.from("0123456789", 7), "spotify:track:" + id, l.random.IntN(90), linked,
		int64(run), int64(run), nil,
	} {
		put(b.Field(i), v)
	}
}

func ids(of []artist) (out []string) {
	for _, a := range of {
		out = append(out, a.id)
	}
	return out
}

func names(of []artist) (out []string) {
	for _, a := range of {
		out = append(out, a.name)
	}
	return out
}

func put(b array.Builder, v any) {
	if v == nil {
		b.AppendNull()
		return
	}
	switch b := b.(type) {
	case *array.StringBuilder:
		b.Append(v.(string))
	case *array.Int32Builder:
		b.Append(int32(v.(int)))
	case *array.Date32Builder:
		b.Append(arrow.Date32(v.(int)))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(v.(int64)))
	case *array.BooleanBuilder:
		b.Append(v.(bool))
	case *array.ListBuilder:
		b.Append(true)
		for _, s := range v.([]string) {
			b.ValueBuilder().(*array.StringBuilder).Append(s)
		}
	}
}
