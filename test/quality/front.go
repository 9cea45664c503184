package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"skynet/policy/file"
	"skynet/signals"
)

// front is what some share within costs on a series, in the fluid world.
type front struct {
	Series string
	Least  float64 // s
	Curves []curve
}

// curve is what came of a policy at several settings.
type curve struct {
	Name   string
	Points []tried
}

// shares are those whose price is told.
var shares = []float64{.9, .95, .98, .99, .995}

// at is the least that was paid with so much within, over the clairvoyant's.
func (c curve) at(share, least float64) string {
	paid := 0.0
	for _, p := range c.Points {
		if p.Within >= share && (paid == 0 || p.Paid < paid) {
			paid = p.Paid
		}
	}
	if paid == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", paid/least)
}

// most is the point with most within.
func (c curve) most() tried {
	return slices.MaxFunc(c.Points, func(a, b tried) int {
		switch {
		case a.Within > b.Within:
			return 1
		case a.Within < b.Within:
			return -1
		}
		return 0
	})
}

// fronted are the fronts of the series that missed an aim under a setting.
func (t *tables) fronted(list []arrivals, s setting) error {
	var tasks []func() error
	for _, r := range t.of(s) {
		if r.SLO.Within >= quantile && r.SLO.over(r) <= 1.10 || !burst(r) && !weekly(r) {
			continue
		}
		i := slices.IndexFunc(list, func(a arrivals) bool { return a.name == r.Series })
		t.fronts = append(t.fronts, front{Series: r.Series})
		at := len(t.fronts) - 1
		tasks = append(tasks, func() (err error) {
			t.fronts[at], err = frontOf(list[i], s, r)
			return err
		})
	}
	return side(tasks)
}

func frontOf(a arrivals, s setting, r row) (front, error) {
	f := front{Series: a.name, Least: cheapest(a.perMinute, s)}
	own := curve{Name: "slo"}
	for _, q := range []float64{.9, .95, .98, .99, .995, .999} {
		p, err := s.promising(q)
		if err != nil {
			return f, err
		}
		w := fluid{setting: s, from: a.from, ask: session(p, nil)}
		got, err := w.play(a.perMinute, time.Minute)
		if err != nil {
			return f, err
		}
		own.Points = append(own.Points, tried{Setting: q, Within: got.within(), Paid: got.Paid})
	}
	f.Curves = append(f.Curves, own)
	for _, p := range r.Peers {
		name, _, _ := strings.Cut(p.Policy, "=")
		f.Curves = append(f.Curves, curve{Name: name, Points: p.Tried})
	}
	return f, nil
}

// promising is the policy file with another quantile.
func (s setting) promising(q float64) (file.Policy, error) {
	text := strings.Replace(s.text(), fmt.Sprint("quantile: ", quantile), fmt.Sprint("quantile: ", q), 1)
	return file.Parse("slo", []byte(text), signals.Names{Open: true})
}
