package main

import (
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"skynet/controller"
	"skynet/policy"
)

type diskOf struct{ said string }

func (d *diskOf) Short() string { return d.said }

// A disk that fills up is told of before ticks are refused, once, and when there is room.
func TestRoomForTheJournalIsTold(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	disk := &diskOf{}
	tell := logRoom(zap.New(core), disk)
	for _, c := range []struct{ said, want string }{
		{"", ""}, {"nearly full", "make room"}, {"nearly full", ""}, {"full", "make room"}, {"", "there is room for the journal again"}, {"", ""},
	} {
		disk.said = c.said
		tell(controller.Report{})
		got := ""
		for _, e := range logs.TakeAll() {
			got += e.Message
		}
		if got != c.want {
			t.Errorf("%q: logged %q, want %q", c.said, got, c.want)
		}
	}
	logRoom(zap.New(core), nil)(controller.Report{}) // a journal in memory has no disk
}

// TestMoodsAreToldWhenTheyBeginAndEnd, not on each tick.
func TestMoodsAreToldWhenTheyBeginAndEnd(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	tell := logTicks(zap.New(core))
	quiet := policy.Decision{Have: 3, Want: 3}
	blind := policy.Decision{Have: 3, Want: 3, Blind: true, Wants: []policy.Want{{Policy: "slo", Blind: true, Because: "cannot tell: 500"}}}
	paused := policy.Decision{Have: 3, Want: 5, Reasons: []policy.Reason{{By: "freeze", Said: "do nothing: paused until noon"}}}
	short := policy.Decision{Have: 3, Want: 5, Reasons: []policy.Reason{{By: "breaker", Said: "launch none instead of 2"}}}
	for _, c := range []struct {
		d    policy.Decision
		want string
	}{
		{quiet, ""},
		{blind, "is blind: nobody is let go"},
		{blind, ""},
		{quiet, "sees again"},
		{paused, "is paused: nothing is done"},
		{paused, ""},
		{short, "is paused no longer+wants more and gets none"},
		{short, ""},
		{quiet, "gets what it wants"},
	} {
		tell(controller.Report{Decision: c.d})
		got := ""
		for i, e := range logs.TakeAll() {
			if i > 0 {
				got += "+"
			}
			got += e.Message
		}
		if got != c.want {
			t.Errorf("%+v: says %q, want %q", c.d, got, c.want)
		}
	}
}
