package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"skynet/journal"
	"skynet/journal/sqlite"
	"skynet/signals"
	"skynet/signals/cloudwatch"
	"skynet/simulate/recording"
)

// write makes the recording or goes on with it. Each piece is whole once it is
// written: the last tick in the file is how far it is.
func (w *cloudImport) write(c *cobra.Command) (sum cloudSummary, err error) {
	made := !fileThere(w.to)
	var last time.Time // that is in the file
	if made {
		err = creatable("--to", w.to)
	} else {
		last, err = w.goOn(c.Context())
	}
	if err != nil {
		return sum, err
	}
	j, err := sqlite.Open(w.to, sqlite.Options{Reserve: -1})
	if err != nil {
		return sum, fmt.Errorf("--to: %w", err)
	}
	sum = w.begin(last)
	err = errors.Join(w.pieces(c, j, &sum), j.Close())
	_ = os.Remove(w.to + ".lock") // nobody writes it any more
	none := w.without(&sum)
	if err == nil && last.IsZero() && len(none) == len(w.queues) {
		err, sum.Added = errors.New(w.nothing(none, sum)), 0
	} else if err == nil && len(none) > 0 && sum.Added > 0 {
		fmt.Fprintln(c.ErrOrStderr(), w.nothing(none, sum))
	}
	if made && sum.Added == 0 {
		removeJournal(w.to)
	}
	if sum.Added == 0 {
		sum.From = sum.To
	}
	asked := w.reader.Asked()
	sum.Metrics, sum.Cost = asked.Metrics, asked.Cost()
	if err != nil {
		err = finding{w.why(stopped(c, err))}
	}
	return sum, err
}

// begin is a summary of nothing yet. The first tick of all says how it began: nothing
// was counted before it.
func (w *cloudImport) begin(last time.Time) cloudSummary {
	if last.IsZero() {
		last = w.since.Add(-w.interval)
	}
	sum := cloudSummary{Recording: w.to, Fleet: w.fleet, From: last.Add(w.interval), To: last}
	for _, q := range w.queues {
		sum.Queues = append(sum.Queues, cloudQueue{Name: q, SQS: w.inSQS[q]})
	}
	return sum
}

// without are the queues that CloudWatch has nothing of.
func (w *cloudImport) without(s *cloudSummary) (none []string) {
	for _, q := range s.Queues {
		if q.Ticks == 0 {
			none = append(none, q.SQS)
		}
	}
	return none
}

func (w *cloudImport) nothing(queues []string, s cloudSummary) string {
	return fmt.Sprintf("CloudWatch in %s has nothing of SQS queue %s from %s on: is the name right, and was it used?",
		w.region, strings.Join(queues, ", "), s.From.Format(time.DateTime+" UTC"))
}

// goOn is the last tick of a recording that is there, if it is of the same; zero if it
// was stopped before the first.
func (w *cloudImport) goOn(ctx context.Context) (last time.Time, err error) {
	other := func(format string, args ...any) error {
		return fmt.Errorf("--to %s: %s; name another file", w.to, fmt.Sprintf(format, args...))
	}
	r, err := sqlite.OpenReadOnly(w.to)
	if err != nil {
		return last, other("there is a file of that name that is no recording (%v)", err)
	}
	defer func() { _ = r.Close() }()
	fleets, err := r.Fleets(ctx)
	if err != nil || len(fleets) == 0 {
		return last, err
	}
	list, err := r.Between(ctx, w.fleet, time.Unix(0, 0), w.now.AddDate(1, 0, 0), 1)
	switch {
	case err != nil:
		return last, err
	case len(list) == 0:
		return last, other("it has no fleet %s but %s", w.fleet, strings.Join(fleets, ", "))
	case !recording.Imported(list[0]):
		return last, other("it is what a daemon lived through")
	case list[0].Decision.Reasons[0].Said != w.said():
		return last, other("it is a recording of something else (%s) than what is asked for (%s)", list[0].Decision.Reasons[0].Said, w.said())
	}
	return list[0].Snapshot.Now, nil
}

// pieces asks for one span after the other, and writes what is new in each.
func (w *cloudImport) pieces(c *cobra.Command, j *sqlite.Journal, sum *cloudSummary) error {
	end := cloudwatch.Settled(w.now).Truncate(w.interval)
	said := progressOf(c.ErrOrStderr())
	defer said("")
	from := sum.To
	if from.Before(w.since) && sum.From.Equal(w.since) {
		from = w.since // it begins here
	}
	spans := cloudwatch.Spans(from, end, w.now)
	for i, s := range spans {
		said("%s: %s, %.0f%%", w.to, s.From.Format(time.DateOnly), 100*float64(i)/float64(len(spans)))
		m, err := w.read(c.Context(), s)
		if err != nil {
			return err
		}
		if err := w.add(c.Context(), j, m, s.To, sum); err != nil {
			return err
		}
	}
	return nil
}

