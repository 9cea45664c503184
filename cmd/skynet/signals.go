package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"skynet/signals"
)

func signalsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "signals",
		Short: "Show what the last tick knew",
		Long: `Show every signal of the last tick: its value, how old it was then, and where
there is no value, why. It reads the journal and disturbs nothing.`,
		Example: "  skynet signals --config skynet.yaml\n  skynet signals --state-dir /var/lib/skynet --fleet render --output json",
		Args:    cobra.NoArgs,
		RunE:    showSignals,
	}
	addJournalFlags(c)
	addOutputFlag(c)
	return c
}

func showSignals(c *cobra.Command, _ []string) error {
	asJSON, err := wantsJSON(c)
	if err != nil {
		return err
	}
	list, err := past(c, 10) // the last may be damaged
	if err != nil {
		return err
	}
	s := list[len(list)-1].Snapshot
	if asJSON {
		enc := json.NewEncoder(c.OutOrStdout())
		enc.SetIndent("", "  ")
		return enc.Encode(struct {
			Fleet   string           `json:"fleet"`
			Time    time.Time        `json:"time"`
			Signals []signals.Signal `json:"signals"`
		}{s.Fleet, s.Now, s.Signals})
	}
	return printSignals(c.OutOrStdout(), s)
}

func printSignals(out io.Writer, s signals.Snapshot) error {
	fmt.Fprintf(out, "fleet %s at %s, %s ago\n\n", s.Fleet, s.Now.Local().Format(time.DateTime), time.Since(s.Now).Round(time.Second))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SIGNAL\tVALUE\tAGE\tNOTE")
	for _, sig := range s.Signals {
		value, note := fmt.Sprintf("%.6g", sig.Value), ""
		if sig.Unknown != "" {
			value, note = "–", "unknown: "+sig.Unknown
		} else if _, err := sig.Check(s.Now); err != nil {
			note = err.Error()
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", sig.Name, value, s.Now.Sub(sig.At).Round(time.Second), note)
	}
	return w.Flush()
}
