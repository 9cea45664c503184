package batch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"skynet/worker/recipe"
)

// State is what is known of an item.
type State int

// The states of an item.
const (
	Unsent  State = iota // not in the queue yet
	Waiting              // sent; nothing of this batch lies in its folder
	Failing              // a try failed, and another follows
	Failed               // the last try failed
	Lost                 // nothing came of it, and nothing is left in the queue
	Done                 // all its outputs are there
)

// Result is what came of an item.
type Result struct {
	State   State
	At      time.Time       // when it came to that, by the store's clock
	Bytes   int64           // of the outputs, manifest and all
	Earlier bool            // the outputs that lie there were made before the batch
	Failure *recipe.Failure // of the last try, if it failed
}

const (
	// few is up to how many folders are looked into one by one, rather than at all
	// that lies in the folder that they have in common.
	few = 100
	// widely is how many objects an item are looked at in that common folder before
	// it turns out to hold much else, and the items' folders are looked into instead.
	widely, atLeast = 50, 20_000
	// maxFailure bounds a failed.json, in bytes.
	maxFailure = 1 << 20
)

// Watch looks at what comes of the items of a batch.
type Watch struct {
	store   Store
	record  *Record
	Results []Result // by item

	places map[string][]int // items by the place of their folders
	known  map[string]seen  // failures that were read, by their URL
}

// seen is a failure as it was read.
type seen struct {
	written time.Time
	failure *recipe.Failure
}

// NewWatch begins to watch a batch; nothing is known yet.
func NewWatch(s Store, r *Record) *Watch {
	w := &Watch{store: s, record: r, Results: make([]Result, len(r.Items)), places: make(map[string][]int, len(r.Items)), known: map[string]seen{}}
	for i, it := range r.Items {
		at := place(it.Output)
		w.places[at] = append(w.places[at], i)
	}
	return w
}

// folder is what lies in an item's folder.
type folder struct {
	manifest, failure       time.Time // when they were written; zero if they are not there
	manifestURL, failureURL string
	bytes                   int64
}

// Look looks at the items that are not done. Those that are stay so: what lies in
// their folders is not looked at again.
func (w *Watch) Look(ctx context.Context) error {
	var open []int
	for i, r := range w.Results {
		if r.State != Done {
			open = append(open, i)
		}
	}
	if len(open) == 0 {
		return nil
	}
	found, err := w.find(ctx, open)
	if err != nil {
		return err
	}
	if err := w.read(ctx, found); err != nil {
		return err
	}
	for _, i := range open {
		w.Results[i] = w.result(i, found[place(w.record.Items[i].Output)])
	}
	return nil
}

// find lists the folders of items: all at once, unless they are few or lie among
// much else.
func (w *Watch) find(ctx context.Context, open []int) (map[string]*folder, error) {
	if shared := w.common(); len(open) > few && w.store.Check(shared) == nil {
		found, err := w.all(ctx, shared)
		if !errors.Is(err, errWide) {
			return found, err
		}
	}
	return w.each(ctx, open)
}

var errWide = errors.New("the folder holds much else")

func (w *Watch) all(ctx context.Context, shared string) (map[string]*folder, error) {
	found := make(map[string]*folder, len(w.places))
	n, most := 0, max(atLeast, widely*len(w.record.Items))
	err := w.store.List(ctx, shared, func(url string, bytes int64, written time.Time) error {
		if n++; n > most {
			return errWide
		}
		w.sort(found, url, bytes, written)
		return nil
	})
	return found, err
}

// common is the URL of the deepest folder that holds the folders of all items: of
// no store, if they have none.
func (w *Watch) common() string {
	shared := strings.Split(strings.TrimSuffix(w.record.Items[0].Output, "/"), "/")
	for _, it := range w.record.Items[1:] {
		parts := strings.Split(strings.TrimSuffix(it.Output, "/"), "/")
		n := 0
		for n < min(len(shared), len(parts)) && shared[n] == parts[n] {
			n++
		}
		shared = shared[:n]
	}
	return strings.Join(shared, "/")
}

