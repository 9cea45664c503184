package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"skynet/config"
	"skynet/fleet/local"
)

// templates are those of the fleets that run on this machine.
func (d *daemon) templates() (list []local.Template, err error) {
	for _, f := range d.cfg.Fleets {
		if f.Local == nil {
			continue
		}
		t, err := d.template(f)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, nil
}

// template says how a fleet's workers are started: skynet-worker with settings
// that are written here, so that there is one place to tune them.
func (d *daemon) template(f config.Fleet) (local.Template, error) {
	program, err := f.Local.Program()
	if err != nil {
		return local.Template{}, fmt.Errorf("fleet %s: %w", f.Name, err)
	}
	settings, err := d.workerSettings(f)
	if err != nil {
		return local.Template{}, fmt.Errorf("fleet %s: %w", f.Name, err)
	}
	path := filepath.Join(d.cfg.StateDir, "workers", f.Name+".yaml")
	if err := d.writeSettings(settings, path); err != nil {
		return local.Template{}, fmt.Errorf("fleet %s: %w", f.Name, err)
	}
	t := local.Template{
		Fleet: f.Name, Command: []string{program, "run", "--config", path},
		Env: []string{"MALLOC_ARENA_MAX=2"}, // halves what libvips' threads leave behind in a long run
	}
	t.Ready = func() error { return openToWorkers(*f.Local) }
	for _, e := range f.Local.Env {
		t.Env = append(t.Env, e.Name+"="+e.Value)
	}
	return t, nil
}

// writeSettings writes a worker's settings. A dry run launches nobody who would
// read them, and leaves those of the workers that run as they are.
func (d *daemon) writeSettings(w config.Worker, path string) error {
	if d.dry {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return w.Write(path)
}

func (d *daemon) workerSettings(f config.Fleet) (config.Worker, error) {
	var w config.Worker
	w.Defaults()
	w.Fleet, w.Slots, w.Stores = f.Name, f.Local.Slots, f.Local.Stores
	w.Heartbeat = f.Local.Heartbeat
	w.Poll = min(w.Poll, f.Local.Heartbeat)
	w.Scratch = filepath.Join(d.cfg.StateDir, "scratch")
	if b := f.Local.Bundle; b != nil {
		kept := *b
		kept.Folder = filepath.Join(d.cfg.StateDir, "bundles")
		w.Bundle = &kept
	}
	w.WhileParent = d.whileParent
	w.NATS.TokenFile = d.lines.TokenFile()
	w.Log.Format = "text"
	var err error
	if w.Heartbeats, err = d.lines.Reach(d.cfg.Heartbeats); err != nil {
		return w, err
	}
	w.Making = f.Local.Making
	for _, path := range []*string{&w.Recipes, &w.Database.URLFile} {
		if *path == "" {
			continue
		}
		if *path, err = filepath.Abs(*path); err != nil { // the worker's settings lie elsewhere
			return w, err
		}
	}
	if w.Results != "" {
		if w.Results, err = d.lines.Reach(w.Results); err != nil {
			return w, err
		}
	}
	for _, q := range d.cfg.Queues {
		serves := slices.Contains(f.Queues, q.Name)
		if !serves && !slices.Contains(f.Local.Send, q.Name) {
			continue
		}
		if q.URL, err = d.lines.Reach(q.URL); err != nil {
			return w, err
		}
		if serves {
			w.Queues = append(w.Queues, q)
		} else {
			w.Send = append(w.Send, q)
		}
	}
	return w, nil
}
