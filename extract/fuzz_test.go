package extract_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/extract/listdiff"
	"github.com/tracklake/tracklake/simulate"
)

func FuzzPage(f *testing.F) {
	f.Add([]byte(`{"items":[{"added_at":"2026-01-02T03:04:05Z","track":{"id":"a","name":"b"}}],"total":1}`))
	f.Add([]byte(`{"items":[null,{"track":null},{"track":{"id":7}}],"total":3,"next":"x"}`))
	f.Add([]byte(`{"items":[],"total":0}{}`))
	f.Add([]byte(`{"items":[{"track":{"id":"\ud800","id":"b"}}],"total":1}`))
	f.Add([]byte(`{"items":[{"track":{"id":"a\nb"}},{"track":{"id":"!a"}},{"track":{"id":"?"}},{"track":{"id":"~a b"}}],"total":48.0}`))
	for _, odd := range simulate.Oddities() {
		f.Add([]byte(`{"items":[` + odd + `],"total":1}`))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		page, err := extract.DecodePage(body, savedTracks(), 50)
		if err != nil {
			return
		}
		var plain struct {
			Items []json.RawMessage `json:"items"`
			Total *float64          `json:"total"`
		}
		// Ours is the stricter of the two but for texts that are no UTF-8.
		if err := json.Unmarshal(body, &plain); err != nil {
			if utf8.Valid(body) {
				t.Fatalf("accepted what encoding/json refuses: %v", err)
			}
			return
		}
		if plain.Total == nil || *plain.Total != float64(page.Total) {
			t.Fatalf("total = %d, encoding/json reads %v", page.Total, plain.Total)
		}
		if len(page.Entries) != len(plain.Items) {
			t.Fatalf("%d entries of %d", len(page.Entries), len(plain.Items))
		}
		var keys []listdiff.Key
		for i, e := range page.Entries {
			if e.Position != 50+i {
				t.Errorf("entry %d stands at %d", i, e.Position)
			}
			checkKey(t, &e)
			keys = append(keys, e.Key)
		}
		if again := listdiff.ParseKeys(listdiff.KeysOf(keys).Lines).All(); !slices.Equal(again, keys) {
			t.Errorf("the keys %q come back as %q", keys, again)
		}
	})
}

// checkKey checks that an entry's key tells what the entry is.
func checkKey(t *testing.T, e *extract.Entry[row]) {
	t.Helper()
	switch row := listdiff.Row(e.Key); {
	case e.Reject == nil && (!listdiff.IsEntry(e.Key) || row != e.Item.Track.ID):
		t.Errorf("the key of the row %q is %q", e.Item.Track.ID, e.Key)
	case e.Reject != nil && (listdiff.IsEntry(e.Key) || e.Key == listdiff.Hole || len(e.Reject.Raw) == 0 || e.Reject.Reason == ""):
		t.Errorf("the key of a reject is %q: %+v", e.Key, e.Reject)
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, header := range []string{"", "0", "1", "-5", "1e300", "NaN", "3.5", "Wed, 21 Oct 2026 07:28:00 GMT", "1000000000000"} {
		f.Add(header)
	}
	now := time.Date(2026, 10, 21, 7, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, header string) {
		if wait := extract.RetryAfter(header, now); wait < 0 || wait > 24*time.Hour {
			t.Errorf("%q asks for %s", header, wait)
		}
	})
}
