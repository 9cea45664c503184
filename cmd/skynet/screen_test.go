package main

import (
	"errors"
	"testing"

	"skynet/queue"
)

// TestNoAnswerIsNoEmptyQueue: the picture keeps what was known.
func TestNoAnswerIsNoEmptyQueue(t *testing.T) {
	sent := 160
	s := newScreen(&demo{}, nil, func() int { return sent })
	none := depthMsg{err: errors.New("no responders"), sent: sent}
	for _, step := range []struct {
		look *depthMsg
		want string
	}{
		{nil, "160 sent"},
		{&none, "160 sent; the queue does not answer"},
		{&depthMsg{depth: queue.Depth{Visible: 90, InFlight: 4, Dead: 1}, sent: 150}, "90 waiting, 4 in flight, 55 of 150 done, 1 failed"},
		{&none, "90 waiting, 4 in flight, 55 of 150 done, 1 failed; the queue does not answer"},
		{&depthMsg{depth: queue.Depth{Dead: 2}, sent: 160}, "0 waiting, 0 in flight, 158 of 160 done, 2 failed"},
	} {
		if step.look != nil {
			s.Update(*step.look)
		}
		if got := s.queueLine(); got != step.want {
			t.Errorf("got  %s\nwant %s", got, step.want)
		}
	}
	if len(s.waits) != 2 {
		t.Errorf("the chart has bars for looks without an answer: %v", s.waits)
	}
}
