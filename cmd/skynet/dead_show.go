package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"skynet/config/redact"
	"skynet/queue"
)

func deadShowCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "show QUEUE ID",
		Short: "Show the whole of a dead letter",
		Long: `Show a dead letter with the whole of its item, without what looks like a password, a
token or the parameters of a URL. With --raw the item alone, byte by byte as it was sent,
secrets and all: for a file or another program rather than for a terminal.`,
		Example: "  skynet dead show photos 2MFcKGz1yPq6oXn7AIyB3e\n" +
			"  skynet dead show photos 2MFcKGz1yPq6oXn7AIyB3e --raw --config skynet.yaml > item.json",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return errors.New("which letter? Give its queue and its ID as skynet dead list shows them")
			}
			return nil
		},
		RunE: deadShow,
	}
	addDeadFlags(c)
	c.Flags().Bool("raw", false, "the item alone and as it is, with what may be secret")
	return c
}

// shownLetter is a letter with the whole of its item.
type shownLetter struct {
	Queue string `json:"queue"`
	deadLetter
}

func deadShow(c *cobra.Command, args []string) error {
	asJSON, err := wantsJSON(c)
	if err != nil {
		return err
	}
	raw, _ := c.Flags().GetBool("raw")
	if raw && asJSON {
		return errors.New("--raw is the item as it is, and --output json is not; give one of them")
	}
	m, err := morguesOf(c)
	if err != nil {
		return err
	}
	queues, err := m.named(args[:1])
	if err != nil {
		return err
	}
	var list []queue.Dead
	err = m.with(c.Context(), queues[0], func(open queue.Morgue) (err error) {
		list, err = open.DeadLetters(c.Context(), mostListed)
		return err
	})
	for _, d := range list {
		if oneLine(d.ID) == args[1] {
			return showLetter(c.OutOrStdout(), args[0], d, raw, asJSON)
		}
	}
	if err == nil || errors.Is(err, queue.ErrMore) {
		err = finding{errors.Join(absent(queues[0], args[1:]), err)}
	}
	if asJSON {
		err = errors.Join(err, printJSON(c.OutOrStdout(), map[string]string{"queue": args[0], "error": err.Error()}))
	}
	return err
}

func showLetter(out io.Writer, name string, d queue.Dead, raw, asJSON bool) error {
	if raw {
		_, err := out.Write(d.Body)
		return untold(err)
	}
	l := shownLetter{Queue: name, deadLetter: letterOf(d)}
	l.Item = redact.Text(string(d.Body))
	if asJSON {
		return printJSON(out, l)
	}
	return printText(out, func(out io.Writer) {
		fmt.Fprintf(out, "queue    %s\nid       %s\ngiven up %s, in try %d\nwhy      %s\nitem     %s\n\n%s\n", l.Queue, l.ID, localTime(l.At), l.Tries, l.Reason, many(l.Bytes, "byte"), l.Item)
	})
}
