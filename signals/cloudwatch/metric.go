// Package cloudwatch reads signals from Amazon CloudWatch, a batch at a time, and
// publishes the controller's own figures there.
//
//	12:00       12:01       12:02       12:03       12:04   now is 12:04:30
//	  │  period   │  period   │  period   │  period   │      delay is 2m
//	  └───────────┴───────────┘···························   asked for: what ended by 12:02:30,
//	                          ▲                              so the newest is that of 12:01,
//	                          At                             measured at 12:02
//
// A datapoint speaks of a whole period, and comes some time after it ended. What
// has not ended a delay ago is not asked for: a sum of half a period would look like
// a quiet one. What is missing is unknown with the reason, never 0.
package cloudwatch

import (
	"fmt"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// Metric is a statistic of one metric over periods.
type Metric struct {
	Namespace  string // AWS/SQS
	Name       string // ApproximateAgeOfOldestMessage
	Statistic  string // Average, Sum, Minimum, Maximum, SampleCount, p99, …
	Period     time.Duration
	Dimensions []Dimension
}

// Dimension is one part of a metric's name. A metric is found by all its dimensions
// or not at all:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#Dimension
type Dimension struct{ Name, Value string }

// String is the metric as a reason shows it.
func (m Metric) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s of %s %s", m.Statistic, m.Namespace, m.Name)
	for i, d := range m.Dimensions {
		b.WriteString([]string{" (", ", "}[min(i, 1)] + d.Name + " " + d.Value)
	}
	if len(m.Dimensions) > 0 {
		b.WriteString(")")
	}
	return b.String()
}

func (m Metric) query(id string) types.MetricDataQuery {
	metric := &types.Metric{Namespace: &m.Namespace, MetricName: &m.Name}
	for _, d := range m.Dimensions {
		metric.Dimensions = append(metric.Dimensions, types.Dimension{Name: &d.Name, Value: &d.Value})
	}
	return types.MetricDataQuery{
		Id:         &id,
		MetricStat: &types.MetricStat{Metric: metric, Stat: &m.Statistic, Period: new(int32(m.Period / time.Second))},
	}
}

// OfQueue is a metric of one SQS queue by the minute, under the name that it has
// in SQS:
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
func OfQueue(queue, name, statistic string) Metric {
	return Metric{
		Namespace: "AWS/SQS", Name: name, Statistic: statistic, Period: time.Minute,
		Dimensions: []Dimension{{Name: "QueueName", Value: queue}},
	}
}

var _ Getter = (*sdk.Client)(nil)
