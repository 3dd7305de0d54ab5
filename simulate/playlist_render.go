package simulate

import (
	"fmt"
	"strconv"
)

// itemFields are the fields in which an item has its object: track is the older
// one, which extended apps still get.
func (r *renderer) itemFields() []string {
	if r.extended() {
		return []string{"item", "track"}
	}
	return []string{"item"}
}

// listedPlaylist is an entry of a list of playlists.
func (r *renderer) listedPlaylist(b []byte, p playlist) []byte {
	if p.raw != "" {
		return append(b, p.raw...)
	}
	return r.playlist(b, p, func(b []byte, field string) []byte {
		return fmt.Appendf(b, `"%s":{"href":"https://api.spotify.com/v1/playlists/%s/%s","total":%d},`, field, p.id, field, len(p.entries))
	})
}

// playlist is the playlist object. contents appends the field with its items,
// items or the older tracks, and a comma.
func (r *renderer) playlist(b []byte, p playlist, contents func(b []byte, field string) []byte) []byte {
	b = fmt.Appendf(b, `{"collaborative":%t,"description":`, p.collaborative)
	if p.owner == stranger {
		b = append(b, `null,`...)
	} else {
		b = append(b, `"",`...)
	}
	b = links(b, "playlist", p.id)
	if len(p.entries) == 0 {
		b = append(b, `"images":null`...)
	} else {
		b = append(b, `"images":[{"height":null,"url":"https://i.scdn.co/image/ab67616d00001e02`+p.id+`","width":null}]`...)
	}
	b = quote(append(b, `,"name":`...), p.name)
	b = append(b, `,"owner":{"display_name":`...)
	if name := displayNameOf(p.owner); name != "" {
		b = quote(b, name)
	} else {
		b = append(b, `null`...)
	}
	b = links(append(b, ','), "user", p.owner)
	b = fmt.Appendf(b, `"type":"user","uri":"spotify:user:%s"},"primary_color":null,"public":%t,"snapshot_id":"%s",`, p.owner, p.public, p.snapshot())
	b = contents(b, "items")
	if r.extended() {
		b = contents(b, "tracks")
	}
	return append(b, `"type":"playlist","uri":"spotify:playlist:`+p.id+`"}`...)
}

// item is an entry of a playlist. Unless the request wants episodes, they come
// in the shape of a track.
func (r *renderer) item(b []byte, e entry, fields []string, episodes bool) []byte {
	if e.raw != "" {
		return append(b, e.raw...)
	}
	b = append(b, `{"added_at":`...)
	if e.added.IsZero() {
		b = append(b, `null`...)
	} else {
		b = e.added.AppendFormat(b, `"2006-01-02T15:04:05Z"`)
	}
	b = append(b, `,"added_by":`...)
	if e.by == "" {
		b = append(b, `null`...)
	} else {
		b = links(append(b, '{'), "user", e.by)
		b = append(b, `"type":"user","uri":"spotify:user:`+e.by+`"}`...)
	}
	b = fmt.Appendf(b, `,"is_local":%t,"primary_color":null,`, e.kind == LocalItem)
	for _, field := range fields {
		b = append(b, `"`+field+`":`...)
		b = append(r.content(b, e, episodes), ',')
	}
	return append(b, `"video_thumbnail":{"url":null}}`...)
}

// kindOf is the kind of an entry as it is now: an episode may have vanished.
func (r *renderer) kindOf(e entry) ItemKind {
	if e.kind == EpisodeItem {
		if episode := r.world.spoken.episode(e.number); r.gone.has(episode.id) || r.gone.has(episode.show.id) {
			return NullItem
		}
	}
	return e.kind
}

// content is what stands at a position of a playlist.
func (r *renderer) content(b []byte, e entry, episodes bool) []byte {
	switch {
	case r.kindOf(e) == NullItem:
		return append(b, `null`...)
	case e.kind == LocalItem:
		return r.local(b, r.world.localFile(e.number))
	case e.kind == EpisodeItem && episodes:
		return r.listedEpisode(b, r.world.spoken.episode(e.number))
	case e.kind == EpisodeItem:
		return r.episodeTrack(b, r.world.spoken.episode(e.number))
	}
	b = r.track(b, e.ref)
	if r.extended() {
		b = append(b[:len(b)-1], `,"episode":false,"track":true}`...)
	}
	return b
}

// local is a file of the user's in the shape of a track.
func (r *renderer) local(b []byte, f localFile) []byte {
	const nobody = `"external_urls":{},"href":null,"id":null,`
	b = append(b, `{"album":{"album_type":null,"artists":[],`...)
	if r.extended() {
		b = append(b, `"available_markets":[],`...)
	}
	b = quote(append(b, nobody+`"images":[],"name":`...), f.album)
	b = quote(append(b, `,"release_date":null,"release_date_precision":null,"type":"album","uri":null},"artists":[{`+nobody+`"name":`...), f.artist)
	b = append(b, `,"type":"artist","uri":null}],`...)
	if r.extended() {
		b = append(b, `"available_markets":[],"popularity":0,"preview_url":null,`...)
	}
	b = append(b, `"disc_number":0,"duration_ms":`+strconv.Itoa(f.seconds*1000)+`,"explicit":false,"external_ids":{},`...)
	b = quote(append(b, nobody+`"is_local":true,"name":`...), f.title)
	return append(b, `,"track_number":0,"type":"track","uri":"`+f.uri()+`"}`...)
}

// episodeTrack is an episode in the shape of a track, with the show as its album
// and its artist.
func (r *renderer) episodeTrack(b []byte, e episode) []byte {
	b = append(b, `{"album":{"album_type":"show","artists":[],`...)
	if r.extended() {
		b = append(b, r.markets...)
	}
	b = images(links(b, "show", e.show.id), e.show.id)
	b = quote(append(b, `,"name":`...), e.show.name)
	b = append(b, `,"release_date":"`+e.date+`","release_date_precision":"day","total_tracks":`+strconv.Itoa(e.show.episodes)+`,"type":"show","uri":"spotify:show:`+e.show.id+`"},"artists":[{`...)
	b = quote(append(links(b, "show", e.show.id), `"name":`...), e.show.name)
	b = append(b, `,"type":"show","uri":"spotify:show:`+e.show.id+`"}],`...)
	if r.extended() {
		b = append(append(b, r.markets...), `"popularity":0,"preview_url":null,`...)
	}
	b = append(b, `"disc_number":0,"duration_ms":`+strconv.Itoa(e.ms)+`,"episode":false,"explicit":false,"external_ids":{"spotify":"https://open.spotify.com/episode/`+e.id+`"},`...)
	b = append(links(b, "episode", e.id), `"is_local":false,"is_playable":false,"name":`...)
	b = quote(b, e.name)
	return append(b, `,"track":true,"track_number":0,"type":"episode","uri":"spotify:episode:`+e.id+`"}`...)
}
