package cloudwatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// Getter is what is asked of CloudWatch's client. IAM: cloudwatch:GetMetricData,
// which knows no resources and no conditions.
type Getter interface {
	GetMetricData(ctx context.Context, in *sdk.GetMetricDataInput, o ...func(*sdk.Options)) (*sdk.GetMetricDataOutput, error)
}

const (
	// mostQueries in a request:
	// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
	mostQueries = 500
	// mostPages of an answer. A page has up to 100,800 datapoints.
	mostPages = 200
	// Price of a thousand metrics asked for, in USD in most regions:
	// https://aws.amazon.com/cloudwatch/pricing/
	Price = 0.01
)

// Asked counts what is billed.
type Asked struct {
	Requests int64 // pages too
	Metrics  int64 // in all requests together: what GetMetricData is billed by
}

// Cost is what that costs at most, in USD in most regions.
func (a Asked) Cost() float64 { return float64(a.Metrics) / 1000 * Price }

// Reader asks CloudWatch for metrics in batches, and counts them.
type Reader struct {
	api               Getter
	requests, metrics atomic.Int64
}

// NewReader returns a Reader.
func NewReader(api Getter) *Reader { return &Reader{api: api} }

// Asked is what was asked for so far.
func (r *Reader) Asked() Asked { return Asked{Requests: r.requests.Load(), Metrics: r.metrics.Load()} }

// Point is one datapoint.
type Point struct {
	At    time.Time // when its period began
	Value float64
}

// Answer is what is known of one metric, or why it is not.
type Answer struct {
	Points []Point // oldest first; none where nothing was measured
	Err    error
}

// Read asks for all metrics from one time to before another. Both should be
// multiples of the periods. Each metric has its own answer: that one fails takes
// none of the others with it, but for those of the same request that failed as a
// whole.
func (r *Reader) Read(ctx context.Context, metrics []Metric, from, to time.Time) []Answer {
	answers := make([]Answer, 0, len(metrics))
	for some := range slices.Chunk(metrics, mostQueries) {
		b := batch{answers: make([]Answer, len(some)), status: make([]types.StatusCode, len(some))}
		if err := r.pages(ctx, some, from, to, &b); err != nil {
			answers = append(answers, slices.Repeat([]Answer{{Err: meaning(ctx, err)}}, len(some))...)
			continue
		}
		answers = append(answers, b.finish(some)...)
	}
	return answers
}

// pages asks for one batch until there is no more of it.
func (r *Reader) pages(ctx context.Context, metrics []Metric, from, to time.Time, b *batch) error {
	in := &sdk.GetMetricDataInput{StartTime: &from, EndTime: &to, ScanBy: types.ScanByTimestampAscending}
	for i, m := range metrics {
		in.MetricDataQueries = append(in.MetricDataQueries, m.query("m"+strconv.Itoa(i)))
	}
	for range mostPages {
		r.requests.Add(1)
		r.metrics.Add(int64(len(metrics)))
		out, err := r.api.GetMetricData(ctx, in)
		if err != nil {
			return err
		}
		for i := range out.MetricDataResults {
			b.take(&out.MetricDataResults[i])
		}
		next := out.NextToken
		if next == nil || *next == "" {
			return nil
		}
		if in.NextToken != nil && *in.NextToken == *next {
			return errors.New("CloudWatch gives the same page again and again")
		}
		in.NextToken = next
	}
	return fmt.Errorf("the answer has more than %d pages", mostPages)
}

// batch is the answer to one request, page by page.
type batch struct {
	answers []Answer
	status  []types.StatusCode // as the last page had it
}

func (b *batch) take(r *types.MetricDataResult) {
	if r.Id == nil || len(*r.Id) < 2 {
		return
	}
	i, err := strconv.Atoi((*r.Id)[1:])
	if err != nil || i < 0 || i >= len(b.answers) {
		return
	}
	a := &b.answers[i]
	b.status[i] = r.StatusCode
	if len(r.Timestamps) != len(r.Values) {
		a.Err = fmt.Errorf("CloudWatch answers %d values for %d times", len(r.Values), len(r.Timestamps))
		return
	}
	for k, at := range r.Timestamps {
		a.Points = append(a.Points, Point{At: at.UTC(), Value: r.Values[k]})
	}
	for _, m := range r.Messages {
		if m.Value != nil && r.StatusCode != types.StatusCodeComplete {
			a.Err = errors.New(shown(*m.Value))
		}
	}
}

// finish is the answers, in order, without those that are not whole: what is
// missing of them could be the newest.
func (b *batch) finish(metrics []Metric) []Answer {
	for i := range b.answers {
		a := &b.answers[i]
		if a.Err == nil {
			a.Err = incomplete(b.status[i])
		}
		if a.Err != nil {
			*a = Answer{Err: fmt.Errorf("%s: %w", metrics[i], a.Err)}
			continue
		}
		slices.SortFunc(a.Points, func(x, y Point) int { return x.At.Compare(y.At) })
	}
	return b.answers
}

// incomplete says what a status means:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataResult.html
func incomplete(s types.StatusCode) error {
	switch s {
	case types.StatusCodeComplete:
		return nil
	case types.StatusCodePartialData:
		return errors.New("CloudWatch has given a part of the data only")
	case types.StatusCodeInternalError:
		return errors.New("CloudWatch had an internal error")
	case types.StatusCodeForbidden:
		return errForbidden
	case "":
		return errors.New("CloudWatch has not answered it")
	}
	return fmt.Errorf("CloudWatch answers %q", shown(string(s)))
}
