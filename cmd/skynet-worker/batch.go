package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"skynet/config"
	"skynet/queue"
	"skynet/worker/batch"
)

// inquiry is what the flags of batch say.
type inquiry struct {
	cfg                 config.Worker
	failed, wait, retry bool
	timeout, answer     time.Duration
	records
	printer
}

func batchCommand() *cobra.Command {
	var i inquiry
	c := &cobra.Command{
		Use:   "batch [NAME]",
		Short: "Show what became of many items that were submitted together",
		Long: `List the batches that were submitted, or show one: how many of its items are done, failed and
waiting, how fast it goes, how long it will take, and why items failed.

It looks at what lies in the items' output folders (manifest.json, failed.json), and so needs
neither the controller nor a database. Where the queue answers, it is asked whether
anything is left in it: an item of which nothing came by then is lost (its worker died in the
last try, say) and counts as failed.

--wait goes on until each item is done or has failed for the last time. Its status is then 1 if
any failed, if not all were sent, or if the --timeout came first; else 0. --retry sends what
failed for the last time once more. There is no way to take items back out of a queue.`,
		Example: "  skynet-worker batch --config worker.yaml\n" +
			"  skynet-worker batch --config worker.yaml gallery --wait --timeout 2h\n" +
			"  skynet-worker batch --config worker.yaml gallery --failed --format json\n" +
			"  skynet-worker batch --config worker.yaml gallery --retry --wait",
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) (err error) {
			if i.cfg, err = settings(c); err != nil {
				return err
			}
			return i.run(c, args)
		},
	}
	f := c.Flags()
	f.String("config", "", "the worker's settings; the daemon writes them to state_dir/workers/FLEET.yaml")
	f.BoolVar(&i.failed, "failed", false, "name every item that failed, with the reason")
	f.BoolVar(&i.wait, "wait", false, "wait until all items are done or have failed for the last time")
	f.DurationVar(&i.timeout, "timeout", 0, "with --wait: wait no longer than that (for ever)")
	f.BoolVar(&i.retry, "retry", false, "send the items again that failed for the last time")
	f.DurationVar(&i.answer, "queue-timeout", 15*time.Second, "give up when the queue has not answered for so long")
	i.records.flags(c)
	i.printer.flags(c)
	return c
}

func (i *inquiry) run(c *cobra.Command, args []string) (err error) {
	if err := i.check(args); err != nil {
		return err
	}
	first, _ := stops()
	ctx, cancel := until(c.Context(), first)
	defer cancel()
	s, err := i.records.open(ctx, i.cfg, c.ErrOrStderr())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if len(args) == 0 {
		return i.list(ctx, c, s)
	}
	return i.one(ctx, c, s, args[0])
}

func (i *inquiry) check(args []string) error {
	switch {
	case len(args) == 0 && (i.wait || i.retry || i.failed):
		return errors.New("which batch? give its name; skynet-worker batch lists them")
	case i.timeout != 0 && !i.wait:
		return errors.New("--timeout bounds --wait; give both")
	case i.timeout < 0:
		return fmt.Errorf("--timeout %s: write more than 0", i.timeout)
	}
	return i.printer.check()
}

// list shows all batches.
func (i *inquiry) list(ctx context.Context, c *cobra.Command, s *shops) error {
	all, err := s.shelf.List(ctx)
	if err != nil {
		return err
	}
	if all == nil {
		all = []batch.Entry{} // in JSON a list, not null
	}
	return i.print(c, map[string]any{"batches": all}, func(w io.Writer) {
		if len(all) == 0 {
			fmt.Fprintln(w, "no batch was submitted yet; skynet-worker submit does")
			return
		}
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "BATCH\tITEMS\tSENT\tSIZE\tQUEUE\tRECIPE\tSUBMITTED")
		for _, b := range all {
			bytes := size(b.Bytes)
			if b.Unsized > 0 {
				bytes = "?"
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", b.Name, count(b.Items), count(b.Sent), bytes, b.Queue, b.Recipe, b.Created.Local().Format(time.DateTime))
		}
		_ = t.Flush()
	})
}

// one shows a batch, after sending again what failed and waiting, if asked to.
func (i *inquiry) one(ctx context.Context, c *cobra.Command, s *shops, name string) error {
	r, err := s.load(ctx, name)
	if err != nil {
		return err
	}
	p := &pursuit{record: r, shelf: s.shelf, watch: batch.NewWatch(s, r), now: time.Now}
	if i.retry {
		if p.resent, err = i.again(ctx, c, s, r); err != nil {
			return err
		}
	}
	gauge, hangUp := i.gauge(ctx, r)
	defer hangUp()
	p.gauge = gauge
	if !i.wait {
		err = p.look(ctx)
	} else {
		err = i.follow(ctx, c, p)
	}
	if err != nil {
		return err
	}
	if err := i.show(c, p); err != nil || !i.wait {
		return err
	}
	return verdict(p.tally)
}

// verdict is what a finished wait comes to.
func verdict(t batch.Tally) error {
	switch bad := t.Failed + t.Lost; {
	case t.Waiting+t.Failing > 0:
		return finding{fmt.Errorf("%s of %s items are not done", count(t.Items-t.Settled()), count(t.Items))}
	case bad > 0:
		return finding{fmt.Errorf("%s of %s items failed", count(bad), count(t.Items))}
	case t.Unsent > 0:
		return finding{fmt.Errorf("%s of %s items were not sent", count(t.Unsent), count(t.Items))}
	}
	return nil
}

// gauge is the batch's queue, if it can be reached; that it cannot is no error: what
// there is to know lies in the store.
func (i *inquiry) gauge(ctx context.Context, r *batch.Record) (queue.Gauge, func()) {
	q, err := choose(i.cfg.Queues, r.Queue)
	if err != nil {
		return nil, func() {}
	}
	line, hangUp, err := dial(ctx, i.cfg, q, min(i.answer, briefly))
	if err != nil {
		return nil, func() {}
	}
	return line, func() { _ = hangUp() }
}

// briefly is how long a queue may take that is asked out of interest.
const briefly = 3 * time.Second

// again sends what failed for the last time, and what was lost, once more.
func (i *inquiry) again(ctx context.Context, c *cobra.Command, s *shops, r *batch.Record) (n int, err error) {
	q, err := choose(i.cfg.Queues, r.Queue)
	if err != nil {
		return 0, fmt.Errorf("batch %s: %w", r.Name, err)
	}
	line, hangUp, err := dial(ctx, i.cfg, q, i.answer)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, hangUp()) }()
	p := &pursuit{record: r, shelf: s.shelf, watch: batch.NewWatch(s, r), gauge: line, now: time.Now}
	if err := p.untilSure(ctx); err != nil {
		return 0, err
	}
	items, known := p.watch.Failed()
	told, done := bar(ctx, c.ErrOrStderr(), "sending again", 0, len(items))
	err = batch.Mailing{Shelf: s.shelf, Record: r, To: line, Stop: ctx.Done(), Now: time.Now, Told: told}.Again(ctx, items, known)
	done()
	if err != nil {
		return 0, finding{fmt.Errorf("not all that failed was sent again; do so once more: %w", err)}
	}
	if i.format == "text" {
		fmt.Fprintf(c.OutOrStdout(), "%s of %s items sent again to queue %s\n", count(len(items)), count(len(r.Items)), r.Queue)
	}
	return len(items), nil
}
