package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"skynet/config"
	"skynet/config/redact"
	"skynet/queue"
)

func deadCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "dead",
		Short: "List items that were given up on, send them again or drop them",
		Long: `List the items that were given up on after all their tries, send them again or drop
them: the letters in the dead-letter queues of the settings' queues, with the reasons.

An embedded queue is asked through the controller that runs on this machine. A queue on
SQS is asked with the AWS credentials of who runs this: they must allow sqs:GetQueueAttributes
on both queues, sqs:ReceiveMessage and sqs:ChangeMessageVisibility on the dead-letter queue,
sqs:DeleteMessage there as well to send again or to drop, and sqs:SendMessage on the queue
to send again. While SQS is asked, its letters are hidden from others, for seconds.

The status is 0 if that was done, 1 if not all of it, 2 if nothing could be begun.`,
	}
	c.AddCommand(deadListCommand(), deadShowCommand(), deadAgainCommand(), deadDropCommand())
	return verbs(c)
}

// verbs has a command that only has others below it refuse words that are none of them:
// without, it shows its help and ends as if all were done.
func verbs(c *cobra.Command) *cobra.Command {
	c.SuggestionsMinimumDistance = 2
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return c.Help()
		}
		err := fmt.Errorf("%s has no command %q; see %s --help", c.CommandPath(), args[0], c.CommandPath())
		if near := c.SuggestionsFor(args[0]); len(near) > 0 {
			err = fmt.Errorf("%s has no command %q; did you mean %s?", c.CommandPath(), args[0], strings.Join(near, ", "))
		}
		return err
	}
	return c
}

func deadListCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "list [QUEUE…]",
		Short: "List dead letters with their reasons",
		Long: `List the dead letters of these queues, or of all queues of the settings, the oldest
first: the item's ID, when it was given up on, after how many tries and why, and how
the item begins. What looks like a password, a token or the parameters of a URL is
hidden, and of a long item only its beginning is told, in JSON too: skynet dead show tells
all of it. Of a queue on SQS a thousand are seen at most, and none that somebody else
looks at: it says so where there may be more.`,
		Example: "  skynet dead list\n" +
			"  skynet dead list photos --config skynet.yaml --limit 1000 --output json | jq -r '.queues[].letters[].reason' | sort | uniq -c",
		RunE: deadList,
	}
	addDeadFlags(c)
	c.Flags().Int("limit", 20, "how many of each queue, at most 10000")
	return c
}

func addDeadFlags(c *cobra.Command) {
	c.Flags().String("config", "", "settings file with the queues ("+installed+", if it is there)")
	c.Flags().String("state-dir", "", "state folder with the embedded queue, instead of the one in the settings")
	c.Flags().Duration("timeout", 15*time.Second, "give up when a queue cannot be reached for so long")
	addOutputFlag(c)
}

// mostListed bounds a list: it is in memory as a whole.
const mostListed = 10_000

// morgueList is what was found in one dead-letter queue.
type morgueList struct {
	Queue   string       `json:"queue"`
	Letters []deadLetter `json:"letters"`
	More    bool         `json:"more"`            // than are listed, or there may be
	Note    string       `json:"note,omitempty"`  // why there may be more, and what helps
	Error   string       `json:"error,omitempty"` // why it could not be read
}

// deadLetter is a letter as it may be shown to whoever looks.
type deadLetter struct {
	ID     string    `json:"id"`
	At     time.Time `json:"at"`
	Tries  int       `json:"tries"`
	Reason string    `json:"reason"`
	Item   string    `json:"item"` // its beginning
	Bytes  int       `json:"bytes"`
}

// longestStart is how much of an item is shown, in characters.
const longestStart = 200

func letterOf(d queue.Dead) deadLetter {
	start := []rune(oneLine(redact.Text(string(d.Body)))) // as a whole: half a secret looks like none
	if len(start) > longestStart {
		start = append(start[:longestStart], '…')
	}
	return deadLetter{ID: oneLine(d.ID), At: d.At.UTC(), Tries: d.Tries, Reason: shownReason(d), Item: string(start), Bytes: len(d.Body)}
}

