package schedule_test

import (
	"fmt"
	"time"

	"github.com/tracklake/tracklake/pipeline/schedule"
)

// On 29 March 2026 the clocks in Stockholm go from 02:00 to 03:00. The run that is
// due at 02:30 starts at 03:00 on that day; it is not skipped.
func ExampleLine_Next() {
	stockholm, err := time.LoadLocation("Europe/Stockholm")
	if err != nil {
		fmt.Println(err)
		return
	}
	line, err := schedule.Parse("30 2 * * *", stockholm)
	if err != nil {
		fmt.Println(err)
		return
	}
	due := time.Date(2026, 3, 28, 0, 0, 0, 0, stockholm)
	for range 3 {
		due = line.Next(due)
		fmt.Println(due.In(stockholm).Format(time.RFC1123))
	}
	// Output:
	// Sat, 28 Mar 2026 02:30:00 CET
	// Sun, 29 Mar 2026 03:00:00 CEST
	// Mon, 30 Mar 2026 02:30:00 CEST
}

// On 25 October 2026 the clocks in Stockholm go from 03:00 back to 02:00, and show
// 02:30 twice. The daily run starts once; the hourly run starts every hour.
func ExampleLine_Next_clocksBack() {
	stockholm, err := time.LoadLocation("Europe/Stockholm")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, text := range []string{"30 2 * * *", "30 * * * *"} {
		line, err := schedule.Parse(text, stockholm)
		if err != nil {
			fmt.Println(err)
			return
		}
		due := time.Date(2026, 10, 25, 1, 45, 0, 0, stockholm)
		for range 3 {
			due = line.Next(due)
			fmt.Println(text, "-", due.In(stockholm).Format(time.RFC1123))
		}
	}
	// Output:
	// 30 2 * * * - Sun, 25 Oct 2026 02:30:00 CEST
	// 30 2 * * * - Mon, 26 Oct 2026 02:30:00 CET
	// 30 2 * * * - Tue, 27 Oct 2026 02:30:00 CET
	// 30 * * * * - Sun, 25 Oct 2026 02:30:00 CEST
	// 30 * * * * - Sun, 25 Oct 2026 02:30:00 CET
	// 30 * * * * - Sun, 25 Oct 2026 03:30:00 CET
}
