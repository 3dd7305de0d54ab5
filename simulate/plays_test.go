package simulate_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/simulate"
)

// recent reads a page of plays as those of the truth are written.
func (s *sim) recent(t *testing.T, query string) []simulate.Play {
	t.Helper()
	var out []simulate.Play
	l := lists()["recently played"]
	for _, entry := range l.page(t, s, "/me/player/recently-played?"+query).Items {
		var p struct {
			Track    struct{ ID, Name string }
			PlayedAt string `json:"played_at"`
			Context  *struct{ Type, Href, URI string }
		}
		decode(t, string(entry), &p)
		at, err := time.Parse("2006-01-02T15:04:05.000Z", p.PlayedAt)
		if err != nil {
			t.Error(err)
		}
		play := simulate.Play{TrackID: p.Track.ID, Name: p.Track.Name, PlayedAt: at}
		if p.Context != nil {
			play.Context = p.Context.URI
			if want := strings.Join(strings.Split(p.Context.URI, ":")[1:], "s/"); !strings.HasSuffix(p.Context.Href, want) || !strings.HasPrefix(want, p.Context.Type) {
				t.Errorf("context %+v", p.Context)
			}
		}
		out = append(out, play)
	}
	return out
}

// listening starts a simulation whose clock a test sets.
func listening(t *testing.T, perDay int) (s *sim, now *time.Time) {
	t.Helper()
	at := evening()
	s = start(t, func(o *simulate.Options) {
		o.PlaysPerDay, o.TokenLife, o.Clock = perDay, 10_000*time.Hour, func() time.Time { return at }
	})
	return s, &at
}

// TestPlaysHappenAsTimeGoesOn checks that the last fifty plays are served, that
// all have a place in the truth, and that the past does not change.
func TestPlaysHappenAsTimeGoesOn(t *testing.T) {
	t.Parallel()
	s, now := listening(t, 30)
	begin := now.AddDate(0, 0, -30)
	var was []simulate.Play
	for range 12 {
		all := s.Plays(begin, *now)
		if diff := cmp.Diff(all[:50], s.recent(t, "limit=50")); diff != "" {
			t.Fatal(diff)
		}
		if !slices.Equal(was, all[len(all)-len(was):]) {
			t.Fatalf("the past has changed: it was %v", was)
		}
		was = all
		*now = now.Add(17 * time.Hour)
	}
	all := s.Plays(begin, *now)
	if n := len(all); n < 30*25 || n > 30*45 || n == len(was) {
		t.Errorf("%d plays, and %d earlier", n, len(was))
	}
	contexts := map[string]int{}
	for i, p := range all {
		if i > 0 && !p.PlayedAt.Before(all[i-1].PlayedAt) || !p.PlayedAt.Equal(p.PlayedAt.Truncate(time.Millisecond)) {
			t.Errorf("%d: %v", i, p)
		}
		kind, _, _ := strings.Cut(strings.TrimPrefix(p.Context, "spotify:"), ":")
		contexts[kind]++
	}
	if len(contexts) != 3 {
		t.Errorf("played from %v", contexts)
	}
	again, later := listening(t, 30)
	*later = *now
	if !slices.Equal(all, again.Plays(begin, *now)) {
		t.Error("the same seed has other plays")
	}
}

// TestPlaysHaveADay checks that nobody plays more than a day has time for.
func TestPlaysHaveADay(t *testing.T) {
	t.Parallel()
	s, now := listening(t, 5000)
	all := s.Plays(now.AddDate(0, 0, -9), *now)
	for i := 1; i < len(all); i++ {
		if gap := all[i-1].PlayedAt.Sub(all[i].PlayedAt); gap < time.Minute {
			t.Fatalf("%v, and before it %v", all[i-1], all[i])
		}
	}
	if len(all) < 500 {
		t.Errorf("%d plays", len(all))
	}
}

