package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"skynet/config"
	"skynet/queue"
)

func deadAgainCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "again QUEUE (ID… | --reason TEXT | --all)",
		Short: "Send dead letters again",
		Long: `Put items back into their queue, at its end, with all their tries before them. A letter
goes once its item is in the queue: stopped or broken off, what is not done is still
among the dead, and at worst one item is done twice, which does no harm.

Mend first what they died of: each costs all its tries once more. An embedded queue
keeps the items' IDs; SQS gives them new ones, which are printed. Of SQS a thousand
letters are read at once: the status is 1, and it says so, while there may be more.`,
		Example: "  skynet dead again photos 2MFcKGz1yPq6oXn7AIyB3e\n" +
			"  skynet dead again photos --reason \"no space left on device\" --dry-run\n" +
			"  skynet dead again photos --all --config skynet.yaml",
	}
	return settles(c, deed{done: "sent again", would: "would be sent again", do: queue.Morgue.Again})
}

func deadDropCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "drop QUEUE (ID… | --reason TEXT | --all) --yes",
		Short: "Delete dead letters for good",
		Long: `Delete dead letters, and their items with them. Nothing brings them back: look at them
first (skynet dead list, or --dry-run), and say --yes.`,
		Example: "  skynet dead drop photos --reason \"not an image\" --dry-run\n" +
			"  skynet dead drop photos 2MFcKGz1yPq6oXn7AIyB3e --yes\n" +
			"  skynet dead drop photos --all --yes --config skynet.yaml",
	}
	c.Flags().Bool("yes", false, "they are to be deleted for good")
	return settles(c, deed{done: "dropped", would: "would be dropped", do: queue.Morgue.Drop, forGood: true})
}

// deed is what is done to dead letters.
type deed struct {
	done, would string
	do          func(m queue.Morgue, ctx context.Context, pick func(queue.Dead) bool) ([]queue.Settled, error)
	forGood     bool // wants a --yes
}

// settles completes a command that deals with dead letters.
func settles(c *cobra.Command, d deed) *cobra.Command {
	c.Args = func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return errors.New("of which queue? Give its name, and IDs, --reason or --all")
		}
		return nil
	}
	c.RunE = func(c *cobra.Command, args []string) error { return settle(c, args[0], args[1:], d) }
	addDeadFlags(c)
	c.Flags().Bool("all", false, "all letters that are there now")
	c.Flags().String("reason", "", "those whose reason, as list shows it, holds this text, in small or capital letters")
	c.Flags().Bool("dry-run", false, "tell which letters, and leave them")
	return c
}

func settle(c *cobra.Command, name string, ids []string, d deed) error {
	asJSON, err := wantsJSON(c)
	if err != nil {
		return err
	}
	s, err := selectionOf(c, ids)
	if err != nil {
		return err
	}
	if yes, _ := c.Flags().GetBool("yes"); d.forGood && !yes && !s.dry {
		return errors.New("to drop letters is for good: look at them with --dry-run, then say --yes")
	}
	m, err := morguesOf(c)
	if err != nil {
		return err
	}
	queues, err := m.named([]string{name})
	if err != nil {
		return err
	}
	var done []queue.Settled
	err = m.with(c.Context(), queues[0], func(open queue.Morgue) (err error) {
		done, err = d.do(open, c.Context(), s.pick)
		return err
	})
	r := s.result(name, done)
	if _, not := errors.AsType[unopened](err); not {
		if asJSON {
			r.Error = err.Error()
			err = errors.Join(err, r.print(c.OutOrStdout(), d, asJSON))
		}
		return err
	}
	rest := r.rest(queues[0], s, err)
	if rest != nil {
		r.Error = rest.Error()
	}
	return foundOr(errors.Join(rest, r.print(c.OutOrStdout(), d, asJSON)))
}

// selection is which letters are meant, and which of them were found.
type selection struct {
	ids    []string
	reason string // in small letters
	dry    bool

	chosen []queue.Settled // found, where it is a dry run
	found  map[string]bool
}

