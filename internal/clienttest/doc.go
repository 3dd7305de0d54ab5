// Package clienttest points clients of the Web API that others have written at
// the simulation. Its test needs them: make test-clients brings them.
package clienttest
