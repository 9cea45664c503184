package main

import (
	"skynet/config"
	"skynet/controller"
	"skynet/decide"
	"skynet/policy/file"
	"skynet/signals"
	"skynet/signals/exec"
	"skynet/signals/httpjson"
	"skynet/signals/prometheus"
	"skynet/signals/web"
)

var (
	_ signals.Source      = (*web.Source)(nil)
	_ controller.Advisers = (*exec.Advisers)(nil)
	_ decide.Adviser      = (*exec.Advisers)(nil)
)

// ownSignals are the sources of the user's own signals, made once for all fleets.
func (d *daemon) ownSignals() []signals.Source {
	if d.own == nil {
		d.own = usersSources(d.cfg)
	}
	return d.own
}

// usersSources are the sources of the user's own signals. All fleets share them,
// so that nothing is asked twice.
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
