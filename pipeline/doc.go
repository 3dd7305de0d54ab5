// Package pipeline joins the parts: it reads jobs.yaml, plans and runs jobs,
// keeps their schedules, and reports progress.
//
// A [Runner] runs a job for a [User] now; a [Scheduler] runs jobs when they are
// due.
//
// It knows resources by the catalog, the API by extract's client, and
// destinations only by the contract in load; which destinations exist is
// decided by whoever hands it an [Opener].
package pipeline
