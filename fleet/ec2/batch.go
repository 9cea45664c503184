package ec2

import (
	"context"
	"errors"
	"fmt"

	"skynet/fleet"
)

const (
	batchSize = 100 // instances in a call
	tagSize   = 50  // in a call that tags
)

// batch is one kind of call on many instances.
type batch struct {
	what string // "terminate"
	size int
	// goneIsDone says that it is done for an instance that is not there.
	goneIsDone bool
	// call does it for some, and returns those for which the answer says that it is done.
	call func(ctx context.Context, ids []string) (done []string, err error)
}

// result is what came of a batch so far.
type result struct {
	done      []fleet.ID
	left      []string // to be tried one by one: the call failed over one of them
	errs      []error
	throttled int // batches in a row
}

// enough batches in a row that were throttled, after all the tries that the SDK makes,
// leave the others to a later tick: to press on with thousands takes longer than a
// tick has.
const enough = 2

// each does it for all, batch by batch. A batch that fails loses nobody but itself,
// unless EC2 throttles us; what failed over a single instance is tried one by one at the end, when every batch
// has had its turn.
func (f *Fleet) each(ctx context.Context, b batch, ids []fleet.ID) ([]fleet.ID, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	mine, err := f.ours(ctx, b.what, ids)
	r := &result{}
	if err != nil {
		r.errs = append(r.errs, err)
	}
	for tried := 0; tried < len(mine); tried += b.size {
		if r.throttled == enough {
			n := len(mine) - tried
			r.failed(fmt.Errorf("%s %d left over: %w: they wait for a later tick", b.what, n, fleet.ErrThrottled), n)
			break
		}
		f.some(ctx, b, texts(mine[tried:min(tried+b.size, len(mine))]), r)
	}
	f.rest(ctx, b, r)
	return r.done, errors.Join(r.errs...)
}

// inVain is how many single calls in a row may fail before the others wait for a
// later tick: it is not over one of them, then.
const inVain = 20

// rest tries what is left over one by one.
func (f *Fleet) rest(ctx context.Context, b batch, r *result) {
	vain := 0
	for i, id := range r.left {
		before := len(r.done)
		on := f.one(ctx, b, id, r)
		if vain++; len(r.done) > before {
			vain = 0
		}
		if n := len(r.left) - i - 1; !on || vain == inVain {
			r.failed(fmt.Errorf("%s %d left over: not tried after that", b.what, n), n)
			return
		}
	}
}

func (r *result) failed(err error, n int) {
	if n > 0 {
		r.errs = append(r.errs, err)
	}
}

// some does it for some in one call, again without those that are not there.
func (f *Fleet) some(ctx context.Context, b batch, ids []string, r *result) {
	done, err := f.send(ctx, b, ids)
	r.done = append(r.done, named(done)...)
	if err == nil {
		r.left, r.throttled = append(r.left, without(ids, done)...), 0
		return
	}
	if gone := absent(err, ids); len(gone) > 0 {
		r.gone(b, gone)
		if rest := without(ids, gone); len(rest) > 0 {
			f.some(ctx, b, rest, r)
		}
		return
	}
	if len(ids) > 1 && overOne(err) {
		r.left = append(r.left, ids...)
		return
	}
	if throttled(err) {
		r.throttled++
	}
	r.failed(fmt.Errorf("%s %d (%s): %w", b.what, len(ids), few(ids), told(err)), len(ids))
}

// one does it for one, and reports whether to go on with others.
func (f *Fleet) one(ctx context.Context, b batch, id string, r *result) bool {
	done, err := f.send(ctx, b, []string{id})
	r.done = append(r.done, named(done)...)
	switch {
	case err == nil && len(done) == 0:
		r.failed(fmt.Errorf("%s %s: the answer does not say that it was done", b.what, id), 1)
	case err == nil:
	case len(absent(err, []string{id})) > 0:
		r.gone(b, []string{id})
	default:
		r.failed(fmt.Errorf("%s %s: %w", b.what, id, told(err)), 1)
	}
	return err == nil || overOne(err)
}

func (f *Fleet) send(ctx context.Context, b batch, ids []string) ([]string, error) {
	if err := f.budget.take(f.o.Now()); err != nil {
		return nil, err
	}
	return b.call(ctx, ids)
}

// gone takes down that instances are not there.
func (r *result) gone(b batch, ids []string) {
	if b.goneIsDone {
		r.done = append(r.done, named(ids)...)
		return
	}
	r.failed(fmt.Errorf("%s %s: not there any more", b.what, few(ids)), len(ids))
}

// overOne reports an error that may be about one instance of several: EC2 then does
// nothing for the others in its zone or in the call.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TerminateInstances.html
func overOne(err error) bool { return plainNo(err) && !throttled(err) }

// few names the first of a list.
func few(ids []string) string {
	const most = 4
	if len(ids) <= most {
		return fmt.Sprint(ids)
	}
	return fmt.Sprintf("%v and %d more", ids[:most], len(ids)-most)
}
