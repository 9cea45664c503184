package main

import "runtime/debug"

// stamped is set by the linker (-X main.stamped=…) in a released build.
var stamped string

// version is the release, or else the revision the program was built from.
func version() string {
	if stamped != "" {
		return stamped
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "development"
}
