package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"skynet/config"
	"skynet/worker"
	"skynet/worker/av"
	"skynet/worker/command"
	"skynet/worker/image"
	"skynet/worker/recipe"
	"skynet/worker/rows"
	"skynet/worker/store"
)

// craftOf is what this worker can do: what its recipes say, with all makers.
func craftOf(ctx context.Context, cfg config.Worker) (craft *worker.Media, tidy func() error, err error) {
	book, err := recipe.Load(cfg.Recipes)
	if err != nil {
		return nil, nil, err
	}
	makers, err := makersOf(ctx, cfg, book)
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
	db, err := databaseOf(cfg)
	if err != nil {
		return nil, nil, errors.Join(err, tidy())
	}
	if db != nil {
		craft.Rows = db
		tidy = func() error { return errors.Join(scratch.Close(), stores.Close(), db.Close()) }
	}
	craft.Outputs = cfg.Outputs
	craft.Limits = recipe.Limits{Time: cfg.Limits.Time, Memory: cfg.Limits.Memory, Disk: cfg.Limits.Disk, Pixels: cfg.Limits.Pixels}
	return craft, tidy, nil
}

// databaseOf is the database of the settings, nil if there is none. It is asked for
// nothing before the first item is done.
func databaseOf(cfg config.Worker) (*rows.Database, error) {
	url, err := cfg.Database.Read()
	if err != nil || url == "" {
		return nil, err
	}
	return rows.New(url)
}

// makersOf are the makers of all media, which must be able to do what the recipes say.
func makersOf(ctx context.Context, cfg config.Worker, book recipe.Book) (map[recipe.Medium]worker.Maker, error) {
	images, err := image.New()
	if err != nil {
		return nil, err
	}
	films, programs := av.New(), command.New()
	films.Threads = max(1, runtime.NumCPU()/cfg.Slots) // every slot may have a film at once
	errs := []error{films.Check(ctx, book.Recipes()...), programs.Check(book.Recipes()...)}
	for _, r := range book.Recipes() {
		if err := images.Check(r.Outputs); err != nil {
			errs = append(errs, fmt.Errorf("recipe %s: %w", r.Name, err))
		}
	}
	return map[recipe.Medium]worker.Maker{
		recipe.ByImage: images, recipe.ByVideo: films, recipe.ByAudio: films, recipe.ByCommand: programs,
	}, errors.Join(errs...)
}
