package simulate_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tracklake/tracklake/simulate"
)

// An answer is what a fault is documented to do to GET /me/tracks.
type answer struct {
	status int
	has    string // part of the body, or of the error that reading it gave
	wait   string // Retry-After
	broken bool   // the answer breaks off
}

// library is the path that the faults are tried on.
const library = "/me/tracks?limit=50"

func answers() map[string]answer {
	const page = `"items":[{"added_at"`
	return map[string]answer{
		"rate:arg=7":                   {status: 429, has: "API rate limit exceeded", wait: "7"},
		"rate:arg=-1":                  {status: 429, has: "API rate limit exceeded"},
		"quota:arg=80000":              {status: 429, has: "QUOTA_EXCEEDED", wait: "80000"},
		"quota":                        {status: 429, has: "QUOTA_EXCEEDED"},
		"status:arg=503":               {status: 503, has: `"status":503`},
		"status:arg=404":               {status: 404, has: `"status":404`},
		"html":                         {status: 200, has: "<html>"},
		"html:arg=502":                 {status: 502, has: "<html>"},
		"empty":                        {status: 200},
		"braces":                       {status: 200, has: "{}"},
		"null":                         {status: 200, has: "null"},
		"truncate:arg=50":              {status: 200, has: page, broken: true},
		"trailing":                     {status: 200, has: "<!-- served by a proxy -->"},
		"reset":                        {status: 0, has: "EOF"},
		"stall:arg=5":                  {status: 200, broken: true},
		"expire":                       {status: 401, has: "The access token expired"},
		"premium":                      {status: 403, has: "Active premium subscription required"},
		"unlisted":                     {status: 403, has: "User not registered"},
		"scope":                        {status: 403, has: "Insufficient client scope"},
		"baditem:arg=49":               {status: 500, has: "Server error"},
		"baditem:arg=50":               {status: 200, has: page},
		"baditem:arg=50,count=-1":      {status: 200, has: page},
		"baditem:arg=40,count=20":      {status: 500, has: "Server error"},
		"status:arg=500,from=0,to=49":  {status: 500, has: `"status":500`},
		"status:arg=500,from=50,to=99": {status: 200, has: page},
		"status:arg=500,from=1":        {status: 200, has: page},
		"mistype:arg=1":                {status: 200, has: `"duration_ms":"long"`},
		"noid:arg=49":                  {status: 200, has: `","id":null,`},
		"nullitem:arg=3":               {status: 200, has: `,"track":null},`},
		"nullrow:arg=3":                {status: 200, has: `},null,{`},
		"hole:count=50":                {status: 200, has: `"items":[],"limit":50,"next":"http`},
		"emptypage":                    {status: 200, has: `"items":[],"limit":50,"next":"http`},
		"emptypage:arg=50":             {status: 200, has: page},
		"vacant":                       {status: 200, has: `"items":[],"limit":50,"next":null,"offset":0,"previous":null,"total":0}`},
		"kind:arg=2":                   {status: 200, has: `"type":"episode","uri":"spotify:track:`},
		"floats":                       {status: 200, has: `"limit":50.0,"next":"`},
		"limit:arg=49":                 {status: 400, has: "Invalid limit"},
		"limit:arg=50":                 {status: 200, has: page},
		"redirect":                     {status: 302},
		"echo":                         {status: 503, has: "Authorization: Bearer access-"},
		"circle":                       {status: 200, has: page}, // strikes lists by cursor alone
		"norefresh":                    {status: 200, has: page}, // strikes the token endpoint alone
		"foreign":                      {status: 200, has: `"next":"http://127.0.0.2:9/v1/me/tracks`},
		"gone":                         {status: 200, has: page}, // strikes what has an id alone
		"bomb:arg=1":                   {status: 200, has: strings.Repeat(" ", 1<<20)},
		"total:arg=2":                  {status: 200, has: `"total":132}`},
		"revoked":                      {status: 200, has: page}, // strikes the token endpoint alone
		"client":                       {status: 200, has: page},
	}
}

