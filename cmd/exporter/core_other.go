//go:build !unix

package main

// forbidCore has nothing to forbid: the system writes no core files.
func forbidCore() {}
