//go:build !unix

package main

// forbidCore does nothing: the system writes no core files.
func forbidCore() {}