func TestRecentlyPlayedPages(t *testing.T) {
	t.Parallel()
	s, now := listening(t, 30)
	all := s.Plays(now.AddDate(0, 0, -30), *now)
	l := lists()["recently played"]
	ms := func(i int) string { return strconv.FormatInt(all[i].PlayedAt.UnixMilli(), 10) }
	tests := map[string]struct {
		query, next string
		want        []simulate.Play
	}{
		"the head":                  {"limit=10", "before=" + ms(9) + "&limit=10", all[:10]},
		"without a limit":           {"", "before=" + ms(19) + "&limit=20", all[:20]},
		"before a play":             {"limit=10&before=" + ms(9), "before=" + ms(19) + "&limit=10", all[10:20]},
		"a full page at the end":    {"limit=10&before=" + ms(39), "before=" + ms(49) + "&limit=10", all[40:50]},
		"the rest":                  {"limit=10&before=" + ms(44), "", all[45:50]},
		"behind the end":            {"limit=10&before=" + ms(49), "", nil},
		"after a play":              {"limit=10&after=" + ms(7), "", all[:7]},
		"more than fits":            {"limit=5&after=" + ms(7), "after=" + ms(4) + "&limit=5", all[:5]},
		"after what is remembered":  {"limit=50&after=0", "after=" + ms(49) + "&limit=50", all[:50]},
		"nothing new":               {"limit=50&after=" + ms(0), "", nil},
		"before the first of times": {"limit=50&before=0", "", nil},
	}
	for name, c := range tests {
		if diff := cmp.Diff(c.want, s.recent(t, c.query)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		page := l.page(t, s, "/me/player/recently-played?"+c.query)
		if _, query, _ := strings.Cut(page.Next, "?"); query != c.next {
			t.Errorf("%s: next is %s, want %s", name, query, c.next)
		}
		switch n := len(c.want); {
		case n == 0 && page.Cursors != nil, page.Total != "":
			t.Errorf("%s: cursors %+v, total %s", name, page.Cursors, page.Total)
		case n > 0 && (*page.Cursors.After != strconv.FormatInt(c.want[0].PlayedAt.UnixMilli(), 10) || *page.Cursors.Before != strconv.FormatInt(c.want[n-1].PlayedAt.UnixMilli(), 10)):
			t.Errorf("%s: cursors %s, %s", name, *page.Cursors.After, *page.Cursors.Before)
		}
	}
	for query, want := range map[string]string{
		"after=1&before=2": "Only one of after and before", "after=x": "Invalid after", "before=-1": "Invalid before", "limit=51": "Invalid limit",
	} {
		if status, _, body := s.get(t, "/me/player/recently-played?"+query); status != http.StatusBadRequest || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", query, status, body)
		}
	}
}

func TestPlaysCanBeAdded(t *testing.T) {
	t.Parallel()
	s, now := listening(t, 0)
	if page := lists()["recently played"].page(t, s, "/me/player/recently-played"); len(page.Items) != 0 || page.Next != "" || page.Cursors != nil {
		t.Errorf("nothing was played, but the page is %+v", page)
	}
	first := s.AddPlay(now.Add(-time.Hour))
	late := s.AddPlay(now.Add(-2*time.Hour + 1234567*time.Nanosecond))
	future := s.AddPlay(now.Add(time.Hour))
	same := s.AddPlay(now.Add(time.Hour))
	if diff := cmp.Diff([]simulate.Play{first, late}, s.recent(t, "")); diff != "" {
		t.Error(diff)
	}
	*now = now.Add(time.Hour)
	if diff := cmp.Diff([]simulate.Play{future, same, first, late}, s.recent(t, "")); diff != "" || future.TrackID == same.TrackID {
		t.Errorf("%s and %s: %s", future.TrackID, same.TrackID, diff)
	}
	var want []simulate.Play
	for i := range 60 {
		*now = now.Add(time.Minute)
		want = append(want, s.AddPlay(now.Add(time.Duration(i)*time.Millisecond)))
	}
	*now = now.Add(time.Minute)
	slices.Reverse(want)
	if diff := cmp.Diff(want[:50], s.recent(t, "limit=50")); diff != "" {
		t.Error(diff)
	}
	if n := len(s.Plays(time.Time{}, *now)); n != 64 {
		t.Errorf("%d plays are true", n)
	}
}

func TestPlaysOfUsers(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *simulate.Options) { o.Users, o.Clock = 2, evening })
	first, second := s.PlaysOf(0, evening().AddDate(0, 0, -9), evening()), s.PlaysOf(1, evening().AddDate(0, 0, -9), evening())
	s.token, _ = s.ask(t, simulate.ClientSecret, renewal(s.CredentialsOf(1).RefreshToken))["access_token"].(string)
	if diff := cmp.Diff(second[:50], s.recent(t, "limit=50")); diff != "" || cmp.Equal(first[:50], second[:50]) {
		t.Errorf("the second user: %s", diff)
	}
}
