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
	"go.uber.org/zap"

	"skynet/cmd/internal/wire"
	"skynet/config"
	"skynet/worker"
	"skynet/worker/batch"
	"skynet/worker/recipe"
)

// What is wired here satisfies what its users ask for.
var _ batch.Sender = (*wire.Queue)(nil)

// submission is what the flags of submit say.
type submission struct {
	cfg              config.Worker
	queue            string
	task             worker.Task // what all items have in common; of one item: the item
	values           []string
	with             []string
	listFile         string // of items as they are to be sent; - is standard input
	book             *recipe.Book
	name             string // of the batch
	include, exclude []string
	dry, resume      bool
	timeout          time.Duration
	records
	printer
}

func submitCommand() *cobra.Command {
	var s submission
	c := &cobra.Command{
		Use:   "submit [FILE | FOLDER | PATTERN | URL | -]…",
		Short: "Put items into a queue",
		Long: `Put an item into a queue of the worker's settings for each file that is named: files,
folders (all that is in them), patterns, objects and folders (they end with a slash) of
buckets, and - for a list of them on standard input, one a line. They must lie in the
stores of the settings, since that is where workers read them.

What is made of an item goes into a folder of its own: below --output by its path in what
was named (a folder's name is part of that, unless a slash follows it), else below outputs of
the settings by its whole path. Hidden files are left out, as is what workers made.

The items are a batch, of which a record lies beside the outputs (else on this machine).
Stopped by Ctrl-C or a crash, sending goes on with --batch NAME --resume, which sends no more
than the last few hundred items twice, and twice does no harm. See skynet-worker batch.

With --input it is one item and no batch, and prints the item's ID. With --items they are
sent as they stand in a file, in JSON, one a line (docs/worker.md says what an item may hold):
no batch either, and the IDs are printed. Nothing is sent if one of them is wrong.`,
		Example: "  skynet-worker submit --config worker.yaml --batch gallery /srv/media/gallery\n" +
			"  skynet-worker submit --config worker.yaml --recipe thumbs --include '*.jpg' --output s3://media/thumbs s3://media/uploads/2026/\n" +
			"  find /srv/media -newer yesterday -type f | skynet-worker submit --config worker.yaml -\n" +
			"  skynet-worker submit --config worker.yaml --batch gallery --resume\n" +
			"  skynet-worker submit --config worker.yaml --input file:///srv/media/a.jpg --output file:///srv/results/a\n" +
			"  skynet-worker submit --config worker.yaml --recipe talk --with jingle=file:///srv/media/jingle.wav /srv/media/talks\n" +
			"  skynet-worker submit --config worker.yaml --items episode-12.jsonl",
		RunE: func(c *cobra.Command, args []string) (err error) {
			if s.cfg, err = settings(c); err != nil {
				return err
			}
			return s.run(c, args)
		},
	}
	s.flags(c)
	return c
}

func (s *submission) flags(c *cobra.Command) {
	f := c.Flags()
	f.String("config", "", "the worker's settings; the daemon writes them to state_dir/workers/FLEET.yaml")
	f.StringVar(&s.queue, "queue", "", "name of the queue, if the settings have several")
	f.StringVar(&s.task.Input, "input", "", "URL of the one object to make an item of")
	f.StringVar(&s.task.Output, "output", "", "URL of the folder for what is made (default: below outputs of the settings)")
	f.StringVar((*string)(&s.task.Kind), "kind", "", "photo, video or audio (default: found out)")
	f.StringVar(&s.task.Recipe, "recipe", "", "what to make, by the recipe's name (default: the first that fits)")
	f.StringArrayVar(&s.values, "value", nil, "NAME=TEXT that recipes ask for as {NAME}; may be repeated")
	f.StringArrayVar(&s.with, "with", nil, "NAME=URL of a further input, the same for all items; may be repeated")
	f.StringVar(&s.listFile, "items", "", "file of items to send as they are, in JSON, one a line; - is standard input")
	f.StringVar(&s.name, "batch", "", "name of the batch (default: by the time)")
	f.StringArrayVar(&s.include, "include", nil, "take only what fits this pattern, in small or capital letters; may be repeated")
	f.StringArrayVar(&s.exclude, "exclude", nil, "leave out what fits this pattern; may be repeated")
	f.BoolVar(&s.dry, "dry-run", false, "print what would be sent, and send nothing")
	f.BoolVar(&s.resume, "resume", false, "go on with a batch whose sending was stopped")
	f.DurationVar(&s.timeout, "timeout", 15*time.Second, "give up when the queue has not answered for so long")
	s.records.flags(c)
	s.printer.flags(c)
}

