package config_test

import (
	"fmt"
	"os"

	"github.com/tracklake/tracklake/load"
	"github.com/tracklake/tracklake/load/parquet"
	"github.com/tracklake/tracklake/pipeline/config"
)

// Parse reports all mistakes of a file at once. Each has its line and the
// nearest right word.
func ExampleParse() {
	const file = `timezone: Europe/Stockholm
destinations:
  lake: {type: parquet, path: ./data}
jobs:
  saved_trakcs:
    schedule: "15 3 * * *"
    destinations: [lake]
  top_tracks:
    shedule: "30 3 * * *"
    destinations: [lake]
    options: {time_ranges: [short_term, long_trem]}
`
	_, err := config.Parse("jobs.yaml", []byte(file), os.LookupEnv, []load.Driver{parquet.Driver()})
	fmt.Println(err)
	// Output:
	// jobs.yaml:5: unknown resource "saved_trakcs"; did you mean "saved_tracks"?
	// jobs.yaml:9: job top_tracks: unknown key "shedule"; did you mean "schedule"?
	// jobs.yaml:11: unknown value in time_ranges "long_trem"; did you mean "long_term"?
}

// A job that takes its artists from a table runs after the job that fills the
// table, whatever their order in the file.
func ExampleConfig_Select() {
	const file = `
destinations:
  lake: {type: parquet, path: ./data}
jobs:
  artist_albums:
    destinations: [lake]
    options: {artists: {from: [saved_tracks]}}
  saved_tracks:
    destinations: [lake]
`
	c, err := config.Parse("jobs.yaml", []byte(file), os.LookupEnv, []load.Driver{parquet.Driver()})
	if err != nil {
		fmt.Println(err)
		return
	}
	jobs, err := c.Select(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, job := range jobs {
		fmt.Println(job.Name)
	}
	// Output:
	// saved_tracks
	// artist_albums
}
