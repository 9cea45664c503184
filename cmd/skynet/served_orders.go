package main

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"skynet/dashboard"
)

// Pause implements dashboard.Orders.
func (f *front) Pause(ctx context.Context, by, fleetName string, length time.Duration, why string) (dashboard.Standing, error) {
	return f.order(fleetName, func(name []string) error {
		_, err := desk{folder: f.cfg.StateDir, by: by}.pause(ctx, name, length, why)
		return err
	})
}

// Resume implements dashboard.Orders.
func (f *front) Resume(ctx context.Context, by, fleetName, why string) (dashboard.Standing, error) {
	return f.order(fleetName, func(name []string) error {
		_, err := desk{folder: f.cfg.StateDir, by: by}.resume(ctx, name, why)
		return err
	})
}

// Want implements dashboard.Orders.
func (f *front) Want(ctx context.Context, by, fleetName string, workers int, length time.Duration, why string) (dashboard.Standing, error) {
	return f.order(fleetName, func(name []string) error {
		_, err := desk{folder: f.cfg.StateDir, by: by}.want(ctx, name, workers, length, why)
		return err
	})
}

// order has an order given to one fleet, and returns what holds then.
func (f *front) order(name string, give func(name []string) error) (dashboard.Standing, error) {
	if !slices.Contains(f.names(), name) {
		return dashboard.Standing{}, dashboard.Missing("fleet %q: name one of %v", name, f.names())
	}
	if holder := f.holder(); holder != "" {
		return dashboard.Standing{}, dashboard.Conflict("this one stands by; give orders to %s, which acts", holder)
	}
	if err := give([]string{name}); err != nil {
		return dashboard.Standing{}, err
	}
	f.events.Send("orders", map[string]string{"fleet": name})
	all, err := readOrders(ordersFile(f.cfg.StateDir))
	return standingOf(all[name].In(time.Now())), err
}

// holder is who acts instead of this one, "" where this one does.
func (f *front) holder() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.standby == nil {
		return ""
	}
	return f.standby.Holder
}

func (f *front) names() (list []string) {
	for _, fl := range f.cfg.Fleets {
		list = append(list, fl.Name)
	}
	return list
}

// ordersSaid is each fleet's orders in a form that can be compared.
func (f *front) ordersSaid(now time.Time) map[string]string {
	all, err := readOrders(ordersFile(f.cfg.StateDir))
	if err != nil {
		return nil
	}
	said := map[string]string{}
	for _, name := range f.names() {
		text, _ := json.Marshal(standingOf(all[name].In(now))) // plain structs
		said[name] = string(text)
	}
	return said
}
