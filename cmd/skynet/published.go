package main

import (
	"context"

	cloudwatchapi "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"go.uber.org/zap"

	"skynet/controller"
	"skynet/signals"
	"skynet/signals/cloudwatch"
)

// publish has a fleet's ticks published to CloudWatch, where the settings say so. A
// dry run publishes nothing: it would say what was not done.
func (d *daemon) publish(fleet string, watch func(func(controller.Report))) {
	if d.dry || d.cfg.AWS == nil || d.cfg.AWS.Metrics == nil {
		return
	}
	all := d.shared()
	if all.figures == nil {
		all.figures = d.openPublisher()
	}
	watch(func(r controller.Report) {
		if r.Snapshot.Now.IsZero() {
			return
		}
		all.figures.Put(figuresOf(fleet, r, d.cfg.AWS.Metrics.Signals))
	})
}

// openPublisher starts the one that all fleets share. What is not sent when the
// daemon ends is sent then.
func (d *daemon) openPublisher() *cloudwatch.Publisher {
	p := cloudwatch.NewPublisher(cloudwatchapi.NewFromConfig(d.aws), cloudwatch.Options{
		Namespace: d.cfg.AWS.Metrics.Namespace, Controller: d.cfg.AWS.Name, Interval: d.cfg.Interval.Std(),
		Say: func(what string, err error) {
			if err != nil {
				d.log.Warn(what, zap.Error(err))
			} else {
				d.log.Info(what)
			}
		},
	})
	ctx, end := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); p.Run(ctx) }()
	d.onClose(func() error { end(); <-done; return nil })
	return p
}

// alwaysPublished are figures besides the signals that the settings name.
var alwaysPublished = []string{"want", "have", "launched", "drained"}

// figuresOf are the figures of a tick. What is not known is left out.
func figuresOf(fleet string, r controller.Report, names []string) cloudwatch.Figures {
	f := cloudwatch.Figures{At: r.Snapshot.Now, Fleet: fleet}
	count := func(name string, n int) {
		f.List = append(f.List, cloudwatch.Figure{Name: name, Value: float64(n), Unit: "Count"})
	}
	if r.Err == nil && r.Decision.Failed == "" {
		count("want", r.Decision.Want)
		count("have", r.Decision.Have)
	}
	count("launched", len(r.Deeds.Launched))
	count("drained", len(r.Deeds.Drained))
	for _, name := range names {
		if v, err := r.Snapshot.Value(name); err == nil {
			f.List = append(f.List, cloudwatch.Figure{Name: name, Value: v, Unit: unitOf(name)})
		}
	}
	return f
}

// unitOf is what CloudWatch calls the unit of a signal:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
func unitOf(signal string) string {
	k, _ := signals.KindOf(signal)
	switch k.Unit {
	case "items", "instances", "count":
		return "Count"
	case "s":
		return "Seconds"
	case "%":
		return "Percent"
	case "B/s":
		return "Bytes/Second"
	case "items/s":
		return "Count/Second"
	}
	return "None"
}
