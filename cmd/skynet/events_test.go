package main

import (
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// A wave of interruptions does not drown the log.
func TestAWaveIsToldAsANumber(t *testing.T) {
	core, seen := observer.New(zap.InfoLevel)
	log, now, w := zap.New(core), time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), wave{}
	for n := range 15_000 {
		w.one(log, now.Add(time.Duration(n)*3*time.Millisecond), "EC2 takes an instance back")
	}
	if n := seen.Len(); n != mostTold {
		t.Errorf("told %d times within a minute", n)
	}
	w.rest(log, now.Add(time.Minute))
	w.rest(log, now.Add(2*time.Minute))
	if last := seen.All()[seen.Len()-1]; seen.Len() != mostTold+1 || last.ContextMap()["more"] != int64(15_000-mostTold) {
		t.Errorf("told %d times, at last %v", seen.Len(), last.ContextMap())
	}
	w.one(log, now.Add(3*time.Minute), "EC2 takes an instance back")
	if seen.Len() != mostTold+2 {
		t.Error("one that comes alone is not told")
	}
}
