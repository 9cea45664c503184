package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"skynet/cmd/internal/wire"
	"skynet/config"
	"skynet/worker"
)

func submitCommand() *cobra.Command {
	var t worker.Task
	var name string
	var timeout time.Duration
	c := &cobra.Command{
		Use:   "submit",
		Short: "Put an item into a queue",
		Long:  "Put one photograph or clip into a queue of the worker's settings, and print the item's ID.",
		Example: "  skynet-worker submit --config worker.yaml --input file:///srv/media/a.jpg --output file:///srv/results/a\n" +
			"  skynet-worker submit --config worker.yaml --input s3://media/uploads/a.jpg --output s3://media/results/a",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := settings(c)
			if err != nil {
				return err
			}
			return submit(c, cfg, name, t, timeout)
		},
	}
	f := c.Flags()
	f.String("config", "", "the worker's settings; the daemon writes them to state_dir/workers/FLEET.yaml")
	f.StringVar(&name, "queue", "", "name of the queue, if the settings have several")
	f.StringVar(&t.Input, "input", "", "URL of the photograph or clip")
	f.StringVar(&t.Output, "output", "", "URL of the folder for what is made of it (default: its own, below outputs of the settings)")
	f.DurationVar(&timeout, "timeout", 15*time.Second, "give up when the queue has not answered for so long")
	f.StringVar((*string)(&t.Kind), "kind", "", "photo or video (default: found out)")
	_ = c.MarkFlagRequired("input")
	return c
}

func submit(c *cobra.Command, cfg config.Worker, name string, t worker.Task, timeout time.Duration) (err error) {
	q, err := choose(cfg.Queues, name)
	if err != nil {
		return err
	}
	body, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("write the item: %w", err)
	}
	if _, _, err := worker.ReadTasks(body, cfg.Outputs); err != nil {
		return err // better here than after three tries
	}
	l := wire.NewLines(cfg.NATS.TokenFile, zap.NewNop(), nil)
	defer func() { err = errors.Join(err, l.Close()) }()
	ctx, cancel := context.WithTimeout(c.Context(), timeout)
	defer cancel()
	line, err := l.Queue(ctx, q)
	if err != nil {
		return unreachable(ctx, q, timeout, err)
	}
	id, err := line.Send(ctx, body)
	if err != nil {
		return unreachable(ctx, q, timeout, err)
	}
	fmt.Fprintln(c.OutOrStdout(), id)
	return nil
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
