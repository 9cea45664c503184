package worker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"skynet/worker/recipe"
)

// work has the outputs made.
func (p *part) work(ctx context.Context) error {
	if p.finished() {
		return nil
	}
	p.began = time.Now()
	defer func() { p.took = time.Since(p.began) }()
	if limit := p.limits.Time.Std(); limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, limit, fmt.Errorf("took longer than %s", p.limits.Time))
		defer cancel()
	}
	return p.watched(ctx, p.limits.Disk, p.makeAll)
}

// makeAll calls the makers one after the other, each for as many outputs as have
// their sources by then, until none is left.
func (p *part) makeAll(ctx context.Context) error {
	inputs := p.job.Inputs
	for left := p.job.Outputs; len(left) > 0; {
		job := p.job
		job.Inputs = inputs
		job.Outputs, left = takeReady(left, inputs)
		made, err := p.media.makers[job.Outputs[0].Medium()].Work(ctx, job)
		if cause := context.Cause(ctx); err != nil && cause != nil {
			return cause
		}
		if err != nil {
			return err
		}
		if err := checkMade(job, made); err != nil {
			return err
		}
		if name := twice(p.made, made); name != "" {
			return fmt.Errorf("%s is made twice: give outputs names and patterns that do not overlap", name)
		}
		inputs = with(inputs, job.Folder, made)
		p.made = append(p.made, made...)
	}
	return ctx.Err()
}

// twice is a name that is among what was made before, too: a program's pattern may
// fit what another maker makes.
func twice(before, made []recipe.Made) string {
	known := make(map[string]bool, len(before))
	for _, b := range before {
		known[b.Name] = true
	}
	for _, m := range made {
		if known[m.Name] {
			return m.Name
		}
	}
	return ""
}

// takeReady takes the outputs of the first one's medium whose sources are there, or
// will be made before them by the same maker.
func takeReady(outputs []recipe.Output, inputs map[string]string) (ready, left []recipe.Output) {
	medium, coming := outputs[0].Medium(), map[string]bool{}
	for _, o := range outputs {
		if o.Medium() == medium && (o.From == "" || inputs[o.From] != "" || coming[o.From]) {
			ready, coming[o.Name] = append(ready, o), true
		} else {
			left = append(left, o)
		}
	}
	return ready, left
}

// with adds what was made to the inputs, for the outputs that are made of it.
func with(inputs map[string]string, folder string, made []recipe.Made) map[string]string {
	all := make(map[string]string, len(inputs)+len(made))
	for name, file := range inputs {
		all[name] = file
	}
	for _, m := range made {
		all[m.Name] = filepath.Join(folder, filepath.FromSlash(m.Name))
	}
	return all
}

// checkMade wants every output that was asked for, as a file in its place: what makes
// them may be a stranger's program.
func checkMade(job recipe.Job, made []recipe.Made) error {
	for _, m := range made {
		if !filepath.IsLocal(filepath.FromSlash(m.Name)) || recipe.Reserved(m.Name) {
			return fmt.Errorf("an output is named %q, which lies outside its folder or is the worker's own name", m.Name)
		}
		if err := regular(job.Folder, m.Name); err != nil {
			return err
		}
	}
	for _, o := range job.Outputs {
		if strings.ContainsAny(o.Name, "*?[") {
			continue
		}
		if !slices.ContainsFunc(made, func(m recipe.Made) bool { return m.Name == o.Name }) {
			return fmt.Errorf("output %s was not made", o.Name)
		}
	}
	return nil
}

// regular wants a file that no link on the way leads to.
func regular(folder, name string) error {
	for at := name; at != "."; at = filepath.Dir(at) {
		about, err := os.Lstat(filepath.Join(folder, at))
		switch {
		case err != nil:
			return fmt.Errorf("output %s was not made: %w", name, err)
		case at == name && !about.Mode().IsRegular(), at != name && !about.IsDir():
			return fmt.Errorf("output %s is not a file", name)
		}
	}
	return nil
}

// diskEvery is how often the files of an item are measured while it is worked on.
const diskEvery = 250 * time.Millisecond

// watched does f, and ends it when the files of the item take more of the disk than
// they may.
func (p *part) watched(ctx context.Context, limit recipe.Size, f func(context.Context) error) error {
	if limit <= 0 {
		return f(ctx)
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	over := make(chan struct{})
	go func() {
		defer close(over)
		for pause(ctx, diskEvery) {
			if err := fitting(p.folder, limit); err != nil {
				end(err)
				return
			}
		}
	}()
	err := f(ctx)
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	end(nil)
	<-over
	if err == nil {
		err = fitting(p.folder, limit)
	}
	return err
}

// fitting measures a folder.
func fitting(folder string, limit recipe.Size) error {
	var sum int64
	err := filepath.WalkDir(folder, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil //nolint:nilerr // what is being removed is not counted
		}
		if about, err := d.Info(); err == nil {
			sum += about.Size()
		}
		return nil
	})
	if err == nil && sum > int64(limit) {
		err = errors.New("its files take more disk than " + limit.String())
	}
	return err
}