func TestFaultsAnswerAsDocumented(t *testing.T) {
	t.Parallel()
	tried := map[string]bool{}
	for text := range answers() {
		kind, _, _ := strings.Cut(text, ":")
		tried[kind] = true
	}
	for _, k := range simulate.FaultKinds() {
		if !tried[k.Name] {
			t.Errorf("fault %s is not tested", k.Name)
		}
	}
	for text, want := range answers() {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			s := start(t, nil)
			f, err := simulate.ParseFault(text)
			if err != nil {
				t.Fatal(err)
			}
			remove := s.Inject(f)
			status, header, body := s.get(t, library)
			if status != want.status || !strings.Contains(body, want.has) || header.Get("Retry-After") != want.wait {
				t.Errorf("%d, Retry-After %q, %.200s", status, header.Get("Retry-After"), body)
			}
			if want.has == "" && !want.broken && status == http.StatusOK && body != "" {
				t.Errorf("the body is not empty: %.80s", body)
			}
			if broken := strings.HasSuffix(body, "EOF"); want.status != 0 && broken != want.broken {
				t.Errorf("broken off %v, want %v: %.80s", broken, want.broken, body)
			}
			remove()
			s.object(t, library)
		})
	}
}

func TestFaultsOfTheTokenEndpoint(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {s.Credentials().RefreshToken}, "client_id": {simulate.ClientID}}
	for text, want := range map[string]string{"revoked": "invalid_grant", "client": "invalid_client"} {
		f, err := simulate.ParseFault(text)
		if err != nil {
			t.Fatal(err)
		}
		remove := s.Inject(f)
		if got := s.grant(t, form); got["error"] != want {
			t.Errorf("%s: %v", text, got)
		}
		remove()
		if got := s.grant(t, form); got["access_token"] == nil {
			t.Errorf("after %s: %v", text, got)
		}
	}
}

func TestFaultsStrikeWhenTheyAreTold(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	f, err := simulate.ParseFault("status:arg=503,after=2,every=3,times=2,path=/v1/me/tracks")
	if err != nil {
		t.Fatal(err)
	}
	s.Inject(f)
	var struck []int
	for n := range 14 {
		s.object(t, "/me") // is spared, and not counted
		if status, _, _ := s.get(t, library); status == http.StatusServiceUnavailable {
			struck = append(struck, n+1)
		}
	}
	if diff := cmp.Diff([]int{5, 8}, struck); diff != "" {
		t.Errorf("struck requests: %s", diff)
	}
}

