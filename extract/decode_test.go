package extract_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/listdiff"
)

// everything has a field of every kind.
type everything struct {
	ID      string            `json:"id"`
	Text    *string           `json:"text"`
	Small   int32             `json:"small"`
	Number  *int32            `json:"number"`
	Large   int64             `json:"large"`
	Natural uint8             `json:"natural"`
	Real    *float64          `json:"real"`
	Truth   *bool             `json:"truth"`
	At      time.Time         `json:"at"`
	Later   *time.Time        `json:"later"`
	Object  *named            `json:"object"`
	Inline  named             `json:"inline"`
	List    []named           `json:"list"`
	Texts   []string          `json:"texts"`
	Map     map[string]string `json:"map"`
}

type named struct {
	Name *string `json:"name"`
}

// String shows what is set.
func (e *everything) String() string {
	var b strings.Builder
	show := func(name string, there bool, value any) {
		if there {
			fmt.Fprintf(&b, "%s=%v ", name, value)
		}
	}
	show("text", e.Text != nil, text(e.Text))
	show("small", e.Small != 0, e.Small)
	if e.Number != nil {
		show("number", true, *e.Number)
	}
	show("large", e.Large != 0, e.Large)
	show("natural", e.Natural != 0, e.Natural)
	if e.Real != nil {
		show("real", true, *e.Real)
	}
	if e.Truth != nil {
		show("truth", true, *e.Truth)
	}
	show("at", !e.At.IsZero(), e.At.Unix())
	if e.Later != nil {
		show("later", true, e.Later.Unix())
	}
	if e.Object != nil {
		show("object", true, text(e.Object.Name))
	}
	show("inline", e.Inline.Name != nil, text(e.Inline.Name))
	for _, n := range e.List {
		show("list", true, text(n.Name))
	}
	for _, s := range e.Texts {
		show("texts", true, s)
	}
	for k, v := range e.Map {
		show(k, true, v)
	}
	return strings.TrimSpace(b.String())
}

func text(s *string) string {
	if s == nil {
		return "-"
	}
	return *s
}

