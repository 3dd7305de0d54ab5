//go:build unix

package main

import "syscall"

// forbidCore keeps the system from writing the memory, which holds tokens, to
// disk when the program crashes. Where that is not possible it goes on: it is a
// second wall.
func forbidCore() { _ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}) }
