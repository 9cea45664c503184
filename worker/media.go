package worker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Maker makes the outputs of one kind of media. It knows files only.
type Maker interface {
	// Make reads the file input, writes what it makes into folder, and returns the
	// names of the files that are outputs. An error's text is a reason for operators.
	Make(ctx context.Context, input, folder string) (names []string, err error)
}

// Stores is where inputs come from and outputs go to. store.Stores is one.
type Stores interface {
	// Fetch copies the object at url into a new file and returns its size in bytes.
	// The error is fs.ErrNotExist if there is no such object.
	Fetch(ctx context.Context, url, file string) (bytes int64, err error)
	// Deliver copies files into the folder at url, each whole or not at all, and
	// returns their URLs in order, and their bytes.
	Deliver(ctx context.Context, url string, files []string) (urls []string, bytes int64, err error)
}

// Media is the craft of making renditions: fetch the input, have it made in
// scratch, deliver all outputs once all are made.
type Media struct {
	// Outputs is the URL of the folder for items that name none, such as event
	// notifications; "" is none.
	Outputs string

	stores  Stores
	scratch string
	makers  map[Kind]Maker
}

// NewMedia makes a Media that works in folders of its own below scratch, which
// must exist (see OpenScratch).
func NewMedia(stores Stores, scratch string, makers map[Kind]Maker) *Media {
	return &Media{stores: stores, scratch: scratch, makers: makers}
}

// Do makes and delivers the outputs of the item whose body is a Task, or an event
// that speaks of several objects: one that fails does not keep the others from
// being made, and has all made again at the next try.
func (m *Media) Do(ctx context.Context, _ string, body []byte) (d Done, err error) {
	tasks, idle, err := ReadTasks(body, m.Outputs)
	if err != nil {
		return Done{}, err
	}
	d.Idle = idle
	var errs []error
	for _, t := range tasks {
		one, err := m.one(ctx, t)
		if t.event && errors.Is(err, fs.ErrNotExist) {
			one, err = Done{Idle: t.Input + " is gone again"}, nil
		}
		d, errs = d.and(one), append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return d, errors.Join(errs...)
}

// one does one task in a folder of its own.
func (m *Media) one(ctx context.Context, task Task) (d Done, err error) {
	folder, err := os.MkdirTemp(m.scratch, "item-")
	if err != nil {
		return Done{}, fmt.Errorf("make a scratch folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	return m.make(ctx, task, folder)
}

func (m *Media) make(ctx context.Context, task Task, folder string) (d Done, err error) {
	// The input has a name of ours and no extension: what it claims to be must not
	// decide how it is read.
	input, made := filepath.Join(folder, "input"), filepath.Join(folder, "made")
	if err := os.Mkdir(made, 0o700); err != nil {
		return d, fmt.Errorf("make a scratch folder: %w", err)
	}
	if d.BytesIn, err = m.stores.Fetch(ctx, task.Input, input); err != nil {
		return d, fmt.Errorf("input: %w", err)
	}
	maker, err := m.maker(task, input)
	if err != nil {
		return d, err
	}
	names, err := maker.Make(ctx, input, made)
	if err != nil {
		return d, err
	}
	if err := ctx.Err(); err != nil {
		return d, err // what was lost meanwhile is somebody else's to deliver
	}
	for i, n := range names {
		names[i] = filepath.Join(made, n)
	}
	if d.Outputs, d.BytesOut, err = m.stores.Deliver(ctx, task.Output, names); err != nil {
		return d, fmt.Errorf("output: %w", err)
	}
	return d, nil
}

func (m *Media) maker(task Task, input string) (Maker, error) {
	kind := task.Kind
	if kind == "" {
		var err error
		if kind, err = sniff(input, task.Input); err != nil {
			return nil, err
		}
	}
	if maker, ok := m.makers[kind]; ok {
		return maker, nil
	}
	return nil, fmt.Errorf("this worker does not work on kind %s", kind)
}
