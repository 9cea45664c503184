package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"skynet/signals/forecast"
	"skynet/simulate"
	"skynet/simulate/peer"
	"skynet/simulate/scenario"
)

// row is one series under one setting.
type row struct {
	Series, Setting string
	Items           int64
	Least           int64 // what the clairvoyant is billed, s
	SLO             figure
	Peers           []figure // at their best setting
}

// figure is what came of a policy, in package simulate.
type figure struct {
	Policy   string
	Within   float64
	Paid     int64 // s
	P99, Max float64
	Launches int64
	Tried    []tried `json:",omitempty"` // of a peer, in the fluid world
}

func (f figure) over(r row) float64 { return float64(f.Paid) / float64(r.Least) }

// rivals are the peers that are compared.
var rivals = []string{peer.TargetTracking, peer.KEDA}

// ahead is how good the forecasts of one series were.
type ahead struct {
	Series string
	At     []forecast.Accuracy
}

// tables are what is written.
type tables struct {
	rows   []row
	ahead  []ahead
	fronts []front
}

// weeks is how much of a series must be there for its forecasts to be scored: the
// first week is not.
const weeks = 3 * 7 * 24 * 60

func measured(list []arrivals, f flags) (tables, error) {
	folder, err := os.MkdirTemp("", "skynet-quality-")
	if err != nil {
		return tables{}, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	var t tables
	for _, a := range list {
		if len(a.perMinute) >= weeks {
			t.ahead = append(t.ahead, ahead{Series: a.name})
		}
		for _, s := range chosen(f.setting) {
			t.rows = append(t.rows, row{Series: a.name, Setting: s.Name})
		}
	}
	if err := side(append(t.plays(folder, list, f), t.scores(list)...)); err != nil {
		return t, err
	}
	for _, s := range chosen(f.setting) {
		if s.Name == "tight" {
			return t, t.fronted(list, s)
		}
	}
	return t, nil
}

// plays fill the rows.
func (t *tables) plays(folder string, list []arrivals, f flags) (tasks []func() error) {
	i := 0
	for _, a := range list {
		for _, s := range chosen(f.setting) {
			r := &t.rows[i]
			i++
			tasks = append(tasks, func() (err error) {
				*r, err = kept(f.keep, a.name+"."+s.Name, func() (row, error) { return play(folder, a, s) })
				if err == nil && f.again {
					err = again(folder, a, s, r)
				}
				return err
			})
		}
	}
	return tasks
}

// scores fill in how good the forecasts were.
func (t *tables) scores(list []arrivals) (tasks []func() error) {
	for i := range t.ahead {
		to := &t.ahead[i]
		tasks = append(tasks, func() error {
			for _, a := range list {
				if a.name == to.Series {
					to.At = forecast.Measure(forecast.Settings{}, a.from, a.perMinute, 7*24*60)
				}
			}
			return nil
		})
	}
	return tasks
}

// play plays one series under one setting by slo and by each peer.
func play(folder string, a arrivals, s setting) (row, error) {
	r := row{Series: a.name, Setting: s.Name}
	own, err := os.MkdirTemp(folder, "")
	if err != nil {
		return r, err
	}
	sc, err := scene(own, a, s)
	if err != nil {
		return r, err
	}
	ideal, err := simulate.Clairvoyant(sc, nil, s.objective())
	if err != nil {
		return r, err
	}
	r.Items, r.Least = ideal.Items, ideal.InstanceSeconds
	slo, err := s.slo()
	if err != nil {
		return r, err
	}
	if r.SLO, err = simulated(sc, slo); err != nil {
		return r, err
	}
	say(r, r.SLO)
	for _, name := range rivals {
		p, err := rival(name, a, s, sc)
		if err != nil {
			return r, err
		}
		say(r, p)
		r.Peers = append(r.Peers, p)
	}
	return r, nil
}

// again plays slo anew in a row that was kept: peers do not change with it.
func again(folder string, a arrivals, s setting, r *row) error {
	own, err := os.MkdirTemp(folder, "")
	if err != nil {
		return err
	}
	sc, err := scene(own, a, s)
	if err != nil {
		return err
	}
	slo, err := s.slo()
	if err != nil {
		return err
	}
	if r.SLO, err = simulated(sc, slo); err == nil {
		say(*r, r.SLO)
	}
	return err
}

// rival plays a peer at its best setting, or at a stricter one where the fluid world
// promised what package simulate does not keep.
func rival(name string, a arrivals, s setting, sc *scenario.Scenario) (figure, error) {
	list, err := tune(name, a, s, sc)
	if err != nil {
		return figure{}, err
	}
	chosen := best(list)
	p := peer.Peer{Name: name, Setting: chosen.Setting}
	var f figure
	for range 3 {
		if f, err = simulated(sc, s.peer(p, sc)); err != nil || f.Within >= quantile || chosen.Within < quantile {
			break
		}
		p.Setting *= .93
	}
	f.Tried = list
	return f, err
}

func simulated(sc *scenario.Scenario, p simulate.Policy) (figure, error) {
	r, err := simulate.Run(context.Background(), sc, p, simulate.Options{})
	if err != nil {
		return figure{}, err
	}
	f := figure{Policy: p.Name, Paid: r.InstanceSeconds, Launches: r.Launches}
	if r.WithinObjective != nil && r.Wait != nil {
		f.Within, f.P99, f.Max = *r.WithinObjective, r.Wait.P99, r.Wait.Max
	}
	return f, nil
}

func say(r row, f figure) {
	fmt.Fprintf(os.Stderr, "%-6s %-36s %-24s within %.4f  paid %7.3f x clairvoyant  launches %d\n",
		r.Setting, r.Series, f.Policy, f.Within, f.over(r), f.Launches)
}

// kept reads what was played before, or plays it and keeps it. Without a folder
// nothing is kept.
func kept(folder, name string, play func() (row, error)) (r row, err error) {
	if folder == "" {
		return play()
	}
	path := filepath.Join(folder, name+".json")
	b, err := os.ReadFile(path)
	if err == nil {
		return r, json.Unmarshal(b, &r)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return r, err
	}
	if r, err = play(); err != nil {
		return r, fmt.Errorf("%s: %w", name, err)
	}
	if b, err = json.MarshalIndent(r, "", " "); err != nil {
		return r, err
	}
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return r, err
	}
	return r, os.WriteFile(path, b, 0o600)
}
