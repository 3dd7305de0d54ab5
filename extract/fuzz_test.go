package extract_test

import (
	"encoding/json"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tracklake/tracklake/extract"
	"github.com/tracklake/tracklake/simulate"
)

func FuzzPage(f *testing.F) {
	f.Add([]byte(`{"items":[{"added_at":"2026-01-02T03:04:05Z","track":{"id":"a","name":"b"}}],"total":1}`))
	f.Add([]byte(`{"items":[null,{"track":null},{"track":{"id":7}}],"total":3,"next":"x"}`))
	f.Add([]byte(`{"items":[],"total":0}{}`))
	f.Add([]byte(`{"items":[{"track":{"id":"\ud800","id":"b"}}],"total":1}`))
	for _, odd := range simulate.Oddities() {
		f.Add([]byte(`{"items":[` + odd + `],"total":1}`))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		page, err := extract.DecodePage(body, savedTracks())
		if err != nil {
			return
		}
		var plain struct {
			Items []json.RawMessage `json:"items"`
			Total *int              `json:"total"`
		}
		// Ours is the stricter of the two but for texts that are no UTF-8.
		if err := json.Unmarshal(body, &plain); err != nil {
			if utf8.Valid(body) {
				t.Fatalf("accepted what encoding/json refuses: %v", err)
			}
			return
		}
		if plain.Total == nil || *plain.Total != page.Total {
			t.Fatalf("total = %d, encoding/json reads %v", page.Total, plain.Total)
		}
		if len(page.Items)+len(page.Rejects) != len(plain.Items) {
			t.Fatalf("%d items and %d rejects of %d", len(page.Items), len(page.Rejects), len(plain.Items))
		}
	})
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
