package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"skynet/fleet"
	"skynet/journal"
	"skynet/policy"
	"skynet/signals"
)

// told is one tick as it is explained.
type told struct {
	journal.Record
	later   []journal.Record // the ticks after it, which tell what came of it
	signals bool             // tell every signal, rather than the main ones
}

func (t told) print(out io.Writer) {
	d, now := t.Decision, t.Snapshot.Now
	if d.Failed != "" {
		fmt.Fprintf(out, "%s  fleet %s: no decision\n", localTime(now), t.Snapshot.Fleet)
		say(out, "because", d.Failed)
		say(out, "decision", d.ID)
		t.known(out)
		return
	}
	fmt.Fprintf(out, "%s  fleet %s: have %d, want %d: %s\n", localTime(now), d.Fleet, d.Have, d.Want, headline(d))
	say(out, "decision", d.ID+byFile(d))
	for _, w := range d.Wants {
		say(out, w.Policy, wantSaid(w))
	}
	for _, r := range d.Arguments() {
		say(out, r.By, r.Said)
	}
	for _, i := range t.Intents {
		say(out, "did", outcome(t.Record, i))
	}
	if len(t.Intents) == 0 {
		say(out, "did", "nothing: "+whyNothing(t.Snapshot, d))
	}
	for _, said := range t.became() {
		say(out, "then", said)
	}
	t.known(out)
}

// say tells who said what, broken where the page ends.
func say(out io.Writer, who, said string) {
	const indent = 13
	for _, l := range wrapped(oneLine(said), pageWidth-indent) {
		fmt.Fprintf(out, "  %-10s %s\n", who, l)
		who = ""
	}
}

// oneLine is a text that others wrote (a cloud, a program) as it may be shown on a
// terminal: on one line, and without characters that steer it.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case steers(r):
			return '?'
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}

// steers reports a character that moves, colours or turns around what stands beside it.
func steers(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }

// steady is a terminal that what others wrote does not steer: lines and columns are
// ours alone.
type steady struct{ io.Writer }

