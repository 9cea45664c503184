package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"skynet/journal"
)

func explainCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "explain",
		Short: "Say what was decided and why",
		Long: `Say what the last ticks decided: what each policy wanted and why, what guards
took away, what was done, and what came of it.`,
		Example: "  skynet explain --config skynet.yaml            the last five ticks that did something\n" +
			"  skynet explain --state-dir state --all --last 20   also those that held",
		Args: cobra.NoArgs,
		RunE: explain,
	}
	addJournalFlags(c)
	addOutputFlag(c)
	c.Flags().Int("last", 5, "how many decisions")
	c.Flags().Bool("all", false, "also ticks that held: why nothing happened")
	return c
}

func explain(c *cobra.Command, _ []string) error {
	asJSON, err := wantsJSON(c)
	if err != nil {
		return err
	}
	n, _ := c.Flags().GetInt("last")
	all, _ := c.Flags().GetBool("all")
	if n < 1 {
		return fmt.Errorf("--last %d: write 1 or more", n)
	}
	list, err := past(c, lookBack(n, all))
	if err != nil {
		return err
	}
	list = chosen(list, n, all)
	if asJSON {
		return explainJSON(c.OutOrStdout(), list)
	}
	for _, r := range list {
		explainText(c.OutOrStdout(), r)
	}
	return nil
}

// lookBack is how many ticks to read to find n that did something.
func lookBack(n int, all bool) int {
	if all {
		return n
	}
	return 10_000
}

// chosen are the last n, of those that did something unless all are wanted. If
// none did, the last tick says why.
func chosen(list []journal.Record, n int, all bool) []journal.Record {
	kept := list
	if !all {
		kept = nil
		for _, r := range list {
			if len(r.Intents) > 0 {
				kept = append(kept, r)
			}
		}
	}
	if len(kept) == 0 {
		kept = list[len(list)-1:]
	}
	return kept[max(0, len(kept)-n):]
}

func explainJSON(out io.Writer, list []journal.Record) error {
	enc := json.NewEncoder(out)
	for _, r := range list {
		if err := enc.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

func explainText(out io.Writer, r journal.Record) {
	d := r.Decision
	fmt.Fprintf(out, "%s  %s: have %d, want %d: %s\n", r.Snapshot.Now.Local().Format(time.DateTime), d.Fleet, d.Have, d.Want, d.Action())
	fmt.Fprintf(out, "  decision %s\n", d.ID)
	for _, x := range d.Reasons {
		fmt.Fprintf(out, "  %-9s %s\n", x.By, x.Said)
	}
	fmt.Fprintf(out, "  %-9s %s\n", "knew", knew(r))
	for _, i := range r.Intents {
		fmt.Fprintf(out, "  %-9s %s\n", "did", outcome(r, i))
	}
	fmt.Fprintln(out)
}

// knew is the numbers that decisions mostly rest on.
func knew(r journal.Record) string {
	var parts []string
	for _, name := range []string{
		"queue.visible", "queue.in_flight", "queue.oldest_age", "work.seconds_mean",
		"fleet.running", "fleet.pending", "fleet.draining", "fleet.asleep", "fleet.silent", "fleet.slots",
	} {
		text := "unknown"
		if v, err := r.Snapshot.Value(name); err == nil {
			text = fmt.Sprintf("%.4g", v)
		}
		parts = append(parts, name+" "+text)
	}
	return strings.Join(parts, ", ")
}

func outcome(r journal.Record, i journal.Intent) string {
	for _, o := range r.Outcomes {
		if o.Intent != i.ID {
			continue
		}
		said := fmt.Sprintf("%s %d of %d", i.Kind, len(o.Done), i.Size())
		if len(o.Done) > 0 {
			said += fmt.Sprintf(" %v", o.Done)
		}
		if o.Failed != "" {
			said += ": " + o.Failed
		}
		return said
	}
	return fmt.Sprintf("%s %d: the outcome is not known yet", i.Kind, i.Size())
}