// TestValuesOfAnUnexpectedType cost their field and no more.
func TestValuesOfAnUnexpectedType(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		want   string
		errors int
	}{
		`"text":"a"`:                          {"text=a", 0},
		`"text":null`:                         {"", 0},
		`"text":5`:                            {"", 1},
		`"text":true`:                         {"", 1},
		`"text":{"a":[1,{"b":2}]}`:            {"", 1},
		`"text":["a"]`:                        {"", 1},
		`"small":"5"`:                         {"", 1},
		`"small":"long"`:                      {"", 1},
		`"small":true`:                        {"", 1},
		`"small":{}`:                          {"", 1},
		`"small":[]`:                          {"", 1},
		`"small":204053.0`:                    {"small=204053", 0},
		`"small":1.1e6`:                       {"small=1100000", 0},
		`"small":1.1113535E7`:                 {"small=11113535", 0},
		`"small":-3.0`:                        {"small=-3", 0},
		`"small":0.0`:                         {"", 0},
		`"small":3.7`:                         {"", 1},
		`"small":1e12`:                        {"", 1},
		`"small":2147483647`:                  {"small=2147483647", 0},
		`"small":2147483648`:                  {"", 1},
		`"small":-2147483649.0`:               {"", 1},
		`"small":1e400`:                       {"", 1},
		`"number":204053.0`:                   {"number=204053", 0},
		`"number":3.7`:                        {"", 1},
		`"number":1e12`:                       {"", 1},
		`"number":"5"`:                        {"", 1},
		`"number":0`:                          {"number=0", 0},
		`"large":1e12`:                        {"large=1000000000000", 0},
		`"large":9007199254740993`:            {"large=9007199254740993", 0},
		`"large":9223372036854775807`:         {"large=9223372036854775807", 0},
		`"large":9223372036854775808`:         {"", 1},
		`"large":1e18`:                        {"", 1}, // not exact
		`"natural":255.0`:                     {"natural=255", 0},
		`"natural":256`:                       {"", 1},
		`"natural":-1`:                        {"", 1},
		`"real":5`:                            {"real=5", 0},
		`"real":"5"`:                          {"", 1},
		`"truth":false`:                       {"truth=false", 0},
		`"truth":"true"`:                      {"", 1},
		`"truth":1`:                           {"", 1},
		`"at":"2026-01-02T03:04:05Z"`:         {"at=1767323045", 0},
		`"at":""`:                             {"", 1},
		`"at":5`:                              {"", 1},
		`"at":null`:                           {"", 0},
		`"at":"2026-01-02"`:                   {"", 1},
		`"at":{}`:                             {"", 1},
		`"later":"2026-01-02T03:04:05+01:00"`: {"later=1767319445", 0},
		`"later":""`:                          {"", 1},
		`"later":5`:                           {"", 1},
		`"object":{"name":"a"}`:               {"object=a", 0},
		`"object":{"name":7}`:                 {"object=-", 1},
		`"object":[]`:                         {"", 1},
		`"object":"a"`:                        {"", 1},
		`"object":7`:                          {"", 1},
		`"inline":[1,2]`:                      {"", 1},
		`"inline":{"name":[]}`:                {"", 1},
		`"inline":null`:                       {"", 0},
		`"list":{}`:                           {"", 1},
		`"list":"a"`:                          {"", 1},
		`"list":[{"name":"a"},null,{"name":"b"}]`:                   {"list=a list=- list=b", 0},
		`"list":[{"name":"a"},7,{"name":5},[]]`:                     {"list=a list=- list=- list=-", 3},
		`"texts":["a",5,null,"b"]`:                                  {"texts=a texts= texts= texts=b", 1},
		`"map":{"a":"b","c":5}`:                                     {"a=b c=", 1},
		`"map":[]`:                                                  {"", 1},
		`"unknown":{"a":[1,2.5,null]}`:                              {"", 0},
		`"text":5,"small":"5","at":"","list":[null,7],"truth":"no"`: {"list=- list=-", 5},
	}
	list := extract.List[everything]{Key: func(e *everything) listdiff.Key { return listdiff.NewKey(e.ID, 0) }}
	for fields, tt := range tests {
		for total, sibling := range map[string]string{"2": `{"id":"b","text":"whole"}`, "2.0": `{"id":"b","text":"whole"}`} {
			page, err := extract.DecodePage(fmt.Appendf(nil, `{"items":[{"id":"a",%s},%s],"total":%s}`, fields, sibling, total), list, 0)
			if err != nil {
				t.Errorf("%s: %v", fields, err)
				continue
			}
			e := &page.Entries[0]
			got := e.Item.String()
			if strings.HasPrefix(fields, `"map"`) && got == "c= a=b" {
				got = "a=b c="
			}
			if e.Reject != nil || e.Key != "a" || got != tt.want || page.FieldErrors != tt.errors {
				t.Errorf("%s with total %s: %q with %d errors, want %q with %d; reject %+v", fields, total, got, page.FieldErrors, tt.want, tt.errors, e.Reject)
			}
			if b := &page.Entries[1]; b.Reject != nil || b.Item.String() != "text=whole" || b.Position != 1 || page.Total != 2 {
				t.Errorf("%s: its neighbour is %v, total %d", fields, &b.Item, page.Total)
			}
		}
	}
}