func (s *submission) run(c *cobra.Command, args []string) (err error) {
	if err := s.check(args); err != nil {
		return err
	}
	var q config.Queue
	if !s.resume { // the record knows it
		if q, err = choose(s.cfg.Queues, s.queue); err != nil {
			return err
		}
	}
	if s.task.Values, err = pairs("value", "TEXT", s.values); err != nil {
		return err
	}
	if s.task.Inputs, err = pairs("with", "URL", s.with); err != nil {
		return err
	}
	if s.listFile != "" {
		return s.listed(c, q)
	}
	if s.task.Input != "" {
		return s.single(c, q)
	}
	return s.batch(c, q, args)
}

// check refuses what does not go together.
func (s *submission) check(args []string) error {
	if err := s.printer.check(); err != nil {
		return err
	}
	about := s.task.Output + s.task.Recipe + string(s.task.Kind) + strings.Join(s.values, "") + strings.Join(s.with, "") + strings.Join(s.include, "") + strings.Join(s.exclude, "")
	switch one := s.task.Input != ""; {
	case s.listFile != "" && (one || len(args) > 0 || s.name != "" || s.resume || about != ""):
		return errors.New("--items sends items as they are; give it without files and without what other items are made of")
	case one && (len(args) > 0 || s.name != "" || s.resume || len(s.include)+len(s.exclude) > 0):
		return errors.New("--input is for one item without a batch; name it as an argument instead, without --input")
	case s.resume && s.name == "":
		return errors.New("--resume needs the name of the batch: --batch NAME; skynet-worker batch lists them")
	case s.resume && (len(args) > 0 || about != "" || s.queue != "" || s.dry):
		return errors.New("--resume sends what the batch's record holds; give --batch NAME alone")
	case !one && !s.resume && len(args) == 0 && s.listFile == "":
		return errors.New("nothing to submit; name files, folders, patterns or URLs, or - for a list on standard input")
	case s.name != "":
		return batch.CheckName(s.name)
	}
	return nil
}

// pairs reads NAME=TEXT.
func pairs(flag, what string, texts []string) (map[string]string, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	all := map[string]string{}
	for _, t := range texts {
		name, value, ok := strings.Cut(t, "=")
		if _, twice := all[name]; !ok || twice {
			return nil, fmt.Errorf("--%s %q: write NAME=%s, each name once", flag, t, what)
		}
		all[name] = value
	}
	return all, nil
}

// single sends one item.
func (s *submission) single(c *cobra.Command, q config.Queue) (err error) {
	body, err := json.Marshal(s.task)
	if err != nil {
		return fmt.Errorf("write the item: %w", err)
	}
	if err := s.ready(body); err != nil {
		return err
	}
	if s.dry {
		return s.print(c, map[string]any{"item": json.RawMessage(body)}, func(w io.Writer) { fmt.Fprintf(w, "%s\n", body) })
	}
	l := wire.NewLines(s.cfg.NATS.TokenFile, zap.NewNop(), nil)
	defer func() { err = errors.Join(err, l.Close()) }()
	ctx, cancel := context.WithTimeout(c.Context(), s.timeout)
	defer cancel()
	line, err := l.Queue(ctx, q)
	if err != nil {
		return unreachable(ctx, q, s.timeout, err)
	}
	id, err := line.Send(ctx, body)
	if err != nil {
		return unreachable(ctx, q, s.timeout, err)
	}
	return s.print(c, map[string]any{"id": id}, func(w io.Writer) { fmt.Fprintln(w, id) })
}

// unreachable says what to look at when nobody answered in time.
func unreachable(ctx context.Context, q config.Queue, timeout time.Duration, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return fmt.Errorf("no answer from the queue at %s within %s: is it running? an embedded one runs with skynet: %w", q.URL, timeout, err)
}

func choose(queues []config.Queue, name string) (config.Queue, error) {
	var known []string
	for _, q := range queues {
		if q.Name == name || name == "" && len(queues) == 1 {
			return q, nil
		}
		known = append(known, q.Name)
	}
	if name == "" {
		return config.Queue{}, fmt.Errorf("--queue is missing: the settings have %v", known)
	}
	return config.Queue{}, fmt.Errorf("--queue %q is not in the settings; known: %v", name, known)
}
