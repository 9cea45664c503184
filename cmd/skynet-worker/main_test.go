package main

import (
	"os"
	"testing"
)

// asProgram has a test's process be skynet-worker itself.
const asProgram = "SKYNET_WORKER_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}
