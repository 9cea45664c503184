package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"skynet/queue"
	"skynet/worker/recipe"
)

// Maker makes the outputs of one medium. It knows files only.
type Maker interface {
	// Work makes all outputs of the job in its folder, under their names. An error's
	// text is a reason for operators.
	Work(ctx context.Context, job recipe.Job) ([]recipe.Made, error)
}

// Stores is where inputs come from and outputs go to. store.Stores is one.
type Stores interface {
	// Fetch copies the object at url into a new file and returns its size in bytes.
	// The error is fs.ErrNotExist if there is no such object.
	Fetch(ctx context.Context, url, file string) (bytes int64, err error)
	// Put copies a file into the folder at url under a name that may hold folders, whole
	// or not at all, and returns its URL and its bytes.
	Put(ctx context.Context, url, name, file string) (at string, bytes int64, err error)
	// Read returns a small object, of at most so many bytes.
	Read(ctx context.Context, url string, most int64) ([]byte, error)
	// Write writes a small object over what may be there, whole or not at all.
	Write(ctx context.Context, url string, content []byte) error
	// Create writes a small object that must not be there; of several at once one is
	// told true.
	Create(ctx context.Context, url string, content []byte) (bool, error)
	// Size is an object's size in bytes, fs.ErrNotExist if there is none.
	Size(ctx context.Context, url string) (int64, error)
	// Remove removes an object; one that is not there is no error.
	Remove(ctx context.Context, url string) error
}

// Rows is a database that is told of what was made.
type Rows interface {
	// Save writes the item and its outputs, all or nothing; the same again changes
	// nothing.
	Save(ctx context.Context, m recipe.Manifest) error
}

// Media is the craft of making what recipes say: fetch the inputs, have the outputs
// made in scratch, deliver them once all are made, then say so. What it does in
// which order makes each step safe to repeat:
//
//	outputs ─► manifest ─► rows ─► part of a group ─► items sent on ─► result
//
// Once the manifest is there, an item that comes again is not worked on again; the
// steps behind it are.
type Media struct {
	Book    recipe.Book             // what can be made
	Limits  recipe.Limits           // what one item may use; no recipe can raise them
	Outputs string                  // URL of the folder for items that name none; "" is none
	Results queue.Sender            // is told of each item that is done or failed; nil: nobody
	Send    map[string]queue.Sender // queues that recipes send items on to, by name
	Rows    Rows                    // nil: none
	Patient time.Duration           // so long results, rows and items sent on are tried (1m)

	stores  Stores
	scratch string
	makers  map[recipe.Medium]Maker
}

const (
	defaultPatience = time.Minute
	maxSmall        = 4 << 20 // bytes of a manifest or a marker
)

// NewMedia makes a Media that works in folders of its own below scratch, which
// must exist (see OpenScratch), by the recipes of book.
func NewMedia(stores Stores, scratch string, book recipe.Book, makers map[recipe.Medium]Maker) *Media {
	return &Media{stores: stores, scratch: scratch, Book: book, makers: makers, Patient: defaultPatience}
}

// Check looks for the queues that recipes send items on to.
func (m *Media) Check() error {
	var errs []error
	for _, r := range m.Book.Recipes() {
		for i, t := range r.Then {
			if m.Send[t.Queue] == nil {
				errs = append(errs, fmt.Errorf("recipe %s: then[%d].queue: %q is not a queue of the worker's settings; add it to send", r.Name, i, t.Queue))
			}
		}
	}
	return errors.Join(errs...)
}

// Open reads the item, a Task or an event that speaks of several objects, and
// fetches its inputs.
func (m *Media) Open(ctx context.Context, t Try) (_ Piece, err error) {
	tasks, idle, err := ReadTasks(t.Body, m.Outputs)
	if err != nil {
		return nil, err
	}
	w := &work{idle: idle}
	opened := false
	defer func() {
		if !opened { // all have failed, or one has panicked: nobody else will close it
			err = errors.Join(err, w.Close())
		}
	}()
	for _, task := range tasks {
		p := &part{media: m, try: t, task: task}
		w.parts = append(w.parts, p)
		p.step(ctx, p.open)
	}
	if len(w.parts) > 0 && !slices.ContainsFunc(w.parts, func(p *part) bool { return p.err == nil }) {
		return nil, w.err()
	}
	opened = true
	return w, nil
}

// work is one item on its way: a task, or several that an event speaks of. One that
// fails does not keep the others from being made.
type work struct {
	parts []*part
	idle  string
}

func (w *work) Work(ctx context.Context) error { return w.each(ctx, (*part).work) }

func (w *work) Store(ctx context.Context) (d Done, err error) {
	_ = w.each(ctx, (*part).store) // it is in the parts, as earlier ones are
	d.Idle = w.idle
	for _, p := range w.parts {
		d = d.and(p.done)
	}
	return d, w.err()
}

// each does a step of all parts that have not failed. It fails when none is left.
func (w *work) each(ctx context.Context, step func(*part, context.Context) error) error {
	alive := len(w.parts) == 0
	for _, p := range w.parts {
		p.step(ctx, func(ctx context.Context) error { return step(p, ctx) })
		alive = alive || p.err == nil
	}
	if !alive {
		return w.err()
	}
	return nil
}

func (w *work) err() error {
	var errs []error
	for _, p := range w.parts {
		errs = append(errs, p.err)
	}
	return errors.Join(errs...)
}

func (w *work) Close() error {
	var errs []error
	for _, p := range w.parts {
		if p.folder != "" {
			errs = append(errs, os.RemoveAll(p.folder))
		}
	}
	return errors.Join(errs...)
}

// TaskError is the failure of one task of an item.
type TaskError struct {
	Task   Task
	Recipe string // where it was known
	Digest string // where it was known
	Err    error
}

func (e *TaskError) Error() string { return e.Err.Error() }

// Unwrap is the error itself.
func (e *TaskError) Unwrap() error { return e.Err }