// add writes the ticks up to a time.
func (w *cloudImport) add(ctx context.Context, j *sqlite.Journal, m *recording.Measured, to time.Time, sum *cloudSummary) error {
	list := slices.Collect(m.Records(sum.To.Add(w.interval), to))
	for some := range slices.Chunk(list, 2000) {
		if err := j.WriteAll(ctx, some); err != nil {
			return err
		}
		sum.count(some)
	}
	return nil
}

func (s *cloudSummary) count(list []journal.Record) {
	s.Added += len(list)
	s.To = list[len(list)-1].Snapshot.Now
	for i := range s.Queues {
		q := &s.Queues[i]
		for _, r := range list {
			if v, err := r.Snapshot.Value(signals.OfQueue("queue.arrived", q.Name)); err == nil {
				q.Arrived, q.Ticks = q.Arrived+v, q.Ticks+1
			}
		}
	}
}

// asked is one metric of a span, and the signal that it becomes.
type asked struct {
	signal string
	metric cloudwatch.Metric
	counts bool   // it is what happened, rather than what is the case
	queue  string // whose it is: missing is 0 while that is in use
}

// asks are the metrics of a span. The first of a queue is how much is visible: it is
// reported as long as a queue is in use.
func (w *cloudImport) asks() (list []asked) {
	for _, q := range w.queues {
		of := func(signal, name, statistic string, counts bool) {
			list = append(list, asked{signals.OfQueue(signal, q), cloudwatch.OfQueue(w.inSQS[q], name, statistic), counts, q})
		}
		of("queue.visible", "ApproximateNumberOfMessagesVisible", "Average", false)
		of("queue.in_flight", "ApproximateNumberOfMessagesNotVisible", "Average", false)
		of("queue.delayed", "ApproximateNumberOfMessagesDelayed", "Average", false)
		of("queue.arrived", "NumberOfMessagesSent", "Sum", true)
		of("queue.completed", "NumberOfMessagesDeleted", "Sum", true)
		of("queue.oldest_age", "ApproximateAgeOfOldestMessage", "Maximum", false)
	}
	if w.asg != "" {
		group := []cloudwatch.Dimension{{Name: "AutoScalingGroupName", Value: w.asg}}
		for _, m := range [][3]string{
			{"fleet.running", "AWS/AutoScaling", "GroupInServiceInstances"},
			{"fleet.pending", "AWS/AutoScaling", "GroupPendingInstances"},
			{"fleet.cpu_mean", "AWS/EC2", "CPUUtilization"},
		} {
			list = append(list, asked{signal: m[0], metric: cloudwatch.Metric{Namespace: m[1], Name: m[2], Statistic: "Average", Dimensions: group}})
		}
	}
	for _, s := range w.own {
		list = append(list, asked{signal: s.Name, metric: s.Metric})
	}
	return list
}

// read asks for a span.
func (w *cloudImport) read(ctx context.Context, s cloudwatch.Span) (*recording.Measured, error) {
	asks := w.asks()
	metrics := make([]cloudwatch.Metric, len(asks))
	for i, a := range asks {
		metrics[i] = a.metric
	}
	answers, err := w.reader.Past(ctx, metrics, s)
	if err != nil {
		return nil, err
	}
	m := &recording.Measured{
		Fleet: w.fleet, Queues: w.queues, Said: w.said(), Interval: w.interval, Slots: w.slots, Price: w.price, Takes: w.takes,
		Counts: map[string][]recording.Reading{}, Levels: map[string][]recording.Reading{},
	}
	visible := map[string][]cloudwatch.Point{}
	for i, a := range asks {
		points := answers[i]
		switch {
		case a.queue == "":
		case visible[a.queue] == nil && a.signal == signals.OfQueue("queue.visible", a.queue):
			visible[a.queue] = points
		case a.signal == signals.OfQueue("queue.oldest_age", a.queue): // none where nothing is in the queue
		default:
			points = cloudwatch.While(visible[a.queue], points)
		}
		into := m.Levels
		if a.counts {
			into = m.Counts
		}
		into[a.signal] = readings(points, s.Period)
	}
	return m, nil
}

func readings(points []cloudwatch.Point, period time.Duration) []recording.Reading {
	list := make([]recording.Reading, 0, len(points))
	for _, p := range points {
		if !math.IsNaN(p.Value) && !math.IsInf(p.Value, 0) {
			list = append(list, recording.Reading{At: p.At, For: period, Value: p.Value})
		}
	}
	return list
}