// Write implements io.Writer. What is written must hold whole characters.
func (s steady) Write(text []byte) (int, error) {
	plain := strings.Map(func(r rune) rune {
		if steers(r) && r != '\n' && r != '\t' {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(string(text), "?"))
	if _, err := io.WriteString(s.Writer, plain); err != nil {
		return 0, err
	}
	return len(text), nil
}

// byFile names the version of the policy file that decided.
func byFile(d policy.Decision) string {
	if d.Version == "" {
		return ""
	}
	return ", by the policy file's version " + d.Version
}

// headline is what was decided in a few words: launch 2, drain 3, or hold.
func headline(d policy.Decision) string {
	var deeds []string
	add := func(n int, what string) {
		if n > 0 {
			deeds = append(deeds, fmt.Sprintf("%s %d", what, n))
		}
	}
	add(d.Launch, "launch")
	add(len(d.Wake), "wake")
	add(len(d.Recall), "recall")
	add(len(d.Drain), "drain")
	add(len(d.Sleep), "sleep")
	add(len(d.Terminate), "terminate")
	said := cmp.Or(strings.Join(deeds, ", "), "hold")
	if d.Blind {
		said += " (blind)"
	}
	return said
}

func wantSaid(w policy.Want) string {
	switch {
	case w.Abstain:
		return w.Because
	case w.Blind:
		return fmt.Sprintf("wants at least %d: %s", w.Want, w.Because)
	}
	return fmt.Sprintf("wants %d: %s", w.Want, w.Because)
}

// whyNothing says in a sentence why a tick did nothing.
func whyNothing(s signals.Snapshot, d policy.Decision) string {
	switch {
	case spoke(d, "freeze"):
		return "the fleet is paused"
	case d.Want == d.Have && d.Blind:
		return "a policy cannot tell, see above; while the tick is blind nobody is let go"
	case d.Want == d.Have:
		return "there are as many as are wanted"
	case d.Want > d.Have && s.Open > 0:
		return "more are wanted, and the answer to an earlier launch is awaited"
	case d.Want > d.Have:
		return "more are wanted, and what would be bought was taken away, see above"
	case d.Blind:
		return "fewer would do, but the tick is blind: nobody is let go"
	case spoke(d, "quorum", "release", "billing"):
		return "fewer would do, but a guard holds them for now, see above"
	}
	return "fewer would do, but nobody can be let go now: those starting or silent are not known to be idle"
}

func spoke(d policy.Decision, who ...string) bool {
	return slices.ContainsFunc(d.Arguments(), func(r policy.Reason) bool { return slices.Contains(who, r.By) })
}

// became says what came of the launches and drains of this tick later on.
func (t told) became() (said []string) {
	born, died, left := map[fleet.ID]time.Duration{}, map[fleet.ID]time.Duration{}, map[fleet.ID]time.Duration{}
	of := map[fleet.ID]string{}
	for _, l := range t.later {
		past := l.Snapshot.Now.Sub(t.Snapshot.Now)
		note(born, l.Snapshot.Born, past)
		note(died, l.Snapshot.Died, past)
		for i, id := range l.Snapshot.Died[:min(len(l.Snapshot.Died), len(l.Snapshot.Causes))] {
			of[id] = l.Snapshot.Causes[i]
		}
		for _, x := range l.Deeds().Terminated {
			note(left, []fleet.ID{x.ID}, past)
		}
	}
	did := t.Deeds()
	bought := slices.Concat(did.Launched, did.Woken)
	said = fates(bought, born, "heard for the first time")
	for _, group := range alike(bought, of) {
		for _, fate := range fates(group, died, "never heard of, given up") {
			said = append(said, strings.TrimSuffix(fate+": "+of[group[0]], ": "))
		}
	}
	return append(said, fates(did.Drained, left, "drained and let go")...)
}

// alike are some workers by what they died of, in order of that.
func alike(ids []fleet.ID, of map[fleet.ID]string) (groups [][]fleet.ID) {
	by := map[string][]fleet.ID{}
	for _, id := range ids {
		by[of[id]] = append(by[of[id]], id)
	}
	for _, cause := range slices.Sorted(maps.Keys(by)) {
		groups = append(groups, by[cause])
	}
	return groups
}

func note(when map[fleet.ID]time.Duration, ids []fleet.ID, past time.Duration) {
	for _, id := range ids {
		if _, known := when[id]; !known {
			when[id] = past
		}
	}
}

// fates sums up what became of some workers: those with the same fate at the same
// tick in one line.
func fates(ids []fleet.ID, when map[fleet.ID]time.Duration, what string) (said []string) {
	at := map[time.Duration][]string{}
	for _, id := range ids {
		if past, ok := when[id]; ok {
			at[past] = append(at[past], string(id))
		}
	}
	pasts := make([]time.Duration, 0, len(at))
	for past := range at {
		pasts = append(pasts, past)
	}
	slices.Sort(pasts)
	for _, past := range pasts {
		said = append(said, fmt.Sprintf("%s within %s: %s", what, past.Round(time.Second), few(at[past])))
	}
	return said
}

// few names the first of a list: a line is read by people.
func few(names []string) string {
	const most = 6
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// known tells what the tick knew: every signal, or those that decisions mostly
// rest on.
func (t told) known(out io.Writer) {
	if !t.signals {
		say(out, "knew", mainSignals(t.Snapshot))
		return
	}
	lines := [][4]string{{"KNEW", "VALUE", "AGE", "NOTE"}}
	for _, sig := range t.Snapshot.Signals {
		l := lineOf(sig, t.Snapshot.Now)
		l[3] = oneLine(l[3])
		lines = append(lines, l)
	}
	fmt.Fprintln(out)
	printColumns(out, lines)
}

func mainSignals(s signals.Snapshot) string {
	var parts []string
	for _, name := range []string{
		"queue.visible", "queue.in_flight", "queue.oldest_age", "queue.arrival_rate", "work.seconds_mean",
		"fleet.running", "fleet.pending", "fleet.draining", "fleet.asleep", "fleet.silent", "fleet.slots",
	} {
		text := "unknown"
		if v, err := s.Value(name); err == nil {
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
			said += ": " + few(texts(o.Done))
		}
		if o.Failed != "" {
			said += "; the rest was refused: " + o.Failed
		}
		return said
	}
	return fmt.Sprintf("%s %d: the outcome is not known yet", i.Kind, i.Size())
}

func texts(ids []fleet.ID) []string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = string(id)
	}
	return list
}
