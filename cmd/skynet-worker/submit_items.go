package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"skynet/config"
	"skynet/worker"
	"skynet/worker/recipe"
	"skynet/worker/store"
)

const (
	maxLine  = 1 << 20 // bytes of a line of --items; an item's own limit is lower, and says so better
	maxItems = 100_000 // they are held in memory
)

// ready reads an item as a worker will, and refuses one that no worker could do
// anything with: better here than after three tries.
func (s *submission) ready(body []byte) error {
	tasks, _, err := worker.ReadTasks(body, s.cfg.Outputs)
	if err != nil {
		return err
	}
	for _, t := range tasks {
		if err := s.fits(t); err != nil {
			return err
		}
	}
	return nil
}

// opens refuses URLs that no worker opens: what stands in one as a user or parameters,
// which may be a secret, would only lie in the queue for all who read there.
func opens(t worker.Task) error {
	var errs []error
	try := func(key, raw string) {
		if raw == "" {
			return
		}
		if err := store.Plain(raw); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w; workers read and write with their own rights, by the stores of their settings", key, err))
		}
	}
	try("input", t.Input)
	try("output", strings.TrimSuffix(t.Output, "/"))
	for _, name := range slices.Sorted(maps.Keys(t.Inputs)) {
		try("input "+name, t.Inputs[name])
	}
	if t.Group != nil {
		try("the group's output", strings.TrimSuffix(t.Group.Output, "/"))
	}
	return errors.Join(errs...)
}

// fits checks that workers open what an item names, and that it gives what the recipe
// that it names needs. Which recipe one gets that names none is for its worker to see.
func (s *submission) fits(t worker.Task) error {
	if err := opens(t); err != nil || t.Recipe == "" {
		return err
	}
	return s.fitsRecipe(t)
}

func (s *submission) fitsRecipe(t worker.Task) error {
	if s.book == nil {
		book, err := recipe.Load(s.cfg.Recipes)
		if err != nil {
			return err
		}
		s.book = &book
	}
	r, known := s.book.Find(t.Recipe)
	if !known {
		return fmt.Errorf("%q is not a recipe of the settings; known: %s", t.Recipe, strings.Join(s.book.Names(), ", "))
	}
	var errs []error
	for _, name := range r.Inputs {
		if t.Inputs[name] == "" {
			errs = append(errs, fmt.Errorf("recipe %s needs the input %s: give it by --with %s=URL, or in the item's inputs", r.Name, name, name))
		}
	}
	for _, name := range recipe.Wants(r.Outputs) {
		if _, given := t.Values[name]; !given {
			errs = append(errs, fmt.Errorf("recipe %s asks for {%s}: give it by --value %s=TEXT, or in the item's values", r.Name, name, name))
		}
	}
	return errors.Join(append(errs, fitsGroup(r, t.Group))...)
}

// fitsGroup wants items of recipes that wait for parts to say which one they make.
func fitsGroup(r recipe.Recipe, g *worker.Group) error {
	for _, then := range r.Then {
		if parts := strings.Join(then.Parts, ", "); parts != "" && (g == nil || !slices.Contains(then.Parts, g.Part)) {
			return fmt.Errorf("recipe %s makes one of the parts %s: its items say in group which one; send them by --items", r.Name, parts)
		}
	}
	return nil
}

// listed sends the items of a file, or of standard input, as they stand there, all
// of them or, if one is wrong, none.
func (s *submission) listed(c *cobra.Command, q config.Queue) (err error) {
	bodies, err := s.list(c.InOrStdin())
	if err != nil {
		return err
	}
	if s.dry {
		return s.print(c, map[string]any{"dry_run": true, "queue": q.Name, "items": len(bodies)}, func(w io.Writer) {
			fmt.Fprintf(w, "%s items would be sent to queue %s\n", count(len(bodies)), q.Name)
		})
	}
	line, hangUp, err := s.dial(c.Context(), q)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, hangUp()) }()
	var sent []string
	for chunk := range slices.Chunk(bodies, 500) {
		ctx, cancel := context.WithTimeout(c.Context(), s.timeout)
		var ids []string
		ids, err = line.SendAll(ctx, chunk)
		cancel()
		sent = append(sent, ids...)
		if err != nil {
			break
		}
	}
	out := s.print(c, map[string]any{"queue": q.Name, "ids": sent}, func(w io.Writer) {
		for _, id := range sent {
			fmt.Fprintln(w, id) // an empty line stands for one that was not sent
		}
	})
	if err != nil {
		return finding{fmt.Errorf("of %s items only those whose IDs are printed are sent: %w", count(len(bodies)), err)}
	}
	return out
}

// list reads items, one a line.
func (s *submission) list(stdin io.Reader) (bodies [][]byte, err error) {
	from := stdin
	if s.listFile != "-" {
		f, err := os.Open(s.listFile)
		if err != nil {
			return nil, fmt.Errorf("--items: %w", err)
		}
		defer f.Close()
		from = f
	}
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		body := bytes.TrimSpace(lines.Bytes())
		if len(body) == 0 {
			continue
		}
		if err := s.ready(body); err != nil {
			return nil, fmt.Errorf("--items: line %d: %w", n, err)
		}
		if bodies = append(bodies, bytes.Clone(body)); len(bodies) > maxItems {
			return nil, fmt.Errorf("--items: more than %s items; send them in several files", count(maxItems))
		}
	}
	switch err := lines.Err(); {
	case err != nil:
		return nil, fmt.Errorf("--items: %w", err)
	case len(bodies) == 0:
		return nil, errors.New("--items: there is no item in it; write one a line, in JSON")
	}
	return bodies, nil
}
