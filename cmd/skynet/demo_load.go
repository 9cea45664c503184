package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"skynet/queue"
)

// load is what the demo sends: a trickle, then a burst.
type load struct {
	trickle []task
	every   time.Duration // between items of the trickle
	burst   []task
	sent    atomic.Int64
}

// task is an item's body, in the worker's words.
type task struct {
	Kind   string `json:"kind"`
	Input  string `json:"input"`
	Output string `json:"output"`
}

const inTrickle = 8

// load deals the sources out as items, each with a folder of its own for the
// results: photographs first come, clips in between.
func (d *demo) load(sources []source) *load {
	photos, clips := byKind(sources, "photo"), byKind(sources, "video")
	n, m := d.photos, d.clips
	if len(photos) == 0 {
		n = 0
	}
	if len(clips) == 0 {
		m = 0
	}
	l := &load{every: d.interval / 2}
	for i := range n + m {
		of := photos
		if m > 0 && (n == 0 || i%((n+m)/m) == (n+m)/m-1) && i/((n+m)/m) < m {
			of = clips
		}
		l.burst = append(l.burst, d.task(of[i%len(of)], i+1))
	}
	cut := min(inTrickle, len(l.burst)/4)
	l.trickle, l.burst = l.burst[:cut], l.burst[cut:]
	return l
}

func byKind(sources []source, kind string) (some []source) {
	for _, s := range sources {
		if s.kind == kind {
			some = append(some, s)
		}
	}
	return some
}

func (d *demo) task(s source, number int) task {
	return task{Kind: s.kind, Input: fileURL(s.path), Output: fileURL(filepath.Join(d.results(), fmt.Sprintf("%05d", number)))}
}

// send puts the items into the queue.
func (l *load) send(ctx context.Context, q queue.Sender) error {
	for _, t := range l.trickle {
		if err := l.one(ctx, q, t); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(l.every):
		}
	}
	for _, t := range l.burst {
		if err := l.one(ctx, q, t); err != nil {
			return err
		}
	}
	return nil
}

func (l *load) one(ctx context.Context, q queue.Sender, t task) error {
	body, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("write an item: %w", err)
	}
	if _, err := q.Send(ctx, body); err != nil {
		return fmt.Errorf("send an item: %w", err)
	}
	l.sent.Add(1)
	return nil
}
