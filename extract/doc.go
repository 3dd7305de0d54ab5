// Package extract is the Web API client: it signs requests, paces and retries
// them, and reads lists page by page.
//
// A [Client] reads for one account. [Client.For] gives each run a client of its
// own, with a limiter and stats. [Read] reads a list with it: in full, or, when the
// keys of an earlier reading are known, incrementally.
//
// It knows HTTP and the shape of a page. It knows nothing of tables, jobs or
// destinations, and imports only its own subpackages of this project. No token,
// secret or code appears in any error that it returns.
package extract