// TestEntries decodes what can stand in a list.
func TestEntries(t *testing.T) {
	t.Parallel()
	const at, rank = `"added_at":"2026-01-02T03:04:05Z"`, " t87v6t"
	local := `{` + at + `,"track":{"id":null,"name":"x","is_local":true}}`
	other := `{` + at + `,"track":{"id":null,"name":"y","is_local":true}}`
	tests := map[string]struct {
		json   string
		key    listdiff.Key // "~": any of that kind
		reason string       // of the reject; empty: it is a row
		errors int
	}{
		"sound":                        {`{` + at + `,"track":{"id":"a","name":"n"}}`, "a" + rank, "", 0},
		"nothing but an id":            {`{"track":{"id":"a"}}`, "a", "", 0},
		"a type that fits":             {`{` + at + `,"track":{"id":"a","type":"track"}}`, "a" + rank, "", 0},
		"a type that is no text":       {`{` + at + `,"track":{"id":"a","type":7}}`, "a" + rank, "", 1},
		"no date":                      {`{"added_at":"","track":{"id":"a"}}`, "a", "", 1},
		"a number for a date":          {`{"added_at":5,"track":{"id":"a"}}`, "a", "", 1},
		"an integral float":            {`{` + at + `,"track":{"id":"a","duration_ms":204053.0}}`, "a" + rank, "", 0},
		"a null artist":                {`{` + at + `,"track":{"id":"a","artists":[null,{"id":"x"}]}}`, "a" + rank, "", 0},
		"artists that are no list":     {`{` + at + `,"track":{"id":"a","artists":{"id":"x"}}}`, "a" + rank, "", 1},
		"half a surrogate pair":        {`{` + at + `,"track":{"id":"a","name":"\ud800"}}`, "a" + rank, "", 0},
		"null":                         {`null`, "!", "the entry is null", 0},
		"a text":                       {`"a"`, "!", "the entry is a text", 0},
		"a number":                     {`7`, "!", "the entry is a number", 0},
		"a truth value":                {`true`, "!", "the entry is a truth value", 0},
		"a list":                       {`[{"track":{"id":"a"}}]`, "!", "the entry is a list", 0},
		"an empty object":              {`{}`, "!", "the entry has no track", 0},
		"a null track":                 {`{` + at + `,"track":null}`, "!" + rank, "the entry has no track", 0},
		"a track that is no object":    {`{` + at + `,"track":"a"}`, "!" + rank, "the entry has no track", 0},
		"a number for an id":           {`{` + at + `,"track":{"id":7}}`, "!" + rank, "the track has no id", 0},
		"no id":                        {`{` + at + `,"track":{"name":"n"}}`, "!" + rank, "the track has no id", 0},
		"an id that is no id":          {`{` + at + `,"track":{"id":"a b"}}`, "!" + rank, "the entry has no usable id", 0},
		"no id and no date":            {`{"added_at":7,"track":{"id":7}}`, "!", "the track has no id", 0},
		"an episode":                   {`{` + at + `,"track":{"id":"a","type":"episode"}}`, "!a" + rank, "the entry is no track", 0},
		"an episode without a date":    {`{"track":{"id":"a","type":"episode"}}`, "!a", "the entry is no track", 0},
		"a local file":                 {local, "~", "the track has no id", 0},
		"a name twice":                 {`{` + at + `,"track":{"id":"a","name":"n","name":"m"}}`, "!a" + rank, "invalid JSON", 0},
		"a name twice, before the id":  {`{` + at + `,"track":{"name":"n","name":"m","id":"a"}}`, "!" + rank, "invalid JSON", 0},
		"an id twice":                  {`{` + at + `,"track":{"id":"a","id":"b"}}`, "!a" + rank, "invalid JSON", 0},
		"a rejected one with oddities": {`{` + at + `,"track":{"id":"a","type":"episode","duration_ms":"long"}}`, "!a" + rank, "the entry is no track", 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, beside := range []string{entry(1), `null`} {
				page, err := extract.DecodePage(fmt.Appendf(nil, `{"items":[%s,%s],"total":2}`, beside, tt.json), savedTracks(), 50)
				if err != nil {
					t.Fatal(err)
				}
				e := page.Entries[1]
				if e.Key != tt.key && !(tt.key == "~" && strings.HasPrefix(e.Key, "~")) || e.Position != 51 || page.FieldErrors != tt.errors {
					t.Errorf("key %q, position %d, %d errors; want %q, %d errors", e.Key, e.Position, page.FieldErrors, tt.key, tt.errors)
				}
				switch {
				case tt.reason == "" && e.Reject != nil, tt.reason != "" && e.Reject == nil:
					t.Errorf("reject %+v, want %q", e.Reject, tt.reason)
				case e.Reject != nil && (!strings.Contains(e.Reject.Reason, tt.reason) || string(e.Reject.Raw) != tt.json):
					t.Errorf("reject for %q: %s, want %q", e.Reject.Reason, e.Reject.Raw, tt.reason)
				}
			}
		})
	}
	page, err := extract.DecodePage(fmt.Appendf(nil, `{"items":[%s,%s,%s],"total":3}`, local, other, local), savedTracks(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if e := page.Entries; e[0].Key != e[2].Key || e[0].Key == e[1].Key {
		t.Errorf("local files have the keys %q, %q, %q", e[0].Key, e[1].Key, e[2].Key)
	}
}

// TestEnvelopes decodes pages around their entries.
func TestEnvelopes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		body, wrap string
		total      int
		err        string // empty: it is a page
	}{
		"empty":                 {`{"items":[],"total":0}`, "", 0, ""},
		"an integral float":     {`{"items":[],"total":48.0}`, "", 48, ""},
		"an exponent":           {`{"items":[],"total":4.8e1}`, "", 48, ""},
		"odd siblings":          {`{"items":[],"total":1,"limit":"x","next":{"a":[]}}`, "", 1, ""},
		"siblings twice":        {`{"items":[],"total":1,"next":1,"next":2}`, "", 1, ""},
		"wrapped":               {`{"artists":{"items":[],"total":3}}`, "artists", 3, ""},
		"wrapped, with a float": {`{"artists":{"items":[],"total":3.0}}`, "artists", 3, ""},
		"not wrapped":           {`{"items":[],"total":3}`, "artists", 0, "there is no artists"},
		"no items":              {`{"total":0}`, "", 0, "there are no items"},
		"null items":            {`{"items":null,"total":0}`, "", 0, "there are no items"},
		"items that are none":   {`{"items":{},"total":0}`, "", 0, "there are no items"},
		"no total":              {`{"items":[]}`, "", 0, "there is no total"},
		"a total that is none":  {`{"items":[],"total":"5"}`, "", 0, "there is no total"},
		"half an entry":         {`{"items":[],"total":4.5}`, "", 0, "there is no total"},
		"fewer than none":       {`{"items":[],"total":-1}`, "", 0, "the total is negative"},
		"braces":                {`{}`, "", 0, "there are no items"},
		"null":                  {`null`, "", 0, "there are no items"},
		"a list":                {`[]`, "", 0, "there are no items"},
		"nothing":               {``, "", 0, "JSON"},
		"more behind it":        {`{"items":[],"total":0}{}`, "", 0, "invalid JSON at byte"},
		"cut off":               {`{"items":[{"track":{"id":"a"`, "", 0, "JSON"},
	}
	for name, tt := range tests {
		list := savedTracks()
		list.Wrap = tt.wrap
		page, err := extract.DecodePage([]byte(tt.body), list, 0)
		switch {
		case tt.err == "" && (err != nil || page.Total != tt.total || len(page.Entries) != 0 || page.FieldErrors != 0):
			t.Errorf("%s: page %+v, error %v", name, page, err)
		case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
			t.Errorf("%s: error %v, want %q", name, err, tt.err)
		}
	}
}

// TestGetLeavesOutOddValues reads a single object.
func TestGetLeavesOutOddValues(t *testing.T) {
	t.Parallel()
	l := serve(t, 48)
	type page struct {
		Items any     `json:"items"`
		Total *string `json:"total"`
	}
	got, err := extract.Get[page](t.Context(), l.client, extract.Endpoint{Path: "/me/tracks", Bucket: "me/tracks"})
	if err != nil || got.Total != nil || got.Items == nil {
		t.Errorf("got %+v, error %v", got, err)
	}
}
