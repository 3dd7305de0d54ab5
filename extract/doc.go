// Package extract is the Web API client: it signs requests, paces and retries
// them, and reads lists page by page.
//
// It knows HTTP and the shape of a page. It knows nothing of tables, jobs or
// destinations, and imports nothing else of this project. No token, secret or
// code appears in any error that it returns.
package extract
