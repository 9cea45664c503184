package cloudwatch

import (
	"context"
	"errors"
	"slices"
	"time"

	"skynet/fleet"
)

const day = 24 * time.Hour

// kept is how long CloudWatch keeps datapoints of each period, less an hour, since
// the oldest go while they are asked for:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
var kept = []struct{ age, period, piece time.Duration }{
	{15*day - time.Hour, time.Minute, day},
	{63*day - time.Hour, 5 * time.Minute, 5 * day},
	{455*day - time.Hour, time.Hour, 60 * day},
}

// Oldest is how far back there is anything.
func Oldest(now time.Time) time.Time { return now.Add(-kept[len(kept)-1].age) }

// Settled is when the past begins: what is older does not change. Metrics of a queue
// that was not in use come up to fifteen minutes late:
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/monitoring-using-cloudwatch.html
func Settled(now time.Time) time.Time { return now.Add(-15 * time.Minute).UTC().Truncate(time.Minute) }

// Span is a time that is asked for at once, at the finest period that is kept.
type Span struct {
	From, To time.Time
	Period   time.Duration
}

// Spans cuts a time into spans, oldest first. They begin at full hours, so that every
// period begins where a span does.
func Spans(from, to, now time.Time) (list []Span) {
	from = from.UTC().Truncate(time.Hour)
	for from.Before(to) {
		k := len(kept) - 1
		for k > 0 && !from.Before(ceil(now.Add(-kept[k-1].age))) {
			k--
		}
		end := from.Add(kept[k].piece)
		if k > 0 {
			if finer := ceil(now.Add(-kept[k-1].age)); end.After(finer) {
				end = finer
			}
		}
		if end.After(to) {
			end = to
		}
		list = append(list, Span{From: from, To: end, Period: kept[k].period})
		from = end
	}
	return list
}

// ceil is the next full hour.
func ceil(t time.Time) time.Time { return t.UTC().Add(time.Hour - 1).Truncate(time.Hour) }

// Past reads metrics over a span, whatever their period is. All are known or none:
// what has a hole where CloudWatch stumbled would look like a quiet time.
func (r *Reader) Past(ctx context.Context, metrics []Metric, s Span) ([][]Point, error) {
	list := slices.Clone(metrics)
	for i := range list {
		list[i].Period = s.Period
	}
	const tries = 3
	for try := 1; ; try++ {
		points, err := whole(r.Read(ctx, list, s.From, s.To))
		if err == nil || try == tries || ctx.Err() != nil || errors.Is(err, fleet.ErrDenied) || errors.Is(err, fleet.ErrThrottled) {
			return points, err
		}
	}
}

func whole(answers []Answer) (points [][]Point, err error) {
	for _, a := range answers {
		if a.Err != nil {
			return nil, a.Err
		}
		points = append(points, a.Points)
	}
	return points, nil
}

// While adds what a queue's metric did not report while the queue was in use: 0. SQS
// reports what happened, and what is in flight or delayed, only where there is some;
// how much is visible it reports for any queue that was used within six hours. Where
// that is missing too nobody knows:
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
func While(visible, reported []Point) []Point {
	there := make(map[time.Time]bool, len(reported))
	for _, p := range reported {
		there[p.At] = true
	}
	all := slices.Clone(reported)
	for _, v := range visible {
		if !there[v.At] {
			all = append(all, Point{At: v.At})
		}
	}
	slices.SortFunc(all, func(a, b Point) int { return a.At.Compare(b.At) })
	return all
}
