package quota_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/tracklake/tracklake/extract/quota"
)

// Two requests a day may be made to the albums of artists.
func ExampleLimiter() {
	folder, err := os.MkdirTemp("", "quota")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(folder) }()
	limiter := quota.NewLimiter(quota.Options{
		Store:  quota.NewFile(filepath.Join(folder, "quota.json")),
		Owner:  "client ID",
		Budget: func(bucket string) int { return map[string]int{"artists/albums": 2}[bucket] },
		Now:    func() time.Time { return time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC) },
	})
	ctx := context.Background()
	for range 3 {
		err := limiter.Reserve(ctx, "artists/albums")
		var blocked *quota.BlockedError
		switch {
		case errors.As(err, &blocked):
			fmt.Println("deferred:", blocked)
		case err != nil:
			fmt.Println(err)
		default:
			fmt.Println("make a request")
		}
	}
	if err := limiter.Close(ctx); err != nil {
		fmt.Println(err)
	}
	// Output:
	// make a request
	// make a request
	// deferred: artists/albums: the budget of 2 requests a day is spent until 2026-11-21T03:00:01Z
}
