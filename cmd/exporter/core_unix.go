//go:build unix

package main

import "syscall"

// forbidCore keeps the system from writing the memory, which has tokens in it, to disk
// when the program crashes. It is a second line of defence, so an error is ignored.
func forbidCore() { _ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}) }