// TestFaultsStrikePages looks at which pages of which parents a fault strikes.
func TestFaultsStrikePages(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault  string // ARTIST stands for the first artist's id
		struck []string
	}{
		"pages by their offset":   {"status:arg=500,from=50,to=99,path=/v1/me/tracks", []string{"/me/tracks?limit=50&offset=50", "/me/tracks?limit=10&offset=90"}},
		"pages from an offset on": {"status:arg=500,from=90,path=/v1/me/tracks", []string{"/me/tracks?limit=10&offset=90", "/me/tracks?limit=50&offset=100"}},
		"pages of a cursor":       {"status:arg=500,from=1", []string{"/me/tracks?limit=50&offset=50", "/me/tracks?limit=10&offset=90", "/me/tracks?limit=50&offset=100", "/me/following?type=artist&after=ARTIST", "/artists/ARTIST/albums?limit=5&offset=5"}},
		"a page of many items":    {"baditem:arg=60,count=30,path=/v1/me/tracks", []string{"/me/tracks?limit=50&offset=50"}},
		"a page of unsaid length": {"baditem:arg=19,path=/v1/me/tracks", []string{"/me/tracks"}},
		"an album on page two":    {"baditem:arg=5,path=/v1/artists/ARTIST/", []string{"/artists/ARTIST/albums?limit=5&offset=5"}},
		"one parent":              {"status:arg=403,path=/v1/artists/ARTIST/", []string{"/artists/ARTIST/albums", "/artists/ARTIST/albums?limit=5&offset=5"}},
		"pages of one parent":     {"status:arg=404,from=5,path=/v1/artists/ARTIST/", []string{"/artists/ARTIST/albums?limit=5&offset=5"}},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, nil)
			first, second := s.Artists()[0], s.Artists()[1]
			f, err := simulate.ParseFault(strings.ReplaceAll(c.fault, "ARTIST", first))
			if err != nil {
				t.Fatal(err)
			}
			s.Inject(f)
			var struck []string
			for _, path := range []string{
				"/me", "/me/tracks", "/me/tracks?limit=50&offset=50", "/me/tracks?limit=10&offset=90", "/me/tracks?limit=50&offset=100",
				"/me/following?type=artist", "/me/following?type=artist&after=" + first,
				"/artists/" + first, "/artists/" + first + "/albums", "/artists/" + first + "/albums?limit=5&offset=5", "/artists/" + second + "/albums",
			} {
				if status, _, _ := s.get(t, path); status != http.StatusOK {
					struck = append(struck, strings.ReplaceAll(path, first, "ARTIST"))
				}
			}
			if diff := cmp.Diff(c.struck, struck); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseFault(t *testing.T) {
	t.Parallel()
	tests := map[string]simulate.Fault{
		"rate":                 {Kind: "rate"},
		"rate:arg=-1":          {Kind: "rate", Arg: -1},
		"revoked":              {Kind: "revoked", Path: "/api/token"},
		"client:path=/v1/me":   {Kind: "client", Path: "/v1/me"},
		"html:times=2,every=3": {Kind: "html", Times: 2, Every: 3},
		"status:path=/v1/me/tracks,after=2,every=20,times=4,arg=503": {Kind: "status", Path: "/v1/me/tracks", After: 2, Every: 20, Times: 4, Arg: 503},
		"hole:arg=7,count=3":          {Kind: "hole", Arg: 7, Count: 3},
		"emptypage:count=-1":          {Kind: "emptypage", Count: -1},
		"status:arg=500,from=50,to=9": {Kind: "status", Arg: 500, From: 50, To: 9},
	}
	for text, want := range tests {
		got, err := simulate.ParseFault(text)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", text, err, diff)
		}
	}
	for _, bad := range []string{"", "nothing", "rate:arg=x", "rate:arg", "rate:what=1", "Rate", "hole:count=0", "status:to=0"} {
		if f, err := simulate.ParseFault(bad); err == nil {
			t.Errorf("%q is accepted as %+v", bad, f)
		}
	}
}

// TestRequestsAreTold looks at what the controls tell of a struck request.
func TestRequestsAreTold(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	s.Inject(simulate.Fault{Kind: "reset", Times: 1})
	s.get(t, "/me")
	s.get(t, "/me?x=1")
	resp, err := http.Get(s.AccountsURL + "/_sim/requests")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var told []simulate.Request
	if err := json.NewDecoder(resp.Body).Decode(&told); err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, r := range told {
		got = append(got, r.Status)
	}
	// The client repeats a GET whose connection was cut, if it was a used one.
	if len(got) < 2 || got[0] != 0 || got[len(got)-1] != http.StatusOK || told[len(told)-1].Query != "x=1" {
		t.Errorf("requests %+v", told)
	}
}

func TestEverySettingIsRead(t *testing.T) {
	t.Parallel()
	for _, setting := range simulate.FaultSettings() {
		text := "status:" + strings.Replace(setting.Name, "N", "7", 1)
		if f, err := simulate.ParseFault(text); err != nil || f == (simulate.Fault{Kind: "status"}) {
			t.Errorf("%s: %+v, %v", text, f, err)
		}
	}
}