func selectionOf(c *cobra.Command, ids []string) (*selection, error) {
	s := &selection{ids: slices.Compact(slices.Sorted(slices.Values(ids))), found: map[string]bool{}}
	all, _ := c.Flags().GetBool("all")
	reason, _ := c.Flags().GetString("reason")
	s.reason = strings.ToLower(oneLine(reason))
	s.dry, _ = c.Flags().GetBool("dry-run")
	ways := 0
	for _, given := range []bool{all, len(ids) > 0, c.Flags().Changed("reason")} {
		if given {
			ways++
		}
	}
	switch {
	case ways != 1:
		return nil, errors.New("which letters? Give their IDs as skynet dead list shows them, or --reason, or --all")
	case c.Flags().Changed("reason") && strings.TrimSpace(reason) == "":
		return nil, errors.New("--reason is empty; for all letters say --all")
	}
	return s, nil
}

// pick chooses a letter. A dry run chooses none, and remembers it.
func (s *selection) pick(d queue.Dead) bool {
	switch {
	case len(s.ids) > 0:
		id := oneLine(d.ID) // as list shows it
		if _, asked := slices.BinarySearch(s.ids, id); !asked {
			return false
		}
		s.found[id] = true
	case !strings.Contains(strings.ToLower(shownReason(d)), s.reason): // which is empty for all
		return false
	}
	if s.dry {
		s.chosen = append(s.chosen, queue.Settled{ID: d.ID})
	}
	return !s.dry
}

// missing are the IDs that are not among the dead.
func (s *selection) missing() []string {
	list := []string{}
	for _, id := range s.ids {
		if !s.found[id] {
			list = append(list, id)
		}
	}
	return list
}

// settled is what has become of the letters.
type settled struct {
	Queue   string          `json:"queue"`
	DryRun  bool            `json:"dry_run"`
	Letters []queue.Settled `json:"letters"`
	Missing []string        `json:"missing"` // IDs that were given and are not among the dead
	Error   string          `json:"error,omitempty"`
}

func (s *selection) result(name string, done []queue.Settled) settled {
	if s.dry {
		done = s.chosen
	}
	if done == nil {
		done = []queue.Settled{}
	}
	return settled{Queue: name, DryRun: s.dry, Letters: done, Missing: s.missing()}
}

// lettersTold is how many letters are told of one by one.
const lettersTold = 20

func (r settled) print(out io.Writer, d deed, asJSON bool) error {
	if asJSON {
		return printJSON(out, r)
	}
	return printText(out, func(out io.Writer) { r.say(out, d) })
}

func (r settled) say(out io.Writer, d deed) {
	what := d.done
	if r.DryRun {
		what = d.would
	}
	fmt.Fprintf(out, "queue %s: %s %s\n", r.Queue, many(len(r.Letters), "dead letter"), what)
	for _, l := range r.Letters[:min(lettersTold, len(r.Letters))] {
		line := "  " + l.ID
		if l.As != "" && l.As != l.ID {
			line += ", now " + l.As
		}
		fmt.Fprintln(out, oneLine(line))
	}
	if more := len(r.Letters) - lettersTold; more > 0 {
		fmt.Fprintf(out, "  and %d more\n", more)
	}
}

// rest is what was not done, nil if that is nothing.
func (r settled) rest(q config.Queue, s *selection, err error) error {
	more := errors.Is(err, queue.ErrMore)
	switch {
	case len(r.Missing) == 0 && more && len(s.ids) > 0:
		return nil // all that were asked for
	case len(r.Missing) == 0 || err != nil && !more:
		return err
	}
	return errors.Join(absent(q, r.Missing), err)
}

// absent says that there are no dead letters of these IDs.
func absent(q config.Queue, ids []string) error {
	err := fmt.Errorf("not in the dead-letter queue of %s: %s", q.Name, few(ids))
	if a, bad := config.ParseAddress(q.URL); bad == nil && a.System == config.SQSQueue {
		err = fmt.Errorf("%w; SQS hides letters that somebody looks at, for five minutes at most", err)
	}
	return err
}
