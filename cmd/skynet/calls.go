package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"skynet/config"
	"skynet/queue/sqs"
	"skynet/signals/cloudwatch"
)

// month is 730 hours, as AWS bills it.
const month = 730 * time.Hour

// calls is what the daemon asks of one system in a month.
type calls struct {
	What  string  `json:"what"`
	Of    string  `json:"of"`
	Month float64 `json:"calls_a_month"`
	Cost  float64 `json:"cost_a_month"` // US$
	Why   string  `json:"why"`          // how the cost comes about
}

// callsOf are the calls that a daemon with these settings makes in a month while
// nothing happens. Launches and drains come besides; they are few.
func callsOf(cfg config.Config) (list []calls) {
	ticks := float64(month) / float64(cfg.Interval.Std())
	for _, q := range cfg.Queues {
		list = append(list, queueCalls("depth of "+q.Name, q.URL, ticks*perDepth(q)))
	}
	// Heartbeats are read all the time: a call that brings none waits two seconds.
	list = append(list, queueCalls("heartbeats", cfg.Heartbeats, float64(month)/float64(2*time.Second)))
	for _, s := range cfg.Signals {
		c := calls{What: s.Name, Month: ticks, Why: "free, unless its owner bills you"}
		var every time.Duration
		switch {
		case s.Prometheus != nil:
			c.Of, every = "Prometheus", s.Prometheus.Every.Std()
		case s.HTTPJSON != nil:
			c.Of, every = "HTTP", s.HTTPJSON.Every.Std()
		default:
			continue
		}
		if every > cfg.Interval.Std() {
			c.Month = float64(month) / float64(every)
		}
		list = append(list, c)
	}
	return slices.Concat(list, ec2Calls(cfg), watchedCalls(cfg), publishedBy(cfg), leaseCalls(cfg))
}

// millionRequests is what SQS costs for a million requests to a standard queue, the
// first million of a month left out, US$. https://aws.amazon.com/sqs/pricing/
const millionRequests = 0.40

// queueCalls are those to a queue.
func queueCalls(what, url string, n float64) calls {
	c := calls{What: what, Of: system(url), Month: n, Why: "free: a server of yours"}
	if isSQS(url) {
		c.Cost, c.Why = n/1e6*millionRequests, fmt.Sprintf("$%.2f a million requests; the account's first million is free", millionRequests)
	}
	return c
}

// perDepth is how many calls it takes: SQS is asked for a queue and for its
// dead-letter queue.
func perDepth(q config.Queue) float64 {
	if isSQS(q.URL) {
		return 2
	}
	return 1
}

func isSQS(url string) bool {
	a, err := config.ParseAddress(url)
	return err == nil && a.System == config.SQSQueue
}

// ec2Calls are what EC2 is asked at each tick: for the instances of each fleet, and
// for their status. EC2 bills no calls, but it bounds them for the account as a whole:
// https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
func ec2Calls(cfg config.Config) (list []calls) {
	ticks := float64(month) / float64(cfg.Interval.Std())
	for _, f := range cfg.Fleets {
		if f.EC2 == nil {
			continue
		}
		list = append(list, calls{What: "instances of " + f.Name, Of: "Amazon EC2", Month: 2 * ticks, Why: "free"})
		if f.EC2.Spot != nil {
			list = append(list, calls{What: "Spot prices for " + f.Name, Of: "Amazon EC2", Month: float64(month) / float64(5*time.Minute), Why: "free"})
		}
	}
	if cfg.AWS != nil && cfg.AWS.Events != "" {
		list = append(list, queueCalls("EC2's events", cfg.AWS.Events, float64(month)/float64(sqs.DefaultPoll)))
	}
	return list
}

// Prices of CloudWatch in most regions, US$: of a thousand metrics asked for or
// requests to publish, and of each published metric a month.
// https://aws.amazon.com/cloudwatch/pricing/
const (
	thousandAsked = cloudwatch.Price
	metricKept    = 0.30
)

// watchedCalls are what CloudWatch is asked for: each metric once in its period, many in one call.
func watchedCalls(cfg config.Config) (list []calls) {
	ask := func(what string, period time.Duration) {
		n := float64(month) / float64(max(period, cfg.Interval.Std()))
		list = append(list, calls{
			What: what, Of: "Amazon CloudWatch", Month: n, Cost: n / 1000 * thousandAsked,
			Why: fmt.Sprintf("$%.2f for a thousand metrics; many in one call", thousandAsked),
		})
	}
	for _, s := range cfg.Signals {
		if s.CloudWatch != nil {
			ask(s.Name, s.CloudWatch.Period.Std())
		}
	}
	for _, q := range cfg.Queues {
		if age, ok := ageOf(q); ok {
			ask("oldest age of "+q.Name, age.Metric.Period)
		}
	}
	return list
}

// publishedBy is what is told to CloudWatch: by the minute at most.
func publishedBy(cfg config.Config) []calls {
	if cfg.AWS == nil || cfg.AWS.Metrics == nil {
		return nil
	}
	kept := len(cfg.Fleets) * (len(alwaysPublished) + len(cfg.AWS.Metrics.Signals))
	n := float64(month) / float64(max(cfg.Interval.Std(), time.Minute)) * float64(len(cfg.Fleets))
	return []calls{{
		What: "own figures", Of: "Amazon CloudWatch", Month: n, Cost: float64(kept)*metricKept + n/1000*thousandAsked,
		Why: fmt.Sprintf("%d metrics at $%.2f; remove aws.metrics to publish none", kept, metricKept),
	}}
}

// system is what answers at an address.
func system(url string) string {
	a, err := config.ParseAddress(url)
	switch {
	case err != nil:
		return "?"
	case a.System == config.SQSQueue:
		return "Amazon SQS"
	case a.Embedded():
		return "embedded NATS"
	}
	return "NATS at " + a.Host
}

// printCalls prints them with their sum.
func printCalls(out io.Writer, cfg config.Config) {
	total := 0.0
	fmt.Fprintf(out, "\ncalls a month, at a tick every %s:\n", cfg.Interval)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, c := range callsOf(cfg) {
		fmt.Fprintf(w, "  %s\t%s\t%s\t$%.2f\t%s\n", c.What, c.Of, thousands(c.Month), c.Cost, c.Why)
		total += c.Cost
	}
	_ = w.Flush()
	fmt.Fprintf(out, "  in all $%.2f a month\n", total)
}

// thousands writes a count with commas.
func thousands(v float64) string {
	s := fmt.Sprintf("%.0f", v)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
