package main

import (
	"context"
	"errors"
	"mime"
	"path/filepath"
	"runtime"

	"skynet/config"
	"skynet/worker"
	"skynet/worker/av"
	"skynet/worker/image"
	"skynet/worker/recipe"
	"skynet/worker/store"
)

// craftOf is what this worker can do: what its recipes say, with all makers.
func craftOf(ctx context.Context, cfg config.Worker) (craft *worker.Media, tidy func() error, err error) {
	book, err := recipe.Load(cfg.Recipes)
	if err != nil {
		return nil, nil, err
	}
	makers, err := makersOf(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	stores, err := store.Open(ctx, cfg.Stores...)
	if err != nil {
		return nil, nil, err
	}
	stores.MaxInput = min(stores.MaxInput, int64(cfg.Limits.Disk))
	scratch, err := worker.OpenScratch(cfg.Scratch)
	if err != nil {
		return nil, nil, errors.Join(err, stores.Close())
	}
	tidy = func() error { return errors.Join(scratch.Close(), stores.Close()) }
	craft = worker.NewMedia(stores, scratch.Folder, book, makers)
	craft.Outputs = cfg.Outputs
	craft.Limits = recipe.Limits{Time: cfg.Limits.Time, Memory: cfg.Limits.Memory, Disk: cfg.Limits.Disk, Pixels: cfg.Limits.Pixels}
	return craft, tidy, nil
}

func makersOf(ctx context.Context, cfg config.Worker) (map[recipe.Medium]worker.Maker, error) {
	images, err := image.New()
	if err != nil {
		return nil, err
	}
	films := av.New()
	films.Threads = max(1, runtime.NumCPU()/cfg.Slots) // every slot may have a film at once
	if err := films.Check(ctx); err != nil {
		return nil, err
	}
	return map[recipe.Medium]worker.Maker{
		recipe.ByImage: makerOf(images), recipe.ByVideo: makerOf(films), recipe.ByAudio: makerOf(films),
	}, nil
}

// makerOf is a maker that does what recipes say, or one that does one thing only.
func makerOf(m any) worker.Maker {
	switch m := m.(type) {
	case worker.Maker:
		return m
	case oneThing:
		return simple{m}
	}
	return nil
}

type oneThing interface {
	Make(ctx context.Context, input, folder string) ([]string, error)
}

// simple makes what it makes, whatever is asked for.
type simple struct{ oneThing }

func (s simple) Work(ctx context.Context, job recipe.Job) ([]recipe.Made, error) {
	names, err := s.Make(ctx, job.Inputs[recipe.Main], job.Folder)
	made := make([]recipe.Made, len(names))
	for i, n := range names {
		made[i] = recipe.Made{Name: n, Type: mime.TypeByExtension(filepath.Ext(n))}
	}
	return made, err
}
