package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"go.uber.org/zap"

	"skynet/cmd/internal/wire"
	"skynet/config"
	"skynet/worker"
	"skynet/worker/batch"
)

// batch sends many items, or goes on with it.
func (s *submission) batch(c *cobra.Command, q config.Queue, args []string) (err error) {
	first, second := stops()
	ctx, cancel := until(c.Context(), first)
	defer cancel()
	shops, err := s.records.open(ctx, s.cfg, c.ErrOrStderr())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, shops.Close()) }()
	if s.resume {
		return s.goOn(c, shops, first, second)
	}
	if err := s.fits(s.task); err != nil {
		return err // before a bucket is listed
	}
	f, err := s.find(ctx, c, shops, args)
	if err != nil {
		return err
	}
	if s.name == "" {
		s.name = time.Now().UTC().Format("20060102-150405.00")
	}
	items, err := s.items(f.Found)
	if err != nil {
		return err
	}
	if err := batch.Collisions(items); err != nil {
		return err
	}
	about := s.about(q, f.Found)
	if s.dry {
		return s.rehearse(c, about, items, f.Omitted)
	}
	line, hangUp, err := s.dial(ctx, q)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, hangUp()) }()
	record, err := shops.shelf.Create(ctx, about, items)
	if errors.Is(err, batch.ErrExists) {
		return fmt.Errorf("--batch %w; choose another name, or go on with it by --resume", err)
	}
	if err != nil {
		return fmt.Errorf("%w; --state FOLDER keeps the record on this machine instead", err)
	}
	return s.send(c, batch.Mailing{Shelf: shops.shelf, Record: record, To: line, Stop: first}, second, &f.Omitted)
}

