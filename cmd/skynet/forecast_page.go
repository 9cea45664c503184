package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

// page prints forecasts for people.
type page struct {
	to    io.Writer
	width int // characters
}

// widthOf is how wide a page may be: that of the terminal, within reason.
func widthOf(to io.Writer) int {
	if f, ok := to.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil {
			return min(max(w, 60), pageWidth)
		}
	}
	return 80
}

func (p page) line(format string, args ...any) {
	fmt.Fprintln(p.to, strings.TrimRight(fmt.Sprintf(format, args...), " "))
}

// text breaks a paragraph where the page ends; its other lines are indented.
func (p page) text(format string, args ...any) {
	const indent = 2
	for i, l := range wrapped(fmt.Sprintf(format, args...), p.width-indent) {
		if i > 0 {
			l = strings.Repeat(" ", indent) + l
		}
		p.line("%s", l)
	}
}

func (p page) print(f foreseen) {
	for i, q := range f.Queues {
		if i > 0 {
			p.line("")
		}
		p.text("%s, %s %s", f.title(q), f.At.Format("Monday 2006-01-02 15:04"), f.Timezone)
		p.history(q)
		if q.Unknown != "" {
			p.line("")
			p.text("There is no forecast: %s.", q.Unknown)
			continue
		}
		p.chart(f, q)
		p.beyond(q)
		p.within(q)
		if i == 0 {
			p.text("Error: over that of who says that the same comes as a week ago, or as in the last minutes; below 1 is better.")
		}
		p.weights(q)
		p.recent(q)
	}
}

// history says what a forecast rests on.
func (p page) history(q queueAhead) {
	h := q.History
	if h == nil {
		return
	}
	said := fmt.Sprintf("It rests on %s of history", lengthSaid(h.Days))
	if h.UnknownDays > 0.0005 {
		said += fmt.Sprintf(", of which %s are unknown", lengthSaid(h.UnknownDays))
	}
	if n := len(h.Gaps); n > 0 {
		g := h.Gaps[n-1]
		said += fmt.Sprintf(" (last from %s to %s)", g.From.In(h.zone(q)).Format("Mon 01-02 15:04"), g.To.In(h.zone(q)).Format("Mon 01-02 15:04"))
	}
	said += "."
	switch {
	case h.Days < 1:
		said += " Days are known after one day, weeks after one week: until then bands are wide."
	case h.Days < 7:
		said += " Weeks are known after one week."
	}
	if strings.HasPrefix(q.Note, "arrivals have been unknown") {
		said += " A" + q.Note[1:] + "."
	}
	p.text("%s", said)
}

// zone is that of the forecasts.
func (h *learned) zone(q queueAhead) *time.Location {
	if len(q.Coming) > 0 {
		return q.Coming[0].From.Location()
	}
	return time.UTC
}

// lengthSaid is a time in days, or what is less in hours or minutes.
func lengthSaid(days float64) string {
	switch hours := 24 * days; {
	case days >= 3:
		return fmt.Sprintf("%.0f days", math.Floor(days))
	case hours >= 3:
		return fmt.Sprintf("%.0f hours", math.Floor(hours))
	}
	return fmt.Sprintf("%.0f minutes", days*24*60)
}

// beyond says what the part of the chart rests on that no model forecasts.
func (p page) beyond(q queueAhead) {
	if len(q.Coming) == 0 || q.Coming[len(q.Coming)-1].From.Sub(q.Coming[0].From) < time.Hour {
		return
	}
	switch q.Shape {
	case "week", "day":
		p.text("Beyond an hour this is the usual shape of the %s, times how far arrivals are off it now, which fades over hours.", q.Shape)
	default:
		p.text("Beyond an hour this is the last hour, which goes on: there is no day of history yet.")
	}
}

