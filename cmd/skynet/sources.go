package main

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	cloudwatchapi "github.com/aws/aws-sdk-go-v2/service/cloudwatch"

	"skynet/config"
	"skynet/controller"
	"skynet/decide"
	"skynet/policy/file"
	"skynet/signals"
	"skynet/signals/cloudwatch"
	"skynet/signals/exec"
	"skynet/signals/httpjson"
	"skynet/signals/prometheus"
	"skynet/signals/queues"
	"skynet/signals/web"
)

var (
	_ signals.Source      = (*web.Source)(nil)
	_ controller.Advisers = (*exec.Advisers)(nil)
	_ decide.Adviser      = (*exec.Advisers)(nil)
)

// sourcesOf are what is measured for all fleets together, made once.
type sourcesOf struct {
	own     []signals.Source      // the user's own signals
	watch   *cloudwatch.Source    // all that is asked of CloudWatch, in one batch
	figures *cloudwatch.Publisher // where figures of ticks go, nil where they are not published
}

// shared are the sources that all fleets share, so that nothing is asked twice.
func (d *daemon) shared() *sourcesOf {
	if d.own == nil {
		d.own = &sourcesOf{own: usersSources(d.cfg), watch: watchOf(d.cfg, d.aws)}
		if names := watchedNames(d.cfg); len(names) > 0 {
			d.own.own = append(d.own.own, d.own.watch.Part(names...))
		}
	}
	return d.own
}

// queueSources tell of one queue. SQS does not say how old its oldest item is:
// CloudWatch does, some minutes late.
func (d *daemon) queueSources(name string) []signals.Source {
	depth := queues.New(d.lookout.gauge(d.queues[name]), d.cfg.Interval.Std())
	for _, q := range d.cfg.Queues {
		if age, ok := ageOf(q); ok && q.Name == name {
			return []signals.Source{cloudwatch.Ageless(depth), d.shared().watch.Part(age.Name)}
		}
	}
	return []signals.Source{depth}
}

// watchOf is the source of the user's own CloudWatch signals and of the ages of what
// waits in SQS.
func watchOf(cfg config.Config, c aws.Config) *cloudwatch.Source {
	var list []cloudwatch.Signal
	for _, s := range cfg.Signals {
		if w := s.CloudWatch; w != nil {
			m := cloudwatch.Metric{Namespace: w.Namespace, Name: w.Metric, Statistic: w.Statistic, Period: w.Period.Std()}
			for _, d := range w.Dimensions {
				m.Dimensions = append(m.Dimensions, cloudwatch.Dimension{Name: d.Name, Value: d.Value})
			}
			list = append(list, cloudwatch.Signal{Name: s.Name, Metric: m, Delay: w.Delay.Std()})
		}
	}
	for _, q := range cfg.Queues {
		if age, ok := ageOf(q); ok {
			list = append(list, age)
		}
	}
	return cloudwatch.NewSource(cloudwatch.NewReader(cloudwatchapi.NewFromConfig(c)), cfg.Interval.Std(), list...)
}

// watchedNames are the user's own signals from CloudWatch.
func watchedNames(cfg config.Config) (names []string) {
	for _, s := range cfg.Signals {
		if s.CloudWatch != nil {
			names = append(names, s.Name)
		}
	}
	return names
}

func ageOf(q config.Queue) (age cloudwatch.Signal, ok bool) {
	a, err := config.ParseAddress(q.URL)
	if err != nil || a.System != config.SQSQueue {
		return age, false
	}
	return cloudwatch.OldestAge(q.Name, a.Name), true
}

// usersSources are the sources of the user's own signals but for those from
// CloudWatch, which are asked for in one batch.
func usersSources(cfg config.Config) []signals.Source {
	var list []signals.Source
	for _, s := range cfg.Signals {
		switch {
		case s.Prometheus != nil:
			p := s.Prometheus
			client := web.New(web.Options{TokenFile: p.TokenFile, Timeout: p.Timeout.Std()})
			list = append(list, web.NewSource(s.Name, prometheus.Query{Client: client, URL: p.URL, Expr: p.Query}, rhythmOf(cfg, p.Rhythm)))
		case s.HTTPJSON != nil:
			h := s.HTTPJSON
			o := web.Options{TokenFile: h.TokenFile, Timeout: h.Timeout.Std()}
			for _, p := range h.Headers {
				o.Headers = append(o.Headers, web.Header{Name: p.Name, Value: p.Value})
			}
			list = append(list, web.NewSource(s.Name, httpjson.Field{Client: web.New(o), URL: h.URL, Path: h.Field}, rhythmOf(cfg, h.Rhythm)))
		}
	}
	return list
}

func rhythmOf(cfg config.Config, r config.Rhythm) web.Rhythm {
	return web.Rhythm{Interval: cfg.Interval.Std(), Every: r.Every.Std(), Good: r.Good.Std()}
}

// programsOf are the programs that a policy file's policies ask.
func programsOf(p file.Policy) []exec.Program {
	list := make([]exec.Program, len(p.Programs))
	for i, q := range p.Programs {
		list[i] = exec.Program{Policy: q.Policy, Command: q.Command, Timeout: q.Timeout}
	}
	return list
}
