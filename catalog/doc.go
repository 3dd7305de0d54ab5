// Package catalog declares the Spotify resources that can be exported, one
// file each: endpoint, paging, scope, options, the item's Go type and the
// tables it fills.
//
// [Resource.Open] returns a [Feed], which reads the lists of the resource and
// turns their entries into Arrow records.
//
// The package knows nothing of jobs.yaml, schedules or destinations. To add a
// resource, write its file, list it in [All], and add a migration.
package catalog
