package quota_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tracklake/tracklake/extract/quota"
)

// BenchmarkFile measures a reservation in a file that has a number of entries
// of other buckets: an ordinary night leaves about 100, a busy day 2,000.
func BenchmarkFile(b *testing.B) {
	for _, entries := range []int{0, 100, 2000} {
		b.Run(fmt.Sprint(entries, " entries"), func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "quota.json")
			other := map[string]int{}
			for i := range entries {
				other[fmt.Sprint(night().Unix()+int64(i))] = 1
			}
			text, err := json.Marshal(map[string]any{"owner": map[string]any{"other": map[string]any{"requests": other}}})
			if err == nil {
				err = os.WriteFile(path, text, 0o600)
			}
			if err != nil {
				b.Fatal(err)
			}
			f := quota.NewFile(path)
			for b.Loop() {
				if _, _, err := f.Reserve(b.Context(), quota.Reservation{Owner: "owner", Bucket: "bucket", At: night(), Requests: 1}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkLimiter is what a request to a bucket without a budget costs when
// requests follow each other at once.
func BenchmarkLimiter(b *testing.B) {
	l := quota.NewLimiter(quota.Options{Store: quota.NewFile(filepath.Join(b.TempDir(), "quota.json")), Owner: "owner", Now: time.Now})
	for b.Loop() {
		if err := l.Reserve(b.Context(), "bucket"); err != nil {
			b.Fatal(err)
		}
	}
}
