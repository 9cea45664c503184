package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"skynet/signals"
)

func signalsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "signals",
		Short: "Show what the last tick knew",
		Long: `Show every signal of the last tick: its value, how old it was then, and what it
rests on; where there is no value, why. The signals of the catalogue come first,
then those of each queue, then your own. It reads the journal and disturbs nothing.`,
		Example: "  skynet signals --config skynet.yaml\n  skynet signals --config skynet.yaml --queue photos\n" +
			"  skynet signals --state-dir /var/lib/skynet --fleet render --output json",
		Args: cobra.NoArgs,
		RunE: showSignals,
	}
	addJournalFlags(c)
	addOutputFlag(c)
	c.Flags().String("queue", "", "only the signals of that queue")
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
	groups := grouped(s)
	if queue, _ := c.Flags().GetString("queue"); queue != "" {
		if groups, err = only(groups, queue, s.Queues); err != nil {
			return err
		}
	}
	if asJSON {
		return signalsAsJSON(c.OutOrStdout(), s, groups)
	}
	return printSignals(steady{c.OutOrStdout()}, s, groups, time.Since(s.Now))
}

// signalGroup is a part of the list: the catalogue, a queue, or the user's own.
type signalGroup struct {
	queue string // "" for the others
	list  []signals.Signal
}

// grouped has the signals in the order in which people read them: that of the
// catalogue, for the fleet and for each queue, and then those that only the user
// knows, by name.
func grouped(s signals.Snapshot) (groups []signalGroup) {
	left := make(map[string]signals.Signal, len(s.Signals))
	for _, sig := range s.Signals {
		left[sig.Name] = sig
	}
	take := func(g *signalGroup, name string) {
		if sig, ok := left[name]; ok {
			g.list = append(g.list, sig)
			delete(left, name)
		}
	}
	all := signalGroup{}
	for _, k := range signals.Catalogue {
		take(&all, k.Name)
	}
	groups = append(groups, all)
	for _, q := range s.Queues {
		g := signalGroup{queue: q}
		for _, k := range signals.Catalogue {
			if k.Queue {
				take(&g, signals.OfQueue(k.Name, q))
			}
		}
		groups = append(groups, g)
	}
	own := signalGroup{}
	for _, sig := range s.Signals {
		take(&own, sig.Name)
	}
	return slices.DeleteFunc(append(groups, own), func(g signalGroup) bool { return len(g.list) == 0 })
}

func only(groups []signalGroup, queue string, queues []string) ([]signalGroup, error) {
	if !slices.Contains(queues, queue) {
		return nil, fmt.Errorf("--queue %q: the fleet's queues are %s", queue, strings.Join(queues, ", "))
	}
	return slices.DeleteFunc(groups, func(g signalGroup) bool { return g.queue != queue }), nil
}

func signalsAsJSON(out io.Writer, s signals.Snapshot, groups []signalGroup) error {
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(signalList(s, groups))
}

// signalsThen are the signals of a tick as programs read them.
type signalsThen struct {
	Fleet   string       `json:"fleet"`
	Time    time.Time    `json:"time"`
	Signals []signalUnit `json:"signals"`
}

// signalUnit is a signal with its unit.
type signalUnit struct {
	signals.Signal
	Unit string `json:"unit,omitempty"`
}

func signalList(s signals.Snapshot, groups []signalGroup) signalsThen {
	list := []signalUnit{}
	for _, g := range groups {
		for _, sig := range g.list {
			k, _ := signals.KindOf(sig.Name)
			list = append(list, signalUnit{sig, k.Unit})
		}
	}
	return signalsThen{s.Fleet, s.Now, list}
}

// pageWidth is what fits beside a terminal's edge and into a mail.
const pageWidth = 100

func printSignals(out io.Writer, s signals.Snapshot, groups []signalGroup, past time.Duration) error {
	fmt.Fprintf(out, "fleet %s at %s, %s ago\n", s.Fleet, s.Now.Local().Format(time.DateTime), past.Round(time.Second))
	for _, g := range groups {
		lines := [][4]string{{"SIGNAL", "VALUE", "AGE", "NOTE"}}
		for _, sig := range g.list {
			lines = append(lines, lineOf(sig, s.Now))
		}
		fmt.Fprintln(out)
		printColumns(out, lines)
	}
	return nil
}

// lineOf is one signal's line: name, value, age, and what there is to say.
func lineOf(sig signals.Signal, now time.Time) [4]string {
	if sig.Unknown != "" {
		return [4]string{sig.Name, "–", "", "unknown: " + sig.Unknown}
	}
	k, _ := signals.KindOf(sig.Name)
	unit := k.Unit
	if strings.Contains(unit, "–") || unit == "0/1" || unit == "count" { // a range says nothing beside a number
		unit = ""
	}
	note := sig.Note
	if _, err := sig.Check(now); err != nil {
		note = strings.TrimPrefix(err.Error(), sig.Name+" is ")
	}
	age := now.Sub(sig.At).Round(time.Second).String()
	return [4]string{sig.Name, strings.TrimSpace(decimal(sig.Value) + " " + unit), age, note}
}

// decimal writes a number with three decimals at most, and a small one with three
// digits.
func decimal(v float64) string {
	if a := math.Abs(v); a > 0 && a < 0.001 || a >= 1e15 {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	return strconv.FormatFloat(math.Round(v*1000)/1000, 'f', -1, 64)
}

// printColumns aligns lines; the last column is broken where the page ends.
func printColumns(out io.Writer, lines [][4]string) {
	var width [3]int
	for _, l := range lines {
		for i := range width {
			width[i] = max(width[i], utf8.RuneCountInString(l[i]))
		}
	}
	indent := width[0] + width[1] + width[2] + 6
	if indent > pageWidth-30 { // long names: notes go below
		indent = 4
	}
	for _, l := range lines {
		row := fmt.Sprintf("%-*s  %-*s  %*s", width[0], l[0], width[1], l[1], width[2], l[2])
		notes := wrapped(l[3], pageWidth-indent)
		if indent > 4 && len(notes) > 0 {
			row, notes = row+"  "+notes[0], notes[1:]
		}
		fmt.Fprintln(out, strings.TrimRight(row, " "))
		for _, n := range notes {
			fmt.Fprintln(out, strings.Repeat(" ", indent)+n)
		}
	}
}

// wrapped breaks a text between words.
func wrapped(text string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}
