package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"skynet/queue"
	"skynet/worker/recipe"
)

// uploads is how many outputs of an item are stored at once: a ladder for streaming
// has hundreds of small ones.
const uploads = 4

// store delivers what was made, then says so: see Media for the order.
func (p *part) store(ctx context.Context) error {
	p.done.BytesIn = p.bytes
	deliver := p.deliver
	if p.finished() {
		deliver = p.adopt
	}
	if err := deliver(ctx); err != nil {
		return fmt.Errorf("output: %w", err)
	}
	for _, o := range p.said.Outputs {
		p.done.Outputs = append(p.done.Outputs, o.URL)
	}
	// Of an item that was made before too: whoever made it may have died right then.
	_ = p.media.stores.Remove(ctx, p.beside(recipe.FailedName)) // a worker that may not remove leaves what is out of date, which its manifest shows
	if err := p.rows(ctx); err != nil {
		return err
	}
	if err := p.sendOn(ctx); err != nil {
		return err
	}
	return p.media.tell(ctx, finished{result{"done", p.said.Digest}, p.said})
}

// deliver stores the outputs, and the manifest when all are there. A manifest of
// something else goes first: it would speak of outputs that are being replaced.
func (p *part) deliver(ctx context.Context) error {
	if p.stale {
		if err := p.media.stores.Remove(ctx, p.beside(recipe.ManifestName)); err != nil {
			return fmt.Errorf("remove what is said of former outputs: %w", err)
		}
	}
	outputs, err := p.upload(ctx)
	if err != nil {
		return err
	}
	p.said = recipe.Manifest{
		Item: p.try.ID, Batch: p.task.Batch, Recipe: p.recipe.Name, Digest: p.digest, Folder: p.task.Output,
		Inputs: p.inputs, Outputs: outputs, Worker: string(p.try.Worker), Version: p.try.Version,
		Started: p.began.UTC(), Finished: time.Now().UTC(), Seconds: p.took.Seconds(), Tries: p.try.Number,
	}
	if err := p.writeBeside(ctx, recipe.ManifestName, p.said); err != nil {
		p.said = recipe.Manifest{}
		return err
	}
	for _, o := range outputs {
		p.done.BytesOut += o.Bytes
	}
	return nil
}

// adopt takes what was made before for this item's. Of another item that asked for
// the same the manifest is written anew, so that whoever waits for this one sees it.
func (p *part) adopt(ctx context.Context) error {
	p.done.Idle = "it was made before"
	if p.said.Item == p.try.ID {
		return nil
	}
	p.said.Item, p.said.Batch, p.said.Tries = p.try.ID, p.task.Batch, p.try.Number
	return p.writeBeside(ctx, recipe.ManifestName, p.said)
}

// upload stores all files, some at once, and returns them in the order in which
// they were made.
func (p *part) upload(ctx context.Context) ([]recipe.Artifact, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	stored := make([]recipe.Artifact, len(p.made))
	room := make(chan struct{}, uploads)
	var wg sync.WaitGroup
	for i, m := range p.made {
		room <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			defer func() { <-room }()
			var err error
			if stored[i], err = p.put(ctx, m); err != nil {
				stop(err)
			}
		})
	}
	wg.Wait()
	return stored, context.Cause(ctx)
}

func (p *part) put(ctx context.Context, m recipe.Made) (recipe.Artifact, error) {
	file := filepath.Join(p.job.Folder, filepath.FromSlash(m.Name))
	sum, err := checksum(file)
	if err != nil {
		return recipe.Artifact{}, err
	}
	at, n, err := p.media.stores.Put(ctx, p.task.Output, m.Name, file)
	if err != nil {
		return recipe.Artifact{}, err
	}
	return recipe.Artifact{Name: m.Name, URL: at, Type: m.Type, Bytes: n, SHA256: sum, Width: m.Width, Height: m.Height, Seconds: m.Seconds}, nil
}

func (p *part) writeBeside(ctx context.Context, name string, what any) error {
	body, err := json.MarshalIndent(what, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return p.media.stores.Write(ctx, p.beside(name), append(body, '\n'))
}

func (p *part) rows(ctx context.Context) error {
	if p.media.Rows == nil {
		return nil
	}
	err := p.media.insist(ctx, func(ctx context.Context) error { return p.media.Rows.Save(ctx, p.said) })
	if err != nil {
		return fmt.Errorf("the outputs are stored, and the database could not be told: %w", err)
	}
	return nil
}

// result is what the results queue is told of an item.
type result struct {
	Status string `json:"status"` // done or failed
	ID     string `json:"id"`     // the same for the same work: of several with one ID, the last counts
}

// finished and failed are results with what they are about, as one flat object.
type (
	finished struct {
		result
		recipe.Manifest
	}
	failed struct {
		result
		recipe.Failure
	}
)

// tell sends a result.
func (m *Media) tell(ctx context.Context, r any) error {
	if m.Results == nil {
		return nil
	}
	body, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	if err := m.send(ctx, m.Results, body); err != nil {
		return fmt.Errorf("the result could not be sent: %w", err)
	}
	return nil
}

func (m *Media) send(ctx context.Context, to queue.Sender, body []byte) error {
	return m.insist(ctx, func(ctx context.Context) error {
		_, err := to.Send(ctx, body)
		return err
	})
}

// insist calls until it succeeds, for a bounded time: what waits behind a short
// outage need not be made again.
func (m *Media) insist(ctx context.Context, call func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, m.Patient)
	defer cancel()
	for n := 1; ; n++ {
		err := call(limited)
		if err == nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if !pause(limited, backoff(n)) {
			return err
		}
	}
}

// Failed writes down why a try failed, where its outputs would be, and tells the
// results queue. err may hold TaskErrors; else it is about all of the item's tasks.
func (m *Media) Failed(ctx context.Context, t Try, err error) error {
	tasks := failures(err)
	if len(tasks) == 0 {
		all, _, unread := ReadTasks(t.Body, m.Outputs)
		if unread != nil {
			return m.tellFailed(ctx, t, TaskError{Err: err})
		}
		for _, task := range all {
			tasks = append(tasks, &TaskError{Task: task, Err: err})
		}
	}
	var errs []error
	for _, e := range tasks {
		errs = append(errs, m.tellFailed(ctx, t, *e))
	}
	return errors.Join(errs...)
}

// failures are the TaskErrors in a tree of errors.
func failures(err error) (list []*TaskError) {
	if e, ok := err.(*TaskError); ok { //nolint:errorlint // the tree is walked
		return []*TaskError{e}
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // the tree is walked
		for _, e := range many.Unwrap() {
			list = append(list, failures(e)...)
		}
		return list
	}
	if one := errors.Unwrap(err); one != nil {
		return failures(one)
	}
	return nil
}

func (m *Media) tellFailed(ctx context.Context, t Try, e TaskError) error {
	f := recipe.Failure{
		Item: t.ID, Batch: e.Task.Batch, Recipe: e.Recipe, Digest: e.Digest, Input: e.Task.Input, Folder: e.Task.Output,
		Reason: reason(e.Err), Tries: t.Number, Last: t.Last, Worker: string(t.Worker), At: time.Now().UTC(),
	}
	var err error
	if e.Task.Output != "" {
		p := part{media: m, task: e.Task}
		err = p.writeBeside(ctx, recipe.FailedName, f)
	}
	id := e.Digest
	if id == "" {
		id = digestOf(t.Body)
	}
	return errors.Join(err, m.tell(ctx, failed{result{"failed", id}, f}))
}