func (w *Watch) each(ctx context.Context, open []int) (map[string]*folder, error) {
	parts, errs := make([]map[string]*folder, len(open)), make([]error, len(open))
	side(len(open), func(k int) {
		parts[k] = map[string]*folder{}
		if errs[k] = ctx.Err(); errs[k] != nil {
			return
		}
		errs[k] = w.store.List(ctx, w.record.Items[open[k]].Output, func(url string, bytes int64, written time.Time) error {
			w.sort(parts[k], url, bytes, written)
			return nil
		})
	})
	found := make(map[string]*folder, len(open))
	for k, part := range parts {
		if errs[k] != nil {
			return nil, errs[k] // the others failed alike
		}
		at := place(w.record.Items[open[k]].Output)
		found[at] = part[at]
	}
	return found, nil
}

// sort puts an object into the folder of its item, the deepest that holds it.
func (w *Watch) sort(found map[string]*folder, url string, bytes int64, written time.Time) {
	at, name := place(url), ""
	for {
		slash := strings.LastIndexByte(at, '/')
		if slash < 0 {
			return // of no item of this batch
		}
		at, name = at[:slash], at[slash+1:]+"/"+name
		if _, ours := w.places[at]; ours {
			break
		}
	}
	f := found[at]
	if f == nil {
		f = &folder{}
		found[at] = f
	}
	switch f.bytes += bytes; strings.TrimSuffix(name, "/") {
	case recipe.ManifestName:
		f.manifest, f.manifestURL = written, url
	case recipe.FailedName:
		f.failure, f.failureURL = written, url
	}
}

// read reads the failures that were not read yet.
func (w *Watch) read(ctx context.Context, found map[string]*folder) error {
	var fresh []*folder
	for _, f := range found {
		if f == nil || f.failure.IsZero() || f.failure.Before(w.record.Begun) || !f.manifest.Before(f.failure) {
			continue
		}
		if w.known[f.failureURL].written.Equal(f.failure) {
			continue
		}
		fresh = append(fresh, f)
	}
	read := make([]*recipe.Failure, len(fresh))
	side(len(fresh), func(k int) { read[k] = w.readFailure(ctx, fresh[k].failureURL) })
	for k, f := range fresh {
		w.known[f.failureURL] = seen{f.failure, read[k]}
	}
	return ctx.Err()
}

func (w *Watch) readFailure(ctx context.Context, url string) *recipe.Failure {
	var f recipe.Failure
	text, err := w.store.Read(ctx, url, maxFailure)
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	if err != nil {
		return &recipe.Failure{Reason: fmt.Sprintf("why is not known: %v", err)}
	}
	return &f
}

// result is what came of an item in whose folder that lies.
func (w *Watch) result(i int, f *folder) Result {
	r := Result{State: Waiting}
	if !w.record.Sent.Has(i) {
		r.State = Unsent
	}
	if f == nil {
		return r
	}
	since := w.record.Begun
	switch {
	case !f.manifest.IsZero() && !f.manifest.Before(since) && !f.manifest.Before(f.failure):
		return Result{State: Done, At: f.manifest, Bytes: f.bytes}
	case !f.failure.IsZero() && !f.failure.Before(since) && f.failure.After(w.record.Sent.Tried(i)):
		r = Result{State: Failing, At: f.failure, Failure: w.known[f.failureURL].failure}
		if r.Failure != nil && r.Failure.Last {
			r.State = Failed
		}
	}
	r.Earlier = !f.manifest.IsZero()
	return r
}

// Over settles what is open when nothing is left in the queue. Items whose outputs
// were there before the batch are done: a worker that is asked for what it made
// before leaves it as it is. Of the others their worker died in the last try, or
// they were taken out of the queue.
func (w *Watch) Over() {
	for i, r := range w.Results {
		switch {
		case r.State != Waiting && r.State != Failing:
		case r.Earlier:
			w.Results[i].State = Done
		default:
			w.Results[i].State = Lost
		}
	}
}

// Open reports whether there are items that wait or will be tried again.
func (w *Watch) Open() bool {
	return slices.ContainsFunc(w.Results, func(r Result) bool { return r.State == Waiting || r.State == Failing })
}

// Failed are the items that failed for the last time or were lost, and when the
// newest of their failures was written, by the store's clock.
func (w *Watch) Failed() (items []int, known time.Time) {
	for i, r := range w.Results {
		if r.State != Failed && r.State != Lost {
			continue
		}
		items = append(items, i)
		if r.At.After(known) {
			known = r.At
		}
	}
	return items, known
}