// until is a context that ends with a channel.
func until(parent context.Context, end <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	go func() {
		select {
		case <-end:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// goOn sends what is left of a batch.
func (s *submission) goOn(c *cobra.Command, shops *shops, first, second <-chan struct{}) (err error) {
	ctx, cancel := until(c.Context(), first)
	defer cancel()
	record, err := shops.load(ctx, s.name)
	if err != nil {
		return err
	}
	q, err := choose(s.cfg.Queues, record.Queue)
	if err != nil {
		return fmt.Errorf("batch %s: %w", s.name, err)
	}
	line, hangUp, err := s.dial(ctx, q)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, hangUp()) }()
	return s.send(c, batch.Mailing{Shelf: shops.shelf, Record: record, To: line, Stop: first}, second, nil)
}

// dial opens the queue.
func (s *submission) dial(ctx context.Context, q config.Queue) (*wire.Queue, func() error, error) {
	return dial(ctx, s.cfg, q, s.timeout)
}

func dial(ctx context.Context, cfg config.Worker, q config.Queue, timeout time.Duration) (*wire.Queue, func() error, error) {
	l := wire.NewLines(cfg.NATS.TokenFile, zap.NewNop(), nil)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	line, err := l.Queue(ctx, q)
	if err != nil {
		return nil, nil, errors.Join(unreachable(ctx, q, timeout, err), l.Close())
	}
	return line, l.Close, nil
}

// find finds what the arguments name.
func (s *submission) find(ctx context.Context, c *cobra.Command, shops *shops, args []string) (*batch.Finder, error) {
	f := &batch.Finder{Store: shops, Made: []string{s.cfg.Outputs, s.task.Output}}
	var errs []error
	for _, to := range []struct {
		texts []string
		list  *[]batch.Pattern
	}{{s.include, &f.Include}, {s.exclude, &f.Exclude}} {
		for _, t := range to.texts {
			p, err := batch.ParseFilter(t)
			*to.list, errs = append(*to.list, p), append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	clear := func() {}
	if w := terminal(c.ErrOrStderr()); w != nil {
		f.Told = func(n int) {
			if n%100 == 0 {
				fmt.Fprintf(w, "\r\x1b[K%s found", count(n))
			}
		}
		clear = func() { fmt.Fprint(w, "\r\x1b[K") }
	}
	err := f.Find(ctx, args, c.InOrStdin())
	clear()
	if err == nil && len(f.Found) == 0 {
		err = errors.New("there is nothing to submit" + omitted(f.Omitted))
	}
	return f, err
}

// items are those for inputs, checked as a worker checks them.
func (s *submission) items(found []batch.Input) ([]batch.Item, error) {
	items := make([]batch.Item, 0, len(found))
	for _, in := range found {
		t := s.task
		t.Input, t.Batch = in.URL, s.name
		if t.Output != "" {
			t.Output = batch.Below(t.Output, in)
		}
		body, err := json.Marshal(t)
		if err != nil {
			return nil, fmt.Errorf("write the item of %s: %w", in.URL, err)
		}
		read, _, err := worker.ReadTasks(body, s.cfg.Outputs)
		if err != nil {
			return nil, err // all others would fail alike
		}
		if t.Output == "" { // where it goes must not depend on which worker gets it
			t.Output = read[0].Output
			if body, err = json.Marshal(t); err != nil {
				return nil, fmt.Errorf("write the item of %s: %w", in.URL, err)
			}
		}
		items = append(items, batch.Item{Input: t.Input, Output: t.Output, Bytes: in.Bytes, Body: body})
	}
	return items, nil
}

func (s *submission) about(q config.Queue, found []batch.Input) batch.About {
	a := batch.About{Name: s.name, Created: time.Now().UTC().Truncate(time.Millisecond), Queue: q.Name, Recipe: s.task.Recipe, Items: len(found), By: wire.Version()}
	for _, in := range found {
		if in.Bytes < 0 {
			a.Unsized++
			continue
		}
		a.Bytes += in.Bytes
	}
	return a
}

// rehearse prints what would be sent.
func (s *submission) rehearse(c *cobra.Command, a batch.About, items []batch.Item, o batch.Omitted) error {
	type would struct {
		Input  string `json:"input"`
		Output string `json:"output"`
	}
	list := make([]would, len(items))
	for i, it := range items {
		list[i] = would{it.Input, it.Output}
	}
	doc := map[string]any{"dry_run": true, "queue": a.Queue, "items": list, "bytes": a.Bytes, "omitted": o}
	return s.print(c, doc, func(w io.Writer) {
		for _, x := range list {
			fmt.Fprintf(w, "%s -> %s\n", x.Input, x.Output)
		}
		fmt.Fprintf(w, "%s would be sent to queue %s%s\n", amount(a), a.Queue, omitted(o))
	})
}

// send sends what the record says was not sent yet, and tells what came of it.
func (s *submission) send(c *cobra.Command, m batch.Mailing, second <-chan struct{}, o *batch.Omitted) error {
	ctx, cancel := until(c.Context(), second)
	defer cancel()
	r := m.Record
	before, begun := r.Sent.Count(), time.Now()
	told, done := bar(ctx, c.ErrOrStderr(), "sending", before, len(r.Items))
	m.Now, m.Told = time.Now, told
	err := m.Rest(ctx)
	done()
	took, sent := time.Since(begun), r.Sent.Count()
	doc := map[string]any{"batch": r.Name, "queue": r.Queue, "items": len(r.Items), "sent": sent, "bytes": r.Bytes, "seconds": took.Seconds(), "record": m.Shelf.Place(r.Name)}
	if o != nil {
		doc["omitted"] = o
	}
	out := s.print(c, doc, func(w io.Writer) {
		fmt.Fprintf(w, "batch %s: %s, %s sent to queue %s in %s%s\n", r.Name, amount(r.About), count(sent-before), r.Queue, brief(took), omittedOf(o))
		if err == nil {
			fmt.Fprintf(w, "see it: skynet-worker batch%s %s\n", s.again(c), r.Name)
		}
	})
	if err != nil {
		return finding{fmt.Errorf("%s of %s items are sent; go on with skynet-worker submit%s --batch %s --resume: %w", count(sent), count(len(r.Items)), s.again(c), r.Name, err)}
	}
	return out
}

// again are the flags that a next command needs too.
func (s *submission) again(c *cobra.Command) (text string) {
	for _, name := range []string{"config", "state"} {
		if v, _ := c.Flags().GetString(name); v != "" {
			text += " --" + name + " " + v
		}
	}
	return text
}

// bar shows on a terminal how far sending is. told hears of each further few.
func bar(ctx context.Context, to io.Writer, what string, before, all int) (told func(n int), done func()) {
	w := terminal(to)
	if w == nil || before == all {
		return nil, func() {}
	}
	begun := time.Now()
	speed := decor.Any(func(at decor.Statistics) string {
		n, took := at.Current-int64(before), time.Since(begun)
		if n <= 0 {
			return ""
		}
		left := time.Duration(float64(took) / float64(n) * float64(at.Total-at.Current))
		return fmt.Sprintf("  %s/s, %s left", count(int(float64(n)/took.Seconds())), left.Round(time.Second))
	})
	p := mpb.NewWithContext(ctx, mpb.WithOutput(w), mpb.WithWidth(48), mpb.WithAutoRefresh())
	b := p.AddBar(int64(all), mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(what+" "), decor.CountersNoUnit("%d of %d ")), mpb.AppendDecorators(decor.Percentage(), speed))
	b.SetCurrent(int64(before))
	return b.IncrBy, func() {
		b.Abort(true) // of one that is complete this does nothing
		p.Wait()
	}
}

func amount(a batch.About) string {
	text := count(a.Items) + " items"
	if a.Items == 1 {
		text = "1 item"
	}
	if a.Unsized < a.Items {
		text += " of " + size(a.Bytes)
	}
	return text
}

func omittedOf(o *batch.Omitted) string {
	if o == nil {
		return ""
	}
	return omitted(*o)
}

// omitted says what was left out: never silently.
func omitted(o batch.Omitted) string {
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{
		{o.Hidden, "hidden"}, {o.Filtered, "by --include and --exclude"}, {o.Made, "made by workers"},
		{o.Links, "links to folders or to nowhere"}, {o.Twice, "named twice"},
	} {
		if p.n > 0 {
			parts = append(parts, count(p.n)+" "+p.what)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "; left out: " + strings.Join(parts, ", ")
}