func shownReason(d queue.Dead) string { return oneLine(redact.Text(d.Reason)) }

func deadList(c *cobra.Command, names []string) error {
	asJSON, err := wantsJSON(c)
	if err != nil {
		return err
	}
	limit, _ := c.Flags().GetInt("limit")
	if limit < 1 || limit > mostListed {
		return fmt.Errorf("--limit %d: write 1 to %d", limit, mostListed)
	}
	m, err := morguesOf(c)
	if err != nil {
		return err
	}
	queues, err := m.named(names)
	if err != nil {
		return err
	}
	lists, errs := make([]morgueList, len(queues)), []error(nil)
	for i, q := range queues {
		if lists[i], err = m.list(c.Context(), q, limit); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) < len(queues) {
		errs = append(errs, printLists(c.OutOrStdout(), lists, asJSON))
		return foundOr(errors.Join(errs...))
	}
	if asJSON && printLists(c.OutOrStdout(), lists, asJSON) != nil {
		errs = append(errs, errors.New("nor can that be told as JSON"))
	}
	return errors.Join(errs...)
}

// foundOr is the error of a command that has done a part of its work; nil stays nil.
func foundOr(err error) error {
	if err == nil {
		return nil
	}
	return finding{err}
}

func (m morgues) list(ctx context.Context, q config.Queue, limit int) (l morgueList, err error) {
	l = morgueList{Queue: q.Name, Letters: []deadLetter{}}
	var found []queue.Dead
	err = m.with(ctx, q, func(open queue.Morgue) (err error) {
		found, err = open.DeadLetters(ctx, limit+1)
		return err
	})
	if errors.Is(err, queue.ErrMore) {
		l.More, l.Note, err = true, err.Error(), nil
	}
	if err != nil {
		l.Error = err.Error()
	}
	l.More = l.More || len(found) > limit
	for _, d := range found[:min(limit, len(found))] {
		l.Letters = append(l.Letters, letterOf(d))
	}
	return l, err
}

func printLists(out io.Writer, lists []morgueList, asJSON bool) error {
	if asJSON {
		return printJSON(out, map[string]any{"queues": lists})
	}
	return printText(out, func(out io.Writer) {
		for _, l := range lists {
			if l.Error == "" {
				l.print(out)
			}
		}
	})
}

func printJSON(out io.Writer, v any) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	return untold(enc.Encode(v))
}

// printText prints what say says, made fit for a terminal.
func printText(out io.Writer, say func(io.Writer)) error {
	var text bytes.Buffer
	say(&text)
	_, err := steady{out}.Write(text.Bytes())
	return untold(err)
}

// untold says that an answer could not be told; nil stays nil.
func untold(err error) error {
	if err == nil {
		return nil
	}
	return finding{fmt.Errorf("tell what came of it: %w", err)}
}

func (l morgueList) print(out io.Writer) {
	switch n := len(l.Letters); {
	case l.Note != "":
		fmt.Fprintf(out, "queue %s: %s, and perhaps more: %s\n", l.Queue, many(n, "dead letter"), l.Note)
	case l.More:
		fmt.Fprintf(out, "queue %s: the oldest %s; there are more (--limit)\n", l.Queue, many(n, "dead letter"))
	case n == 0:
		fmt.Fprintf(out, "queue %s: no dead letters\n", l.Queue)
	default:
		fmt.Fprintf(out, "queue %s: %s\n", l.Queue, many(n, "dead letter"))
	}
	for _, d := range l.Letters {
		fmt.Fprintf(out, "  %s  given up %s, in try %d\n    why   %s\n    item  %s (%s)\n", d.ID, localTime(d.At), d.Tries, d.Reason, d.Item, many(d.Bytes, "byte"))
	}
}

func many(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
