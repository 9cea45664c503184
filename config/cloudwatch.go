package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"skynet/config/strict"
)

var (
	// Names of namespaces, metrics and dimensions:
	// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Metric.html
	namespace = regexp.MustCompile(`^[^:\s][^:]{0,254}$`)

	// Statistics:
	// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
	plainStatistics = []string{"Average", "Sum", "Minimum", "Maximum", "SampleCount", "IQM"}
	shareStatistic  = regexp.MustCompile(`^(p|tm|wm|tc|ts)(\d{1,2}(\.\d{1,10})?|100)$`)
	rangeStatistic  = regexp.MustCompile(`^(TM|WM|TC|TS|PR)\((\d+(\.\d+)?%?)?:(\d+(\.\d+)?%?)?\)$`)
)

// mostDimensions of a metric:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Metric.html
const mostDimensions = 30

// Validate checks that the metric can be asked for.
func (c *CloudWatch) Validate(r *strict.Report) {
	if c.Namespace != "" && !namespace.MatchString(c.Namespace) {
		r.Bad("namespace", c.Namespace, "is not a namespace; write it like AWS/SQS")
	}
	if c.Statistic != "" && !isStatistic(c.Statistic) {
		r.Bad("statistic", c.Statistic, "is not a statistic of CloudWatch; write %s", likeStatistic(c.Statistic))
	}
	c.period(r)
	if len(c.Dimensions) > mostDimensions {
		r.Bad("dimensions", nil, "there are %d, and CloudWatch has at most %d; remove some", len(c.Dimensions), mostDimensions)
	}
	unique(r, "dimensions", len(c.Dimensions), "dimension", func(i int) string { return c.Dimensions[i].Name })
	for i, d := range c.Dimensions {
		if path := fmt.Sprintf("dimensions[%d].value", i); d.Value == "" && r.Sound(path) {
			r.Bad(path, nil, "missing; a metric is found by all its dimensions or not at all")
		}
	}
}

// period wants one that CloudWatch takes:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricStat.html
func (c *CloudWatch) period(r *strict.Report) {
	p := c.Period.Std()
	const cure = "write 1s, 5s, 10s, 20s or 30s for what is published by the second, else 1m or a whole number of minutes"
	switch {
	case !r.Sound("period"):
	case p > 24*time.Hour:
		r.Bad("period", c.Period, "is longer than a day; write 1m to 1d")
	case p <= 0, p%time.Minute != 0 && !slices.Contains([]time.Duration{time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second, 30 * time.Second}, p):
		r.Bad("period", c.Period, "is not a period of CloudWatch; "+cure)
	}
	if r.Given("delay") && r.Sound("delay") {
		between(r, "delay", c.Delay, time.Second, time.Hour)
	}
}

func isStatistic(s string) bool {
	return slices.Contains(plainStatistics, s) || shareStatistic.MatchString(s) || rangeStatistic.MatchString(s) && s[2:] != "(:)"
}

// likeStatistic is what was probably meant.
func likeStatistic(s string) string {
	low := strings.ToLower(s)
	for _, l := range [][2]string{
		{"av", "Average"}, {"mean", "Average"}, {"su", "Sum"}, {"min", "Minimum"}, {"max", "Maximum"},
		{"sa", "SampleCount"}, {"count", "SampleCount"}, {"iqm", "IQM"}, {"med", "p50"},
	} {
		if strings.HasPrefix(low, l[0]) {
			return l[1]
		}
	}
	if isStatistic(low) {
		return low
	}
	return "Average, Sum, Minimum, Maximum, SampleCount or p99"
}

// Validate checks what is published, and where.
func (m *Metrics) Validate(r *strict.Report) {
	switch {
	case !r.Sound("namespace"):
	case strings.HasPrefix(m.Namespace, "AWS/"):
		r.Bad("namespace", m.Namespace, "begins with AWS/, where only Amazon's services publish; write one of your own, like SkyNet")
	case !namespace.MatchString(m.Namespace):
		r.Bad("namespace", m.Namespace, "is not a namespace; write it like SkyNet")
	}
	for i, s := range m.Signals {
		path := fmt.Sprintf("signals[%d]", i)
		switch {
		case !dottedName.MatchString(s):
			r.Bad(path, s, "is not the name of a signal; write it like queue.visible")
		case slices.Contains(m.Signals[:i], s):
			r.Bad(path, s, "is listed twice; remove one: each costs")
		}
	}
}
