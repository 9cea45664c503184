package cloudwatch

import (
	"context"
	"slices"
	"strings"
	"time"

	"skynet/signals"
)

const oldestAge = "oldest_age"

// OldestAge is queues.<queue>.oldest_age, s, of a queue by the name that it has in
// SQS, which does not tell it itself. It is by the minute and some three minutes late:
// an age of 60 s is one that was 60 s then. SQS reports none while nothing is in the
// queue, and leaves out items that were received three times or more:
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
func OldestAge(queue, inSQS string) Signal {
	return Signal{Name: "queues." + queue + "." + oldestAge, Metric: OfQueue(inSQS, "ApproximateAgeOfOldestMessage", "Maximum")}
}

// Part is a Source of some of the signals: each fleet has its own, and the batch is
// asked for once.
func (s *Source) Part(names ...string) signals.Source { return &part{Source: s, names: names} }

type part struct {
	*Source
	names []string
}

func (p *part) Names() []string { return slices.Clone(p.names) }

func (p *part) Read(ctx context.Context, now time.Time) []signals.Signal {
	return slices.DeleteFunc(p.Source.Read(ctx, now), func(s signals.Signal) bool { return !slices.Contains(p.names, s.Name) })
}

// Ageless is a queue's source that says how old the oldest item is only where it can
// tell (0 for an empty queue), so that OldestAge is heard where it cannot.
func Ageless(queue signals.Source) signals.Source { return ageless{queue} }

type ageless struct{ signals.Source }

func isAge(name string) bool { return strings.HasSuffix(name, "."+oldestAge) }

func (a ageless) Names() []string { return slices.DeleteFunc(slices.Clone(a.Source.Names()), isAge) }

func (a ageless) Read(ctx context.Context, now time.Time) []signals.Signal {
	return slices.DeleteFunc(slices.Clone(a.Source.Read(ctx, now)), func(s signals.Signal) bool { return s.Unknown != "" && isAge(s.Name) })
}
