package sweep

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"time"

	"skynet/simulate"
)

// Table writes a line for each outcome, those of the frontier marked with the
// letters of the drawing.
func Table(w io.Writer, outcomes []Outcome) error {
	if len(outcomes) == 0 {
		return nil
	}
	priced := allPriced(outcomes)
	marks := marked(outcomes)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "\t")
	for _, s := range outcomes[0].Point {
		fmt.Fprint(t, s.Key, "\t")
	}
	fmt.Fprintf(t, "wait p99\twithin\t%s\tlaunches\n", unit(priced))
	for i, o := range outcomes {
		fmt.Fprintf(t, "%c\t", marks[i])
		for _, s := range o.Point {
			fmt.Fprint(t, s.Value, "\t")
		}
		wait, within := "-", "-"
		if o.Result.Wait != nil {
			wait = spoken(waits(o))
		}
		if o.Result.WithinObjective != nil {
			within = simulate.Percent(*o.Result.WithinObjective)
		}
		fmt.Fprintf(t, "%s\t%s\t%.2f\t%d\n", wait, within, paid(o, priced), o.Result.Launches)
	}
	return t.Flush()
}

func unit(priced bool) string {
	if priced {
		return "cost"
	}
	return "instance hours"
}

func spoken(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	if d >= time.Minute {
		return d.Round(time.Second).String()
	}
	return d.Round(10 * time.Millisecond).String()
}

const (
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	beaten  = '·'
)

// marked is the letter of each outcome on the frontier, cheapest first; a space for
// the others.
func marked(outcomes []Outcome) []rune {
	marks := []rune(strings.Repeat(" ", len(outcomes)))
	for n, i := range Frontier(outcomes) {
		marks[i] = '*'
		if n < len(letters) {
			marks[i] = rune(letters[n])
		}
	}
	return marks
}

// Draw writes what was paid against the p99 of waits, so many characters wide and
// high with its axes: letters for the frontier, dots for what it beats. Waits that
// differ by more than thirty times are drawn by their logarithms.
func Draw(w io.Writer, outcomes []Outcome, width, height int) error {
	const label = 9
	width, height = min(max(width, 40), 400), min(max(height, 6), 200)
	p := plot{outcomes: outcomes, priced: allPriced(outcomes), columns: width - label - 2, rows: height - 3}
	if !p.measure() {
		_, err := fmt.Fprintln(w, "nothing arrived: there is nothing to draw")
		return err
	}
	fmt.Fprintf(w, "%*s\n", label, "wait p99")
	for r, line := range p.lines() {
		said := ""
		if r == 0 || r == p.rows-1 || r == p.rows/2 {
			said = spoken(p.waitAt(r))
		}
		fmt.Fprintf(w, "%*s │%s\n", label, said, strings.TrimRight(string(line), " "))
	}
	fmt.Fprintf(w, "%*s └%s\n", label, "", strings.Repeat("─", p.columns))
	left, right := fmt.Sprintf("%.2f", p.least), fmt.Sprintf("%.2f %s", p.most, unit(p.priced))
	_, err := fmt.Fprintf(w, "%*s  %s%*s\n", label, "", left, max(1+len(right), p.columns-len(left)), right)
	return err
}

// plot is a field of characters.
type plot struct {
	outcomes      []Outcome
	priced        bool
	columns, rows int
	least, most   float64 // paid
	low, high     float64 // scaled waits
	log           bool
}

// measure finds what is to be shown; false if that is nothing.
func (p *plot) measure() bool {
	p.least, p.most = math.Inf(1), math.Inf(-1)
	low, high := math.Inf(1), math.Inf(-1)
	for _, o := range p.outcomes {
		if o.Result.Wait == nil {
			continue
		}
		x, y := paid(o, p.priced), waits(o)
		p.least, p.most, low, high = min(p.least, x), max(p.most, x), min(low, y), max(high, y)
	}
	const wide = 30
	p.log = low > 0 && high > wide*low
	p.low, p.high = p.scaled(low), p.scaled(high)
	return p.most >= p.least
}

func (p *plot) scaled(wait float64) float64 {
	if p.log {
		return math.Log(wait)
	}
	return wait
}

// waitAt is the wait of a row, s.
func (p *plot) waitAt(row int) float64 {
	v := p.high - (p.high-p.low)*float64(row)/float64(p.rows-1)
	if p.log {
		return math.Exp(v)
	}
	return v
}

// lines are the rows from the longest wait to the shortest.
func (p *plot) lines() [][]rune {
	field := make([][]rune, p.rows)
	for r := range field {
		field[r] = []rune(strings.Repeat(" ", p.columns))
	}
	for i, mark := range marked(p.outcomes) {
		o := p.outcomes[i]
		if o.Result.Wait == nil {
			continue
		}
		c := place(paid(o, p.priced), p.least, p.most, p.columns)
		r := p.rows - 1 - place(p.scaled(waits(o)), p.low, p.high, p.rows)
		if mark == ' ' {
			mark = beaten
		}
		if at := field[r][c]; at == ' ' || at == beaten {
			field[r][c] = mark
		}
	}
	return field
}

// place is where a value lies among so many.
func place(v, low, high float64, n int) int {
	if !(high > low) {
		return 0
	}
	return min(n-1, max(0, int(math.Round((v-low)/(high-low)*float64(n-1)))))
}
