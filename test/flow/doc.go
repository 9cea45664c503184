// Package flow measures what it costs to take items through a queue, against the
// makers without one, and what many items leave behind. make bench runs it;
// docs/worker-speed.md has the figures.
package flow