// within tells the horizons' forecasts and errors.
func (p page) within(q queueAhead) {
	rows := [][]string{{"items within", "p50", "p90", "p99", "error over", "error over"}, {"", "", "", "", "last week's", "last value's"}}
	for _, w := range q.Within {
		rows = append(rows, []string{fmt.Sprintf("%d minutes", w.Minutes), amount(w.P50), amount(w.P90), amount(w.P99), ratioSaid(w.OverLastWeek), ratioSaid(w.OverLastValue)})
	}
	p.line("")
	p.rows(rows)
}

// rows aligns columns: the first to the left, the others to the right.
func (p page) rows(rows [][]string) {
	width := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, cell := range r {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	for _, r := range rows {
		line := fmt.Sprintf("%-*s", width[0], r[0])
		for i := 1; i < len(r); i++ {
			line += fmt.Sprintf("  %*s", width[i], r[i])
		}
		p.line("%s", line)
	}
}

// weights tells which models are listened to.
func (p page) weights(q queueAhead) {
	p.line("")
	p.line("models that weigh most in the p50")
	for _, w := range q.Within {
		var said []string
		for _, m := range w.Models[:min(3, len(w.Models))] {
			if m.P50 >= 0.05 {
				said = append(said, fmt.Sprintf("%s %.0f%%", m.Model, 100*m.P50))
			}
		}
		if len(said) == 0 {
			said = append(said, "all alike")
		}
		label := fmt.Sprintf("%-12s", fmt.Sprintf("%d minutes", w.Minutes))
		for _, l := range wrapped(strings.Join(said, "; "), p.width-len(label)) {
			p.line("%s%s", label, l)
			label = strings.Repeat(" ", len(label))
		}
	}
}

// recent tells how forecasts for a quarter of an hour did lately, and where more
// came than they said.
func (p page) recent(q queueAhead) {
	p.line("")
	n := len(q.Recent)
	if n == 0 {
		p.text("No forecast for 15 minutes has come to its end yet, so there are no misses to show.")
		return
	}
	off, came := 0.0, 0.0
	var beyond []recent
	over99 := 0
	for _, r := range q.Recent {
		off, came = off+math.Abs(r.Came-r.P50), came+r.Came
		if r.Beyond != "" {
			beyond = append(beyond, r)
		}
		if r.Beyond == "p99" {
			over99++
		}
	}
	said := fmt.Sprintf("Forecasts for 15 minutes that came to their end lately: %d. Of these %d brought more than p90 (1 in 10 is right) and %d more than p99 (1 in 100).", n, len(beyond), over99)
	said += fmt.Sprintf(" On average the p50 was off by %s items", amount(off/float64(n)))
	if came >= fewItems*float64(n) {
		said += fmt.Sprintf(" (%.0f%%)", 100*off/came)
	}
	said += "."
	p.text("%s", said)
	p.misses(beyond)
}

// misses are the last of those that brought more than p90.
func (p page) misses(list []recent) {
	if len(list) == 0 {
		return
	}
	const most = 8
	rows := [][]string{{"misses, newest first", "p50", "p90", "p99", "came", "over p50", ""}}
	slices.Reverse(list)
	for _, r := range list[:min(most, len(list))] {
		over := "+" + amount(r.Came-r.P50)
		if r.P50 >= fewItems {
			over += fmt.Sprintf(" (%.0f%%)", 100*(r.Came/r.P50-1))
		}
		rows = append(rows, []string{r.From.Format("Mon 01-02 15:04"), amount(r.P50), amount(r.P90), amount(r.P99), amount(r.Came), over, "> " + r.Beyond})
	}
	p.line("")
	p.rows(rows)
}

// fewItems items are so few that a share of them means nothing.
const fewItems = 10

// amount is a number of items, with a tenth where there are few.
func amount(v float64) string {
	if v > 0 && v < fewItems {
		return fmt.Sprintf("%.1f", v)
	}
	return thousands(math.Round(v))
}

func ratioSaid(v *float64) string {
	return orDash(v, func(v float64) string { return fmt.Sprintf("%.2f x", v) })
}
