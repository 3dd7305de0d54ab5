package simulate

import (
	"fmt"
	"strconv"
)

// showFields appends the show object, to its type and uri, without the braces.
func (r *renderer) showFields(b []byte, s show) []byte {
	b = r.about(b, s.name, s.explicit)
	b = links(b, "show", s.id)
	b = images(b, s.id)
	hosted := "false"
	if s.unhosted {
		hosted = "null"
	}
	b = quote(append(b, `,"is_externally_hosted":`+hosted+`,"languages":["`+s.language+`"],"media_type":"audio","name":`...), s.name)
	b = r.publisher(b, s.publisher)
	return fmt.Appendf(b, `,"total_episodes":%d,"type":"show","uri":"spotify:show:%s"`, s.episodes, s.id)
}

// about appends what shows and audiobooks begin with, to html_description.
func (r *renderer) about(b []byte, name string, explicit bool) []byte {
	if r.extended() {
		b = append(b, r.markets...)
	}
	b = quote(append(b, `"copyrights":[],"description":`...), "About "+name+".")
	b = quote(append(b, `,"html_description":`...), "<p>About "+name+".</p>")
	return fmt.Appendf(b, `,"explicit":%t,`, explicit)
}

func (r *renderer) publisher(b []byte, name string) []byte {
	if !r.extended() {
		return b
	}
	return quote(append(b, `,"publisher":`...), name)
}

// episodeFields appends the episode object as a show lists it, without the
// braces. heard says that the app may know how much of it was played.
func (r *renderer) episodeFields(b []byte, e episode, heard bool) []byte {
	b = append(b, `"audio_preview_url":null,"description":"An episode.","html_description":"<p>An episode.</p>",`...)
	b = fmt.Appendf(b, `"duration_ms":%d,"explicit":%t,`, e.ms, e.show.explicit)
	b = images(links(b, "episode", e.id), e.id)
	b = append(b, `,"is_externally_hosted":false,"is_playable":true,"language":"`+e.show.language+`","languages":["`+e.show.language+`"],"name":`...)
	b = quote(b, e.name)
	b = append(b, `,"release_date":"`+e.date+`","release_date_precision":"day"`...)
	if heard {
		b = resumePoint(b, e.heard)
	}
	return append(b, `,"type":"episode","uri":"spotify:episode:`+e.id+`"`...)
}

func resumePoint(b []byte, ms int) []byte {
	return fmt.Appendf(b, `,"resume_point":{"fully_played":false,"resume_position_ms":%d}`, ms)
}

// fullEpisode is the episode object with its show.
func (r *renderer) fullEpisode(b []byte, e episode, heard bool) []byte {
	b = r.episodeFields(append(b, '{'), e, heard)
	return append(r.showFields(append(b, `,"show":{`...), e.show), `}}`...)
}

// listedEpisode is the episode object in a playlist, which has two more fields.
func (r *renderer) listedEpisode(b []byte, e episode) []byte {
	b = r.fullEpisode(b, e, false)
	return append(b[:len(b)-1], `,"episode":true,"track":false}`...)
}

// bookFields appends the audiobook object, without the braces. Its URI is that
// of a show.
func (r *renderer) bookFields(b []byte, a audiobook) []byte {
	b = quote(append(b, `"authors":[{"name":`...), a.author)
	b = r.about(append(b, `}],`...), a.name, false)
	b = append(b, `"edition":"Unabridged","external_urls":{"spotify":"https://open.spotify.com/show/`+a.id+
		`"},"href":"https://api.spotify.com/v1/audiobooks/`+a.id+`","id":"`+a.id+`",`...)
	b = quote(append(images(b, a.id), `,"languages":["en"],"media_type":"audio","name":`...), a.name)
	b = quote(append(b, `,"narrators":[{"name":`...), a.narrator)
	b = r.publisher(append(b, `}]`...), a.publisher)
	return fmt.Appendf(b, `,"total_chapters":%d,"type":"audiobook","uri":"spotify:show:%s"`, a.chapters, a.id)
}

// chapterFields appends the chapter object as an audiobook lists it, without the
// braces. Its type is that of an episode.
func (r *renderer) chapterFields(b []byte, c chapter, heard bool) []byte {
	b = append(b, `"audio_preview_url":null,`...)
	if r.extended() {
		b = append(b, r.markets...)
	}
	b = append(b, `"chapter_number":`+strconv.Itoa(c.n)+`,"description":"","html_description":"",`...)
	b = fmt.Appendf(b, `"duration_ms":%d,"explicit":false,"external_urls":{"spotify":"https://open.spotify.com/episode/%s"},"href":"https://api.spotify.com/v1/chapters/%s","id":"%s",`, c.ms, c.id, c.id, c.id)
	b = append(images(b, c.id), `,"is_playable":true,"languages":["en"],"name":"Chapter `+strconv.Itoa(c.n+1)+`","release_date":"2021-03-01","release_date_precision":"day"`...)
	if heard {
		b = resumePoint(b, 0)
	}
	return append(b, `,"type":"episode","uri":"spotify:episode:`+c.id+`"`...)
}

// hollow is what a show or an episode leaves behind that is no longer to be had.
func hollow(kind Kind) string {
	show := `{"copyrights":null,"description":null,"explicit":false,"external_urls":{"spotify":"https://open.spotify.com/show/null"},"href":"https://api.spotify.com/v1/shows/null","html_description":null,"id":null,"images":[],"is_externally_hosted":null,"languages":[null],"media_type":null,"name":null,"total_episodes":null,"type":"show","uri":null}`
	if kind == Shows {
		return show
	}
	return `{"audio_preview_url":null,"description":null,"duration_ms":null,"explicit":false,"external_urls":{"spotify":"https://open.spotify.com/episode/null"},"href":"https://api.spotify.com/v1/episodes/null","html_description":null,"id":null,"images":[],"is_externally_hosted":null,"language":null,"languages":[null],"name":null,"release_date":"0000","release_date_precision":"year","resume_point":{"fully_played":false,"resume_position_ms":null},"show":` + show + `,"type":"episode","uri":null}`
}
